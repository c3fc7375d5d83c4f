//! Experiments on sequence models that anyone can repeat, and benchmarks.
//!
//! A *lab* answers one question about the networks of this program by training or measuring them again:
//!
//! | lab | question |
//! |---|---|
//! | [`arena`] | How do the models compare on the same clips: accuracy, calibration, delay, cost? |
//! | [`memory`] | What does each kind of network remember, and for how long? |
//! | [`limits`] | How far back does an answer depend on the input, and what does reaching further cost? |
//! | [`position`] | What does attention know of order without a positional encoding? |
//! | [`heads`] | What are several attention heads good for? |
//! | [`depth`] | What do residual connections and normalisation do for deep networks? |
//! | [`scores`] | Which attention score function finds what matters? |
//! | [`sections`] | What is attention worth to a network that writes which sections a piece has? |
//! | [`hierarchy`] | Which segments of a piece decide, by hierarchical attention? |
//! | [`wavenet`] | How well is the next sample of music known, and what does it continue with? |
//! | [`caption`] | What sounds, in words, and where did the network look for each? |
//!
//! Each is a module with a page on its question, formula, method, result and limits, and a variant of [`Choice`]; its
//! fields are its command-line flags. Its work is divided into cells, each a plan and its result ([`Run::cell`]):
//! finished cells are kept in a file, so that a run that was stopped resumes. [`bench`] measures how fast every part is
//! on this machine. [`medley`] makes pieces of several genres with known boundaries and scores what a model writes of
//! them; it is no lab itself.
//!
//! In: the flags of one [`Lab`], for some also models or music. Out: a [`Report`] of tables and pictures. Thread: the
//! caller's.
//!
//! ```no_run
//! use attune_lab::{Cells, Choice, Run, RunConfig, RunEvent};
//! use std::sync::atomic::AtomicBool;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // As `attune lab memory --task recall --net lstm,tcn --quick`: a lab by its name and flags.
//! let choice = Choice::read("memory", "--task recall --net lstm,tcn")?;
//! let (config, stop) = (RunConfig { quick: true, seed: 1 }, AtomicBool::new(false));
//! let mut listener = |event: RunEvent<'_>| {
//!     if let RunEvent::Progress(at) = event {
//!         eprintln!("{} of {}: {}", at.finished, at.of, at.line);
//!     }
//! };
//! let mut run = Run::new(config, Cells::default(), &attune_model::bundled, &mut listener, &stop);
//! println!("{}", choice.lab().run(&mut run)?.document());
//! # Ok(())
//! # }
//! ```
//!
//! Where to go next: [`Choice::all`] lists the labs with their flags; [`Lab`] is the trait of a new one; `attune_train`
//! has the training that ships models, `attune_model` the networks.

pub mod arena;
pub mod bench;
pub mod caption;
mod cells;
mod choice;
mod clip_features;
pub mod depth;
mod export;
pub mod heads;
pub mod hierarchy;
pub mod limits;
pub mod medley;
pub mod memory;
mod page;
pub mod planted;
pub mod position;
mod report;
mod run;
pub mod scores;
pub mod sections;
pub mod token_encoder;
mod train_loop;
mod training_state;
pub mod wavenet;

pub use cells::Cells;
pub use choice::{About, Choice, ChoiceError};
pub use page::check as check_page;
pub use report::{Entry, Report, Table};
pub use run::{Progress, Run, RunConfig, RunEvent};

use crate::bench::BenchError;
use attune_engine::files::FileError;
use attune_engine::page::PageError;
use attune_model::ModelError;
use attune_train::TrainError;
use attune_train::evaluate::EvaluateError;
use report::mean;
use std::path::PathBuf;

/// An experiment that anyone can run.
pub trait Lab: std::fmt::Debug + Send + Sync {
    /// Its name on the command line and in the names of its files.
    fn name(&self) -> &'static str;
    /// Runs it.
    ///
    /// # Errors
    /// If a network, a file or a setting fails, or if the run is to stop.
    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError>;
}

/// What ends a lab early.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A network or a model fails.
    #[error("{error}\n  {remedy}", error = .0, remedy = .0.remedy())]
    Model(#[from] ModelError),
    /// Training fails.
    #[error("{error}{remedy}", error = .0, remedy = indented(.0.remedy()))]
    Train(#[from] TrainError),
    /// A file cannot be read or written.
    #[error("{error}\n  {remedy}", error = .0, remedy = .0.remedy())]
    File(#[from] FileError),
    /// The tables cannot be put into a page.
    #[error("{error}\n  {remedy}", error = .0, remedy = .0.remedy())]
    Page(#[from] PageError),
    /// Clips cannot be evaluated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Times cannot be measured.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The file of finished cells does not hold what it should.
    #[error("{path} line {line}: not a finished cell ({message}): delete the line, or name another --out", path = .path.display())]
    DamagedCell {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A setting or its data cannot be used; the message says what can.
    #[error("{0}")]
    Refused(String),
    /// It was stopped. Finished cells are kept.
    #[error("stopped; with an --out, the same command resumes from what is finished")]
    Stopped,
}

/// A remedy below its message, if there is one.
fn indented(remedy: Option<String>) -> String {
    remedy.map_or_else(String::new, |remedy| format!("\n  {remedy}"))
}

impl From<candle_core::Error> for LabError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}
