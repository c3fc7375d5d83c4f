//! A run's folder belongs to one program at a time.
//!
//! In: the folder. Out: a lock, or who has it. Thread: any.

use super::TrainError;
use attune_engine::files::{FileError, create_folder};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The name of the file that is locked; empty, and left where it is: another program may be about to lock it.
const NAME: &str = "run.lock";

/// The right to write into a run's folder, until it is dropped or the program ends, however it ends.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the folder, which is made if there is none.
    ///
    /// # Errors
    /// If another run has it, or the file cannot be made.
    pub(crate) fn take(folder: &Path) -> Result<Self, TrainError> {
        create_folder(folder)?;
        let path = folder.join(NAME);
        let failed = FileError::writing(&path);
        let opened = File::options().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(&failed)?;
        match file.try_lock() {
            // A file system without locks keeps nobody out: that is no reason not to train.
            Ok(()) => {}
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::Locked {
                    path: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error).into()),
        }
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/er");
        let first = RunLock::take(&out).unwrap();
        let second = RunLock::take(&out).unwrap_err();
        assert!(matches!(second, TrainError::Locked { .. }), "{second}");
        assert!(second.remedy().unwrap().contains("--out"));
        drop(first);
        RunLock::take(&out).unwrap();
    }
}
