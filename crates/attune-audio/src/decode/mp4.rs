//! What mp4 files say beside the sound: how much of it the encoder added, and whether the index is there at all
//! (ISO 14496-12; iTunes' comment `iTunSMPB`).
//!
//! In: a part of a file. Out: [`Gaps`]. Thread: any.

use super::bytes::{Part, array};
use std::io;
use std::ops::Range;

/// The stretch of a track that is to be played, in units of its time scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Units before the sound.
    pub(super) lead_in: u64,
    /// Units of sound, if they are stated.
    pub(super) length: Option<u64>,
    /// Units for each second.
    pub(super) timescale: u32,
}

impl Gaps {
    /// So many units, in samples at a rate in hertz.
    pub(super) fn samples(&self, units: u64, rate: u32) -> u64 {
        u64::try_from(u128::from(units) * u128::from(rate) / u128::from(self.timescale)).unwrap_or(u64::MAX)
    }
}

/// The outermost boxes of a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    /// The index.
    pub(super) has_index: bool,
    /// The sound.
    pub(super) has_data: bool,
}

/// More boxes than this in one are damage.
const MOST_BOXES: usize = 4096;
/// Longer comments are not read.
const LONGEST_COMMENT: u64 = 4096;

/// Whether this is an mp4 file.
pub(super) fn is_mp4(head: &[u8]) -> bool {
    head.get(4..8)
        .is_some_and(|name| matches!(name, b"ftyp" | b"moov" | b"mdat"))
}

/// The outermost boxes.
pub(super) fn outline(part: &Part) -> io::Result<Outline> {
    let mut outline = Outline::default();
    let (mut at, mut count) = (part.start, 0);
    while at < part.end && count < MOST_BOXES {
        let Some((name, body)) = box_at(part, at, u64::MAX)? else {
            return Ok(outline);
        };
        match &name {
            b"moov" | b"moof" => outline.has_index = true,
            b"mdat" => outline.has_data = true,
            _ => {}
        }
        (at, count) = (body.end, count + 1);
    }
    Ok(outline)
}

/// The gaps of a track.
pub(super) fn gaps(part: &Part, track: u32) -> io::Result<Option<Gaps>> {
    let Some(moov) = find(part, part.start..part.end, *b"moov")? else {
        return Ok(None);
    };
    let movie_scale = match find(part, moov.clone(), *b"mvhd")? {
        Some(mvhd) => time_scale(part, &mvhd)?,
        None => None,
    };
    let mut own = None;
    let mut audio_tracks = 0;
    for trak in all(part, moov.clone(), *b"trak")? {
        let Some(mdia) = find(part, trak.clone(), *b"mdia")? else {
            continue;
        };
        let handler = match find(part, mdia.clone(), *b"hdlr")? {
            Some(hdlr) => part.read_at(hdlr.start + 8, 4)?,
            None => continue,
        };
        audio_tracks += usize::from(handler == b"soun");
        let Some(tkhd) = find(part, trak.clone(), *b"tkhd")? else {
            continue;
        };
        let header = part.read_at(tkhd.start, 24)?;
        let id_at = if header.first() == Some(&1) { 20 } else { 12 };
        if array(&header, id_at).map(u32::from_be_bytes) != Some(track) {
            continue;
        }
        let Some(timescale) = (match find(part, mdia, *b"mdhd")? {
            Some(mdhd) => time_scale(part, &mdhd)?,
            None => None,
        }) else {
            return Ok(None);
        };
        let edits = match find(part, trak, *b"edts")? {
            Some(edts) => find(part, edts, *b"elst")?,
            None => None,
        };
        own = Some((timescale, edits));
    }
    let Some((timescale, edits)) = own else {
        return Ok(None);
    };
    // iTunes counts to the sample; an edit list's length only to the movie's time scale, a millisecond or so.
    if audio_tracks == 1
        && let Some((lead_in, length)) = itunes_gaps(part, moov)?
    {
        return Ok(Some(Gaps {
            lead_in,
            length: Some(length),
            timescale,
        }));
    }
    let (Some(edits), Some(movie_scale)) = (edits, movie_scale) else {
        return Ok(None);
    };
    let list = part.read_at(edits.start, 8 + 64 * 20)?;
    Ok(edit(&list).map(|(duration, lead_in)| Gaps {
        lead_in,
        length: length_of(duration, timescale, movie_scale),
        timescale,
    }))
}

/// The edit's length in the track's units; none where rounding makes it uncertain by more than a sample.
fn length_of(duration: u64, timescale: u32, movie_scale: u32) -> Option<u64> {
    (duration > 0 && movie_scale > 0)
        .then(|| (u128::from(duration) * u128::from(timescale)).div_ceil(u128::from(movie_scale)) as u64)
}

/// Length in the movie's units and start in the track's, of a list that is one stretch, perhaps after a pause.
fn edit(list: &[u8]) -> Option<(u64, u64)> {
    let wide = *list.first()? == 1;
    let count = u32::from_be_bytes(array(list, 4)?) as usize;
    let size = if wide { 20 } else { 12 };
    let mut found = None;
    for entry in list.get(8..)?.chunks_exact(size).take(count) {
        let (duration, start) = if wide {
            (
                u64::from_be_bytes(array(entry, 0)?),
                i64::from_be_bytes(array(entry, 8)?),
            )
        } else {
            (
                u64::from(u32::from_be_bytes(array(entry, 0)?)),
                i64::from(i32::from_be_bytes(array(entry, 4)?)),
            )
        };
        match u64::try_from(start) {
            // −1: nothing for a while, as a film does whose sound comes later. The sound is what counts.
            Err(_) => {}
            Ok(start) if found.is_none() => found = Some((duration, start)),
            // Cut together from several stretches: it is played as it is stored.
            Ok(_) => return None,
        }
    }
    found
}

fn time_scale(part: &Part, header: &Range<u64>) -> io::Result<Option<u32>> {
    let bytes = part.read_at(header.start, 24)?;
    let at = if bytes.first() == Some(&1) { 20 } else { 12 };
    Ok(array(&bytes, at).map(u32::from_be_bytes).filter(|scale| *scale > 0))
}

/// ` 00000000 DELAY PADDING LENGTH …` in hexadecimal.
fn itunes_gaps(part: &Part, moov: Range<u64>) -> io::Result<Option<(u64, u64)>> {
    let mut place = moov;
    for name in [*b"udta", *b"meta"] {
        let Some(inner) = find(part, place, name)? else {
            return Ok(None);
        };
        place = inner;
    }
    // A full box, but in old QuickTime files.
    place.start += 4;
    let Some(items) = find(part, place, *b"ilst")? else {
        return Ok(None);
    };
    for item in all(part, items, *b"----")? {
        let text = part.read_at(item.start, (item.end - item.start).min(LONGEST_COMMENT) as usize)?;
        if !text.windows(8).any(|word| word == b"iTunSMPB") {
            continue;
        }
        let Some(data) = find(part, item, *b"data")? else {
            continue;
        };
        let value = part.read_at(
            data.start + 8,
            (data.end - data.start).saturating_sub(8).min(LONGEST_COMMENT) as usize,
        )?;
        let value = String::from_utf8_lossy(&value);
        let mut fields = value
            .split_whitespace()
            .skip(1)
            .map(|field| u64::from_str_radix(field, 16));
        if let (Some(Ok(delay)), Some(Ok(_)), Some(Ok(length))) = (fields.next(), fields.next(), fields.next())
            && length > 0
        {
            return Ok(Some((delay, length)));
        }
    }
    Ok(None)
}

/// Name and body of the box at `at`, which ends at `end` at the latest.
fn box_at(part: &Part, at: u64, end: u64) -> io::Result<Option<([u8; 4], Range<u64>)>> {
    let head = part.read_at(at, 16)?;
    let (Some(size), Some(name)) = (array(&head, 0).map(u32::from_be_bytes), array::<4>(&head, 4)) else {
        return Ok(None);
    };
    let (body, size) = match size {
        // To the end of the file.
        0 => (at + 8, part.end - at),
        1 => match array(&head, 8).map(u64::from_be_bytes) {
            Some(size) if size >= 16 => (at + 16, size),
            _ => return Ok(None),
        },
        2..8 => return Ok(None),
        _ => (at + 8, u64::from(size)),
    };
    Ok(at
        .checked_add(size)
        .map(|stop| (name, body..stop.min(end)))
        .filter(|(_, body)| body.start <= body.end))
}

fn all(part: &Part, within: Range<u64>, wanted: [u8; 4]) -> io::Result<Vec<Range<u64>>> {
    let mut found = Vec::new();
    let (mut at, mut count) = (within.start, 0);
    while at + 8 <= within.end && count < MOST_BOXES {
        let Some((name, body)) = box_at(part, at, within.end)? else {
            break;
        };
        at = body.end;
        count += 1;
        if name == wanted {
            found.push(body);
        }
    }
    Ok(found)
}

fn find(part: &Part, within: Range<u64>, wanted: [u8; 4]) -> io::Result<Option<Range<u64>>> {
    Ok(all(part, within, wanted)?.into_iter().next())
}
