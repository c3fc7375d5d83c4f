//! What every build needs or uses: models, folders, room on the disk, FFmpeg.
//!
//! In: this machine. Out: [`Check`]s. Thread: any; files are written into the folders and gone at once.

use super::{AppError, Check};
use attune_audio::decode::ffmpeg_version;
use attune_engine::files::FileError;
use attune_model::{LoadedModel, ModelError, ModelSet};
use std::path::{Path, PathBuf};

/// Bytes that should be free: a file on standard input is copied to the disk, and tags are before they are changed.
#[cfg(unix)]
const LEAST_FREE: u64 = 100_000_000;

/// That they load and compute what their manifests say, which is why they were loaded.
pub(super) fn models(models: Result<ModelSet, ModelError>) -> Check {
    match models {
        Ok(set) => {
            let manifests = set.models.iter().chain(&set.gate).map(LoadedModel::manifest);
            let names: Vec<&str> = manifests.map(|manifest| &manifest.name[..]).collect();
            let found = format!(
                "{}: weights and golden test are as their manifests say",
                names.join(", ")
            );
            Check::works("models", found)
        }
        Err(error) => {
            let (AppError::Usage(problem) | AppError::Failed(problem)) = error.into();
            Check::fails("models", problem.message, problem.remedy)
        }
    }
}

/// Where settings, history and proofs are kept, and temporary files.
pub(super) fn folders() -> [Check; 4] {
    let folders = crate::folders();
    let of = |folder: fn(&directories::ProjectDirs) -> &Path| folders.as_ref().map(|it| folder(it).to_owned());
    [
        writable("settings", of(directories::ProjectDirs::config_dir)),
        writable("history", of(directories::ProjectDirs::data_dir)),
        writable("cache", of(directories::ProjectDirs::cache_dir)),
        writable("temporary", Some(std::env::temp_dir())),
    ]
}

fn writable(name: &'static str, folder: Option<PathBuf>) -> Check {
    let Some(folder) = folder else {
        return Check::limited(name, "the system names no home folder, so nothing is kept", "Set HOME.");
    };
    match tempfile::tempfile_in(nearest(&folder)) {
        Ok(_) => Check::works(name, folder.display().to_string()),
        Err(error) => {
            let error = FileError::writing(&folder)(error);
            Check::limited(name, error.to_string(), error.remedy())
        }
    }
}

/// The folder, or the one above it that is there: it is made when something is kept in it.
fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|above| above.exists()).unwrap_or(folder)
}

/// Room for history and temporary files.
#[cfg(unix)]
pub(super) fn disk() -> Option<Check> {
    let folders = [
        crate::folders().map(|it| it.data_dir().to_owned()),
        Some(std::env::temp_dir()),
    ];
    let free = folders.into_iter().flatten().filter_map(|folder| {
        let disk = rustix::fs::statvfs(nearest(&folder)).ok()?;
        Some((disk.f_bavail.saturating_mul(disk.f_frsize), folder))
    });
    let (bytes, folder) = free.min()?;
    let found = format!("{:.1} GB free for {}", bytes as f64 / 1e9, folder.display());
    Some(if bytes < LEAST_FREE {
        Check::limited("disk", found, "Make room on the disk.")
    } else {
        Check::works("disk", found)
    })
}

#[cfg(not(unix))]
pub(super) fn disk() -> Option<Check> {
    None
}

/// Whether it is installed, and which.
pub(super) fn ffmpeg() -> Check {
    match ffmpeg_version() {
        Some(Ok(version)) => Check::works("ffmpeg", version),
        Some(Err(why)) => Check::limited("ffmpeg", format!("it cannot be run: {why}"), "Install FFmpeg again."),
        None => Check::limited(
            "ffmpeg",
            "not installed: wma, ac3, wavpack and other formats of its own are not read",
            "Install FFmpeg.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_asked_of_the_one_above_and_nothing_is_left() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join("a/b");
        let check = writable("cache", Some(below.clone()));
        assert_eq!((check.state, check.found), (State::Works, below.display().to_string()));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        std::fs::write(home.path().join("a"), "").unwrap();
        let check = writable("cache", Some(below));
        assert_eq!(check.state, State::Limited);
        assert!(check.found.contains("a/b") && check.remedy.is_some(), "{check:?}");
        assert_eq!(writable("cache", None).state, State::Limited);
    }
}
