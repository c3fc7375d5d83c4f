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
    /// The copy has mode, owner, extended attributes and times of the original, and is on the disk.
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
        let guard = Leftover(Some(&temporary));
        std::io::copy(&mut File::open(&path)?, &mut copy)?;
        at(Step::Copied);
        formats::set(&mut copy, field, value)?;
        at(Step::Changed);
        proof::differ_only_in(&path, &temporary, (field, value))?;
        at(Step::Proved);
        keep_attributes(&path, &original, &copy, &temporary)?;
        copy.sync_all()?;
        at(Step::Synced);
        journal.keep(&path, &temporary)?;
        at(Step::Kept);
        if !is_same(&original, &plain_file(&path)?) {
            return Err(Refusal::Meanwhile);
        }
        guard.forget();
        replace(&path, &copy, &temporary)?;
        at(Step::Replaced);
        Ok(Written { before })
    };
    work().map_err(TagError::of(path))
}

/// A temporary file that is removed where a write fails.
struct Leftover<'a>(Option<&'a Path>);

impl Leftover<'_> {
    fn forget(mut self) {
        self.0 = None;
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
fn plain_file(path: &Path) -> Result<Metadata, Refusal> {
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

fn is_same(a: &Metadata, b: &Metadata) -> bool {
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
    file.try_lock().map_err(|_| Refusal::Busy)?;
    file.set_len(0)?;
    Ok((file, temporary))
}

/// Mode, owner, extended attributes and times of the original.
pub(crate) fn keep_attributes(path: &Path, original: &Metadata, copy: &File, temporary: &Path) -> Result<(), Refusal> {
    copy.set_permissions(original.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let of_copy = copy.metadata()?;
        if (of_copy.uid(), of_copy.gid()) != (original.uid(), original.gid()) {
            std::os::unix::fs::fchown(copy, Some(original.uid()), Some(original.gid()))?;
        }
        for name in xattr::list(path).into_iter().flatten() {
            if let Some(value) = xattr::get(path, &name)? {
                xattr::set(temporary, &name, &value)?;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = (path, temporary);
    let times = fs::FileTimes::new().set_modified(original.modified()?);
    copy.set_times(times)?;
    Ok(())
}

/// Puts the copy, synced, in place of the original.
pub(crate) fn replace(path: &Path, copy: &File, temporary: &Path) -> Result<(), Refusal> {
    copy.sync_all()?;
    fs::rename(temporary, path)?;
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
