//! The undo journal: the bytes that a write replaces, kept until they are asked for.
//!
//! In: the old and the new file. Out: an entry; the old file again. Thread: any.
//!
//! An entry has what lies between the longest common beginning and end of both files, so it is small where a tag was
//! changed in place and as large as the file at worst. It is on the disk before the file is replaced.

use crate::error::{Refusal, TagError};
use crate::write::{Leftover, digest, is_same, keep_attributes, plain_file, replace, temporary};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where entries are kept, a folder for each run.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    run: PathBuf,
    entries: u32,
}

/// What came of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// The old bytes are back.
    Restored,
    /// They had never been replaced.
    WasOld,
}

/// A file whose entry was undone, or why it could not be.
#[derive(Debug)]
pub struct Restored {
    /// The file.
    pub path: PathBuf,
    /// What came of it.
    pub result: Result<Undone, TagError>,
}

/// The first line of an entry; the bytes follow.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The file's path: bytes in hexadecimal, since paths need not be text.
    path: String,
    /// SHA-256 of the old file and of the new.
    old: String,
    new: String,
    /// Bytes that both have in common at the beginning and at the end.
    prefix: u64,
    suffix: u64,
    /// Bytes of the old file in between, which follow the line.
    middle: u64,
}

/// Headers are no longer than this.
const LONGEST_HEADER: u64 = 64 * 1024;

impl Journal {
    /// A new run in this folder; nothing is made before there is an entry.
    pub fn begin(folder: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            folder: folder.to_owned(),
            run: folder.join(format!("{:020}-{}", since.as_millis(), std::process::id())),
            entries: 0,
        }
    }

    /// Keeps what replacing `old` by `new` under the name of `old` takes away, in this entry.
    pub(crate) fn keep(&mut self, old: &Path, new: &Path) -> Result<PathBuf, Refusal> {
        fs::create_dir_all(&self.run)?;
        let (mut before, mut after) = (File::open(old)?, File::open(new)?);
        let lengths = [before.metadata()?.len(), after.metadata()?.len()];
        let prefix = common_prefix(&mut before, &mut after)?;
        let most = lengths[0].min(lengths[1]) - prefix;
        let suffix = common_suffix(&mut before, &mut after, lengths, most)?;
        let header = Header {
            path: hex(path_bytes(&fs::canonicalize(old)?)),
            old: digest(old)?,
            new: digest(new)?,
            prefix,
            suffix,
            middle: lengths[0] - prefix - suffix,
        };
        let mut file = tempfile::NamedTempFile::new_in(&self.run)?;
        serde_json::to_writer(&mut file, &header).map_err(std::io::Error::from)?;
        file.write_all(b"\n")?;
        before.seek(SeekFrom::Start(prefix))?;
        std::io::copy(&mut before.take(header.middle), &mut file)?;
        file.as_file().sync_all()?;
        let name = loop {
            let name = self.run.join(format!("{:06}.undo", self.entries));
            self.entries += 1;
            match file.persist_noclobber(&name) {
                Ok(_) => break name,
                // Another run began in the same millisecond.
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => file = error.file,
                Err(error) => return Err(error.error.into()),
            }
        };
        File::open(&self.run)?.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(name)
    }

    /// Undoes the last run that is kept in this folder, newest entry first; what is undone is forgotten. A run of which
    /// no entry can be undone does not stand in the way of the one before it. `None`: there is none.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn undo_last(folder: &Path) -> std::io::Result<Option<Vec<Restored>>> {
        let mut all = Vec::new();
        for run in sorted(folder)?.iter().rev().filter(|run| run.is_dir()) {
            let restored = undo_run(run).unwrap_or_else(|error| {
                let result = Err(TagError::of(run)(error.into()));
                let path = run.clone();
                vec![Restored { path, result }]
            });
            let is_done = restored.iter().any(|file| file.result.is_ok());
            all.extend(restored);
            if is_done {
                break;
            }
        }
        Ok((!all.is_empty()).then_some(all))
    }
}

fn undo_run(run: &Path) -> std::io::Result<Vec<Restored>> {
    let mut restored = Vec::new();
    for entry in sorted(run)?.into_iter().rev() {
        if entry.extension().is_none_or(|extension| extension != "undo") {
            // What a killed run had begun to write.
            let _ = fs::remove_file(&entry);
            continue;
        }
        let (path, result) = undo(&entry);
        let result = result.and_then(|undone| {
            fs::remove_file(&entry)?;
            Ok(undone)
        });
        let result = result.map_err(TagError::of(&path));
        restored.push(Restored { path, result });
    }
    if sorted(run).is_ok_and(|left| left.is_empty()) {
        // An empty one is passed over.
        let _ = fs::remove_dir(run);
    }
    Ok(restored)
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// The file of an entry, and what came of it; the entry's own path if it does not say which file it is of.
fn undo(entry: &Path) -> (PathBuf, Result<Undone, Refusal>) {
    match header(entry) {
        Ok((header, path, bytes)) => {
            let result = restore(&header, &path, bytes);
            (path, result)
        }
        Err(why) => (entry.to_owned(), Err(why)),
    }
}

fn header(entry: &Path) -> Result<(Header, PathBuf, BufReader<File>), Refusal> {
    let mut reader = BufReader::new(File::open(entry)?);
    let mut line = Vec::new();
    std::io::BufRead::read_until(&mut Read::take(&mut reader, LONGEST_HEADER), b'\n', &mut line)?;
    let header: Header = serde_json::from_slice(&line).map_err(|_| Refusal::Journal)?;
    let path = unhex(&header.path).map(bytes_path).ok_or(Refusal::Journal)?;
    Ok((header, path, reader))
}

fn restore(header: &Header, path: &Path, bytes: impl Read) -> Result<Undone, Refusal> {
    // A link may stand there by now.
    let path = &fs::canonicalize(path)?;
    let original = plain_file(path)?;
    let now = digest(path)?;
    if now == header.old {
        return Ok(Undone::WasOld);
    }
    if now != header.new {
        return Err(Refusal::Meanwhile);
    }
    let (mut file, temporary) = temporary(path)?;
    let leftover = Leftover::of(&temporary);
    let mut new = File::open(path)?;
    let suffix_at = original.len().checked_sub(header.suffix).ok_or(Refusal::Journal)?;
    std::io::copy(&mut Read::by_ref(&mut new).take(header.prefix), &mut file)?;
    std::io::copy(&mut bytes.take(header.middle), &mut file)?;
    new.seek(SeekFrom::Start(suffix_at))?;
    std::io::copy(&mut new, &mut file)?;
    if digest(&temporary)? != header.old {
        return Err(Refusal::Journal);
    }
    keep_attributes(path, &original, &file)?;
    if !is_same(&original, &plain_file(path)?) {
        return Err(Refusal::Meanwhile);
    }
    replace(path, &file, leftover)?;
    Ok(Undone::Restored)
}

const BLOCK: usize = 64 * 1024;

fn common_prefix(a: &mut File, b: &mut File) -> std::io::Result<u64> {
    let (mut of_a, mut of_b) = (BufReader::with_capacity(BLOCK, a), BufReader::with_capacity(BLOCK, b));
    let mut common = 0;
    loop {
        let (left, right) = (
            std::io::BufRead::fill_buf(&mut of_a)?,
            std::io::BufRead::fill_buf(&mut of_b)?,
        );
        let count = left.len().min(right.len());
        let equal = left.iter().zip(right).take_while(|(x, y)| x == y).count();
        common += equal as u64;
        if equal < count || count == 0 {
            return Ok(common);
        }
        std::io::BufRead::consume(&mut of_a, count);
        std::io::BufRead::consume(&mut of_b, count);
    }
}

/// At most `most` bytes.
fn common_suffix(a: &mut File, b: &mut File, lengths: [u64; 2], most: u64) -> std::io::Result<u64> {
    let (mut left, mut right) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut common = 0;
    while common < most {
        let count = (most - common).min(BLOCK as u64) as usize;
        for (file, length, block) in [(&mut *a, lengths[0], &mut left), (&mut *b, lengths[1], &mut right)] {
            file.seek(SeekFrom::Start(length - common - count as u64))?;
            file.read_exact(&mut block[..count])?;
        }
        let pairs = left[..count].iter().rev().zip(right[..count].iter().rev());
        let equal = pairs.take_while(|(x, y)| x == y).count();
        common += equal as u64;
        if equal < count {
            break;
        }
    }
    Ok(common)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| 16 * pair[0] + pair[1]).collect())
}

#[cfg(unix)]
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

#[cfg(not(unix))]
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(unix)]
fn bytes_path(bytes: Vec<u8>) -> PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn bytes_path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_entry_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|text| {
            let path = folder.path().join(text);
            fs::write(&path, text).unwrap();
            path
        });
        let journal = Journal::begin(&folder.path().join("undo"));
        // Both began in one millisecond.
        let mut runs = [0, 1].map(|_| Journal {
            folder: journal.folder.clone(),
            run: journal.run.clone(),
            entries: 0,
        });
        let entries = runs.each_mut().map(|run| run.keep(&old, &new).unwrap());
        assert_ne!(entries[0], entries[1]);
        assert!(entries.iter().all(|entry| header(entry).is_ok()));
    }
}
