//! What can stop a training run, by what the caller can do about it.

use crate::split::Leak;
use attune_audio::source::SourceError;
use attune_engine::files::FileError;
use attune_model::ModelError;
use std::path::PathBuf;

/// What differs where a run's data have changed.
pub(crate) const DATA: &str = "the data";

/// What can stop a training run. The message says what happened, [`TrainError::remedy`] what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file cannot be read, or a result cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The checkpoint or the log cannot be written: the run goes on from the checkpoint before.
    #[error(transparent)]
    Interrupted(FileError),
    /// A file's contents are not as expected; the message says what is.
    #[error("{path}: {message}", path = .path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An audio file cannot be decoded.
    #[error(transparent)]
    Decode(#[from] SourceError),
    /// Training and validation share what they must not share.
    #[error(transparent)]
    Leak(#[from] Leak),
    /// The network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The loss is NaN or infinite.
    #[error("the loss is {loss} at step {step}")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// The cache of renditions belongs to another recipe.
    #[error("the renditions in {path} are of another recipe: {what} differs", path = .path.display())]
    OtherRenditions {
        /// The cache.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// No clip is as long as the shortest batch.
    #[error("no training clip is as long as the shortest batch, {least} frames")]
    TooShort {
        /// Frames of the shortest batch.
        least: usize,
    },
    /// Threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// There is already a run in the folder of a new one.
    #[error("{path} already holds a run", path = .path.display())]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// Another program is training into the folder.
    #[error("another run is writing into {path}", path = .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// It was stopped on purpose.
    #[error("the run was stopped")]
    Stopped,
    /// The checkpoint belongs to another run.
    #[error("the checkpoint {path} is of another run: {what} differs", path = .path.display())]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
}

impl TrainError {
    /// What a user can do about it, with the command line's names for things; `None` if the message says it.
    pub fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => error.remedy(),
            Self::Interrupted(error) => {
                let remedy = error.remedy();
                return Some(format!(
                    "{remedy} Then continue from the last checkpoint with --resume."
                ));
            }
            Self::Decode(error) => error.remedy(),
            Self::Model(error) => error.remedy(),
            Self::Data { .. } | Self::Leak(_) => return None,
            Self::Diverged { .. } => "Lower the learning rate (--rate) and start again.",
            Self::OtherRenditions { .. } => "Name another --renditions-cache, or delete this one.",
            Self::TooShort { .. } => "Choose shorter --batches.",
            Self::Threads(_) => "End other programs, or raise the limit of processes (ulimit -u).",
            Self::HoldsRun { .. } => {
                "Continue it with --resume; to start over, choose another --out or delete that folder."
            }
            Self::Locked { .. } => "Wait until it ends, or choose another --out.",
            Self::Stopped => "Continue it with --resume.",
            Self::OtherRun { what, .. } if *what == DATA => {
                "Bring the folders back to what they were, or begin a new run with another --out."
            }
            Self::OtherRun { .. } => "Repeat the command that began the run, or choose another --out.",
        };
        Some(text.to_owned())
    }
}

impl From<candle_core::Error> for TrainError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::path::Path;

    #[test]
    fn only_a_run_of_its_own_is_resumed() {
        let full = || FileError::writing(Path::new("x"))(ErrorKind::StorageFull.into());
        let remedy = |error: TrainError| error.remedy().unwrap();
        assert!(!remedy(full().into()).contains("--resume"));
        assert!(remedy(TrainError::Interrupted(full())).contains("--resume"));
        assert!(!full().to_string().contains("--resume") && !full().remedy().contains("--resume"));
    }
}
