//! Ogg: packets as they stand in the pages (RFC 3533), and the comments in the second one.

use super::flac::parse_comments;
use super::{Raw, damaged, take};
use crate::error::Refusal;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};

/// One page.
struct Page {
    serial: u32,
    granule: u64,
    lengths: Vec<u8>,
    data: Vec<u8>,
}

pub(super) fn read(file: &mut File) -> Result<Raw, Refusal> {
    let mut reader = BufReader::new(file);
    let mut hash = Sha256::new();
    let (mut open, mut first, mut packets, mut comments) = (HashMap::new(), None, 0_u64, None);
    while let Some(page) = next(&mut reader)? {
        let first = *first.get_or_insert(page.serial);
        if page.granule != 0 {
            hash.update(page.serial.to_le_bytes());
            hash.update(page.granule.to_le_bytes());
        }
        let packet: &mut Vec<u8> = open.entry(page.serial).or_default();
        let mut data = &page.data[..];
        for length in page.lengths {
            let (now, later) = data.split_at(usize::from(length));
            packet.extend(now);
            data = later;
            if length == 255 {
                continue;
            }
            let whole = std::mem::take(packet);
            if page.serial == first {
                packets += 1;
            }
            if page.serial == first && packets == 2 {
                comments = Some(whole);
            } else {
                hash.update(page.serial.to_le_bytes());
                hash.update((whole.len() as u64).to_le_bytes());
                hash.update(&whole);
            }
        }
    }
    for (serial, packet) in open {
        if !packet.is_empty() {
            hash.update(serial.to_le_bytes());
            hash.update(&packet);
        }
    }
    let comments = comments.ok_or_else(|| damaged("it has no comments"))?;
    let (body, more) = [&b"\x03vorbis"[..], b"OpusTags"]
        .into_iter()
        .find_map(|mark| comments.strip_prefix(mark).map(|body| (body, mark.len() == 8)))
        .unwrap_or((&comments, false));
    let raw = parse_comments(body, vec![hash.finalize().to_vec()])?;
    // Opus may keep anything behind its comments.
    if more && tail(body, &raw).iter().any(|byte| *byte != 0) {
        return Err(damaged("there is something behind its comments"));
    }
    Ok(raw)
}

/// What follows the comments in their packet.
fn tail<'a>(body: &'a [u8], raw: &Raw) -> &'a [u8] {
    let super::Of::Vendor(vendor) = &raw.of else {
        return &[];
    };
    let items = raw.items.iter().map(|item| 4 + item.id.len() + 1 + item.data.len());
    &body[(8 + vendor.len() + items.sum::<usize>()).min(body.len())..]
}

fn next(reader: &mut impl Read) -> Result<Option<Page>, Refusal> {
    let mut head = [0; 27];
    let mut read = 0;
    while read < head.len() {
        match reader.read(&mut head[read..])? {
            0 if read == 0 => return Ok(None),
            0 => return Err(damaged("it ends in the middle of a page")),
            count => read += count,
        }
    }
    if !head.starts_with(b"OggS") {
        return Err(damaged("there is something between its pages"));
    }
    let lengths = take(reader, u64::from(head[26]))?;
    let size = lengths.iter().map(|length| u64::from(*length)).sum();
    Ok(Some(Page {
        serial: u32::from_le_bytes([head[14], head[15], head[16], head[17]]),
        granule: u64::from_le_bytes(std::array::from_fn(|i| head[6 + i])),
        data: take(reader, size)?,
        lengths,
    }))
}
