//! The lab: what is taught of each kind of network, measured again by whoever wants to know.
//!
//! In: the flags of one [`Lab`], for some also models or music. Out: a [`Report`] of tables and pictures. Thread: the
//! caller's.
//!
//! A lab is one module below this one, with a page about its question, its formula, its method, its result and what that
//! does not show, and one line in [`Choice`]. Its fields are its flags. What it does is cut into cells, each a plan and
//! what came of it ([`Run::cell`]): finished cells are kept, so that a run that was stopped goes on where it was.

pub mod arena;
pub mod asked;
pub mod bench;
mod cells;
mod choice;
pub mod depth;
pub mod heads;
pub mod hierarchy;
pub mod limits;
pub mod memory;
mod page;
pub mod pieces;
pub mod position;
mod report;
mod run;
pub mod scores;
pub mod teach;

pub use cells::Cells;
pub use choice::{About, Choice};
pub use page::check as check_page;
pub use report::{Entry, Report, Table};
pub use run::{Progress, Run, RunConfig, Said};

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
    /// If a network, a file or what was asked for fails, or if it is told to stop.
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
    /// Clips cannot be listened to.
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
    /// What was asked for cannot be done; the message says what can.
    #[error("{0}")]
    Asked(String),
    /// It was told to stop. What was finished is kept.
    #[error("stopped; the same command goes on from what is finished, if it has an --out")]
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
