//! Training on folders of one's own, beside the window: what is in them, what is trained, how it goes, how it ended.
//!
//! ```text
//!  folders ─► survey ─► settings, estimate ─► run ─► model
//!                                              └─► stopped: continued from its checkpoint, now or after a restart
//! ```
//!
//! In: [`TrainingCommand`]s. Out: [`TrainingState`]. Thread: window, and one of its own for what takes long.

mod curves;
mod plan;
mod run;

pub(super) use curves::Curves;
pub(super) use plan::{Plan, Settings, Together};
pub(super) use run::{Doing, Run, Trained};

use super::job::{Job, JobError};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_engine::text::Printable;
use attune_model::genre::MAX_CLASSES;
use attune_nn::kernels::memory::give_freed_memory_back;
use attune_nn::kernels::priority::lower_priority;
use attune_train::checkpoint::steps_made;
use attune_train::estimate::{Cost, cost};
use attune_train::folders::{ClassSource, classes_below};
use attune_train::session::CHECKPOINT;
use attune_train::split::Fold;
use attune_train::survey::{Assessment, Survey};
use attune_train::{TrainError, in_background};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A command to the training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainingCommand {
    /// Look through these folders: the sub-folders of one are the classes; of several, each is one.
    Survey(Vec<PathBuf>),
    /// Forget what was chosen and how it ended.
    Restart,
    /// Go back to what is set, if it is still known.
    Back,
    /// Set this.
    Set(Settings),
    /// Train by what is set.
    Begin,
    /// Continue the run in this folder.
    Resume(PathBuf),
    /// Pause the run, or let it go on.
    Pause(bool),
    /// Stop what is under way.
    Stop,
    /// Use the trained model of this manifest.
    Use(PathBuf),
    /// Show this folder on the desktop.
    Show(PathBuf),
}

/// What went wrong, and what to do about it. Printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// A run that was begun and is not at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its folder.
    pub folder: PathBuf,
    /// What it trains.
    pub plan: Plan,
    /// Steps made.
    pub step: u64,
}

/// Folders that were looked through, and what is set.
#[derive(Debug)]
pub struct Chosen {
    /// The classes.
    classes: Vec<ClassSource>,
    /// What is in them.
    pub survey: Survey,
    /// What is set.
    pub settings: Settings,
    /// Which files validate.
    fold: Fold,
    /// What that makes of the files.
    pub assessment: Assessment,
    /// Whether they could be trained on if each file were by itself.
    pub is_enough: bool,
    /// What a step costs, for the kind and size that are set.
    cost: Job<Cost, TrainError>,
}

impl Chosen {
    /// How long training will take, once it is known.
    pub fn estimate(&self) -> Option<Seconds> {
        let cost = self.cost.result()?;
        let (settings, sides) = (&self.settings, &self.assessment);
        Some(cost.of_run(settings.steps, settings.every(), sides.train, sides.valid))
    }

    /// Why that is not known, if it cannot be.
    pub fn estimate_fault(&self) -> Option<String> {
        self.cost.error().map(|error| Printable(error).to_string())
    }

    /// Bytes that the clips take while they are trained on.
    pub fn memory_bytes(&self) -> f64 {
        let spec = FrontEndSpec::default();
        (self.assessment.train.0 + self.assessment.valid.0) / spec.hop().0 * (4 * spec.bands) as f64
    }

    fn set(&mut self, settings: Settings, notify: impl Fn() + Send + Sync + 'static) {
        let of_network = |settings: &Settings| (settings.kind, settings.is_music);
        let is_other = of_network(&settings) != of_network(&self.settings);
        if settings.together != self.settings.together {
            (self.fold, self.assessment) = self.survey.usual_split(&settings.together.rules());
        }
        self.settings = settings;
        if is_other {
            self.estimate_cost(notify);
        }
    }

    fn estimate_cost(&mut self, notify: impl Fn() + Send + Sync + 'static) {
        let recipe = self.settings.recipe(self.classes.len());
        self.cost = Job::start("attune-estimate", notify, move |_| {
            let result = in_background(|| cost(&recipe));
            give_freed_memory_back();
            result
        });
    }
}

/// The classes, and what is in them.
type Surveyed = (Vec<ClassSource>, Survey);
/// Files read, files in all, and the next one.
type FileAt = (usize, usize, String);

/// Folders that are being looked through.
#[derive(Debug)]
pub struct Reading {
    /// Files read, and files in all.
    pub files: (usize, usize),
    /// The file that is read.
    pub file: String,
    /// Name of what was chosen.
    name: String,
    job: Job<Surveyed, TrainError, FileAt>,
}

/// How far the training is.
#[derive(Debug)]
pub enum TrainingState {
    /// No folders are chosen; why those that were could not be read.
    Choosing(Option<Fault>),
    /// Folders are looked through.
    Reading(Reading),
    /// What is in the folders is known.
    Chosen(Box<Chosen>),
    /// A run is under way.
    Running(Box<Run>),
    /// A run was stopped after so many steps, or failed.
    Stopped(Box<Run>, Option<Fault>),
    /// A model was trained.
    Trained(Box<Trained>, Curves),
}

/// Training on folders of one's own.
pub struct Training {
    /// Where models and runs are kept, each in a folder of its own.
    root: Option<PathBuf>,
    state: TrainingState,
    /// What the run was begun from.
    begun: Option<Box<Chosen>>,
    /// Runs that can be continued.
    unfinished: Vec<Unfinished>,
    notify: Arc<dyn Fn() + Send + Sync>,
}

impl Training {
    /// Nothing is chosen. Runs are kept in `root`; `notify` is called at each news.
    pub fn new(root: Option<PathBuf>, notify: impl Fn() + Send + Sync + 'static) -> Self {
        let unfinished = root.as_deref().map_or(Vec::new(), unfinished_below);
        Self {
            root,
            state: TrainingState::Choosing(None),
            begun: None,
            unfinished,
            notify: Arc::new(notify),
        }
    }

    /// How far it is.
    pub fn state(&self) -> &TrainingState {
        &self.state
    }

    /// Runs that can be continued.
    pub fn unfinished(&self) -> &[Unfinished] {
        &self.unfinished
    }

    fn notify(&self) -> impl Fn() + Send + Sync + 'static {
        let notify = Arc::clone(&self.notify);
        move || notify()
    }

    /// Looks through folders, unless a run is under way.
    pub fn survey(&mut self, folders: Vec<PathBuf>) {
        if folders.is_empty() || matches!(self.state, TrainingState::Running(_)) {
            return;
        }
        let last = |folder: &PathBuf| folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = match folders.as_slice() {
            [one] => last(one),
            several => several[0].parent().and_then(|parent| last(&parent.to_owned())),
        };
        let job = Job::start("attune-survey", self.notify(), move |worker| {
            let classes = classes_of(&folders)?;
            lower_priority();
            let mut reported = Instant::now();
            let survey = Survey::read(
                &classes,
                &FrontEndSpec::default(),
                worker.cancelled(),
                |done, of, path| {
                    if done == 0 || reported.elapsed() > Duration::from_millis(50) {
                        reported = Instant::now();
                        worker.report((done, of, Printable::path(path).to_string()));
                    }
                },
            )?;
            Ok((classes, survey))
        });
        self.state = TrainingState::Reading(Reading {
            files: (0, 0),
            file: String::new(),
            name: name.unwrap_or_default(),
            job,
        });
    }

    /// Forgets what was chosen, unless a run is under way.
    pub fn restart(&mut self) {
        if !matches!(self.state, TrainingState::Running(_)) {
            self.list();
            self.begun = None;
            self.state = TrainingState::Choosing(None);
        }
    }

    /// Goes back to what is set, or, where that is not known, to the choice of folders; unless a run is under way.
    pub fn back(&mut self) {
        match (&self.state, self.begun.take()) {
            (TrainingState::Running(_), begun) => self.begun = begun,
            (_, Some(chosen)) => self.state = TrainingState::Chosen(chosen),
            (_, None) => self.restart(),
        }
    }

    /// Sets what is trained of what was chosen.
    pub fn set(&mut self, settings: Settings) {
        let notify = self.notify();
        if let TrainingState::Chosen(chosen) = &mut self.state {
            chosen.set(settings, notify);
        }
    }

    /// Begins to train by what is set.
    pub fn begin(&mut self) {
        let TrainingState::Chosen(chosen) = &self.state else {
            return;
        };
        if !chosen.assessment.is_trainable() || chosen.settings.fault().is_some() {
            return;
        }
        let plan = Plan::new(&chosen.classes, chosen.fold, chosen.settings.clone());
        let Some(root) = &self.root else {
            return self.state = TrainingState::Choosing(Some(Fault {
                message: "There is no folder in which models can be kept".to_owned(),
                remedy: "Set HOME to your folder, or use attune train --out FOLDER.".to_owned(),
            }));
        };
        let folder = root.join(&plan.settings.name);
        let run = TrainingState::Running(Box::new(Run::begin(plan, folder, false, self.notify())));
        if let TrainingState::Chosen(chosen) = std::mem::replace(&mut self.state, run) {
            self.begun = Some(chosen);
        }
    }

    /// Continues a run from its checkpoint, unless one is under way.
    pub fn resume(&mut self, folder: &Path) {
        let plan = match &self.state {
            TrainingState::Running(_) => return,
            TrainingState::Stopped(run, _) if run.folder == folder => Some(run.plan.clone()),
            _ => Plan::read(folder),
        };
        let Some(plan) = plan else {
            return self.state = TrainingState::Choosing(Some(Fault {
                message: format!("{} holds no run of this window", Printable::path(folder)),
                remedy: "Continue it with attune train --resume.".to_owned(),
            }));
        };
        let run = Run::begin(plan, folder.to_owned(), true, self.notify());
        self.state = TrainingState::Running(Box::new(run));
    }

    /// Pauses the run, or lets it go on.
    pub fn pause(&mut self, on: bool) {
        if let TrainingState::Running(run) = &mut self.state {
            run.pause(on);
        }
    }

    /// Stops what is under way.
    pub fn stop(&mut self) {
        match &mut self.state {
            TrainingState::Running(run) => run.stop(),
            TrainingState::Reading(_) => self.restart(),
            _ => {}
        }
    }

    /// Takes over what is new.
    pub fn poll(&mut self) {
        match &mut self.state {
            TrainingState::Reading(reading) => {
                let (files, file) = (&mut reading.files, &mut reading.file);
                reading.job.poll_with(|(done, of, path)| {
                    *files = (done, of);
                    *file = path;
                });
                if let Some(ended) = reading.job.take_ended() {
                    let name = std::mem::take(&mut reading.name);
                    self.read(ended, &name);
                }
            }
            TrainingState::Chosen(chosen) => chosen.cost.poll(),
            TrainingState::Running(run) => {
                if let Some(ended) = run.poll() {
                    self.ended(ended);
                }
            }
            TrainingState::Choosing(_) | TrainingState::Stopped(..) | TrainingState::Trained(..) => {}
        }
    }

    /// What is in the folders is known, or why it is not.
    fn read(&mut self, ended: Result<Surveyed, JobError<TrainError>>, name: &str) {
        self.state = match ended {
            Ok((classes, survey)) => {
                let mut settings = Settings::usual(&survey, name);
                settings.name = self.free_name(&settings.name);
                let (fold, assessment) = survey.usual_split(&settings.together.rules());
                let mut chosen = Chosen {
                    is_enough: assessment.is_trainable() || survey.usual_split(&[]).1.is_trainable(),
                    fold,
                    assessment,
                    classes,
                    survey,
                    settings,
                    cost: Job::Idle,
                };
                if chosen.is_enough {
                    chosen.estimate_cost(self.notify());
                }
                TrainingState::Chosen(Box::new(chosen))
            }
            Err(error) => TrainingState::Choosing(Some(fault(&error))),
        };
    }

    fn ended(&mut self, ended: Result<Box<Trained>, JobError<TrainError>>) {
        let state = std::mem::replace(&mut self.state, TrainingState::Choosing(None));
        let TrainingState::Running(run) = state else {
            return self.state = state;
        };
        self.state = match ended {
            Ok(trained) => TrainingState::Trained(trained, run.curves),
            Err(JobError::Work(TrainError::Stopped)) => TrainingState::Stopped(run, None),
            Err(error) => TrainingState::Stopped(run, Some(fault(&error))),
        };
        self.list();
    }

    fn list(&mut self) {
        self.unfinished = self.root.as_deref().map_or(Vec::new(), unfinished_below);
    }

    /// This name, or the first with a number that holds no run.
    fn free_name(&self, name: &str) -> String {
        let is_free = |name: &String| {
            let folder = self.root.as_ref().map(|root| root.join(name));
            folder.is_none_or(|folder| !folder.join(CHECKPOINT).exists())
        };
        let numbered = (2..1000).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(is_free).unwrap_or_else(|| name.to_owned())
    }

    /// The window closes: a run writes its checkpoint and ends, or, if that takes longer than `patience`, is left with the
    /// one before.
    pub fn close(&mut self, patience: Duration) {
        self.stop();
        let begun = Instant::now();
        while matches!(self.state, TrainingState::Running(_)) && begun.elapsed() < patience {
            self.poll();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn fault(error: &JobError<TrainError>) -> Fault {
    let (message, remedy) = run::in_words(error);
    Fault { message, remedy }
}

/// The classes of the folders that were chosen.
fn classes_of(folders: &[PathBuf]) -> Result<Vec<ClassSource>, TrainError> {
    let classes = match folders {
        [one] => classes_below(one, &[])?,
        several => several.iter().map(|folder| class_of(folder)).collect(),
    };
    let mut labels: Vec<&str> = classes.iter().map(|class| class.label.as_str()).collect();
    labels.sort_unstable();
    let refused = |message: String| TrainError::Data {
        path: folders[0].clone(),
        message,
    };
    if let Some([twice, ..]) = labels.windows(2).find(|two| two[0] == two[1]) {
        return Err(refused(format!(
            "two of the folders are called {twice:?}: rename one, as each name is a class"
        )));
    }
    if classes.len() > MAX_CLASSES {
        return Err(refused(format!(
            "it has {} sub-folders, and a model has at most {MAX_CLASSES} classes: choose the folders that are classes",
            classes.len()
        )));
    }
    Ok(classes)
}

fn class_of(folder: &Path) -> ClassSource {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    ClassSource {
        label: name.to_string_lossy().into_owned(),
        folders: vec![folder.to_owned()],
        ..ClassSource::default()
    }
}

/// Runs in the folders of `root` that have a checkpoint but no model yet, the newest first.
fn unfinished_below(root: &Path) -> Vec<Unfinished> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let folder = entry.path();
            let plan = Plan::read(&folder)?;
            let is_done = folder.join(format!("{}.json", plan.settings.name)).exists();
            let checkpoint = folder.join(CHECKPOINT);
            let step = steps_made(&checkpoint).filter(|_| !is_done)?;
            let at = std::fs::metadata(checkpoint).and_then(|it| it.modified()).ok();
            Some((at, Unfinished { folder, plan, step }))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.folder.cmp(&b.1.folder)));
    found.into_iter().map(|(_, run)| run).collect()
}
