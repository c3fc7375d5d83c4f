//! Wav files as programs really write them: sizes that are streamed, wrong or beyond 4 GiB, chunks without padding,
//! odd depths.
//!
//! The chunks are read here; symphonia then gets the sound behind a header that says what is true. Reads RIFF
//! (Microsoft & IBM 1991), RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088), and Sony's Wave64.
//!
//! In: a part of a file. Out: another part, and what its length rests on. Thread: any.

use super::bytes::{Part, array};
use super::tags::leading_tag;
use crate::units::Seconds;
use std::io;

/// A wav file whose sound was found.
#[derive(Debug)]
pub(super) struct Wave {
    /// The sound behind a plain header.
    pub(super) part: Part,
    /// Time that the header promises beyond the end of the file.
    pub(super) missing: Seconds,
    /// Whether the sound ends where the file does because no size is given, or a wrong one.
    pub(super) is_open: bool,
    /// Another wav file, which follows this one.
    pub(super) next: Option<Part>,
}

/// Sizes from here on are what programs write that do not know the size.
const UNKNOWN_FROM: u64 = 0x7FFF_0000;
/// More chunks than this before the sound are damage.
const MOST_CHUNKS: usize = 4096;

/// How a kind of file writes its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Riff,
    /// RIFF with 64-bit sizes in the chunk `ds64`.
    Rf64,
    /// 16-byte names, 64-bit sizes that include the header.
    Wave64,
}

/// A chunk's header.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    body: u64,
    size: u64,
}

/// Whether a file that begins so is a wav file.
pub(super) fn is_wave(head: &[u8]) -> bool {
    kind_of(head).is_some()
}

fn kind_of(head: &[u8]) -> Option<Kind> {
    match head.get(..4)? {
        b"RIFF" if head.get(8..12) == Some(b"WAVE") => Some(Kind::Riff),
        b"RF64" | b"BW64" => Some(Kind::Rf64),
        b"riff" => Some(Kind::Wave64),
        _ => None,
    }
}

/// The sound of a wav file; `None` if it has no sound chunk, or none that can be read.
pub(super) fn open(part: &Part) -> io::Result<Option<Wave>> {
    let Some(kind) = kind_of(&part.read_at(part.start, 12)?) else {
        return Ok(None);
    };
    let mut at = part.start + if kind == Kind::Wave64 { 40 } else { 12 };
    let (mut format, mut long_size, mut fact) = (None, None, None);
    for _ in 0..MOST_CHUNKS {
        let Some(chunk) = chunk_at(part, at, kind)? else {
            return Ok(None);
        };
        match &chunk.name {
            b"fmt " => format = Some(part.read_at(chunk.body, chunk.size.min(256) as usize)?),
            b"ds64" => long_size = array(&part.read_at(chunk.body, 16)?, 8).map(u64::from_le_bytes),
            b"fact" => fact = Some(part.read_at(chunk.body, 4)?),
            b"data" => {
                let long_size = long_size.filter(|_| chunk.size == u64::from(u32::MAX));
                let stated = long_size.unwrap_or(chunk.size);
                let Some(format) = format.as_deref().and_then(plain_format) else {
                    return Ok(None);
                };
                return sound(
                    part,
                    kind,
                    &Sound {
                        format,
                        fact,
                        body: chunk.body,
                        stated,
                    },
                )
                .map(Some);
            }
            _ => {}
        }
        at = match next_chunk(part, &chunk, kind)? {
            Some(next) => next,
            None => return Ok(None),
        };
    }
    Ok(None)
}

fn chunk_at(part: &Part, at: u64, kind: Kind) -> io::Result<Option<Chunk>> {
    let head = part.read_at(at, 24)?;
    let chunk = || {
        let name: [u8; 4] = array(&head, 0)?;
        if !name.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return None;
        }
        if kind == Kind::Wave64 {
            let size = u64::from_le_bytes(array(&head, 16)?);
            return Some(Chunk {
                name,
                body: at + 24,
                size: size.checked_sub(24)?,
            });
        }
        Some(Chunk {
            name,
            body: at + 8,
            size: u64::from(u32::from_le_bytes(array(&head, 4)?)),
        })
    };
    Ok(chunk())
}

/// Where the chunk after this one begins: after a byte of padding where the size is odd, unless the writer forgot it.
fn next_chunk(part: &Part, chunk: &Chunk, kind: Kind) -> io::Result<Option<u64>> {
    let Some(end) = chunk.body.checked_add(chunk.size).filter(|end| *end < part.end) else {
        return Ok(None);
    };
    let padded = match kind {
        Kind::Wave64 => chunk.body + chunk.size.next_multiple_of(8),
        _ => end + chunk.size % 2,
    };
    for at in [padded, end] {
        if chunk_at(part, at, kind)?.is_some_and(|next| is_likely(part, &next)) {
            return Ok(Some(at));
        }
    }
    Ok(Some(padded))
}

/// Whether a chunk can be one: a known name, or one that ends within the file.
fn is_likely(part: &Part, chunk: &Chunk) -> bool {
    const KNOWN: [&[u8; 4]; 6] = [b"fmt ", b"data", b"LIST", b"fact", b"bext", b"ds64"];
    KNOWN.contains(&&chunk.name) || chunk.body.saturating_add(chunk.size) <= part.end
}

/// What the chunks say of the sound.
struct Sound {
    format: Vec<u8>,
    fact: Option<Vec<u8>>,
    /// Where it begins.
    body: u64,
    /// How many bytes are stated.
    stated: u64,
}

fn sound(part: &Part, kind: Kind, sound: &Sound) -> io::Result<Wave> {
    let Sound {
        format,
        fact,
        body,
        stated,
    } = sound;
    let here = part.end - part.end.min(*body);
    let follows = if *stated < here {
        what_follows(part, kind, *body, *stated)?
    } else {
        Follows::Chunks
    };
    // A size of 0, or one that ends in the middle of sound, was never corrected by the program that wrote it.
    let is_unknown = *stated >= UNKNOWN_FROM && *stated > here;
    let is_open = is_unknown || matches!(follows, Follows::Sound);
    let length = if is_open { here } else { here.min(*stated) };
    let fact = fact.as_ref().and_then(|fact| array(fact, 0));
    let head = header(format, fact, length);
    let byte_rate = array(format, 8).map_or(0, u32::from_le_bytes);
    let missing = if is_unknown { 0 } else { stated.saturating_sub(here) };
    Ok(Wave {
        part: part.cut(head, *body, body + length),
        missing: Seconds(missing as f64 / f64::from(byte_rate.max(1))),
        is_open,
        next: match follows {
            Follows::File(at) => Some(part.cut(Vec::new(), at, part.end)),
            Follows::Chunks | Follows::Sound => None,
        },
    })
}

/// A wav file's bytes before `length` bytes of sound: the format, and where it has a chunk `fact`, that.
pub(super) fn header(format: &[u8], fact: Option<[u8; 4]>, length: u64) -> Vec<u8> {
    let mut head = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ".to_vec();
    head.extend((format.len() as u32).to_le_bytes());
    head.extend(format);
    if let Some(fact) = fact {
        head.extend(b"fact\x04\0\0\0");
        head.extend(fact);
    }
    head.extend(b"data");
    // Beyond 4 GiB symphonia reads to the end.
    head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    head
}

/// What lies behind the sound.
enum Follows {
    /// Chunks, tags, or nothing.
    Chunks,
    /// More sound: the stated size was wrong.
    Sound,
    /// Another wav file.
    File(u64),
}

fn what_follows(part: &Part, kind: Kind, body: u64, stated: u64) -> io::Result<Follows> {
    let mut chunk = Chunk {
        name: *b"data",
        body,
        size: stated,
    };
    for _ in 0..MOST_CHUNKS {
        let end = chunk.body.saturating_add(chunk.size);
        if end >= part.end {
            break;
        }
        let head = part.read_at(end, 32)?;
        let Some(at) = next_chunk(part, &chunk, kind)? else {
            break;
        };
        let next = chunk_at(part, at, kind)?;
        if is_wave(&part.read_at(at, 12)?) {
            return Ok(Follows::File(at));
        }
        if let Some(next) = next.filter(|next| is_likely(part, next)) {
            chunk = next;
            continue;
        }
        // Sound only if it follows the sound at once, and is more than a tag or a few bytes of nothing.
        let is_sound = chunk.body == body
            && part.end - end > 8
            && leading_tag(&head).is_none()
            && !(part.end - end <= 4096 && head.iter().all(|&byte| byte == 0));
        return Ok(if is_sound { Follows::Sound } else { Follows::Chunks });
    }
    Ok(Follows::Chunks)
}

/// The format as symphonia takes it: whole bytes for each sample, and no more of PCM than it needs.
fn plain_format(format: &[u8]) -> Option<Vec<u8>> {
    let mut format = format.to_vec();
    let word = |format: &[u8], at| array(format, at).map(u16::from_le_bytes);
    let (tag, channels, align, bits) = (
        word(&format, 0)?,
        word(&format, 2)?,
        word(&format, 12)?,
        word(&format, 14)?,
    );
    let is_sound = |tag| matches!(tag, 1 | 3);
    let sub_tag = word(&format, 24).filter(|_| tag == 0xFFFE);
    let is_pcm = is_sound(tag) || sub_tag.is_some_and(is_sound);
    if is_pcm && channels > 0 && bits % 8 != 0 {
        // The sample fills the upper bits of its bytes.
        let whole = bits.next_multiple_of(8).max(align / channels * 8).min(64);
        format[14..16].copy_from_slice(&whole.to_le_bytes());
    }
    if is_sound(tag) {
        format.truncate(16);
    }
    if tag == 0xFFFE {
        // Extensible with too little behind it is plain.
        if format.len() < 40 {
            format.truncate(16);
            format[..2].copy_from_slice(&1_u16.to_le_bytes());
        } else {
            format.truncate(40);
            format[16..18].copy_from_slice(&22_u16.to_le_bytes());
        }
    }
    Some(format)
}
