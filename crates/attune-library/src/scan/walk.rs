//! The sound files below folders, each once.
//!
//! In: folders. Out: [`Found`], in the order of their names. Thread: the caller's.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Extensions of files that may hold sound, in lower case.
pub const EXTENSIONS: [&str; 37] = [
    "3gp", "aac", "aif", "aifc", "aiff", "alac", "ape", "asf", "au", "avi", "caf", "dsf", "flac", "flv", "m4a", "m4b",
    "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpc", "oga", "ogg", "ogv", "opus", "ra", "snd", "spx", "tta",
    "w64", "wav", "webm", "wma", "wv",
];

/// A file, and by what a change of it is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified: i64,
}

impl Found {
    /// As the file is now.
    ///
    /// # Errors
    /// If it is not there, or may not be looked at.
    pub fn now(path: PathBuf) -> io::Result<Self> {
        let metadata = std::fs::metadata(&path)?;
        Ok(Self::of(path, &metadata))
    }

    fn of(path: PathBuf, metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            path,
            size: metadata.len(),
            modified: since.map_or(0, |since| since.as_nanos() as i64),
        }
    }
}

/// Walks folders. Links are followed, but nothing is visited twice, whatever links lead to it: a folder or file that
/// was seen under another name is passed over.
#[derive(Debug, Default)]
pub struct Walk {
    seen: HashSet<Identity>,
}

type Identity = (u64, u64);

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere the standard library does not say: links are followed as often as they lead there.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

impl Walk {
    /// Calls `on_file` with each sound file below `root` (or `root` itself, whatever it is called), and `on_error` with
    /// each folder that cannot be read. Names that begin with a dot are passed over.
    ///
    /// # Errors
    /// Those of `on_file`.
    pub fn run<E>(
        &mut self,
        root: &Path,
        on_file: &mut dyn FnMut(Found) -> Result<(), E>,
        on_error: &mut dyn FnMut(&Path, &io::Error),
    ) -> Result<(), E> {
        let metadata = match std::fs::metadata(root) {
            Ok(metadata) => metadata,
            Err(error) => {
                on_error(root, &error);
                return Ok(());
            }
        };
        if metadata.is_file() {
            if self.is_new(&metadata) {
                on_file(Found::of(root.to_owned(), &metadata))?;
            }
            return Ok(());
        }
        // Real entries before links: what is reached by both has its own name.
        let mut folders = vec![root.to_owned()];
        let mut links = Vec::new();
        loop {
            while let Some(folder) = folders.pop() {
                self.folder(&folder, (&mut folders, &mut links), on_file, on_error)?;
            }
            let Some(link) = links.pop() else { return Ok(()) };
            match std::fs::metadata(&link) {
                Ok(to) if to.is_dir() => folders.push(link),
                Ok(to) if to.is_file() && is_sound(&link) && self.is_new(&to) => on_file(Found::of(link, &to))?,
                // A link that leads nowhere is no file.
                _ => {}
            }
        }
    }

    fn folder<E>(
        &mut self,
        folder: &Path,
        (folders, links): (&mut Vec<PathBuf>, &mut Vec<PathBuf>),
        on_file: &mut dyn FnMut(Found) -> Result<(), E>,
        on_error: &mut dyn FnMut(&Path, &io::Error),
    ) -> Result<(), E> {
        match std::fs::metadata(folder) {
            Ok(metadata) if self.is_new(&metadata) => {}
            Ok(_) => return Ok(()),
            Err(error) => {
                on_error(folder, &error);
                return Ok(());
            }
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                on_error(folder, &error);
                return Ok(());
            }
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let from = folders.len();
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                links.push(path);
            } else if kind.is_file() && is_sound(&path) {
                // What is gone since the folder was read is not there.
                if let Ok(metadata) = entry.metadata()
                    && self.is_new(&metadata)
                {
                    on_file(Found::of(path, &metadata))?;
                }
            }
        }
        // Taken from the end: the first one first.
        folders[from..].reverse();
        Ok(())
    }

    fn is_new(&mut self, metadata: &Metadata) -> bool {
        // A file with one name cannot be met twice but by a link, which leads to a name; all are kept nevertheless: 16
        // bytes each.
        identity(metadata).is_none_or(|it| self.seen.insert(it))
    }
}

/// Whether a file of this name may hold sound.
pub fn is_sound(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.binary_search(&extension.as_str()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::fs;

    fn walked(roots: &[&Path]) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        let mut walk = Walk::default();
        for root in roots {
            let on_file = &mut |found: Found| -> Result<(), Infallible> {
                files.push(found.path);
                Ok(())
            };
            walk.run(root, on_file, &mut |path, _| errors.push(path.to_owned()))
                .unwrap();
        }
        (files, errors)
    }

    #[test]
    fn the_extensions_are_in_order() {
        assert!(EXTENSIONS.is_sorted());
        assert!(is_sound(Path::new("a/B.MP3")) && !is_sound(Path::new("a/mp3")) && !is_sound(Path::new("cover.jpg")));
    }

    #[test]
    fn files_come_in_the_order_of_their_names_and_hidden_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b", "a/x", ".hidden"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in [
            "b/2.mp3",
            "b/1.OGG",
            "a/x/3.flac",
            "z.wav",
            "note.txt",
            ".hidden/4.wav",
            ".5.wav",
        ] {
            fs::write(at(name), "x").unwrap();
        }
        let (files, errors) = walked(&[folder.path(), &at("b/2.mp3"), &at("none")]);
        assert_eq!(files, ["z.wav", "a/x/3.flac", "b/1.OGG", "b/2.mp3"].map(at));
        assert_eq!(errors, [at("none")]);
        // A file that is named is taken whatever it is called.
        assert_eq!(walked(&[&at("note.txt")]).0, [at("note.txt")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_reads_nothing_twice() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("music/jazz")).unwrap();
        fs::create_dir_all(at("outside")).unwrap();
        fs::write(at("music/jazz/1.mp3"), "x").unwrap();
        fs::write(at("outside/2.mp3"), "y").unwrap();
        for (to, name) in [
            ("..", "music/jazz/up"),
            ("../outside", "music/elsewhere"),
            ("../music", "outside/back"),
            ("jazz/1.mp3", "music/again.mp3"),
            ("nowhere.mp3", "music/broken.mp3"),
            ("loop", "music/loop"),
        ] {
            symlink(to, at(name)).unwrap();
        }
        let (files, errors) = walked(&[&at("music"), &at("outside")]);
        assert_eq!(files, ["music/jazz/1.mp3", "music/elsewhere/2.mp3"].map(at));
        assert!(errors.is_empty(), "{errors:?}");
    }
}
