//! What Matroska and WebM files say beside the sound: the encoder's delay, and the length (RFC 9559).
//!
//! In: a part of a file. Out: [`Heading`]. Thread: any.

use super::bytes::{Part, array};
use crate::units::Seconds;
use std::io;
use std::ops::Range;

/// What stands before the sound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Heading {
    /// Sound of the track that the encoder put before the rest.
    pub(super) delay: Seconds,
    /// Length of the whole file.
    pub(super) duration: Option<Seconds>,
}

const EBML: u64 = 0x1A45_DFA3;
const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_A966;
const TIMESTAMP_SCALE: u64 = 0x2A_D7B1;
const DURATION: u64 = 0x4489;
const TRACKS: u64 = 0x1654_AE6B;
const TRACK_ENTRY: u64 = 0xAE;
const TRACK_NUMBER: u64 = 0xD7;
const CODEC_DELAY: u64 = 0x56AA;

/// More elements than this before the sound are damage.
const MOST_ELEMENTS: usize = 4096;

/// Reads it for a track.
pub(super) fn heading(part: &Part, track: u32) -> io::Result<Heading> {
    let mut heading = Heading::default();
    let Some(segment) = find(part, part.start..part.end, SEGMENT)? else {
        return Ok(heading);
    };
    if let Some(info) = find(part, segment.clone(), INFO)? {
        let scale = match find(part, info.clone(), TIMESTAMP_SCALE)? {
            Some(scale) => number(part, &scale)?,
            None => 1_000_000,
        };
        if let Some(duration) = find(part, info, DURATION)? {
            let bytes = part.read_at(duration.start, (duration.end - duration.start).min(8) as usize)?;
            let ticks = array(&bytes, 0)
                .map(f64::from_be_bytes)
                .or_else(|| array(&bytes, 0).map(|bytes| f64::from(f32::from_be_bytes(bytes))));
            let secs = ticks.map(|ticks| ticks * scale as f64 * 1e-9);
            heading.duration = secs.filter(|secs| secs.is_finite() && *secs > 0.0).map(Seconds);
        }
    }
    let Some(tracks) = find(part, segment, TRACKS)? else {
        return Ok(heading);
    };
    for entry in all(part, tracks, TRACK_ENTRY)? {
        let own = match find(part, entry.clone(), TRACK_NUMBER)? {
            Some(own) => number(part, &own)?,
            None => continue,
        };
        if own == u64::from(track)
            && let Some(delay) = find(part, entry, CODEC_DELAY)?
        {
            heading.delay = Seconds(number(part, &delay)? as f64 * 1e-9);
        }
    }
    Ok(heading)
}

/// Whether a file that begins so is one.
pub(super) fn is_mkv(head: &[u8]) -> bool {
    array(head, 0).map(u32::from_be_bytes).map(u64::from) == Some(EBML)
}

/// Value and bytes of a number whose first byte says how long it is; of an element's size without the length's mark.
fn variable(bytes: &[u8], keeps_mark: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let rest = bytes.get(1..length)?;
    let mark = 0x80_u8.checked_shr(length as u32 - 1)?;
    let start = if keeps_mark { first } else { first & !mark };
    let value = rest
        .iter()
        .fold(u64::from(start), |sum, &byte| sum << 8 | u64::from(byte));
    Some((value, length))
}

fn all(part: &Part, within: Range<u64>, wanted: u64) -> io::Result<Vec<Range<u64>>> {
    let mut found = Vec::new();
    let mut at = within.start;
    for _ in 0..MOST_ELEMENTS {
        if at >= within.end {
            break;
        }
        let head = part.read_at(at, 16)?;
        let header = variable(&head, true).and_then(|(id, length)| {
            let (size, more) = variable(&head[length..], false)?;
            Some((id, size, (length + more) as u64, 7 * more as u32))
        });
        let Some((id, size, header, bits)) = header else {
            break;
        };
        let body = at + header;
        // All ones: as long as its parent.
        let is_open = bits < 64 && size == (1 << bits) - 1;
        let end = if is_open {
            within.end
        } else {
            body.saturating_add(size).min(within.end)
        };
        if body > end {
            break;
        }
        if id == wanted {
            found.push(body..end);
            if wanted != TRACK_ENTRY {
                break;
            }
        }
        at = end;
    }
    Ok(found)
}

fn find(part: &Part, within: Range<u64>, wanted: u64) -> io::Result<Option<Range<u64>>> {
    Ok(all(part, within, wanted)?.into_iter().next())
}

fn number(part: &Part, place: &Range<u64>) -> io::Result<u64> {
    let bytes = part.read_at(place.start, (place.end - place.start).min(8) as usize)?;
    Ok(bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;

    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        [id, &[0x80 | body.len() as u8], body].concat()
    }

    #[test]
    fn delay_and_length_are_read() {
        let info = element(
            &[0x15, 0x49, 0xA9, 0x66],
            &[
                element(&[0x2A, 0xD7, 0xB1], &[0x0F, 0x42, 0x40]),
                element(&[0x44, 0x89], &2500_f32.to_be_bytes()),
            ]
            .concat(),
        );
        let track = |number: u8, delay: u32| {
            let fields = [
                element(&[0xD7], &[number]),
                element(&[0x56, 0xAA], &delay.to_be_bytes()),
            ];
            element(&[0xAE], &fields.concat())
        };
        let tracks = element(
            &[0x16, 0x54, 0xAE, 0x6B],
            &[track(1, 6_500_000), track(2, 80_000_000)].concat(),
        );
        let mut file = element(&[0x1A, 0x45, 0xDF, 0xA3], &[]);
        // A segment that is as long as the file.
        file.extend([0x18, 0x53, 0x80, 0x67, 0xFF]);
        file.extend(info);
        file.extend(tracks);
        let mut stored = tempfile::tempfile().expect("a temporary file can be made");
        stored.write_all(&file).expect("it can be written");
        let part = Part::whole(Arc::new(stored)).expect("it can be read");
        let read = heading(&part, 2).expect("it can be read");
        assert_eq!(read.duration, Some(Seconds(2.5)));
        assert!((read.delay.0 - 0.08).abs() < 1e-12);
        assert_eq!(heading(&part, 3).expect("it can be read").delay, Seconds(0.0));
    }
}
