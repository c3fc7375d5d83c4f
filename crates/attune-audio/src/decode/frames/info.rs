//! The tag in the first frame of an mp3: how many frames follow, and how much of them the encoder added.
//!
//! In: a frame. Out: [`InfoTag`]. Thread: any.

use super::header::FrameHeader;
use crate::decode::bytes::array;

/// An mp3 decoder's own delay in samples, which LAME's figures leave out.
const DECODER_DELAY: u32 = 529;

/// A Xing, Info or VBRI tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InfoTag {
    /// Frames after this one.
    pub(super) frames: Option<u32>,
    /// Bytes of the stream, this frame included.
    pub(super) bytes: Option<u32>,
    /// Samples that the encoder put before the sound.
    pub(super) delay: u32,
    /// Samples that it put after the sound.
    pub(super) padding: u32,
}

impl InfoTag {
    /// The tag in this frame, if it holds one instead of sound.
    pub(super) fn parse(header: &FrameHeader, frame: &[u8]) -> Option<Self> {
        xing(header, frame).or_else(|| vbri(frame))
    }
}

fn xing(header: &FrameHeader, frame: &[u8]) -> Option<InfoTag> {
    let tag = frame.get(header.side_end..)?;
    let side = &frame[first_side_byte(frame)..header.side_end];
    if !(tag.starts_with(b"Xing") || tag.starts_with(b"Info")) || side.iter().any(|&byte| byte != 0) {
        return None;
    }
    let word = |at: usize| array(tag, at).map(u32::from_be_bytes);
    let flags = word(4)?;
    let mut at = 8;
    let (mut frames, mut bytes) = (None, None);
    for (flag, length) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
        if flags & flag != 0 {
            match flag {
                1 => frames = Some(word(at)?),
                2 => bytes = Some(word(at)?),
                _ => {}
            }
            at += length;
        }
    }
    let (delay, padding) = lame_gaps(header, frame, at).unwrap_or((0, 0));
    Some(InfoTag {
        frames,
        bytes,
        delay,
        padding,
    })
}

/// Delay and padding in LAME's part of the tag, which begins at `at` behind the side information.
fn lame_gaps(header: &FrameHeader, frame: &[u8], at: usize) -> Option<(u32, u32)> {
    let lame = header.side_end + at;
    let part = frame.get(lame..)?;
    if part.len() < 24
        || ![&b"LAME"[..], b"Lavf", b"Lavc"]
            .iter()
            .any(|name| part.starts_with(name))
    {
        return None;
    }
    // LAME always signs the tag; the others need not. 0 stands for no signature.
    let has_crc = frame[1] & 1 == 0 || part.starts_with(b"LAME");
    if has_crc
        && let Some(crc) = array(part, 34).map(u16::from_be_bytes)
        && crc != 0
        && crc != crc16(&frame[..lame + 34])
    {
        return None;
    }
    let gaps = u32::from_be_bytes([0, part[21], part[22], part[23]]);
    let (delay, padding) = (gaps >> 12, gaps & 0xFFF);
    Some((DECODER_DELAY + delay, padding.saturating_sub(DECODER_DELAY)))
}

fn vbri(frame: &[u8]) -> Option<InfoTag> {
    let is_tag = frame.get(36..40)? == b"VBRI" && array(frame, 40) == Some([0, 1]);
    if !is_tag || frame[first_side_byte(frame)..36].iter().any(|&byte| byte != 0) {
        return None;
    }
    Some(InfoTag {
        bytes: array(frame, 46).map(u32::from_be_bytes),
        frames: array(frame, 50).map(u32::from_be_bytes),
        ..InfoTag::default()
    })
}

/// Behind the header and its checksum.
fn first_side_byte(frame: &[u8]) -> usize {
    if frame[1] & 1 == 0 { 6 } else { 4 }
}

/// CRC-16 with the polynomial 0x8005, reflected.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 }
        })
    })
}
