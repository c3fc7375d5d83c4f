//! `attune train`: makes weights from a folder of music.

use super::train_folders::FolderArgs;
use crate::features::FrontEndSpec;
use crate::train::TrainError;
use crate::train::dataset::Dataset;
use crate::train::evaluate::Part;
use crate::train::export::{Provenance, export};
use crate::train::recipe::Engine;
use crate::train::trainer::Trainer;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

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
    /// What the data set is called in the card [default: the folders' names, or GTZAN's for clips.csv]
    #[arg(long)]
    data_name: Option<String>,
    /// Whose the data are, for the card
    #[arg(long)]
    data_rights: Option<String>,
    /// Folder for checkpoint, log, weights, manifest and card
    #[arg(long)]
    out: PathBuf,
    /// Optimiser steps
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Everything random comes from this
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Highest learning rate
    #[arg(long)]
    rate: Option<f32>,
    /// One step in this many is on long excerpts of whole audio; 0: none
    #[arg(long)]
    long_every: Option<u64>,
    /// Take up the run in --out where its checkpoint left it
    #[arg(long)]
    resume: bool,
    /// Steps between two checkpoints and validations
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

impl TrainArgs {
    /// The command that makes the same weights from the same data.
    fn command(&self) -> String {
        let given =
            |name: &str, value: Option<String>| value.map_or(String::new(), |value| format!(" --{name} {value}"));
        format!(
            "attune train {}{}{} --out FOLDER --steps {} --seed {}{}{}",
            self.engine.name(),
            if self.data.is_some() { " --data FOLDER" } else { "" },
            self.folders.typed(),
            self.steps,
            self.seed,
            given("rate", self.rate.map(|rate| rate.to_string())),
            given("long-every", self.long_every.map(|every| every.to_string()))
        )
    }
}

/// Runs the training to its end; progress goes to stderr and to `log.csv` in the folder.
pub fn run(args: &TrainArgs) -> Result<(), TrainError> {
    let spec = FrontEndSpec::default();
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix("reading");
    let (data, source) = read(args, &spec, &bar)?;
    let mut recipe = args
        .folders
        .recipe(args.engine, source.indexed, data.genres.len(), args.seed, args.steps);
    if let Some(rate) = args.rate {
        recipe.rate = rate;
    }
    if let Some(long_every) = args.long_every {
        recipe.long_every = long_every;
    }
    let mut trainer = Trainer::new(recipe, &data)?;
    let checkpoint = args.out.join("checkpoint.safetensors");
    let failed = |source| TrainError::Write {
        path: args.out.clone(),
        source,
    };
    std::fs::create_dir_all(&args.out).map_err(failed)?;
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
        writeln!(log, "step,loss,teacher_loss,gradient_norm,valid_accuracy").map_err(failed)?;
    }
    let model_name = args
        .folders
        .name
        .clone()
        .unwrap_or_else(|| args.engine.name().to_owned());
    // Whole audio is all that folders have.
    let judged = if data.valid.iter().any(|clip| clip.excerpt.is_some()) {
        Part::Excerpt
    } else {
        Part::Whole
    };
    bar.set_prefix(model_name.clone());
    bar.set_length(args.steps);
    let (mut loss, mut told, mut norm) = (Mean::default(), Mean::default(), Mean::default());
    let mut accuracy = String::from("–");
    while !trainer.is_done() {
        let report = trainer.step()?;
        loss.add(report.loss);
        told.add(report.teacher_loss);
        norm.add(report.gradient_norm);
        bar.set_position(report.step);
        bar.set_message(format!("loss {:.3}  validation {accuracy}", loss.value()));
        if report.step % args.every == 0 || trainer.is_done() {
            let valid = trainer.figures(judged)?;
            accuracy = format!("{:.1} %", valid.accuracy * 100.0);
            let line = format!(
                "{},{:.4},{:.4},{:.4},{:.4}",
                report.step,
                loss.take(),
                told.take(),
                norm.take(),
                valid.accuracy
            );
            writeln!(log, "{line}").map_err(failed)?;
            if bar.is_hidden() {
                eprintln!("{line}");
            }
            trainer.save(&checkpoint)?;
        }
    }
    bar.finish_and_clear();
    let provenance = Provenance {
        command: args.command(),
        name: model_name,
        data: args.data_name.clone().unwrap_or(source.name),
        rights: args.data_rights.clone().unwrap_or_else(|| source.rights.to_owned()),
        date: today(),
    };
    let manifest = export(&trainer, &data, &args.out, &provenance)?;
    for part in [Part::Excerpt, Part::Whole] {
        let figures = trainer.figures(part)?;
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
    Ok(())
}

/// What a data set is called where nothing else is said.
struct Source {
    name: String,
    rights: &'static str,
    /// Whether it is in the form of `gtzan/`.
    indexed: bool,
}

fn read(args: &TrainArgs, spec: &FrontEndSpec, bar: &ProgressBar) -> Result<(Dataset, Source), TrainError> {
    let progress = |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let given = args.data.as_deref();
    if let Some(folder) = given.filter(|folder| folder.join("clips.csv").is_file() && !args.folders.is_used()) {
        let source = Source {
            name: "GTZAN, fault-filtered artist-separated split (Kereliuk, Sturm & Larsen 2015)".to_owned(),
            rights: "none stated; research use; not part of this project",
            indexed: true,
        };
        return Ok((Dataset::open(folder, spec, progress)?, source));
    }
    let say = |line: &str| bar.suspend(|| eprintln!("{line}"));
    let source = Source {
        name: args.folders.data_name(given),
        rights: "not stated",
        indexed: false,
    };
    Ok((args.folders.open(given, args.seed, spec, progress, say)?, source))
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

/// Today's date in UTC, `2026-11-22` (days to civil date after Hinnant 2013).
fn today() -> String {
    let days = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |t| t.as_secs() / 86_400) as i64;
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    format!("{:04}-{month:02}-{day:02}", yoe + era * 400 + i64::from(month <= 2))
}
