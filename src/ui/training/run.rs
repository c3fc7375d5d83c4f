//! One run on threads of its own: few, and of low priority, so that live listening goes on undisturbed.
//!
//! In: a plan. Out: progress, then a finished model or why there is none. Thread: window, the run's, and its pool.

use super::curves::Curves;
use super::plan::Plan;
use crate::ui::job::{Job, JobError, Worker};
use attune_engine::text::Printable;
use attune_model::genre::GenreSet;
use attune_nn::kernels::memory::give_freed_memory_back;
use attune_train::checkpoint::steps_made;
use attune_train::evaluate::Metrics;
use attune_train::session::{CHECKPOINT, Event, LogLine, Session, Stage, read_log};
use attune_train::validate::Part;
use attune_train::{TrainError, in_background};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a run that is paused looks whether it still is.
const LOOK: Duration = Duration::from_millis(50);

/// A model that was trained.
#[derive(Debug, Clone)]
pub struct Trained {
    /// What it was trained by.
    pub plan: Plan,
    /// Its manifest, `NAME.json`.
    pub manifest: PathBuf,
    /// Its classes.
    pub genres: GenreSet,
    /// Figures of the validation clips.
    pub metrics: Metrics,
    /// How many clips it learnt from.
    pub clips: usize,
    /// How many trained numbers it has.
    pub weights: usize,
    /// What it is not good for.
    pub limits: &'static str,
}

/// What a run reports.
#[derive(Debug)]
pub(super) enum Progress {
    Begin(Stage),
    At(usize, usize),
    Clips(usize, usize),
    Resumed(u64, Vec<LogLine>),
    Step(u64, f32),
    Validated(u64, f64),
    Trained,
}

type RunJob = Job<Box<Trained>, TrainError, Progress>;
type RunWorker = Worker<Box<Trained>, TrainError, Progress>;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Files are read: so many of so many.
    Reading(usize, usize),
    /// Steps are made.
    Training,
    /// The weights are measured and written.
    Finishing,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    /// What is trained.
    pub plan: Plan,
    /// Its folder.
    pub folder: PathBuf,
    /// What it is doing.
    pub doing: Doing,
    /// Steps made.
    pub step: u64,
    /// Training and validation clips, once they are read.
    pub clips: Option<(usize, usize)>,
    /// Loss and accuracy so far.
    pub curves: Curves,
    /// Whether it was told to stop and has not noticed yet.
    pub stopping: bool,
    pace: Pace,
    paused: Arc<AtomicBool>,
    job: RunJob,
}

/// How fast a run goes.
#[derive(Debug, Default)]
struct Pace {
    /// When the first step of this process was made, and after how many steps.
    since: Option<(Instant, u64)>,
    /// Since when it is paused.
    paused_since: Option<Instant>,
    /// For how long it was.
    paused: Duration,
}

impl Run {
    /// Begins a run, or continues the one in the folder. `notify` is called at each news.
    pub(super) fn begin(plan: Plan, folder: PathBuf, resume: bool, notify: impl Fn() + Send + Sync + 'static) -> Self {
        let paused = Arc::new(AtomicBool::new(false));
        // Of a run that is continued the checkpoint says so before the data are read.
        let step = if resume {
            steps_made(&folder.join(CHECKPOINT)).unwrap_or(0)
        } else {
            0
        };
        let (holds, planned, out) = (Arc::clone(&paused), plan.clone(), folder.clone());
        let job = Job::start("attune-training", notify, move |worker| {
            let result = in_background(|| train(planned, &out, resume, &holds, worker));
            // Training keeps what is freed; the window goes on without it.
            give_freed_memory_back();
            result
        });
        Self {
            curves: Curves::new(plan.settings.steps),
            plan,
            folder,
            doing: Doing::Reading(0, 0),
            step,
            clips: None,
            stopping: false,
            pace: Pace::default(),
            paused,
            job,
        }
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Pauses it after its next step, or lets it go on.
    pub(super) fn pause(&mut self, on: bool) {
        self.paused.store(on, Ordering::Relaxed);
        if on {
            self.pace.paused_since.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.pace.paused_since.take() {
            self.pace.paused += since.elapsed();
        }
    }

    /// Stops it at its next step; it writes its checkpoint first.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.job.cancel();
    }

    /// About how long the steps that are left take; `None` before a few are made.
    pub fn time_left(&self) -> Option<Duration> {
        let (since, first) = self.pace.since?;
        let made = self.step.saturating_sub(first);
        if made < 3 {
            return None;
        }
        let waiting = self.pace.paused_since.map_or(Duration::ZERO, |since| since.elapsed());
        let worked = since.elapsed().saturating_sub(self.pace.paused + waiting);
        let left = self.plan.settings.steps.saturating_sub(self.step);
        Some(worked.mul_f64(left as f64 / made as f64))
    }

    /// Takes over what is new; the result once it has ended.
    pub(super) fn poll(&mut self) -> Option<Result<Box<Trained>, JobError<TrainError>>> {
        let mut news = Vec::new();
        self.job.poll_with(|progress| news.push(progress));
        for progress in news {
            self.take(progress);
        }
        self.job.take_ended()
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Begin(Stage::Training) => self.doing = Doing::Training,
            Progress::Begin(_) => {}
            Progress::At(done, of) => self.doing = Doing::Reading(done, of),
            Progress::Clips(train, valid) => self.clips = Some((train, valid)),
            Progress::Resumed(step, log) => {
                self.step = step;
                self.curves.absorb(&log);
            }
            Progress::Step(step, loss) => {
                self.step = step;
                self.pace.since.get_or_insert_with(|| (Instant::now(), step));
                self.curves.step(step, f64::from(loss));
            }
            Progress::Validated(step, accuracy) => self.curves.validated(step, accuracy),
            Progress::Trained => self.doing = Doing::Finishing,
        }
    }
}

fn train(
    plan: Plan,
    out: &Path,
    resume: bool,
    paused: &AtomicBool,
    worker: &RunWorker,
) -> Result<Box<Trained>, TrainError> {
    let stop = Arc::new(AtomicBool::new(false));
    let config = plan.session(out, resume, Arc::clone(&stop));
    let observer = |event: Event<'_>| {
        if let Some(progress) = progress_of(&event, out) {
            worker.report(progress);
        }
        while paused.load(Ordering::Relaxed) && !worker.is_cancelled() && matches!(event, Event::Step { .. }) {
            std::thread::sleep(LOOK);
        }
        if worker.is_cancelled() {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let session = Session::open(&config, &observer)?;
    // From here on the folder is this run's.
    plan.write(out)?;
    let recipe = plan.recipe(session.genres().len());
    let outcome = session.run(recipe)?;
    let metrics = outcome.metrics(Part::Whole);
    Ok(Box::new(Trained {
        manifest: out.join(format!("{}.json", outcome.manifest.name)),
        genres: outcome.manifest.genres.clone(),
        metrics,
        clips: outcome.train,
        weights: outcome.manifest.weight_count,
        limits: outcome.limits,
        plan,
    }))
}

fn progress_of(event: &Event<'_>, out: &Path) -> Option<Progress> {
    Some(match event {
        Event::Begin(stage) => Progress::Begin(*stage),
        Event::Progress { done, of, .. } => Progress::At(*done, *of),
        Event::FoldersRead { train, valid, .. } => Progress::Clips(*train, *valid),
        // Without its past the curve begins here; the run is the same.
        Event::Resumed { step } => Progress::Resumed(*step, read_log(out, *step).unwrap_or_default()),
        Event::Step { report, .. } => Progress::Step(report.step, report.loss),
        Event::Validated(line) => Progress::Validated(line.step, line.valid_accuracy),
        Event::Trained { .. } => Progress::Trained,
        _ => return None,
    })
}

/// What happened, and what to do about it in the window.
pub(super) fn in_words(error: &JobError<TrainError>) -> (String, String) {
    let message = Printable(error).to_string();
    let remedy = match error {
        JobError::Work(error) => remedy(error),
        JobError::Thread(_) => "End other programs, and try again.".to_owned(),
        JobError::Lost => "Try again. If it happens again, attune train says more.".to_owned(),
    };
    (message, Printable(remedy).to_string())
}

fn remedy(error: &TrainError) -> String {
    let text = match error {
        TrainError::HoldsRun { .. } => "Give the model another name, or continue that run: it is listed under Sounds.",
        TrainError::Locked { .. } => "Wait until it ends, or give the model another name.",
        TrainError::OtherRun { .. } => {
            "The folders or files are no longer what the run began with. Bring them back, or train anew under another \
             name."
        }
        TrainError::Interrupted(error) => {
            return format!("{} Then resume: the checkpoint before is kept.", error.remedy());
        }
        TrainError::Diverged { .. } => "Train anew with another seed; attune train --rate makes smaller steps.",
        _ => return error.remedy().unwrap_or_default(),
    };
    text.to_owned()
}
