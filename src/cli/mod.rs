//! The command line: as typed ([`Args`]), as meant ([`Launch`]), and one file for each subcommand.
//!
//! In: arguments. Out: stdout for machines and answers, stderr for progress and notes, an exit code (0 all done,
//! 1 something failed, 2 wrong usage). Thread: main.

mod analyze;
mod analyze_export;
mod analyze_files;
mod analyze_lines;
mod analyze_text;
mod args;
mod bars;
#[cfg(feature = "lab")]
mod bench;
mod demo;
#[cfg(feature = "device")]
mod devices;
mod doctor;
mod error;
#[cfg(feature = "train")]
mod eval;
mod explain;
#[cfg(feature = "lab")]
mod lab;
mod live;
mod live_screen;
mod models;
#[cfg(any(test, not(all(feature = "gui", feature = "lab", feature = "train"))))]
mod not_built;
mod query;
mod raw;
mod scan;
#[cfg(all(feature = "gui", feature = "lab"))]
mod soak;
mod tag;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod train_folders;
#[cfg(feature = "train")]
mod train_progress;
#[cfg(feature = "train")]
mod train_recipe;

pub use args::Args;
use args::{BenchArgs, Command, EvalArgs, ExplainArgs};
pub use error::AppError;

use crate::proofs::ProofStamp;
use crate::settings::Settings;
use attune_audio::playback::Pace;
use attune_engine::SourceRequest;
use attune_engine::text::PrintableLines;
use attune_model::load::{Proofs, ProveAll};
use attune_model::{LoadedModel, ModelError, ModelSet};
use error::Context;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What is meant by the arguments.
#[derive(Debug, Clone)]
pub struct Launch {
    task: Task,
    /// Manifests of the models to use; none: the bundled ones.
    models: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
enum Task {
    /// The window, with a source opened at once or not.
    Window(Option<SourceRequest>),
    /// A subcommand.
    Terminal(Command),
}

impl From<Args> for Launch {
    fn from(args: Args) -> Self {
        let task = match args.command {
            Some(command) => Task::Terminal(command),
            None => Task::Window(args.file.map(|path| SourceRequest::File {
                path,
                pace: Pace::Times(1.0),
            })),
        };
        Self {
            task,
            models: args.models,
        }
    }
}

impl Launch {
    /// Does what is meant.
    pub fn run(self) -> Result<ExitCode, AppError> {
        let models = || load(&self.models, &ProofStamp::load()).map_err(AppError::from);
        match self.task {
            Task::Window(open) => window(models()?, optional(&self.models)?, open),
            Task::Terminal(command) => match command {
                Command::Analyze(args) => analyze::run(
                    &args,
                    &with(models()?, args.sections, args.surprise)?,
                    &settings().smoothing,
                ),
                Command::Scan(args) => scan::run(&args, &models()?, &settings().smoothing),
                Command::Query(args) => query::run(&args),
                Command::Demo(args) => demo::run(&args, models, &settings().smoothing),
                Command::Live(args) => live::run(&args, with(models()?, args.sections, args.surprise)?, &settings()),
                Command::Train(args) => train(&args),
                Command::Tag(args) => tag::run(&args, &models, &settings().smoothing),
                Command::Devices { json } => devices(json),
                Command::Doctor { json } => doctor::run(json, load(&self.models, &ProveAll)),
                Command::Models { json, verify } => {
                    let proved = if verify {
                        load(&self.models, &ProveAll)?
                    } else {
                        models()?
                    };
                    models::run(json, verify, &proved)
                }
                Command::Eval(args) => eval(&args, &models),
                Command::Explain(args) => explain::run(&args, &models()?),
                Command::Bench(args) => bench(&args, &self.models),
                Command::Lab(args) => lab(&args, &self.models),
            },
        }
    }
}

/// The same models, which also list sections and measure surprise where that is asked for.
fn with(mut models: ModelSet, sections: Option<u8>, surprise: bool) -> Result<ModelSet, ModelError> {
    if let Some(k) = sections {
        models = models.with_sections(attune_model::bundled_sections()?, usize::from(k))?;
    }
    if surprise {
        models = models.with_surprise(&attune_model::bundled_wavenet()?)?;
    }
    Ok(models)
}

#[cfg(feature = "gui")]
fn window(models: ModelSet, optional: Vec<LoadedModel>, open: Option<SourceRequest>) -> Result<ExitCode, AppError> {
    crate::ui::run(crate::ui::WindowLaunch {
        models,
        // Who names models wants those and no more: then there are no optional ones either.
        own: !optional.is_empty(),
        optional,
        settings: settings(),
        open,
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "gui"))]
fn window(_models: ModelSet, _optional: Vec<LoadedModel>, _open: Option<SourceRequest>) -> Result<ExitCode, AppError> {
    Err(AppError::usage(
        "this build has no window: it was built without the feature `gui`",
        "try `attune live` or `attune analyze FILE`",
    ))
}

#[cfg(feature = "device")]
fn devices(json: bool) -> Result<ExitCode, AppError> {
    Ok(devices::run(json).map(|()| ExitCode::SUCCESS)?)
}

#[cfg(not(feature = "device"))]
fn devices(_: bool) -> Result<ExitCode, AppError> {
    not_built::refuse("devices", "device")
}

#[cfg(feature = "train")]
fn train(args: &train::TrainArgs) -> Result<ExitCode, AppError> {
    train::run(args).map(|()| ExitCode::SUCCESS)
}

#[cfg(not(feature = "train"))]
fn train(_: &not_built::AnyArgs) -> Result<ExitCode, AppError> {
    not_built::refuse("train", "train")
}

#[cfg(feature = "train")]
fn eval(args: &EvalArgs, models: &dyn Fn() -> Result<ModelSet, AppError>) -> Result<ExitCode, AppError> {
    eval::run(args, &models()?)
}

#[cfg(not(feature = "train"))]
fn eval(_: &EvalArgs, _: &dyn Fn() -> Result<ModelSet, AppError>) -> Result<ExitCode, AppError> {
    not_built::refuse("eval", "train")
}

#[cfg(feature = "lab")]
fn bench(args: &BenchArgs, named: &[PathBuf]) -> Result<ExitCode, AppError> {
    match args.soak {
        Some(minutes) => soak(minutes, args, named),
        None => bench::run(args, &load(named, &ProofStamp::load())?),
    }
}

#[cfg(not(feature = "lab"))]
fn bench(_: &BenchArgs, _: &[PathBuf]) -> Result<ExitCode, AppError> {
    not_built::refuse("bench", "lab")
}

#[cfg(all(feature = "gui", feature = "lab"))]
fn soak(minutes: f64, args: &BenchArgs, named: &[PathBuf]) -> Result<ExitCode, AppError> {
    soak::run(
        minutes,
        args.files.first(),
        load(named, &ProofStamp::load())?,
        optional(named)?,
    )
}

#[cfg(all(not(feature = "gui"), feature = "lab"))]
fn soak(_: f64, _: &BenchArgs, _: &[PathBuf]) -> Result<ExitCode, AppError> {
    not_built::refuse("bench --soak", "gui")
}

#[cfg(feature = "lab")]
fn lab(args: &lab::LabArgs, named: &[PathBuf]) -> Result<ExitCode, AppError> {
    lab::run(args, &|| load(named, &ProofStamp::load()))
}

#[cfg(not(feature = "lab"))]
fn lab(_: &not_built::AnyArgs, _: &[PathBuf]) -> Result<ExitCode, AppError> {
    not_built::refuse("lab", "lab")
}

/// The models that can be switched on beside the others: who names models wants those and no more.
fn optional(named: &[PathBuf]) -> Result<Vec<LoadedModel>, ModelError> {
    if named.is_empty() {
        attune_model::bundled_optional()
    } else {
        Ok(Vec::new())
    }
}

/// The models named, or those in the binary.
fn load(named: &[PathBuf], proofs: &dyn Proofs) -> Result<ModelSet, ModelError> {
    if named.is_empty() {
        attune_model::bundled_with(proofs)
    } else {
        attune_model::from_files_with(named, proofs)
    }
}

/// The settings kept; what is wrong with them is said once.
fn settings() -> Settings {
    let (settings, message) = Settings::load();
    if let Some(message) = message {
        crate::note!("{message}");
    }
    settings
}

/// What [`crate::note!`] does.
pub fn note(text: fmt::Arguments<'_>) {
    // Nobody is left to be told that this failed.
    let _ = writeln!(std::io::stderr().lock(), "{}", PrintableLines(text));
}

/// Writes lines to stdout at once, as [`PrintableLines`]: what came from outside tells a terminal nothing. False:
/// nobody reads any more (a closed pipe), so there is no point in going on.
fn print_line(line: &str) -> Result<bool, AppError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", PrintableLines(line)).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("stdout cannot be written to"),
    }
}
