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

fn search(window: &mut Window, mut at: u64) -> io::Result<Option<(u64, FrameHeader)>> {
    while at < window.end() {
        if let Some(length) = leading_tag(window.get(at, 32)?)
            && at + length <= window.end()
        {
            at += length;
            continue;
        }
        let stride = window.get(at, STRIDE)?;
        // A tag in the middle of it is found when its first letter is.
        let found = stride.iter().position(|&byte| byte == 0xFF);
        let tag = stride
            .windows(3)
            .skip(1)
            .position(|word| matches!(word, b"ID3" | b"TAG" | b"APE"))
            .map(|place| place + 1);
        let Some(place) = found.into_iter().chain(tag).min() else {
            // Tags' names may lie across the border.
            at += stride.len().saturating_sub(2).max(1) as u64;
            continue;
        };
        at += place as u64;
        if let Some(header) = header_at(window, at)?
            && at + header.bytes as u64 <= window.end()
            && is_followed(window, at, &header)?
        {
            return Ok(Some((at, header)));
        }
        if leading_tag(window.get(at, 32)?).is_none() {
            at += 1;
        }
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
        let bytes = part.read_at(at, STRIDE.min((to - at) as usize))?;
        if bytes.is_empty() {
            break;
        }
        if let Some(length) = leading_tag(&part.read_at(at, 32)?) {
            at += length;
            continue;
        }
        let tag = bytes
            .windows(3)
            .skip(1)
            .position(|word| matches!(word, b"ID3" | b"TAG" | b"APE"));
        let until = tag.map_or(bytes.len(), |place| place + 1);
        noise += bytes[..until].iter().filter(|&&byte| byte != 0).count() as u64;
        at += until as u64;
    }
    Ok(noise)
}
