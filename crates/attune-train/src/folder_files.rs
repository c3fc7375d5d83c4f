//! The files of folders: which there are, and what each is.
//!
//! In: classes with their folders. Out: paths; what is known of a file, and its sound. Thread: training's.

use super::TrainError;
use super::folders::{ClassSource, LeftOut};
use super::pieces::{Piece, levels, trimmed};
use super::survey::FileFacts;
use attune_audio::decode::decode_file;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_engine::files::FileError;
use attune_tags::{Origin, origin};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Every visible file of every class, with the class.
pub(crate) fn files_of(classes: &[ClassSource]) -> Result<Vec<(PathBuf, usize)>, TrainError> {
    let mut files = Vec::new();
    for (class, wanted) in classes.iter().enumerate() {
        for folder in &wanted.folders {
            audio_below(folder, class, &mut files)?;
        }
    }
    Ok(files)
}

pub(crate) fn too_short(name: &str) -> LeftOut {
    LeftOut {
        message: format!("{name} is too short to be a clip"),
        remedy: "use recordings of at least half a second".to_owned(),
    }
}

pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let failed = FileError::reading(folder);
    let mut paths = std::fs::read_dir(folder)
        .map_err(&failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(&failed)?;
    paths.sort();
    Ok(paths)
}

/// Every visible file below a folder.
fn audio_below(folder: &Path, class: usize, files: &mut Vec<(PathBuf, usize)>) -> Result<(), TrainError> {
    for path in entries(folder)? {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            audio_below(&path, class, files)?;
        } else {
            files.push((path, class));
        }
    }
    Ok(())
}

/// From this length on a sound is long enough for sure.
const LONG_ENOUGH: Seconds = Seconds(1.0);

/// One file: what is known of it, and its sound without silence at the ends.
pub(crate) fn read(path: &Path, class: usize, spec: &FrontEndSpec) -> Result<(FileFacts, Piece), LeftOut> {
    let (info, samples) = decode_file(path).map_err(|error| LeftOut {
        remedy: error.remedy().to_owned(),
        message: error.message,
    })?;
    let name = path.to_string_lossy().into_owned();
    let mut digest = Sha256::new();
    digest.update(info.rate.0.to_le_bytes());
    for sample in &samples {
        digest.update(sample.to_le_bytes());
    }
    let samples = trimmed(samples, info.rate).ok_or_else(|| LeftOut {
        message: format!("{name} is silent"),
        remedy: "record it louder, or leave it away".to_owned(),
    })?;
    let duration = info.rate.duration(samples.len() as u64);
    let piece = Piece {
        name,
        rate: info.rate,
        samples,
    };
    if duration.0 < LONG_ENOUGH.0 && levels(&piece, spec).is_ok_and(|levels| levels.len() < 2 * spec.bands) {
        return Err(too_short(&piece.name));
    }
    let Origin { artist, album } = origin(path);
    let facts = FileFacts {
        path: path.to_owned(),
        class,
        duration,
        artist,
        album,
        sound: digest.finalize().into(),
    };
    Ok((facts, piece))
}
