//! Tags as their bytes stand in a file, and a digest of everything else: what the proof compares, so that it does not
//! rest on the library that writes.
//!
//! In: a file. Out: [`Raw`]. Thread: any.

pub(crate) mod ape;
mod flac;
mod id3;
mod iff;
pub(crate) mod mp4;
mod ogg;

pub(crate) use id3::is_own_text;

use crate::error::Refusal;
use lofty::file::FileType;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek};

/// No tag is larger than this; covers are a few megabytes.
const LARGEST: u64 = 256 << 20;

/// The kind of tag that a field stands in: one name means different things in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Id3,
    Comments,
    Ilst,
    Ape,
    Info,
}

/// One field or frame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) form: Form,
    /// `TIT2`, `TITLE` as it is written, `©nam`, `----:com.apple.iTunes:NAME`.
    pub(crate) id: String,
    pub(crate) data: Vec<u8>,
}

/// The fields of the tags that can be written, and all else that the file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    /// In the order of the file.
    pub(crate) items: Vec<Item>,
    pub(crate) of: Of,
    /// Digests of the other parts, in an order that does not matter.
    pub(crate) rest: Vec<Vec<u8>>,
}

/// What besides its fields a tag has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of {
    /// No tag, or its kind has nothing more.
    Nothing,
    /// Version of ID3v2.
    Id3(u8),
    /// Who made the file.
    Vendor(String),
    /// Digest of what stands beside the list of items in its box.
    Meta(Vec<u8>),
    /// Version, flags and reserve of the tag's header, where it has one, and footer.
    Ape(Option<ape::Mark>, ape::Mark),
}

impl Raw {
    pub(crate) fn read(kind: FileType, file: &mut File) -> Result<Self, Refusal> {
        file.rewind()?;
        let mut raw = match kind {
            FileType::Mpeg => id3::mpeg(file)?,
            FileType::Flac => flac::read(file)?,
            FileType::Vorbis | FileType::Opus | FileType::Speex => ogg::read(file)?,
            FileType::Wav | FileType::Aiff => iff::read(file)?,
            FileType::Mp4 => mp4::read(file)?,
            FileType::Ape | FileType::WavPack => ape::read(file)?,
            _ => return Err(Refusal::Format),
        };
        raw.rest.sort();
        Ok(raw)
    }
}

fn damaged(what: &str) -> Refusal {
    Refusal::Unreadable(what.to_owned())
}

/// The next `count` bytes.
fn take(file: &mut impl Read, count: u64) -> Result<Vec<u8>, Refusal> {
    if count > LARGEST {
        return Err(damaged("a part of it claims to be too large"));
    }
    let mut bytes = Vec::new();
    let read = file.take(count).read_to_end(&mut bytes)?;
    if (read as u64) < count {
        return Err(damaged("it ends in the middle of a part"));
    }
    Ok(bytes)
}

/// Digest of the next `count` bytes, or of all that are left; `label` tells parts of one content apart.
fn digest(label: &[u8], file: &mut impl Read, count: Option<u64>) -> Result<Vec<u8>, Refusal> {
    let mut hash = Sha256::new();
    hash.update(label);
    let (mut block, mut left) = (vec![0; 64 * 1024], count.unwrap_or(u64::MAX));
    while left > 0 {
        let most = left.min(block.len() as u64) as usize;
        let read = file.read(&mut block[..most])?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        left -= read as u64;
    }
    if count.is_some() && left > 0 {
        return Err(damaged("it ends in the middle of a part"));
    }
    Ok(hash.finalize().to_vec())
}

fn at(file: &mut File) -> Result<u64, Refusal> {
    Ok(file.stream_position()?)
}
