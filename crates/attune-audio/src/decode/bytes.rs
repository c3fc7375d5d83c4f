//! A part of a file as symphonia's demuxers read it: tags cut off at either end, or another header put before it.
//!
//! In: an open file. Out: [`Part`] (a media source), [`Window`] (bytes at any place). Thread: any.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use symphonia::core::io::MediaSource;

/// A stretch of a file, after bytes of our own. Reads at its own place, so that any number of parts share one file.
#[derive(Debug, Clone)]
pub(super) struct Part {
    file: Arc<File>,
    /// What is read before the stretch.
    head: Vec<u8>,
    /// Where the stretch begins in the file.
    pub(super) start: u64,
    /// Where it ends in the file.
    pub(super) end: u64,
    /// The next byte, from the first byte of `head` on.
    at: u64,
}

impl Part {
    /// The whole file.
    pub(super) fn whole(file: Arc<File>) -> io::Result<Self> {
        let end = file.metadata()?.len();
        Ok(Self {
            file,
            head: Vec::new(),
            start: 0,
            end,
            at: 0,
        })
    }

    /// The bytes `start..end` of the same file, after `head`.
    pub(super) fn cut(&self, head: Vec<u8>, start: u64, end: u64) -> Self {
        let end = end.min(self.end);
        Self {
            file: Arc::clone(&self.file),
            head,
            start: start.min(end),
            end,
            at: 0,
        }
    }

    /// The file itself.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Bytes of the file from `at` on, as many as there are up to `count`.
    pub(super) fn read_at(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let count = self.end.saturating_sub(at).min(count as u64) as usize;
        let mut bytes = vec![0; count];
        let mut done = 0;
        while done < count {
            match read_file_at(&self.file, &mut bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_file_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, at)
}

#[cfg(windows)]
fn read_file_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, at)
}

impl Read for Part {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let head = self.head.len() as u64;
        let read = if self.at < head {
            let rest = &self.head[self.at as usize..];
            let count = rest.len().min(out.len());
            out[..count].copy_from_slice(&rest[..count]);
            count
        } else {
            let at = self.start.saturating_add(self.at - head);
            let count = self.end.saturating_sub(at).min(out.len() as u64) as usize;
            read_file_at(&self.file, &mut out[..count], at)?
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.head.len() as u64 + (self.end - self.start);
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(delta) => length.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.at.checked_add_signed(delta),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl MediaSource for Part {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.head.len() as u64 + (self.end - self.start))
    }
}

/// Bytes at any place of a part, read in larger pieces.
#[derive(Debug)]
pub(super) struct Window {
    part: Part,
    at: u64,
    bytes: Vec<u8>,
    #[cfg(test)]
    counts: (u64, u64),
}

/// Read at once: a second of mp3 at the highest bit rate.
const PIECE: usize = 1 << 16;
/// Kept of the piece before: whoever looks ahead by a frame comes back.
const KEPT: u64 = 1 << 14;

impl Window {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            at: 0,
            bytes: Vec::new(),
            #[cfg(test)]
            counts: (0, 0),
        }
    }

    /// Bytes that were asked for.
    #[cfg(test)]
    pub(super) fn requested(&self) -> u64 {
        self.counts.0
    }

    /// Bytes that were read from the file.
    #[cfg(test)]
    pub(super) fn fetched(&self) -> u64 {
        self.counts.1
    }

    /// Where the part ends in the file.
    pub(super) fn end(&self) -> u64 {
        self.part.end
    }

    /// The part.
    pub(super) fn part(&self) -> &Part {
        &self.part
    }

    /// `count` bytes of the file from `at` on, or fewer at the end.
    pub(super) fn get(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        if at >= self.end() {
            return Ok(&[]);
        }
        let stop = at.saturating_add(count as u64).min(self.end());
        if at < self.at || stop > self.at + self.bytes.len() as u64 {
            let start = if at < self.at {
                at
            } else {
                at.saturating_sub(KEPT).max(self.at)
            };
            self.bytes = self.part.read_at(start, (at - start) as usize + count.max(PIECE))?;
            self.at = start;
            #[cfg(test)]
            {
                self.counts.1 += self.bytes.len() as u64;
            }
        }
        #[cfg(test)]
        {
            self.counts.0 += count as u64;
        }
        let from = (at - self.at) as usize;
        let until = self.bytes.len().min(from + count);
        Ok(&self.bytes[from.min(until)..until])
    }
}

/// `N` bytes at `at`, if there are so many.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
