//! Where the frames of a FLAC file begin (RFC 9639, 8).
//!
//! In: a part of a file. Out: a place. Thread: any.

use super::bytes::Part;
use std::io;

/// More blocks of metadata than this are damage.
const MOST_BLOCKS: usize = 4096;

/// The first byte behind all metadata; `None` where that is damaged.
pub(super) fn first_frame(part: &Part) -> io::Result<Option<u64>> {
    let mut at = part.start + 4;
    for _ in 0..MOST_BLOCKS {
        let head = part.read_at(at, 4)?;
        let [kind, sizes @ ..] = &head[..] else {
            return Ok(None);
        };
        at += 4 + sizes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if at > part.end {
            return Ok(None);
        }
        if kind & 0x80 != 0 {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
