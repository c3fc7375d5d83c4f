//! Which files are music, and those in a folder.
//!
//! In: paths. Out: paths. Thread: any.

use std::path::{Path, PathBuf};

/// Endings of files that are taken for music where nobody named them one by one.
const ENDINGS: [&str; 16] = [
    "mp3", "flac", "ogg", "oga", "opus", "spx", "m4a", "m4b", "mp4", "aac", "wav", "aif", "aiff", "ape", "wv", "wma",
];

/// Whether the name is that of a music file.
pub(crate) fn is_music(path: &Path) -> bool {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// A file as it is, or the music in a folder and the folders in it, by name, as long as `go_on` says so.
/// Hidden files and links to folders are left out, so no folder is entered twice.
///
/// # Errors
/// The folder that cannot be read, and why.
pub(crate) fn find(
    path: &Path,
    files: &mut Vec<PathBuf>,
    go_on: &dyn Fn() -> bool,
) -> Result<(), (PathBuf, std::io::Error)> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let unread = |error| (path.to_owned(), error);
    let entries = std::fs::read_dir(path).map_err(unread)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(unread)?);
        if !go_on() || entry.file_name().as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        if kind.is_dir() {
            find(&path, files, go_on)?;
        } else if is_music(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_music_of_a_folder_is_found_by_name_and_links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("b")).unwrap();
        for name in ["b/2.FLAC", "b/1.mp3", "a.ogg", "notes.txt", ".hidden.mp3"] {
            fs::write(at(name), "").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), at("b/loop")).unwrap();
        let mut files = Vec::new();
        find(folder.path(), &mut files, &|| true).unwrap();
        assert_eq!(files, ["a.ogg", "b/1.mp3", "b/2.FLAC"].map(at));
        let mut named = Vec::new();
        find(&at("notes.txt"), &mut named, &|| true).unwrap();
        assert_eq!(named, [at("notes.txt")], "what is named is taken");
        assert!(
            find(&at("gone"), &mut named, &|| true).is_ok(),
            "opening it will say why it cannot be"
        );
    }
}
