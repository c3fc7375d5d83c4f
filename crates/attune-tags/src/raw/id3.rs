//! ID3v2.3 and 2.4: frames as they stand in the file (<https://id3.org>).

use super::{Form, Item, Of, Raw, damaged, digest, take};
use crate::error::Refusal;
use std::fs::File;
use std::io::{Read, Seek};

const HEADER: u64 = 10;

/// A tag at the start of a file, and a digest of all that follows it.
pub(super) fn mpeg(file: &mut File) -> Result<Raw, Refusal> {
    let mut head = [0; HEADER as usize];
    let read = Read::by_ref(file).take(HEADER).read(&mut head)?;
    if read < head.len() || !head.starts_with(b"ID3") {
        file.rewind()?;
        return Ok(Raw {
            items: Vec::new(),
            of: Of::Nothing,
            rest: vec![digest(b"", file, None)?],
        });
    }
    let body = take(file, body_length(head)?)?;
    let mut raw = frames(head, body)?;
    let mut next = [0; 3];
    let read = Read::by_ref(file).take(3).read(&mut next)?;
    if next.starts_with(b"ID3") {
        return Err(damaged("there are two tags of ID3v2"));
    }
    raw.rest.push(digest(&next[..read], file, None)?);
    Ok(raw)
}

/// What a whole tag has, of a chunk that is one.
pub(super) fn chunk(bytes: &[u8]) -> Result<Raw, Refusal> {
    let Some((head, body)) = bytes.split_first_chunk::<{ HEADER as usize }>() else {
        return Err(damaged("a tag of ID3v2 is too short"));
    };
    let length = body_length(*head)?;
    let body = body
        .get(..length as usize)
        .ok_or_else(|| damaged("a tag of ID3v2 is too short"))?;
    frames(*head, body.to_vec())
}

fn body_length(head: [u8; HEADER as usize]) -> Result<u64, Refusal> {
    let footer = if head[3] == 4 && head[5] & 0x10 != 0 { HEADER } else { 0 };
    let size = syncsafe(&head[6..10]).ok_or_else(|| damaged("the size of a tag of ID3v2 is none"))?;
    Ok(u64::from(size) + footer)
}

fn frames(head: [u8; HEADER as usize], body: Vec<u8>) -> Result<Raw, Refusal> {
    let (version, flags) = (head[3], head[5]);
    if !matches!(version, 3 | 4) {
        return Err(Refusal::Unreadable(format!("ID3v2.{version} is not written")));
    }
    if flags & 0x40 != 0 {
        return Err(damaged("ID3v2 with an extended header is not written"));
    }
    let body = if version == 3 && flags & 0x80 != 0 {
        resynchronised(&body)
    } else {
        body
    };
    let mut left = &body[..];
    let mut items = Vec::new();
    while left.len() >= HEADER as usize && left[0] != 0 {
        let id = std::str::from_utf8(&left[..4]).unwrap_or_default().to_owned();
        if id.len() != 4 || !id.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err(damaged("a frame has no name"));
        }
        let size = match version {
            3 => Some(u32::from_be_bytes([left[4], left[5], left[6], left[7]])),
            _ => syncsafe(&left[4..8]),
        };
        let size = size.ok_or_else(|| damaged("the size of a frame is none"))? as usize;
        let (status, format) = (left[8], left[9]);
        let data = left
            .get(10..10 + size)
            .ok_or_else(|| damaged("a frame reaches beyond the tag"))?;
        items.push(Item {
            form: Form::Id3,
            // What is to become of a frame belongs to it.
            id: if status == 0 { id } else { format!("{id}/{status:02x}") },
            data: plain(version, format, data)?,
        });
        left = &left[10 + size..];
    }
    if left.iter().any(|byte| *byte != 0) && flags & 0x10 == 0 {
        return Err(damaged("there is something in the padding"));
    }
    Ok(Raw {
        items,
        of: Of::Id3(version),
        rest: Vec::new(),
    })
}

/// A frame's content without the forms that it can be wrapped in.
fn plain(version: u8, format: u8, data: &[u8]) -> Result<Vec<u8>, Refusal> {
    match (version, format) {
        (_, 0) => Ok(data.to_vec()),
        // Unsynchronised, with the length before it or not.
        (4, 0x02) => Ok(resynchronised(data)),
        (4, 0x03) => Ok(resynchronised(data.get(4..).unwrap_or_default())),
        (4, 0x01) => Ok(data.get(4..).unwrap_or_default().to_vec()),
        _ => Err(damaged("compressed, encrypted or grouped frames are not written")),
    }
}

/// Without the zeros after 0xFF that hide it from players.
fn resynchronised(bytes: &[u8]) -> Vec<u8> {
    let mut previous = 0;
    let is_kept = |byte: &u8| !(std::mem::replace(&mut previous, *byte) == 0xff && *byte == 0);
    bytes.iter().copied().filter(is_kept).collect()
}

/// 28 bits in four bytes.
fn syncsafe(bytes: &[u8]) -> Option<u32> {
    let is_safe = bytes.iter().all(|byte| byte & 0x80 == 0);
    is_safe.then(|| bytes.iter().fold(0, |size, byte| size << 7 | u32::from(*byte)))
}

/// Whether this is a `TXXX` of this name.
pub(crate) fn is_own_text(item: &Item, name: &str) -> bool {
    let Some((encoding, text)) = item.data.split_first().filter(|_| item.id == "TXXX") else {
        return false;
    };
    let description: String = match encoding {
        0 | 3 => {
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
            String::from_utf8_lossy(&text[..end]).into_owned()
        }
        _ => {
            let is_little = *encoding == 1 && text.starts_with(&[0xff, 0xfe]);
            let unit = |pair: &[u8]| {
                let pair = [pair[0], pair[1]];
                if is_little {
                    u16::from_le_bytes(pair)
                } else {
                    u16::from_be_bytes(pair)
                }
            };
            let units = text.chunks_exact(2).map(unit).take_while(|unit| *unit != 0);
            let units: Vec<u16> = units.filter(|unit| *unit != 0xfeff).collect();
            String::from_utf16_lossy(&units)
        }
    };
    description.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(version: u8, frames: &[u8]) -> Vec<u8> {
        let mut bytes = vec![b'I', b'D', b'3', version, 0, 0, 0, 0, 0, frames.len() as u8];
        bytes.extend(frames);
        bytes
    }

    #[test]
    fn frames_are_read_as_they_stand_and_what_is_odd_is_refused() {
        let raw = chunk(&tag(3, b"TIT2\0\0\0\x03\0\0\0hiTALB\0\0\0\x02\0\0\0a\0\0\0")).unwrap();
        let found: Vec<_> = raw.items.iter().map(|item| (&item.id[..], &item.data[..])).collect();
        assert_eq!(found, [("TIT2", &b"\0hi"[..]), ("TALB", b"\0a")]);
        assert!(chunk(&tag(3, b"TIT2\0\0\0\x7f\0\0\0hi")).is_err(), "beyond the tag");
        assert!(chunk(&tag(2, b"TT2\0\0\x02\0h")).is_err(), "ID3v2.2");
        assert!(chunk(&tag(3, b"TIT2\0\0\0\x03\0\x80\0hi")).is_err(), "compressed");
        assert!(chunk(&tag(3, b"\0\0\0\0\0\0\0\0\0\0\0x")).is_err(), "in the padding");
    }

    #[test]
    fn a_field_of_ones_own_is_known_by_its_name_in_any_encoding() {
        let item = |data: &[u8]| Item {
            form: Form::Id3,
            id: "TXXX".to_owned(),
            data: data.to_vec(),
        };
        assert!(is_own_text(&item(b"\0MOOD\0happy"), "Mood"));
        assert!(is_own_text(&item(b"\x01\xff\xfeM\0D\0\0\0\xff\xfex\0"), "MD"));
        assert!(!is_own_text(&item(b"\x03MOODY\0happy"), "MOOD"));
    }
}
