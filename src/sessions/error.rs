//! Why sessions cannot be kept, and what to do about it: never something by which they would be lost.
//!
//! In: errors of SQLite and the file system. Out: [`StoreError`]. Thread: any.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why sessions cannot be kept, one kind for each thing that can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder of the file cannot be made.
    #[error("the history cannot be kept in {}: {source}; check that the folder is yours and not full", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is something by the name of the file that is none.
    #[error("the history cannot be kept in {}: that is a folder, a pipe or a device, and no file", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
    },
    /// Another program is writing. Passes by itself.
    #[error("the history in {} is held by another program: {source}; close that program", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// This one could not be written; the next may be.
    #[error("the history in {} cannot be written now: {source}; check the disk and make room on it", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It has more than is read or written at once.
    #[error("the history in {} takes too long or is too large to be read here ({source})", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// This program may not use it.
    #[error("the history in {} cannot be used: {source}; give yourself the right to read and write it", path.display())]
    Forbidden {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file is damaged, or no history.
    #[error(
        "the history in {} cannot be used: {source}; it is left as it is: move the file away, and those beside it whose \
         names begin with its own, to begin a new one",
        path.display()
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A later program has written it.
    #[error(
        "the history in {} has version {found}, this program knows {known}; use the newer program, or move the file away",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest version that this program knows.
        known: usize,
    },
}

impl StoreError {
    /// SQLite's error about this file.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Self::Busy { path, source }
            }
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => {
                Self::Disk { path, source }
            }
            Some(ErrorCode::OperationInterrupted | ErrorCode::TooBig) => Self::TooLarge { path, source },
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::Forbidden { path, source }
            }
            _ => Self::Database { path, source },
        }
    }

    /// Whether the same may succeed in a moment, without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Whether what comes after this may succeed, though this did not.
    pub(super) fn is_of_one_entry(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Disk { .. } | Self::TooLarge { .. })
    }
}
