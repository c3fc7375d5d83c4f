//! The command line: as typed ([`Args`]), as meant ([`Launch`]), and one file for each subcommand.
//!
//! In: arguments. Out: stdout for machines and answers, stderr for progress and notes, an exit code (0 all done,
//! 1 something failed, 2 wrong usage). Thread: main.

mod analyze;
mod args;
mod bars;
pub mod devices;
mod live;
mod live_screen;
pub mod train;

pub use args::{AnalyzeArgs, Args, BenchArgs, Command, EvalArgs, LiveArgs};

use crate::engine::SourceRequest;
use crate::model::ModelSet;
use crate::playback::Pace;
use crate::settings::Settings;
use anyhow::Context;
use std::io::Write;
use std::process::ExitCode;

/// What is meant by the arguments.
#[derive(Debug, Clone)]
pub enum Launch {
    /// The window, with a source opened at once or not.
    Window(Option<SourceRequest>),
    /// A subcommand.
    Terminal(Command),
}

impl From<Args> for Launch {
    fn from(args: Args) -> Self {
        match args.command {
            Some(command) => Self::Terminal(command),
            None => Self::Window(args.file.map(|path| SourceRequest::File {
                path,
                pace: Pace::Times(1.0),
            })),
        }
    }
}

/// Does what is meant.
pub fn run(launch: Launch) -> anyhow::Result<ExitCode> {
    match launch {
        Launch::Window(open) => window(open),
        Launch::Terminal(command) => match command {
            Command::Analyze(args) => analyze::run(&args, &models()?, &settings().smoothing),
            Command::Live(args) => live::run(&args, models()?, &settings()),
            Command::Train(args) => train::run(&args).map(|()| ExitCode::SUCCESS).map_err(Into::into),
            Command::Devices { json } => devices::run(json)
                .map(|()| ExitCode::SUCCESS)
                .map_err(|error| anyhow::anyhow!("{}\n  {}", error.message, error.remedy)),
            // Command::Models { json } => models::run(json).map(|()| ExitCode::SUCCESS),
            // Command::Eval(args) => eval::run(&args).map(|()| ExitCode::SUCCESS),
            // Command::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Models { .. } | Command::Eval(_) | Command::Bench(_) => {
                anyhow::bail!("this subcommand is not part of this build")
            }
        },
    }
}

#[cfg(feature = "gui")]
fn window(open: Option<SourceRequest>) -> anyhow::Result<ExitCode> {
    // crate::ui::run(crate::ui::WindowLaunch { models: models()?, settings: settings(), open })?;
    // return Ok(ExitCode::SUCCESS);
    let _ = open;
    anyhow::bail!("the window is not part of this build: try `attune live` or `attune analyze FILE`")
}

#[cfg(not(feature = "gui"))]
fn window(_open: Option<SourceRequest>) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this build has no window: try `attune live` or `attune analyze FILE`")
}

/// The models in the binary.
fn models() -> anyhow::Result<ModelSet> {
    // crate::model::bundled().context("the bundled models cannot be used; this build of attune is broken")
    anyhow::bail!("this build of attune has no models")
}

/// The settings kept; what is wrong with them is said once.
fn settings() -> Settings {
    let (settings, message) = Settings::load();
    if let Some(message) = message {
        eprintln!("{message}");
    }
    settings
}

/// Writes one line to stdout at once. False: nobody reads any more (a closed pipe), so there is no point in going on.
fn print_line(line: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("stdout cannot be written to"),
    }
}
