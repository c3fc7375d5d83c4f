//! Why a library cannot be read or written.

use std::path::{Path, PathBuf};

/// Why a library cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// SQLite refuses.
    #[error("{}: {source}", path.display())]
    Database {
        /// The library.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A newer version of the program wrote it.
    #[error("{}: a newer version of attune wrote it (form {found})", path.display())]
    Newer {
        /// The library.
        path: PathBuf,
        /// Its form.
        found: usize,
    },
    /// There is none.
    #[error("{}: there is no such library", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A filter cannot be understood.
    #[error("--where {text}: {reason}")]
    Filter {
        /// As typed.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A table cannot be written.
    #[error(transparent)]
    Export(#[from] crate::ExportError),
    /// It cannot be written to where it should go.
    #[error("the table cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl LibraryError {
    pub(crate) fn at(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        |source| Self::Database {
            path: path.to_owned(),
            source,
        }
    }

    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Database { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => "Name another file: this is no library of attune.",
                Some(rusqlite::ErrorCode::DiskFull) => "Make room on the disk, or name another place.",
                Some(rusqlite::ErrorCode::DatabaseBusy) => {
                    "Wait until the other program has finished, then run it again."
                }
                Some(rusqlite::ErrorCode::CannotOpen) => "Check the spelling and the folder.",
                Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
                    "Give yourself access, or name another place."
                }
                _ => "Check the disk, or begin a new library beside it.",
            },
            Self::Newer { .. } => "Use that version, or begin a new library.",
            Self::Missing { .. } => "Check the spelling, or make it with `attune scan FOLDER --db FILE`.",
            Self::Filter { .. } => "Write it as genre=rock, confidence>=0.6, path~live or error!=",
            Self::Export(_) => "Choose another format.",
            Self::Output(_) => "Check the disk, or name another place.",
        }
    }
}
