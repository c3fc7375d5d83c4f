//! Makes weights: clips, splits that refuse to leak, altered takes with a teacher's answers, augmentation, the loop, and
//! what is written at its end.
//!
//! In: a folder of music with labels. Out: `NAME.json`, `NAME.safetensors` and `NAME.md` (manifest, weights, card).
//! Thread: the caller's, candle's pool, and a pool of its own while takes are made.

pub mod across_room;
pub mod also;
pub mod augment;
mod card;
pub mod checkpoint;
pub mod cross;
pub mod dataset;
pub mod evaluate;
pub mod examples;
pub mod export;
pub mod folders;
pub mod grouping;
pub mod noises;
pub mod optimizer;
pub mod page;
pub mod pieces;
pub mod recipe;
pub mod sound;
pub mod split;
pub mod takes;
pub mod targets;
pub mod teacher;
pub mod trainer;
pub mod validate;
pub mod variant;
pub mod windows;

use attune_audio::source::SourceError;
use attune_model::ModelError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What can stop a training run.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file of the data set cannot be read.
    #[error("cannot read {path}: {source}\n  {}", remedy(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}\n  {}", remedy(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the data set does not say what it should.
    #[error("{path}: {message}")]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An audio file cannot be decoded.
    #[error(transparent)]
    Decode(#[from] SourceError),
    /// Training and validation share what they must not share.
    #[error(transparent)]
    Leak(#[from] split::Leak),
    /// The network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The loss is NaN or infinite.
    #[error("the loss is {loss} at step {step}: lower the learning rate (--rate) and start again")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// Takes were kept of another recipe.
    #[error("the takes in {path} are of another recipe ({what} differs): name another --takes-cache, or delete it")]
    OtherTakes {
        /// The cache.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// Nothing is long enough for any batch.
    #[error(
        "no clip to learn from is as long as a batch asks for, {least} frames at the least: name shorter --batches"
    )]
    TooShort {
        /// Frames of the shortest batch.
        least: usize,
    },
    /// Threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// There is a run where one is to begin.
    #[error("{path} holds a run: --resume goes on with it; to begin anew, name another --out or delete that folder")]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// A checkpoint is of another run.
    #[error("the checkpoint {path} is of another run ({what} differs): name another --out")]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
}

/// What a user can do about a file that cannot be read or written.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "Check the spelling and the folder.",
        ErrorKind::PermissionDenied => "Give yourself the right to it, for instance with chmod u+rw.",
        ErrorKind::StorageFull => "Make room on the disk, and take the run up with --resume.",
        _ => "Check the disk or network it lies on.",
    }
}

impl From<candle_core::Error> for TrainError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}
