//! Tags around the sound: ID3 (v1, v2), APE, Lyrics3. They are cut off before anything else is looked for.
//!
//! In: a part of a file. Out: where the sound begins and ends. Thread: any.

use super::bytes::{Part, array};
use std::io;

const ID3V1: u64 = 128;
const APE_FOOTER: u64 = 32;

/// Length of the tag that begins with these bytes, if one does.
pub(super) fn leading_tag(head: &[u8]) -> Option<u64> {
    let id3v2 = || {
        let header: [u8; 10] = array(head, 0)?;
        let sizes = &header[6..];
        if !header.starts_with(b"ID3") || header[3] == 0xFF || header[4] == 0xFF || sizes.iter().any(|&b| b >= 0x80) {
            return None;
        }
        let body = sizes.iter().fold(0_u64, |sum, &byte| sum << 7 | u64::from(byte));
        // A footer repeats the header.
        let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
        Some(10 + body + footer)
    };
    let ape = || {
        let size: [u8; 4] = array(head, 12)?;
        let flags: [u8; 4] = array(head, 20)?;
        // The tag's own header, which its size leaves out.
        let is_header = u32::from_le_bytes(flags) & (1 << 29) != 0;
        (head.starts_with(b"APETAGEX") && is_header).then(|| APE_FOOTER + u64::from(u32::from_le_bytes(size)))
    };
    let id3v1 = || head.starts_with(b"TAG").then_some(ID3V1);
    id3v2().or_else(ape).or_else(id3v1)
}

/// Where the sound begins: after every ID3v2 tag that is whole.
pub(super) fn sound_start(part: &Part) -> io::Result<u64> {
    let mut at = part.start;
    loop {
        let head = part.read_at(at, 32)?;
        match leading_tag(&head) {
            Some(length) if !head.starts_with(b"TAG") && at + length <= part.end => at += length,
            _ => break,
        }
        // Encoders pad the tag beyond its stated end.
        let padding = part.read_at(at, 4096)?;
        let zeros = padding.iter().take_while(|&&byte| byte == 0).count();
        if zeros < padding.len() {
            at += zeros as u64;
        }
    }
    Ok(at)
}

/// Where the sound of a stream without an end of its own ends: before the tags behind it.
pub(super) fn sound_end(part: &Part) -> io::Result<u64> {
    let mut end = part.end;
    loop {
        let tag = trailing_tag(part, end)?;
        if tag == 0 || tag > end.saturating_sub(part.start) {
            return Ok(end);
        }
        end -= tag;
    }
}

/// Whether there is nothing but zeros up to `end`.
pub(super) fn is_nothing(part: &Part, end: u64) -> io::Result<bool> {
    let mut at = part.start;
    while at < end {
        let bytes = part.read_at(at, (1 << 16).min(end - at) as usize)?;
        if bytes.is_empty() || bytes.iter().any(|&byte| byte != 0) {
            return Ok(bytes.is_empty());
        }
        at += bytes.len() as u64;
    }
    Ok(true)
}

/// Length of the tag that ends at `end`, or 0.
fn trailing_tag(part: &Part, end: u64) -> io::Result<u64> {
    let tail = |count: u64| part.read_at(end.saturating_sub(count).max(part.start), count as usize);
    let last = tail(ID3V1)?;
    if last.len() as u64 == ID3V1 && last.starts_with(b"TAG") {
        return Ok(ID3V1);
    }
    let footer = tail(APE_FOOTER)?;
    if footer.starts_with(b"APETAGEX")
        && let (Some(size), Some(flags)) = (array(&footer, 12), array(&footer, 20))
    {
        let header = if u32::from_le_bytes(flags) >> 31 == 1 {
            APE_FOOTER
        } else {
            0
        };
        return Ok(u64::from(u32::from_le_bytes(size)) + header);
    }
    // Lyrics3 v2: six digits of length, then its end mark.
    let mark = tail(15)?;
    if mark.ends_with(b"LYRICS200")
        && let Ok(digits) = std::str::from_utf8(&mark[..6])
        && let Ok(length) = digits.parse::<u64>()
    {
        return Ok(length + 15);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;

    #[test]
    fn zeros_before_a_tag_are_nothing() {
        let mut file = tempfile::tempfile().expect("a temporary file can be made");
        file.write_all(&[&vec![0; 70_000][..], b"TAG", &[b' '; 125]].concat())
            .expect("it can be written");
        let part = Part::whole(Arc::new(file)).expect("it can be read");
        let end = sound_end(&part).expect("it can be read");
        assert_eq!(end, 70_000);
        assert_eq!(is_nothing(&part, end).ok(), Some(true));
        assert_eq!(is_nothing(&part, end + 1).ok(), Some(false));
    }
}
