//! Writes what is known to files, without keeping the window waiting.
//!
//! In: files, by their endings. Out: files. Thread: one of its own for each export.

use super::job::Job;
use attune_engine::files::{FileError, write_atomically};
use std::path::{Path, PathBuf};

/// Files on their way to a folder; in the end the first of them.
pub(super) type Export = Job<PathBuf, FileError>;

/// The user's documents, or where the program was started.
fn usual_folder() -> PathBuf {
    let user = directories::UserDirs::new();
    let documents = user
        .as_ref()
        .and_then(|user| user.document_dir().or_else(|| Some(user.home_dir())));
    documents.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Begins to write `attune-NAME.ENDING` for each file; `done` is called when the answer is there.
pub(super) fn start(
    name: &str,
    files: Vec<(impl AsRef<str> + Send + 'static, Vec<u8>)>,
    folder: Option<&Path>,
    done: impl Fn() + Send + Sync + 'static,
) -> Export {
    let folder = folder.map_or_else(usual_folder, Path::to_owned);
    let stem = folder.join(format!("attune-{}", plain(name)));
    Job::start("attune-export", done, move |_| write(&stem, &files))
}

fn write(stem: &Path, files: &[(impl AsRef<str>, Vec<u8>)]) -> Result<PathBuf, FileError> {
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
    for (ending, bytes) in files {
        write_atomically(&beside(ending.as_ref()), bytes)?;
    }
    Ok(beside(files.first().map_or("", |(ending, _)| ending.as_ref())))
}

/// A name that any file system takes.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_no_training_run_is_mentioned() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let error = write(&blocked.join("attune-plot"), &[("svg", Vec::new())]).unwrap_err();
        assert!(error.to_string().contains("file/attune-plot.svg"), "{error}");
        assert!(!format!("{error} {}", error.remedy()).contains("--resume"), "{error}");
    }
}
