//! A training run from data to weights: everything that `attune train` does, in the order that makes it repeatable.
//!
//! In: a [`SessionConfig`] and a [`Recipe`]. Out: checkpoint, log, weights, manifest and card in the run's folder, and
//! an [`Outcome`]; [`Event`]s while it runs. Thread: the caller's, candle's pool, and a pool of its own while
//! renditions are made.
//!
//! [`Session::open`] reads the labelled clips, so that the number of classes is known; [`Session::run`] does the rest:
//! split, auxiliary data, renditions, windowed targets, out-of-fold soft labels, training, export. Every random number
//! comes from the recipe's seeds. A run that was stopped continues from its checkpoint to the same weights.

mod event;
mod log;
mod start;

pub use event::{Event, Observer, Stage};
pub use log::{LogLine, read_log};

use super::TrainError;
use super::aux_data;
use super::card::limits;
use super::cross::{HeldOut, page, pooled};
use super::dataset::{Clip, Collection, Dataset, MoreForms};
use super::export::{Provenance, export, refit};
use super::folders::{self, FolderData};
use super::held_out;
use super::planted::Distractors;
use super::recipe::Recipe;
use super::renditions::{Making, music_below};
use super::run_lock::RunLock;
use super::split::Fold;
use super::targets::add_soft_labels;
use super::teacher::TeacherNet;
use super::trainer::Trainer;
use super::validate::{Metrics, Part, answers};
use super::windowed_targets::WindowedTargetsFile;
use attune_audio::features::FrontEndSpec;
use attune_engine::files;
use attune_model::Manifest;
use attune_model::genre::GenreSet;
use attune_model::load::hex;
use log::{Log, Means};
use sha2::{Digest, Sha256};
use start::Start;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The checkpoint's name in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// The name of a run's log.
const LOG: &str = "log.csv";

/// What a card calls GTZAN with the index of its split.
const GTZAN: &str = "GTZAN, fault-filtered artist-separated split (Kereliuk, Sturm & Larsen 2015)";

/// Where the labelled clips come from.
#[derive(Debug, Clone)]
pub enum DataSource {
    /// A folder with an index, `clips.csv`.
    Indexed(PathBuf),
    /// A folder for each class.
    Folders(FolderData),
}

/// What a run is made from, and where its results go.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The labelled clips.
    pub data: DataSource,
    /// Genres of an indexed data set that are left out.
    pub leave_out: Vec<String>,
    /// The front end: that of the recipe.
    pub front_end: FrontEndSpec,
    /// Weights to begin with; of several, their mean.
    pub start_from: Vec<PathBuf>,
    /// A teacher network that is run on every rendition.
    pub teacher: Option<PathBuf>,
    /// A teacher's features of every few seconds of each sound.
    pub windowed_targets: Option<PathBuf>,
    /// Folders of unlabelled music.
    pub unlabelled: Vec<PathBuf>,
    /// More forms of the clips of an indexed data set.
    pub more: MoreForms,
    /// Folders of labelled clips from other sources: training only.
    pub aux_data: Vec<PathBuf>,
    /// Folders of sound that is no music, to plant passages in: training only.
    pub distractors: Vec<PathBuf>,
    /// A file in which renditions are kept from run to run.
    pub renditions_cache: Option<PathBuf>,
    /// The run's folder.
    pub out: PathBuf,
    /// Whether to continue from the checkpoint in that folder.
    pub resume: bool,
    /// Steps between two validations, each with a checkpoint.
    pub every: u64,
    /// What the card says.
    pub credits: Credits,
    /// Ends the run when it is set, with a checkpoint if it has made a step: [`TrainError::Stopped`].
    pub stop: Arc<AtomicBool>,
}

impl SessionConfig {
    /// A new run of these data into a folder, from random weights, with nothing besides, validated every 100 steps.
    pub fn new(data: DataSource, out: PathBuf, credits: Credits) -> Self {
        Self {
            data,
            leave_out: Vec::new(),
            front_end: FrontEndSpec::default(),
            start_from: Vec::new(),
            teacher: None,
            windowed_targets: None,
            unlabelled: Vec::new(),
            more: MoreForms::default(),
            aux_data: Vec::new(),
            distractors: Vec::new(),
            renditions_cache: None,
            out,
            resume: false,
            every: 100,
            credits,
            stop: Arc::default(),
        }
    }
}

/// What the card says of a run.
#[derive(Debug, Clone)]
pub struct Credits {
    /// The model's name, also of its files.
    pub name: String,
    /// The command that makes the same weights.
    pub command: String,
    /// What the data are called.
    pub data: DataName,
    /// Whose they are; `None`: not stated.
    pub rights: Option<String>,
    /// The day on which the run ends, as `2026-11-22`.
    pub today: fn() -> String,
}

impl Credits {
    fn provenance(&self, is_gtzan: bool, has_aux_data: bool, start: Option<&Start>) -> Provenance {
        let another = if has_aux_data {
            "; auxiliary data from another source"
        } else {
            ""
        };
        let rights = if is_gtzan {
            "none stated; research use; not part of this project"
        } else {
            "not stated"
        };
        Provenance {
            command: self.command.clone(),
            name: self.name.clone(),
            data: match &self.data {
                DataName::Given(name) => name.clone(),
                DataName::Usual(_) if is_gtzan => format!("{GTZAN}{another}"),
                DataName::Usual(name) => format!("{name}{another}"),
            },
            rights: (self.rights.clone()).unwrap_or_else(|| format!("{rights}{another}")),
            date: (self.today)(),
            start: start.map(|start| start.origin.clone()),
        }
    }
}

/// What the data are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataName {
    /// This.
    Given(String),
    /// This, unless the data are known by another name.
    Usual(String),
}

/// What a run leaves besides its files.
#[derive(Debug)]
pub struct Outcome {
    /// The manifest of the weights.
    pub manifest: Manifest,
    /// The logits of the validation clips.
    pub held_out: HeldOut,
    /// How many clips it was trained on.
    pub train: usize,
    /// What the model is not good for.
    pub limits: &'static str,
}

impl Outcome {
    /// Metrics of the validation clips at temperature 1, by one part of each.
    pub fn metrics(&self, part: Part) -> Metrics {
        let clips = match part {
            Part::Excerpt => &self.held_out.excerpts,
            Part::Whole => &self.held_out.whole,
        };
        let answers = answers(clips, 1.0, &self.manifest.front_end);
        Metrics::of(&answers, self.manifest.genres.len())
    }
}

/// A run whose data are read.
pub struct Session<'a> {
    config: &'a SessionConfig,
    observer: Observer<'a>,
    labelled: Labelled,
    teacher: Option<TeacherNet>,
    windows: Option<WindowedTargetsFile>,
    start: Option<Start>,
    /// The right to the run's folder, where it is written to.
    lock: Option<RunLock>,
}

/// The labelled clips as they are read.
enum Labelled {
    /// The recipe says how they are split.
    Indexed(Collection),
    /// They are split; and their digest.
    Folders(Box<Dataset>, String),
}

impl Labelled {
    fn genres(&self) -> &GenreSet {
        match self {
            Self::Indexed(collection) => &collection.genres,
            Self::Folders(data, _) => &data.genres,
        }
    }
}

impl<'a> Session<'a> {
    /// Reads the labelled clips and all files besides.
    ///
    /// # Errors
    /// If there is a run in the folder that is not to be continued, another program is training into it, or a file
    /// cannot be read.
    pub fn open(config: &'a SessionConfig, observer: Observer<'a>) -> Result<Self, TrainError> {
        // Before anything slow: hours of training are not overwritten.
        let lock = RunLock::take(&config.out)?;
        if !config.resume && config.out.join(CHECKPOINT).exists() {
            return Err(TrainError::HoldsRun {
                path: config.out.clone(),
            });
        }
        Ok(Self {
            lock: Some(lock),
            ..Self::read(config, observer)?
        })
    }

    /// As [`Session::open`], for [`Session::make_renditions`] only: the run's folder does not matter.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(config: &'a SessionConfig, observer: Observer<'a>) -> Result<Self, TrainError> {
        let teacher = config.teacher.as_deref().map(TeacherNet::open).transpose()?;
        let windows = config
            .windowed_targets
            .as_deref()
            .map(WindowedTargetsFile::open)
            .transpose()?;
        let start = Start::open(&config.start_from)?;
        observer(Event::Begin(Stage::Reading));
        let progress = |done, of| {
            observer(Event::Progress {
                stage: Stage::Reading,
                done,
                of,
            });
        };
        let labelled = match &config.data {
            DataSource::Indexed(folder) => {
                let mut collection = Collection::open(folder, &config.front_end, progress)?;
                config.more.add_to(&mut collection.clips, config.front_end.bands)?;
                collection.leave_out(&config.leave_out, folder)?;
                Labelled::Indexed(collection)
            }
            DataSource::Folders(source) => {
                let set = folders::open_until(source, &config.front_end, &config.stop, progress)?;
                observer(Event::FoldersRead {
                    genres: &set.data.genres,
                    train: set.data.train.len(),
                    valid: set.data.valid.len(),
                    left_out: &set.left_out,
                    findings: &set.findings,
                });
                Labelled::Folders(Box::new(set.data), set.sha256)
            }
        };
        Ok(Self {
            config,
            observer,
            labelled,
            teacher,
            windows,
            start,
            lock: None,
        })
    }

    /// The classes: what a recipe must be made for.
    pub fn genres(&self) -> &GenreSet {
        self.labelled.genres()
    }

    /// Makes the renditions of this recipe and keeps them in the cache; no training.
    ///
    /// # Errors
    /// If the split is refused, a clip cannot be read, or the cache cannot be written.
    pub fn make_renditions(self, mut recipe: Recipe) -> Result<(), TrainError> {
        self.name_files(&mut recipe)?;
        let mut data = split(self.labelled, &recipe, self.observer)?;
        let renditions = Renditions {
            config: self.config,
            observer: self.observer,
            teacher: self.teacher,
        };
        renditions.make(&mut data, &recipe)
    }

    /// Gives a trained model the statistics by which it says how familiar a sound is ([`super::familiarity`]), from
    /// the clips that it was trained and validated on, and writes its weights and manifest, and its card if it has
    /// one, to the run's folder. Its weights stay as they are; the digest of their file does not.
    ///
    /// # Errors
    /// If the model cannot be loaded, has other classes or another front end than the data, a clip cannot be read, a
    /// file cannot be written, or there are too few validation clips.
    pub fn fit_familiarity(self, recipe: &Recipe, model: &Path) -> Result<Manifest, TrainError> {
        let mut data = split(self.labelled, recipe, self.observer)?;
        let folders = self.config.aux_data.as_slice();
        if !folders.is_empty() {
            let aux_data = read_aux_data(folders, &recipe.front_end, &data, self.observer)?;
            data.train.extend(aux_data);
        }
        refit(model, &data, &recipe.front_end, &self.config.out)
    }

    /// Trains by this recipe, from the checkpoint if there is one to continue from, and exports weights, manifest and
    /// card. The session sets in the recipe the digests of the files that it read.
    ///
    /// # Errors
    /// If the split is refused, a file cannot be read or written, the checkpoint is of another recipe, or the loss is
    /// not finite.
    pub fn run(self, mut recipe: Recipe) -> Result<Outcome, TrainError> {
        self.name_files(&mut recipe)?;
        let Self {
            config,
            observer,
            labelled,
            teacher,
            windows,
            start,
            lock: _lock,
        } = self;
        let renditions = Renditions {
            config,
            observer,
            teacher,
        };
        let mut data = split(labelled, &recipe, observer)?;
        // Before auxiliary data are among them.
        let is_gtzan = matches!(config.data, DataSource::Indexed(_)) && data.is_gtzan();
        let aux_data = match config.aux_data.as_slice() {
            [] => Vec::new(),
            folders => read_aux_data(folders, &recipe.front_end, &data, observer)?,
        };
        renditions.make(&mut data, &recipe)?;
        // After the others' renditions: no teacher is run on auxiliary data, and no clip is mixed with them.
        recipe.aux_clips = aux_data.len();
        recipe.coded_files = data.train.iter().map(|clip| clip.coded.len()).sum();
        if !aux_data.is_empty() {
            observer(Event::Begin(Stage::AuxRenditions));
            aux_data::join(
                &mut data,
                aux_data,
                &recipe.renditions,
                &recipe.front_end,
                config.renditions_cache.as_deref().map(aux_cache).as_deref(),
                &|done, of| {
                    observer(Event::Progress {
                        stage: Stage::AuxRenditions,
                        done,
                        of,
                    });
                },
            )?;
        }
        if recipe.planted.share > 0.0 {
            data.distractors = read_distractors(&config.distractors, &recipe.front_end, observer)?;
            recipe.planted.recordings = data.distractors.count();
        }
        if let Some(windows) = &windows {
            let assigned = windows.assign(&mut data)?;
            observer(Event::WindowedTargets {
                with: assigned.with,
                without: assigned.without,
            });
        }
        if recipe.soft_label_weight > 0.0 {
            let groups = recipe.split.groups(&data.train);
            add_soft_labels(&mut data, &groups);
        }
        recipe.start = start.as_ref().map(|start| start.sha256.clone());
        let mut trainer = Trainer::new(recipe, &data)?;
        if let Some(start) = &start {
            start.put_into(&mut trainer, observer)?;
        }
        train(config, &mut trainer, observer)?;
        trainer.keep_best();
        let kept = match (trainer.recipe().patience, trainer.best_so_far()) {
            (1.., Some(best)) => Some((best.step, best.nll)),
            _ => None,
        };
        observer(Event::Trained { kept });
        let provenance = config
            .credits
            .provenance(is_gtzan, !config.aux_data.is_empty(), start.as_ref());
        let manifest = export(&trainer, &data, &config.out, &provenance)?;
        let held_out = HeldOut {
            excerpts: trainer.validate(Part::Excerpt)?,
            whole: trainer.validate(Part::Whole)?,
        };
        let split = (manifest.name.as_str(), trainer.recipe().split.fold);
        let spec = &manifest.front_end;
        held_out::write(&config.out, split, &data.genres, spec, &data.valid, &held_out)?;
        Ok(Outcome {
            manifest,
            held_out,
            train: data.train.len(),
            limits: limits(&data),
        })
    }

    /// The recipe says which files it was made with.
    fn name_files(&self, recipe: &mut Recipe) -> Result<(), TrainError> {
        recipe.renditions.teacher = self.teacher.as_ref().map(|teacher| teacher.sha256().to_owned());
        if let Labelled::Folders(_, sha256) = &self.labelled {
            recipe.data = Some(sha256.clone());
        }
        let mels = self.config.more.whole_mels.as_deref();
        recipe.whole_mels = mels
            .map(|path| Ok::<_, TrainError>(hex(&Sha256::digest(&files::read(path)?))))
            .transpose()?;
        recipe.windowed_targets = self.windows.as_ref().map(|windows| windows.sha256().to_owned());
        Ok(())
    }
}

/// Cross-validation: one run per fold, pooled. Writes `cross-validation.md` to the folder and returns that page; `run`
/// trains one fold.
///
/// # Errors
/// If a run fails, or the page cannot be written.
pub fn cross_validate(
    folds: usize,
    out: &Path,
    command: &str,
    mut run: impl FnMut(Fold) -> Result<Outcome, TrainError>,
) -> Result<String, TrainError> {
    let mut held_out = Vec::with_capacity(folds);
    let mut measured = None;
    for number in 1..=folds {
        let outcome = run(Fold { number, of: folds })?;
        held_out.push(outcome.held_out);
        measured = Some((outcome.manifest.front_end, outcome.manifest.genres.len()));
    }
    let (front_end, classes) = measured.unwrap_or_default();
    let page = page(command, &pooled(&held_out, &front_end, classes));
    files::write_atomically(&out.join("cross-validation.md"), page.as_bytes())?;
    Ok(page)
}

/// Decides which clips train and which validate.
fn split(labelled: Labelled, recipe: &Recipe, observer: Observer<'_>) -> Result<Dataset, TrainError> {
    match labelled {
        Labelled::Folders(data, _) => Ok(*data),
        Labelled::Indexed(collection) => {
            let (data, notes) = collection.split(&recipe.split)?;
            observer(Event::SplitNotes(&notes));
            Ok(data)
        }
    }
}

/// The file beside a cache of renditions that keeps those of the auxiliary data.
fn aux_cache(cache: &Path) -> PathBuf {
    let mut name = cache.file_stem().unwrap_or_default().to_owned();
    name.push("-aux.safetensors");
    cache.with_file_name(name)
}

/// What makes renditions.
struct Renditions<'a> {
    config: &'a SessionConfig,
    observer: Observer<'a>,
    teacher: Option<TeacherNet>,
}

impl Renditions<'_> {
    fn make(&self, data: &mut Dataset, recipe: &Recipe) -> Result<(), TrainError> {
        let mut unlabelled = Vec::new();
        for folder in &self.config.unlabelled {
            unlabelled.extend(music_below(folder)?);
        }
        let making = Making {
            plan: &recipe.renditions,
            spec: &recipe.front_end,
            teacher: self.teacher.as_ref(),
            kept: self.config.renditions_cache.as_deref(),
        };
        let started = Instant::now();
        (self.observer)(Event::Begin(Stage::Renditions));
        let made = making.make(data, &unlabelled, &|done, of| {
            (self.observer)(Event::Progress {
                stage: Stage::Renditions,
                done,
                of,
            });
        })?;
        (self.observer)(Event::RenditionsMade {
            made: &made,
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(())
    }
}

/// Reads the sound that passages are planted in.
fn read_distractors(
    folders: &[PathBuf],
    spec: &FrontEndSpec,
    observer: Observer<'_>,
) -> Result<Distractors, TrainError> {
    let stage = Stage::ReadingDistractors;
    observer(Event::Begin(stage));
    Distractors::open(folders, spec, |done, of| observer(Event::Progress { stage, done, of }))
}

/// Reads the auxiliary data.
fn read_aux_data(
    folders: &[PathBuf],
    spec: &FrontEndSpec,
    data: &Dataset,
    observer: Observer<'_>,
) -> Result<Vec<Clip>, TrainError> {
    observer(Event::Begin(Stage::ReadingAuxData));
    let found = aux_data::open(folders, &data.genres, spec, |done, of| {
        observer(Event::Progress {
            stage: Stage::ReadingAuxData,
            done,
            of,
        });
    })?;
    aux_data::refuse_validation_files(&found.clips, &data.valid)?;
    observer(Event::AuxDataRead {
        clips: found.clips.len(),
        no_class: &found.no_class,
    });
    Ok(found.clips)
}

/// All steps, with a validation, a line of the log and a checkpoint after every few.
fn train(config: &SessionConfig, trainer: &mut Trainer<'_>, observer: Observer<'_>) -> Result<(), TrainError> {
    let checkpoint = config.out.join(CHECKPOINT);
    files::create_folder(&config.out)?;
    if config.resume && trainer.resume(&checkpoint)? {
        observer(Event::Resumed {
            step: trainer.step_count(),
        });
    }
    let mut log = Log::open(&config.out.join(LOG), trainer.step_count())?;
    observer(Event::Begin(Stage::Training));
    let mut means = Means::default();
    let mut accuracy = None;
    let mut saved = trainer.step_count();
    while !trainer.is_done() {
        if config.stop.load(Ordering::Relaxed) {
            if trainer.step_count() > saved {
                trainer.save(&checkpoint)?;
            }
            return Err(TrainError::Stopped);
        }
        let report = trainer.step()?;
        means.add(&report);
        observer(Event::Step {
            report: &report,
            mean_loss: means.loss(),
            accuracy,
        });
        if report.step.is_multiple_of(config.every) || trainer.is_done() {
            let valid = trainer.track_best()?;
            accuracy = Some(valid.shown().accuracy);
            let line = means.line(report.step, &valid);
            log.write(&line)?;
            observer(Event::Validated(&line));
            trainer.save(&checkpoint)?;
            saved = trainer.step_count();
        }
    }
    Ok(())
}
