//! APEv1 and APEv2 behind the sound (<https://wiki.hydrogenaud.io/index.php?title=APEv2_specification>): items as they
//! stand in the file. They are written here too: lofty's writer takes a header for granted, which tags need not have,
//! and marks every tag as one without a footer.

use super::{Form, Item, Of, Raw, damaged, digest, take};
use crate::error::Refusal;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

/// Version, flags and reserve, as they stand in a header or footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    version: u32,
    flags: u32,
    reserve: [u8; 8],
}

const PREAMBLE: &[u8] = b"APETAGEX";
const MARK: u64 = 32;
const HAS_HEADER: u32 = 1 << 31;
const IS_HEADER: u32 = 1 << 29;
const ID3V1: u64 = 128;

/// A tag, or where one would be.
struct Place {
    start: u64,
    end: u64,
    header: Option<Mark>,
    footer: Option<Mark>,
    count: u32,
    body: Vec<u8>,
}

pub(super) fn read(file: &mut File) -> Result<Raw, Refusal> {
    let place = find(file)?;
    file.rewind()?;
    let before = digest(b"before", file, Some(place.start))?;
    file.seek(SeekFrom::Start(place.end))?;
    let rest = vec![before, digest(b"behind", file, None)?];
    Ok(Raw {
        items: items(&place.body, place.count)?,
        of: place.footer.map_or(Of::Nothing, |footer| Of::Ape(place.header, footer)),
        rest,
    })
}

/// Puts a tag of these items in the place of the one that there is; header, footer and all else stay.
pub(crate) fn write(file: &mut File, items: &[Item]) -> Result<(), Refusal> {
    let place = find(file)?;
    let new = |flags| Mark {
        version: 2000,
        flags,
        reserve: [0; 8],
    };
    let footer = place.footer.unwrap_or(new(HAS_HEADER));
    let header = place
        .header
        .or(place.footer.is_none().then(|| new(HAS_HEADER | IS_HEADER)));
    if footer.version < 2000 && !items.iter().all(|item| item.data.is_ascii()) {
        return Err(Refusal::Unwritable("text of APEv1 is ASCII".to_owned()));
    }
    let mut body = Vec::new();
    for item in items {
        let (flags, value) = item.data.split_at_checked(4).unwrap_or_default();
        body.extend((value.len() as u32).to_le_bytes());
        body.extend(flags);
        body.extend(item.id.as_bytes());
        body.push(0);
        body.extend(value);
    }
    let bytes_of = |mark: Mark| {
        let mut bytes = PREAMBLE.to_vec();
        let size = body.len() as u32 + MARK as u32;
        for number in [mark.version, size, items.len() as u32, mark.flags] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(mark.reserve);
        bytes
    };
    file.seek(SeekFrom::Start(place.end))?;
    let length = file.metadata()?.len();
    let behind = take(file, length.saturating_sub(place.end))?;
    file.set_len(place.start)?;
    file.seek(SeekFrom::Start(place.start))?;
    file.write_all(&header.map(bytes_of).unwrap_or_default())?;
    file.write_all(&body)?;
    file.write_all(&bytes_of(footer))?;
    file.write_all(&behind)?;
    Ok(())
}

/// Only ID3v1 may come behind the tag.
fn find(file: &mut File) -> Result<Place, Refusal> {
    let mut end = file.metadata()?.len();
    if end >= ID3V1 && bytes_at(file, end - ID3V1, 3)? == b"TAG" {
        end -= ID3V1;
    }
    if end >= 9 && bytes_at(file, end - 9, 9)? == b"LYRICS200" {
        return Err(damaged("files with Lyrics3 are not written"));
    }
    let nothing = Place {
        start: end,
        end,
        header: None,
        footer: None,
        count: 0,
        body: Vec::new(),
    };
    if end < MARK {
        return Ok(nothing);
    }
    let Some((footer, size, count)) = mark(&bytes_at(file, end - MARK, MARK)?) else {
        return Ok(nothing);
    };
    if !matches!(footer.version, 1000 | 2000) || footer.flags & IS_HEADER != 0 {
        return Err(damaged("its tag of APE has no footer of a known version"));
    }
    // The size is that of items and footer.
    let first = end.checked_sub(u64::from(size)).filter(|_| u64::from(size) >= MARK);
    let first = first.ok_or_else(|| damaged("its tag of APE is larger than the file"))?;
    let body = bytes_at(file, first, u64::from(size) - MARK)?;
    let (mut start, mut header) = (first, None);
    if footer.version == 2000 && footer.flags & HAS_HEADER != 0 {
        start = first
            .checked_sub(MARK)
            .ok_or_else(|| damaged("its tag of APE has no header"))?;
        let found = mark(&bytes_at(file, start, MARK)?).filter(|(header, of_header, of_count)| {
            header.version == 2000 && header.flags & IS_HEADER != 0 && (*of_header, *of_count) == (size, count)
        });
        header = Some(found.ok_or_else(|| damaged("its tag of APE has no header"))?.0);
    }
    Ok(Place {
        start,
        end,
        header,
        footer: Some(footer),
        count,
        body,
    })
}

fn bytes_at(file: &mut File, place: u64, count: u64) -> Result<Vec<u8>, Refusal> {
    file.seek(SeekFrom::Start(place))?;
    take(file, count)
}

/// Header or footer, its size and its count of items.
fn mark(bytes: &[u8]) -> Option<(Mark, u32, u32)> {
    let bytes = bytes.strip_prefix(PREAMBLE)?;
    let number = |i: usize| Some(u32::from_le_bytes(bytes.get(4 * i..4 * i + 4)?.try_into().ok()?));
    let mark = Mark {
        version: number(0)?,
        flags: number(3)?,
        reserve: bytes.get(16..24)?.try_into().ok()?,
    };
    Some((mark, number(1)?, number(2)?))
}

/// As many as are stated, up to the last byte; an item's data is its flags and its value.
fn items(mut body: &[u8], count: u32) -> Result<Vec<Item>, Refusal> {
    let cut = || damaged("an item of APE reaches beyond the tag");
    let mut items = Vec::new();
    for _ in 0..count {
        let (size, rest) = body.split_first_chunk().ok_or_else(cut)?;
        let (flags, rest) = rest.split_at_checked(4).ok_or_else(cut)?;
        let key = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        if !(2..=255).contains(&key.len()) || !key.iter().all(|byte| (0x20..0x7f).contains(byte)) {
            return Err(damaged("an item of APE has no name"));
        }
        let rest = rest.get(key.len() + 1..).ok_or_else(cut)?;
        let (value, rest) = rest
            .split_at_checked(u32::from_le_bytes(*size) as usize)
            .ok_or_else(cut)?;
        items.push(Item {
            form: Form::Ape,
            id: String::from_utf8_lossy(key).into_owned(),
            data: [flags, value].concat(),
        });
        body = rest;
    }
    if !body.is_empty() {
        return Err(damaged("there is something behind the items of APE"));
    }
    Ok(items)
}
