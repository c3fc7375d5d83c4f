//! One write, from the copy to the new file under the old name.
//!
//! In: a path, a field, a value. Out: the file; [`Written`]. Thread: any.

use crate::error::{Refusal, TagError};
use crate::field::Field;
use crate::formats;
use crate::journal::{Journal, hex, path_bytes};
use crate::proof;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Where a write is. After each the process may end, and the file is whole, old or new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The original is copied.
    Copied,
    /// The copy has the new value.
    Changed,
    /// It is proved that nothing else differs.
    Proved,
    /// The copy has mode, owner and extended attributes of the original, and is on the disk.
    Synced,
    /// The journal has what is replaced.
    Kept,
    /// The copy has the name of the original.
    Replaced,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The values before.
    pub before: Vec<String>,
}

/// Sets a field of a file to one value, in place of all that it had.
///
/// # Errors
/// If the file is refused, or something fails; it is then as it was.
pub fn write(path: &Path, field: &Field, value: &str, journal: &mut Journal) -> Result<Written, TagError> {
    write_with(path, (field, value), journal, |_| ())
}

/// The same; `at` is called after each step.
///
/// # Errors
/// As of [`write`].
pub fn write_with(
    path: &Path,
    (field, value): (&Field, &str),
    journal: &mut Journal,
    at: impl Fn(Step),
) -> Result<Written, TagError> {
    let mut work = || {
        // A link stays: what it points to is written.
        let path = fs::canonicalize(path)?;
        let original = plain_file(&path)?;
        let before = formats::Content::of(&mut File::open(&path)?, field)?.values(field);
        let (mut copy, temporary) = temporary(&path)?;
        let leftover = Leftover::of(&temporary);
        std::io::copy(&mut File::open(&path)?, &mut copy)?;
        at(Step::Copied);
        formats::set(&mut copy, field, value)?;
        at(Step::Changed);
        proof::differ_only_in(&path, &temporary, (field, value))?;
        at(Step::Proved);
        keep_attributes(&path, &original, &copy)?;
        copy.sync_all()?;
        at(Step::Synced);
        let entry = journal.keep(&path, &temporary)?;
        at(Step::Kept);
        if !is_same(&original, &plain_file(&path)?) {
            // There is nothing to undo.
            fs::remove_file(entry)?;
            return Err(Refusal::Meanwhile);
        }
        replace(&path, &copy, leftover)?;
        at(Step::Replaced);
        Ok(Written { before })
    };
    work().map_err(TagError::of(path))
}

/// A temporary file, which is removed unless it took the place of the original.
pub(crate) struct Leftover<'a>(Option<&'a Path>);

impl<'a> Leftover<'a> {
    pub(crate) fn of(temporary: &'a Path) -> Self {
        Self(Some(temporary))
    }
}

impl Drop for Leftover<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // Nothing depends on it: the next run takes it over.
            let _ = fs::remove_file(path);
        }
    }
}

/// Its metadata, if it is a plain file with one name.
pub(crate) fn plain_file(path: &Path) -> Result<Metadata, Refusal> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Refusal::NotAFile);
    }
    #[cfg(unix)]
    match std::os::unix::fs::MetadataExt::nlink(&metadata) {
        0 | 1 => {}
        names => return Err(Refusal::Linked(names)),
    }
    Ok(metadata)
}

pub(crate) fn is_same(a: &Metadata, b: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (a.ino(), a.dev(), a.ctime(), a.ctime_nsec()) != (b.ino(), b.dev(), b.ctime(), b.ctime_nsec()) {
            return false;
        }
    }
    a.len() == b.len() && a.modified().ok() == b.modified().ok()
}

/// An empty file beside `path`, locked: what a killed run left there is taken over, what a running one has is not.
pub(crate) fn temporary(path: &Path) -> Result<(File, PathBuf), Refusal> {
    let name = path.file_name().ok_or(Refusal::NotAFile)?;
    let name = Sha256::digest(path_bytes(Path::new(name)));
    let temporary = path.with_file_name(format!(".attune-tag-{}", hex(&name[..8])));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    let file = options.open(&temporary)?;
    lock(&file, &temporary)?;
    file.set_len(0)?;
    Ok((file, temporary))
}

/// Locks an open file that may be emptied. Between opening and locking, another run may have given it the name of the
/// song: then it has its own name no more.
fn lock(file: &File, temporary: &Path) -> Result<(), Refusal> {
    file.try_lock().map_err(|_| Refusal::Busy)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let of = |metadata: Metadata| (metadata.dev(), metadata.ino(), metadata.nlink());
        let named = fs::symlink_metadata(temporary).map_err(|_| Refusal::Busy)?;
        let open = of(file.metadata()?);
        if open != of(named) || open.2 != 1 {
            return Err(Refusal::Busy);
        }
    }
    #[cfg(not(unix))]
    let _ = temporary;
    Ok(())
}

/// Mode, owner and extended attributes of the original. Not its time of modification: by that, players and backups see
/// that they have to read it again.
pub(crate) fn keep_attributes(path: &Path, original: &Metadata, copy: &File) -> Result<(), Refusal> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        use xattr::FileExt;
        let of_copy = copy.metadata()?;
        if (of_copy.uid(), of_copy.gid()) != (original.uid(), original.gid()) {
            std::os::unix::fs::fchown(copy, Some(original.uid()), Some(original.gid()))?;
        }
        for name in attributes(path)? {
            let value = xattr::get(path, &name)?;
            // What the system gave to the copy by itself may not be ours to set.
            if let Some(value) = value.filter(|value| copy.get_xattr(&name).ok().flatten().as_ref() != Some(value)) {
                copy.set_xattr(&name, &value)?;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    copy.set_permissions(original.permissions())?;
    Ok(())
}

/// Names of extended attributes: none where the file system has no such thing.
#[cfg(unix)]
fn attributes(path: &Path) -> std::io::Result<Vec<std::ffi::OsString>> {
    // One number here, two there.
    let none = [libc::ENOTSUP, libc::EOPNOTSUPP];
    match xattr::list(path) {
        Ok(names) => Ok(names.collect()),
        Err(error) if error.raw_os_error().is_some_and(|code| none.contains(&code)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Puts the copy in place of the original.
pub(crate) fn replace(path: &Path, copy: &File, mut leftover: Leftover<'_>) -> Result<(), Refusal> {
    copy.sync_all()?;
    if let Some(temporary) = leftover.0 {
        fs::rename(temporary, path)?;
        leftover.0 = None;
    }
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn digest(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash, mut block) = (File::open(path)?, Sha256::new(), vec![0; 64 * 1024]);
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&block[..count]),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_another_run_gave_the_name_of_the_song_is_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let song = folder.path().join("song.flac");
        fs::write(&song, "old").unwrap();
        let (of_other, name) = temporary(&song).unwrap();
        // This run opens it; the other one ends meanwhile, and then this one gets the lock.
        let open = OpenOptions::new().read(true).write(true).open(&name).unwrap();
        assert!(matches!(lock(&open, &name), Err(Refusal::Busy)), "the other has it");
        (&of_other).write_all(b"new").unwrap();
        replace(&song, &of_other, Leftover::of(&name)).unwrap();
        drop(of_other);
        assert!(matches!(lock(&open, &name), Err(Refusal::Busy)), "it is the song now");
        drop(open);
        let (_third, name) = temporary(&song).unwrap();
        let open = File::open(&song).unwrap();
        assert!(
            matches!(lock(&open, &name), Err(Refusal::Busy)),
            "the name is another file's"
        );
        assert_eq!(fs::read(&song).unwrap(), b"new");
    }

    #[test]
    fn a_name_that_is_another_files_too_is_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let (song, other) = (folder.path().join("song.flac"), folder.path().join("other.flac"));
        let (_, name) = temporary(&song).unwrap();
        fs::write(&other, "other").unwrap();
        fs::remove_file(&name).unwrap();
        fs::hard_link(&other, &name).unwrap();
        assert!(matches!(temporary(&song), Err(Refusal::Busy)));
        assert_eq!(fs::read(&other).unwrap(), b"other");
    }

    #[test]
    fn a_copy_that_cannot_take_the_name_goes() {
        let folder = tempfile::tempdir().unwrap();
        let song = folder.path().join("song.flac");
        let (copy, name) = temporary(&song).unwrap();
        fs::create_dir(&song).unwrap();
        assert!(replace(&song, &copy, Leftover::of(&name)).is_err());
        assert!(!name.exists());
    }

    #[test]
    fn attributes_that_cannot_be_listed_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(attributes(folder.path()).is_ok());
        assert!(attributes(&folder.path().join("gone")).is_err());
    }
}
