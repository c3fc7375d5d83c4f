//! Where the next frame begins, and what lies between frames.
//!
//! In: bytes at any place. Out: places and headers. Thread: any.

use super::header::{FrameHeader, HEADER_BYTES};
use super::info::InfoTag;
use crate::decode::bytes::{Part, Window};
use crate::decode::tags::leading_tag;
use std::io;

/// Searched for a frame at once.
const STRIDE: usize = 4096;
/// Bytes by which a tag is known.
const TAG_BYTES: usize = 32;

fn header_at(window: &mut Window, at: u64) -> io::Result<Option<FrameHeader>> {
    Ok(FrameHeader::parse(window.get(at, HEADER_BYTES)?))
}

/// Whether a frame like this one follows it, or nothing at all.
fn is_followed(window: &mut Window, at: u64, header: &FrameHeader) -> io::Result<bool> {
    let next = at + header.bytes as u64;
    if next >= window.end() {
        return Ok(next == window.end());
    }
    let follower = header_at(window, next)?;
    if let Some(follower) = follower {
        return Ok(follower.is_like(header));
    }
    // A tag, or too few bytes for a header.
    let head = window.get(next, 32)?;
    Ok(head.len() < HEADER_BYTES || leading_tag(head).is_some())
}

/// The first frame from `at` on that another one follows; that two follow, if there is something else before it.
pub(super) fn first_frame(window: &mut Window, at: u64) -> io::Result<Option<(u64, FrameHeader)>> {
    let mut from = at;
    while let Some((place, header)) = search(window, from)? {
        let next = place + header.bytes as u64;
        let is_safe = match header_at(window, next)? {
            Some(second) => is_followed(window, next, &second)?,
            None => false,
        };
        if place == at || is_safe {
            return Ok(Some((place, header)));
        }
        from = place + 1;
    }
    Ok(None)
}

/// The next frame at or after `at` in a stream of such frames.
pub(super) fn next_frame(window: &mut Window, at: u64, like: &FrameHeader) -> io::Result<Option<(u64, FrameHeader)>> {
    if let Some(header) = header_at(window, at)? {
        let is_whole = at + header.bytes as u64 <= window.end();
        if is_whole && (header.is_like(like) || is_followed(window, at, &header)?) {
            return Ok(Some((at, header)));
        }
    }
    search(window, at)
}

/// Looks at each place once, and at few bytes of it.
fn search(window: &mut Window, mut at: u64) -> io::Result<Option<(u64, FrameHeader)>> {
    let mut stride = Vec::with_capacity(STRIDE + TAG_BYTES);
    while at < window.end() {
        stride.clear();
        stride.extend_from_slice(window.get(at, STRIDE + TAG_BYTES)?);
        if stride.is_empty() {
            break;
        }
        // A header that lies across the border is read with the next stride.
        let is_last = at + stride.len() as u64 >= window.end();
        let places = stride.len() - if is_last { 0 } else { TAG_BYTES };
        let mut next = places as u64;
        for (place, rest) in (0..places).map(|place| (place as u64, &stride[place..])) {
            let here = at + place;
            if rest[0] == 0xFF {
                if let Some(header) = FrameHeader::parse(&rest[..rest.len().min(HEADER_BYTES)])
                    && here + header.bytes as u64 <= window.end()
                    && is_followed(window, here, &header)?
                {
                    return Ok(Some((here, header)));
                }
            } else if let Some(length) = leading_tag(rest)
                && here + length <= window.end()
            {
                next = place + length;
                break;
            }
        }
        at += next;
    }
    Ok(None)
}

/// Whether, after `ahead` frames from `at` on, another frame with sound follows at once.
pub(super) fn goes_on_after(window: &mut Window, mut at: u64, like: &FrameHeader, ahead: u32) -> io::Result<bool> {
    for _ in 0..ahead {
        match header_at(window, at)? {
            Some(header) if header.is_like(like) => at += header.bytes as u64,
            // The stream breaks off before: then nothing lies behind the end.
            _ => return Ok(false),
        }
    }
    let Some(header) = header_at(window, at)?.filter(|header| header.is_like(like)) else {
        return Ok(false);
    };
    if at + header.bytes as u64 > window.end() {
        return Ok(false);
    }
    let frame = window.get(at, header.bytes)?;
    Ok(InfoTag::parse(&header, frame).is_none())
}

/// Bytes from `from` to `to` that are neither tags nor padding.
pub(super) fn noise(part: &Part, from: u64, to: u64) -> io::Result<u64> {
    let (mut at, mut noise) = (from, 0);
    while at < to {
        let bytes = part.read_at(at, STRIDE + TAG_BYTES)?;
        let places = bytes.len().min(STRIDE).min((to - at) as usize);
        if places == 0 {
            break;
        }
        let tag = (0..places).find_map(|place| Some((place, leading_tag(&bytes[place..])?)));
        let (until, next) = tag.map_or((places, places as u64), |(place, length)| {
            (place, place as u64 + length)
        });
        noise += bytes[..until].iter().filter(|&&byte| byte != 0).count() as u64;
        at += next;
    }
    Ok(noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;

    fn part(bytes: &[u8]) -> Part {
        let mut file = tempfile::tempfile().expect("a temporary file can be made");
        file.write_all(bytes).expect("it can be written");
        Part::whole(Arc::new(file)).expect("it can be read")
    }

    #[test]
    fn what_only_looks_like_frames_or_tags_is_read_a_few_times_at_most() {
        // Synchronisation words, whole headers that no frame follows, and the beginnings of tags.
        for word in [
            &b"\xFF"[..],
            b"\xFF\xFB\x90\x64\x01",
            b"\xFF\xF1\x50\x80\x7F\xFF\xFC\x01",
            b"ID3",
            b"APE",
            b"TAG",
        ] {
            let bytes = word.repeat((1 << 20) / word.len());
            let mut window = Window::new(part(&bytes));
            assert!(
                first_frame(&mut window, 0).expect("it can be read").is_none(),
                "{word:?}"
            );
            let share = window.requested() as f64 / bytes.len() as f64;
            // A header of 9 bytes, and those of its followers, at every place.
            assert!(share < 64.0, "{word:?}: each byte was asked for {share} times");
            let share = window.fetched() as f64 / bytes.len() as f64;
            assert!(share < 4.0, "{word:?}: each byte was read {share} times");
        }
    }

    #[test]
    fn noise_is_counted_and_tags_and_padding_are_not() {
        let mut bytes = b"ID3\xFFabc".repeat(3000);
        let letters = bytes.len() as u64;
        bytes.extend(b"ID3\x04\0\0\0\0\0\x0a0123456789");
        bytes.extend([0; 5000]);
        bytes.extend(b"xyz");
        let all = part(&bytes);
        assert_eq!(noise(&all, 0, all.end).ok(), Some(letters + 3));
        assert_eq!(noise(&all, 1, 5).ok(), Some(4));
    }
}
