//! Why a file is left as it is.
//!
//! In: a path and a cause. Out: [`TagError`], with what to do about it. Thread: any.

use std::path::{Path, PathBuf};

/// A file that was left as it is.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = .path.display())]
pub struct TagError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub why: Refusal,
}

/// Why a file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// No format whose tags can be written.
    #[error("tags of this format are not written")]
    Format,
    /// Its tags are damaged, or of a kind that is not known to the letter.
    #[error("its tags cannot be read to the letter ({0})")]
    Unreadable(String),
    /// The changed copy cannot be made.
    #[error("its tag cannot be changed ({0})")]
    Unwritable(String),
    /// The changed copy is not the original but for the field.
    #[error("changing the field would also change {0}")]
    Changed(&'static str),
    /// It has other names, which would go on with the old content.
    #[error("it has {0} names (hard links)")]
    Linked(u64),
    /// It is a folder, a device or a pipe.
    #[error("it is not a plain file")]
    NotAFile,
    /// Another program changed it meanwhile.
    #[error("it was changed by another program meanwhile")]
    Meanwhile,
    /// Another run of Attune works on it.
    #[error("another run of Attune works on it")]
    Busy,
    /// The journal's entry is damaged.
    #[error("its entry in the journal is damaged")]
    Journal,
}

impl Refusal {
    /// What a user can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io(_) => "Check the file, its folder and the room on the disk.",
            Self::Format => "Tags are written to mp3, flac, ogg vorbis, opus, m4a, wav, aiff, ape and WavPack.",
            Self::Unreadable(_) => "Repair the tags with a tag editor, then try again.",
            Self::Unwritable(_) | Self::Changed(_) => "Write the genre with a tag editor.",
            Self::Linked(_) => "Make it a file of its own (cp FILE NEW; mv NEW FILE), then try again.",
            Self::NotAFile => "Name a music file.",
            Self::Meanwhile => "Try again.",
            Self::Busy => "Wait for the other run, then try again.",
            Self::Journal => "Restore the file from a backup.",
        }
    }
}

impl TagError {
    pub(crate) fn of(path: &Path) -> impl Fn(Refusal) -> Self + '_ {
        |why| Self {
            path: path.to_owned(),
            why,
        }
    }
}
