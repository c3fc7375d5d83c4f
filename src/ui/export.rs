//! Writes what is known to files, without keeping the window waiting.
//!
//! In: files, by their endings. Out: files. Thread: one of its own for each export.

use attune_train::TrainError;
use attune_train::checkpoint::write_atomically;
use crossbeam_channel::{Receiver, bounded};
use std::path::{Path, PathBuf};

/// What was written first, or which folder could not be written and why.
pub type Written = Result<PathBuf, (PathBuf, String)>;

/// The user's documents, or where the program was started.
fn usual_folder() -> PathBuf {
    let user = directories::UserDirs::new();
    let documents = user
        .as_ref()
        .and_then(|user| user.document_dir().or_else(|| Some(user.home_dir())));
    documents.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Begins to write `attune-NAME.ENDING` for each file; `done` is called when the answer is there.
pub fn begin(
    name: &str,
    files: Vec<(impl AsRef<str> + Send + 'static, Vec<u8>)>,
    folder: Option<&Path>,
    done: impl Fn() + Send + 'static,
) -> Receiver<Written> {
    let folder = folder.map_or_else(usual_folder, Path::to_owned);
    let stem = folder.join(format!("attune-{}", plain(name)));
    let (tell, written) = bounded(1);
    let failed = (tell.clone(), folder.clone());
    let begun = std::thread::Builder::new()
        .name("attune-export".to_owned())
        .spawn(move || {
            // Nobody waits any more if the window is closed.
            let _ = tell.send(write(&stem, &files).map_err(|error| (folder, error.to_string())));
            done();
        });
    if let Err(error) = begun {
        let (tell, folder) = failed;
        let _ = tell.send(Err((folder, error.to_string())));
    }
    written
}

fn write(stem: &Path, files: &[(impl AsRef<str>, Vec<u8>)]) -> Result<PathBuf, TrainError> {
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
