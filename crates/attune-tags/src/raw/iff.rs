//! RIFF and AIFF: chunks as they stand in the file, the tag of ID3v2 in one of them, and the list `INFO` of RIFF.

use super::{Form, Item, Of, Raw, at, damaged, digest, id3, take};
use crate::error::Refusal;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

pub(super) fn read(file: &mut File) -> Result<Raw, Refusal> {
    let length = file.metadata()?.len();
    let head = take(file, 12)?;
    let is_little = match &head[..4] {
        b"RIFF" => true,
        b"FORM" => false,
        _ => return Err(damaged("of this form only RIFF and AIFF are written")),
    };
    let mut raw = Raw {
        items: Vec::new(),
        of: Of::Nothing,
        rest: vec![head[8..].to_vec()],
    };
    let mut has_list = false;
    while at(file)? + 8 <= length {
        let head = take(file, 8)?;
        let size = [head[4], head[5], head[6], head[7]];
        let size = u64::from(if is_little {
            u32::from_le_bytes(size)
        } else {
            u32::from_be_bytes(size)
        });
        let start = at(file)?;
        if start + size > length {
            return Err(damaged("a chunk reaches beyond the file"));
        }
        let is_list = &head[..4] == b"LIST" && take(file, 4.min(size))? == b"INFO";
        file.seek(SeekFrom::Start(start))?;
        if head[..3].eq_ignore_ascii_case(b"id3") {
            if raw.of != Of::Nothing {
                return Err(damaged("there are two tags of ID3v2"));
            }
            let tag = id3::chunk(&take(file, size)?)?;
            raw.items.extend(tag.items);
            raw.of = tag.of;
        } else if is_list {
            if std::mem::replace(&mut has_list, true) {
                return Err(damaged("there are two lists of RIFF"));
            }
            raw.items.extend(info(&take(file, size)?[4..])?);
        } else {
            raw.rest
                .push(digest(&head[..4], &mut Read::by_ref(file).take(size), Some(size))?);
        }
        // Chunks begin at even places.
        file.seek(SeekFrom::Start(start + size + size % 2))?;
    }
    if at(file)? < length {
        raw.rest.push(digest(b"", file, None)?);
    }
    Ok(raw)
}

/// Each with its name and its text; how many zeros end it is no part of that.
fn info(mut list: &[u8]) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    while !list.iter().all(|byte| *byte == 0) {
        let cut = || damaged("an item of RIFF reaches beyond its list");
        let (id, rest) = list.split_first_chunk::<4>().ok_or_else(cut)?;
        if !id.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(damaged("an item of RIFF has no name"));
        }
        let (size, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let size = u32::from_le_bytes(*size) as usize;
        let (text, rest) = rest.split_at_checked(size).ok_or_else(cut)?;
        let text = text
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(&[][..], |last| &text[..=last]);
        items.push(Item {
            form: Form::Info,
            id: String::from_utf8_lossy(id).into_owned(),
            data: text.to_vec(),
        });
        list = rest.get(size % 2..).unwrap_or_default();
    }
    Ok(items)
}
