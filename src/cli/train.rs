//! `attune train`: makes weights from a folder of music.

use super::train_folders::FolderArgs;
use super::train_recipe::RecipeArgs;
use attune_audio::features::FrontEndSpec;
use attune_engine::files::{self, FileError};
use attune_model::load::{hex, tensors};
use attune_train::TrainError;
use attune_train::also;
use attune_train::cross::HeldOut;
use attune_train::dataset::{Clip, Collection, Dataset};
use attune_train::evaluate::Metrics;
use attune_train::export::{Provenance, export};
use attune_train::recipe::{Engine, Recipe};
use attune_train::split::Fold;
use attune_train::takes::{Making, music_below};
use attune_train::targets::tell_genres;
use attune_train::teacher::TeacherNet;
use attune_train::trainer::Trainer;
use attune_train::validate::{Part, answers};
use attune_train::windows::WindowsFile;
use candle_core::Tensor;
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Trains one engine and writes its weights, manifest and card.
#[derive(Debug, Clone, clap::Args)]
pub struct TrainArgs {
    /// Which engine to train
    #[arg(value_enum)]
    engine: Engine,
    /// Folder with a sub-folder of audio for each class; or with clips.csv (clip, genre, split, audio, artist), audio in
    /// SPLIT/CLIP.ogg, mel3s.safetensors
    #[arg(long, value_name = "FOLDER", required_unless_present = "class")]
    data: Option<PathBuf>,
    #[command(flatten)]
    folders: FolderArgs,
    /// What the data set is called in the card [default: the folders' names, or GTZAN's]
    #[arg(long)]
    data_name: Option<String>,
    /// Whose the data are, for the card
    #[arg(long)]
    data_rights: Option<String>,
    /// Folder for checkpoint, log, weights, manifest and card
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Optimiser steps
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Everything random comes from this
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cross-validate: a run for each of so many folds, in --out/fold-1, …; every clip is judged once, by a network that learnt without
    /// its artist
    #[arg(long, value_name = "N", conflicts_with_all = ["fold", "only_takes"], value_parser = clap::value_parser!(u16).range(2..=100))]
    pub(super) folds: Option<u16>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Make the takes, keep them in --takes-cache, and end
    #[arg(long, requires = "takes_cache")]
    only_takes: bool,
    /// Take up the run in --out where its checkpoint left it
    #[arg(long)]
    resume: bool,
    /// Steps between two checkpoints and validations
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

impl TrainArgs {
    /// The run of one fold.
    pub(super) fn of_fold(&self, fold: Fold) -> Self {
        Self {
            out: self.out.join(format!("fold-{}", fold.number)),
            folds: None,
            recipe: self.recipe.clone().of_fold(fold),
            ..self.clone()
        }
    }

    /// The command that makes the same weights from the same data.
    pub(super) fn command(&self) -> String {
        let folds = self.folds.map_or(String::new(), |folds| format!(" --folds {folds}"));
        format!(
            "attune train {}{}{} --out FOLDER --steps {} --seed {}{folds}{}",
            self.engine.name(),
            if self.data.is_some() { " --data FOLDER" } else { "" },
            self.folders.typed(),
            self.steps,
            self.seed,
            self.recipe.words()
        )
    }

    fn model_name(&self) -> String {
        let engine = || self.engine.name().to_owned();
        self.folders.name.clone().unwrap_or_else(engine)
    }
}

/// What a run leaves besides its files.
pub(super) struct Ended {
    /// What its network made of the clips that it is judged by.
    pub(super) held: HeldOut,
    pub(super) front_end: FrontEndSpec,
    pub(super) classes: usize,
}

/// Runs one training to its end; progress goes to stderr and to `log.csv` in the folder. `None` if only takes were made.
pub(super) fn run(args: &TrainArgs) -> Result<Option<Ended>, TrainError> {
    // Before anything that takes long: hours of training are not written over.
    if !args.resume && !args.only_takes && args.out.join(CHECKPOINT).exists() {
        return Err(TrainError::HoldsRun { path: args.out.clone() });
    }
    let bar = bar();
    let teacher = args.recipe.teacher.as_deref().map(TeacherNet::open).transpose()?;
    let windows = args.recipe.windows.as_deref().map(WindowsFile::open).transpose()?;
    let start = args.recipe.start_from.as_deref().map(Start::open).transpose()?;
    let Material {
        mut recipe,
        mut data,
        name,
        rights,
    } = read(args, teacher.as_ref(), windows.as_ref(), &bar)?;
    let also = match &args.recipe.also {
        Some(folder) if !args.only_takes => more(folder, &recipe.front_end, &data, &bar)?,
        _ => Vec::new(),
    };
    prepare(args, &recipe, teacher.as_ref(), &mut data, &bar)?;
    // After the others' takes: of another source no teacher is asked, and it is mixed with none of them.
    recipe.also_clips = also.len();
    if !also.is_empty() {
        reading(&bar, "takes of more", |progress| {
            also::join(&mut data, also, &recipe.takes, &recipe.front_end, progress)
        })?;
    }
    if let Some(windows) = &windows {
        let hung = windows.hang(&mut data)?;
        eprintln!("windows tell of {} sounds, not of {}", hung.told, hung.without);
    }
    if recipe.told_share > 0.0 {
        let groups = recipe.split.groups(&data.train);
        tell_genres(&mut data, &groups);
    }
    if args.only_takes {
        return Ok(None);
    }
    recipe.start = start.as_ref().map(|start| start.sha256.clone());
    let mut trainer = Trainer::new(recipe, &data)?;
    if let Some(start) = &start {
        start.put_into(&mut trainer)?;
    }
    learn(args, &mut trainer, &bar)?;
    trainer.keep_best();
    if let (1.., Some(best)) = (trainer.recipe().patience, trainer.best_so_far()) {
        eprintln!("kept the weights of step {} (−ln p {:.4})", best.step, best.nll);
    }
    let another = if args.recipe.also.is_some() {
        "; and of another source"
    } else {
        ""
    };
    let provenance = Provenance {
        command: args.command(),
        name: args.model_name(),
        data: args.data_name.clone().unwrap_or(name + another),
        rights: args.data_rights.clone().unwrap_or_else(|| format!("{rights}{another}")),
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
    };
    let manifest = export(&trainer, &data, &args.out, &provenance)?;
    let held = HeldOut {
        excerpts: trainer.validate(Part::Excerpt)?,
        whole: trainer.validate(Part::Whole)?,
    };
    let (front_end, classes) = (trainer.recipe().front_end.clone(), data.genres.len());
    for (part, heard) in [(Part::Excerpt, &held.excerpts), (Part::Whole, &held.whole)] {
        let figures = Metrics::of(&answers(heard, 1.0, &front_end), classes);
        if figures.clips > 0 {
            eprintln!(
                "{part:?}: {:.1} % of {} validation clips",
                figures.accuracy * 100.0,
                figures.clips
            );
        }
    }
    eprintln!(
        "{} weights in {}",
        manifest.weight_count,
        args.out.join(format!("{}.safetensors", manifest.name)).display()
    );
    Ok(Some(Ended {
        held,
        front_end,
        classes,
    }))
}

/// Weights to begin with.
struct Start {
    path: PathBuf,
    sha256: String,
    weights: HashMap<String, Tensor>,
}

impl Start {
    fn open(path: &Path) -> Result<Self, TrainError> {
        let buffer = files::read(path)?;
        let weights = tensors(&buffer).map_err(|error| TrainError::Data {
            path: path.to_owned(),
            message: format!("{error}: --start-from takes the NAME.safetensors of another run"),
        })?;
        Ok(Self {
            path: path.to_owned(),
            sha256: hex(&Sha256::digest(&buffer)),
            weights,
        })
    }

    fn put_into(&self, trainer: &mut Trainer<'_>) -> Result<(), TrainError> {
        let fitting = trainer.start_from(&self.weights)?;
        if fitting == 0 {
            return Err(TrainError::Data {
                path: self.path.clone(),
                message: "none of its weights is one of this engine: --start-from takes those of the same kind"
                    .to_owned(),
            });
        }
        eprintln!(
            "begins with {fitting} of {} tensors of {}",
            self.weights.len(),
            self.path.display()
        );
        Ok(())
    }
}

/// What a run is kept by, in its folder.
const CHECKPOINT: &str = "checkpoint.safetensors";

/// What a run begins with.
struct Material {
    recipe: Recipe,
    data: Dataset,
    /// What the data are called, and whose they are.
    name: String,
    rights: &'static str,
}

/// What a card calls GTZAN with the index of its split.
const GTZAN: &str = "GTZAN, fault-filtered artist-separated split (Kereliuk, Sturm & Larsen 2015)";

/// Reads the clips, of an index or of folders, and sets up the recipe for them.
fn read(
    args: &TrainArgs,
    teacher: Option<&TeacherNet>,
    windows: Option<&WindowsFile>,
    bar: &ProgressBar,
) -> Result<Material, TrainError> {
    let spec = FrontEndSpec::default();
    let folder = args.data.as_deref();
    let planned = |indexed: bool, classes: usize| {
        let mut recipe = args
            .folders
            .recipe(args.engine, indexed, classes, args.seed, args.steps);
        args.recipe.apply(&mut recipe, teacher, windows);
        recipe
    };
    let indexed = folder.filter(|folder| folder.join("clips.csv").is_file());
    if let Some(folder) = indexed.filter(|_| !args.folders.is_used()) {
        let collection = reading(bar, "reading", |progress| Collection::open(folder, &spec, progress))?;
        let recipe = planned(true, collection.genres.len());
        let (data, notes) = collection.split(&recipe.split)?;
        for note in &notes {
            eprintln!("{note}");
        }
        let (name, rights) = if data.is_gtzan() {
            (GTZAN.to_owned(), "none stated; research use; not part of this project")
        } else {
            (args.folders.data_name(Some(folder)), "not stated")
        };
        return Ok(Material {
            recipe,
            data,
            name,
            rights,
        });
    }
    let data = reading(bar, "reading", |progress| {
        let say = |line: &str| bar.suspend(|| eprintln!("{line}"));
        args.folders
            .open(folder, args.recipe.fold(), args.seed, &spec, progress, say)
    })?;
    Ok(Material {
        recipe: planned(false, data.genres.len()),
        data,
        name: args.folders.data_name(folder),
        rights: "not stated",
    })
}

/// All steps, with a validation, a line of the log and a checkpoint every so many.
fn learn(args: &TrainArgs, trainer: &mut Trainer<'_>, bar: &ProgressBar) -> Result<(), TrainError> {
    let checkpoint = args.out.join(CHECKPOINT);
    files::create_folder(&args.out)?;
    let failed = |error| TrainError::Interrupted(FileError::writing(&args.out)(error));
    if args.resume && trainer.resume(&checkpoint)? {
        bar.println(format!("resumed at step {}", trainer.step_count()));
    }
    let mut log = OpenOptions::new()
        .create(true)
        .write(true)
        .append(trainer.step_count() > 0)
        .truncate(trainer.step_count() == 0)
        .open(args.out.join("log.csv"))
        .map_err(failed)?;
    if trainer.step_count() == 0 {
        writeln!(
            log,
            "step,loss,teacher_loss,gradient_norm,valid_accuracy,valid_nll,tag_loss,window_loss"
        )
        .map_err(failed)?;
    }
    bar.set_prefix(args.model_name());
    bar.set_length(args.steps);
    let [mut loss, mut told, mut tags, mut windows, mut norm] = std::array::from_fn(|_| Mean::default());
    let mut accuracy = String::from("–");
    while !trainer.is_done() {
        let report = trainer.step()?;
        loss.add(report.loss);
        told.add(report.teacher_loss);
        tags.add(report.tag_loss);
        windows.add(report.window_loss);
        norm.add(report.gradient_norm);
        bar.set_position(report.step);
        bar.set_message(format!("loss {:.3}  validation {accuracy}", loss.value()));
        if report.step % args.every == 0 || trainer.is_done() {
            let valid = trainer.judge()?;
            accuracy = format!("{:.1} %", valid.shown().accuracy * 100.0);
            let line = format!(
                "{},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4}",
                report.step,
                loss.take(),
                told.take(),
                norm.take(),
                valid.shown().accuracy,
                valid.nll,
                tags.take(),
                windows.take()
            );
            writeln!(log, "{line}").map_err(failed)?;
            if bar.is_hidden() {
                eprintln!("{line}");
            }
            trainer.save(&checkpoint)?;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Makes the takes, and tells how far the teacher agrees with what is stored of it.
fn prepare(
    args: &TrainArgs,
    recipe: &Recipe,
    teacher: Option<&TeacherNet>,
    data: &mut Dataset,
    bar: &ProgressBar,
) -> Result<(), TrainError> {
    let mut unlabelled = Vec::new();
    for folder in &args.recipe.unlabelled {
        unlabelled.extend(music_below(folder)?);
    }
    let making = Making {
        plan: &recipe.takes,
        spec: &recipe.front_end,
        teacher,
        kept: args.recipe.takes_cache.as_deref(),
    };
    let started = Instant::now();
    let made = reading(bar, "takes", |progress| making.make(data, &unlabelled, progress))?;
    if let Some(agreement) = made.agreement {
        eprintln!(
            "teacher agrees with its stored features: correlation {:.4}, mean |Δ| {:.3}, greatest {:.2} deviations over {} clips",
            agreement.correlation, agreement.mean_error, agreement.greatest_error, agreement.clips
        );
    }
    for file in &made.left_out {
        eprintln!("left out: {file}");
    }
    if made.new + made.cached > 0 {
        eprintln!(
            "{} takes made in {:.0} s, {} from the cache",
            made.new,
            started.elapsed().as_secs_f64(),
            made.cached
        );
    }
    Ok(())
}

/// Labelled music of another source; says how much.
fn more(folder: &Path, spec: &FrontEndSpec, data: &Dataset, bar: &ProgressBar) -> Result<Vec<Clip>, TrainError> {
    let found = reading(bar, "reading more", |progress| {
        also::open(folder, &data.genres, spec, progress)
    })?;
    also::refuse_judged(&found.clips, &data.valid)?;
    if !found.no_class.is_empty() {
        eprintln!("left out, as no class is called so: {}", found.no_class.join(", "));
    }
    eprintln!("{} more clips to learn from", found.clips.len());
    Ok(found.clips)
}

fn bar() -> ProgressBar {
    ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}

/// Does something that tells how far it is, and shows it.
fn reading<T>(bar: &ProgressBar, what: &'static str, work: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> T) -> T {
    bar.set_prefix(what);
    bar.set_position(0);
    let next = AtomicUsize::new(0);
    work(&|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
        // Where no bar can be drawn, a line for each tenth.
        let tenth = done * 10 / of.max(1);
        if bar.is_hidden() && next.fetch_max(tenth + 1, Ordering::Relaxed) <= tenth {
            eprintln!("{what}: {done} of {of}");
        }
    })
}

/// A mean since it was last taken.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
    }

    fn value(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }

    fn take(&mut self) -> f64 {
        let value = self.value();
        *self = Self::default();
        value
    }
}
