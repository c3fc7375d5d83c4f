//! Finds music in a folder.

use super::super::TrainError;
use attune_engine::files::FileError;
use std::path::{Path, PathBuf};

/// Endings of files that may hold music that Attune can decode.
const ENDINGS: [&str; 14] = [
    "wav", "mp3", "flac", "ogg", "oga", "m4a", "mp4", "aac", "aif", "aiff", "aifc", "caf", "mka", "webm",
];

/// All audio files below a folder, by their endings, in the order of their paths.
///
/// # Errors
/// If a folder cannot be read, or none holds an audio file.
pub fn music_below(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    if files.is_empty() {
        return Err(TrainError::Data {
            path: folder.to_owned(),
            message: format!("no audio file below it (by the endings {})", ENDINGS.join(" ")),
        });
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), TrainError> {
    let failed = FileError::reading(folder);
    for entry in std::fs::read_dir(folder).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(&failed)?);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if kind.is_dir() {
            collect(&path, files)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}
