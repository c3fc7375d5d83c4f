//! FLAC: metadata blocks as they stand in the file (RFC 9639), and Vorbis comments.

use super::{Form, Item, Of, Raw, damaged, digest, take};
use crate::error::Refusal;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

const PADDING: u8 = 1;
const COMMENTS: u8 = 4;

pub(super) fn read(file: &mut File) -> Result<Raw, Refusal> {
    let mut rest = Vec::new();
    let mut magic = take(file, 4)?;
    if magic.starts_with(b"ID3") {
        // Not what the format has, but some do: it stays.
        let head = take(file, 6)?;
        let size = head[2..]
            .iter()
            .fold(0, |size, byte| size << 7 | u64::from(*byte & 0x7f));
        file.seek(SeekFrom::Start(0))?;
        rest.push(digest(b"ID3", file, Some(10 + size))?);
        magic = take(file, 4)?;
    }
    if magic != b"fLaC" {
        return Err(damaged("it has no mark of FLAC"));
    }
    let mut comments = None;
    loop {
        let head = take(file, 4)?;
        let (is_last, kind) = (head[0] & 0x80 != 0, head[0] & 0x7f);
        let length = u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
        match kind {
            PADDING => drop(take(file, length)?),
            COMMENTS if comments.is_some() => return Err(damaged("there are two blocks of comments")),
            COMMENTS => comments = Some(take(file, length)?),
            kind => rest.push(digest(&[kind], &mut Read::by_ref(file).take(length), Some(length))?),
        }
        if is_last {
            break;
        }
    }
    rest.push(digest(b"sound", file, None)?);
    match comments {
        Some(bytes) => parse_comments(&bytes, rest),
        None => Ok(Raw {
            items: Vec::new(),
            of: Of::Nothing,
            rest,
        }),
    }
}

/// Vendor, count, and `NAME=value` each with its length.
pub(super) fn parse_comments(mut bytes: &[u8], rest: Vec<Vec<u8>>) -> Result<Raw, Refusal> {
    let number = |bytes: &mut &[u8]| -> Result<usize, Refusal> {
        let (head, tail) = bytes
            .split_first_chunk()
            .ok_or_else(|| damaged("its comments are cut"))?;
        *bytes = tail;
        Ok(u32::from_le_bytes(*head) as usize)
    };
    let text = |bytes: &mut &[u8]| -> Result<String, Refusal> {
        let length = number(bytes)?;
        let (head, tail) = bytes
            .split_at_checked(length)
            .ok_or_else(|| damaged("its comments are cut"))?;
        *bytes = tail;
        String::from_utf8(head.to_vec()).map_err(|_| damaged("a comment is not UTF-8"))
    };
    let vendor = text(&mut bytes)?;
    let (count, tail) = bytes
        .split_first_chunk()
        .ok_or_else(|| damaged("its comments are cut"))?;
    bytes = tail;
    let mut items = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let comment = text(&mut bytes)?;
        let (id, value) = comment
            .split_once('=')
            .ok_or_else(|| damaged("a comment has no name"))?;
        items.push(Item {
            form: Form::Comments,
            id: id.to_owned(),
            data: value.as_bytes().to_vec(),
        });
    }
    Ok(Raw {
        items,
        of: Of::Vendor(vendor),
        rest,
    })
}
