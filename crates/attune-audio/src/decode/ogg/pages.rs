//! The pages of an Ogg file (RFC 3533): which of them are damaged, and between which granule positions sound is
//! missing.
//!
//! A page whose checksum is wrong is passed over by the demuxer, so what it held is known only from its neighbours.
//!
//! In: a part of a file. Out: [`Pages`]. Thread: any.

use crate::decode::bytes::{Part, Window, array};
use crate::decode::tags::leading_tag;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

/// The longest page.
const PAGE_BYTES: u64 = 65_307;
const HEADER_BYTES: usize = 27;
/// Headers that take more are not copied; pictures within them take megabytes.
const MOST_HEADERS: u64 = 64 << 20;
const CAPTURE: &[u8] = b"OggS\0";
/// Searched for a page at once.
const STRIDE: usize = 4096;
/// Bytes whose checksum is computed, as a multiple of the file: what only looks like pages must not take for ever.
const MOST_READ: u64 = 4;

/// Sound that is missing between two pages of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// Granule position of the last page before it.
    pub(super) before: i64,
    /// Granule position of the first page after it in which a packet ends.
    pub(super) after: i64,
    /// Whether bytes lie between the pages that are no page; else the page was left out.
    pub(super) is_damaged: bool,
}

/// What all pages of a file say.
#[derive(Debug, Clone, Default)]
pub(in crate::decode) struct Pages {
    /// By link of the chain, serial number and granule position before.
    holes: BTreeMap<(u32, u32, i64), Hole>,
    /// Pages that are missing at the end of a stream, by link and serial number.
    tails: BTreeMap<(u32, u32), Hole>,
    /// Bytes of streams whose first page is missing.
    orphans: u64,
    /// Damaged bytes before the first page with sound.
    first_damage: Option<Range<u64>>,
}

impl Pages {
    /// Reads all pages of a part.
    pub(in crate::decode) fn read(part: &Part) -> io::Result<Self> {
        let mut scan = Scan::default();
        let mut window = Window::new(part.clone());
        let (mut at, mut bad_from) = (part.start, None);
        let mut budget = MOST_READ.saturating_mul(part.end - part.start) + PAGE_BYTES;
        while at < part.end && budget > 0 {
            let header = Header::read(&mut window, at)?;
            let header = header.filter(|header| at + header.bytes <= part.end);
            let Some(header) = header else {
                bad_from.get_or_insert(at);
                at = next_capture(&mut window, at + 1)?;
                continue;
            };
            budget = budget.saturating_sub(header.bytes);
            if checksum(window.get(at, header.bytes as usize)?) != header.checksum {
                bad_from.get_or_insert(at);
                at = next_capture(&mut window, at + 1)?;
                continue;
            }
            let bad = bad_from.take().map(|from| (from, at));
            if let Some((from, to)) = bad
                && scan.is_before_sound()
            {
                scan.pages.first_damage.get_or_insert(from..to);
            }
            scan.push(&mut window, &header, bad)?;
            at += header.bytes;
        }
        scan.end_link(&mut window, bad_from.map(|from| (from, part.end)))?;
        Ok(scan.pages)
    }

    /// The part without the damage before its first sound, if there is some: symphonia opens no file in which a page is
    /// damaged there.
    pub(in crate::decode) fn without_first_damage(&self, part: &Part) -> io::Result<Option<Part>> {
        let Some(damage) = &self.first_damage else {
            return Ok(None);
        };
        let headers = damage.start - part.start;
        if headers > MOST_HEADERS {
            return Ok(None);
        }
        let headers = part.read_at(part.start, headers as usize)?;
        Ok(Some(part.cut(headers, damage.end, part.end)))
    }

    /// The hole that a packet with this timestamp lies behind.
    pub(super) fn hole(&self, link: u32, serial: u32, timestamp: i64) -> Option<Hole> {
        let (key, hole) = self.holes.range(..=(link, serial, timestamp)).next_back()?;
        (key.0 == link && key.1 == serial && timestamp < hole.after).then_some(*hole)
    }

    /// What is missing at the end of a stream.
    pub(super) fn tail(&self, link: u32, serial: u32) -> Option<Hole> {
        self.tails.get(&(link, serial)).copied()
    }

    /// Bytes of streams whose first page is missing.
    pub(super) fn orphans(&self) -> u64 {
        self.orphans
    }
}

/// Whether bytes behind the last page are a damaged page, and not a tag, padding, or a page that was cut off.
fn is_damage(window: &mut Window, at: u64) -> io::Result<bool> {
    let end = window.end();
    let mut place = at;
    while let Some(header) = Header::read(window, place)? {
        place += header.bytes;
    }
    let head = window.get(at, HEADER_BYTES)?;
    let is_page = head.len() == HEADER_BYTES && leading_tag(head).is_none() && head.iter().any(|&byte| byte != 0);
    Ok(is_page && place <= end)
}

/// The next place at or after `at` where a page may begin.
fn next_capture(window: &mut Window, mut at: u64) -> io::Result<u64> {
    while at < window.end() {
        let stride = window.get(at, STRIDE)?;
        if let Some(place) = stride.windows(CAPTURE.len()).position(|word| word == CAPTURE) {
            return Ok(at + place as u64);
        }
        // The mark may lie across the border.
        at += stride.len().saturating_sub(CAPTURE.len() - 1).max(1) as u64;
    }
    Ok(window.end())
}

/// The page's checksum, for which its own field counts as 0.
fn checksum(page: &[u8]) -> u32 {
    let mut crc = Crc32::new(0);
    crc.process_buf_bytes(&page[..22]);
    crc.process_buf_bytes(&[0; 4]);
    crc.process_buf_bytes(&page[26..]);
    crc.crc()
}

/// A page's header.
#[derive(Debug, Clone, Copy)]
struct Header {
    is_first: bool,
    granule: i64,
    serial: u32,
    sequence: u32,
    checksum: u32,
    /// Of the whole page.
    bytes: u64,
}

impl Header {
    /// Reads what may be one; the page may go beyond the end.
    fn read(window: &mut Window, at: u64) -> io::Result<Option<Self>> {
        let head = window.get(at, HEADER_BYTES + 255)?;
        if !head.starts_with(CAPTURE) {
            return Ok(None);
        }
        let read = || {
            let flags = *head.get(5)?;
            let segments = usize::from(*head.get(HEADER_BYTES - 1)?);
            let table = head.get(HEADER_BYTES..HEADER_BYTES + segments)?;
            let body: u64 = table.iter().map(|&length| u64::from(length)).sum();
            Some(Self {
                is_first: flags & 2 != 0,
                granule: i64::from_le_bytes(array(head, 6)?),
                serial: u32::from_le_bytes(array(head, 14)?),
                sequence: u32::from_le_bytes(array(head, 18)?),
                checksum: u32::from_le_bytes(array(head, 22)?),
                bytes: (HEADER_BYTES + segments) as u64 + body,
            })
        };
        Ok(read())
    }
}

/// A stream within a link.
#[derive(Debug, Clone, Copy)]
struct Stream {
    sequence: u32,
    /// Of the last page in which a packet ends.
    granule: i64,
    /// Whether pages are missing since.
    has_lost: bool,
    /// Whether damaged bytes came since.
    is_damaged: bool,
}

#[derive(Default)]
struct Scan {
    pages: Pages,
    link: u32,
    /// Whether the pages of the link so far are first pages.
    begins: bool,
    streams: BTreeMap<u32, Stream>,
}

impl Scan {
    /// Whether streams have begun and none has a page with sound yet.
    fn is_before_sound(&self) -> bool {
        !self.streams.is_empty() && self.streams.values().all(|stream| stream.granule == 0)
    }

    /// Takes a page whose checksum is right, and the damaged bytes before it.
    fn push(&mut self, window: &mut Window, header: &Header, bad: Option<(u64, u64)>) -> io::Result<()> {
        if bad.is_some() {
            self.streams.values_mut().for_each(|stream| stream.is_damaged = true);
        }
        if header.is_first {
            if !self.begins && !self.streams.is_empty() {
                self.end_link(window, bad)?;
                self.link += 1;
                self.streams.clear();
            }
            self.begins = true;
            let stream = Stream {
                sequence: header.sequence,
                granule: 0,
                has_lost: false,
                is_damaged: false,
            };
            self.streams.insert(header.serial, stream);
            return Ok(());
        }
        self.begins = false;
        let Some(stream) = self.streams.get_mut(&header.serial) else {
            self.pages.orphans += header.bytes;
            return Ok(());
        };
        stream.has_lost |= header.sequence != stream.sequence.wrapping_add(1);
        stream.sequence = header.sequence;
        // −1: no packet ends in this page.
        if header.granule != -1 {
            if stream.has_lost {
                let hole = Hole {
                    before: stream.granule,
                    after: header.granule,
                    is_damaged: stream.is_damaged,
                };
                self.pages.holes.insert((self.link, header.serial, hole.before), hole);
            }
            stream.granule = header.granule;
            (stream.has_lost, stream.is_damaged) = (false, false);
        }
        Ok(())
    }

    /// Takes the damaged bytes at the end of a link: no page follows that would say what they were.
    fn end_link(&mut self, window: &mut Window, bad: Option<(u64, u64)>) -> io::Result<()> {
        let Some((mut at, end)) = bad else {
            return Ok(());
        };
        if !is_damage(window, at)? {
            return Ok(());
        }
        for (serial, stream) in &self.streams {
            let hole = Hole {
                before: stream.granule,
                after: stream.granule,
                is_damaged: true,
            };
            self.pages.tails.insert((self.link, *serial), hole);
        }
        // Most damage is not in a header, so what that says of the time is likely.
        while at < end
            && let Some(header) = Header::read(window, at)?
        {
            if let Some(tail) = self.pages.tails.get_mut(&(self.link, header.serial)) {
                tail.after = tail.after.max(header.granule);
            }
            at += header.bytes;
        }
        Ok(())
    }
}

/// Whether the file ends in the middle of a page: its own length goes beyond the end.
pub(in crate::decode) fn ends_in_a_page(part: &Part) -> io::Result<bool> {
    let start = part.start.max(part.end.saturating_sub(PAGE_BYTES));
    let tail = part.read_at(start, PAGE_BYTES as usize)?;
    let is_page = |at: &usize| tail[*at..].starts_with(CAPTURE);
    let Some(last) = (0..tail.len()).rev().find(is_page) else {
        return Ok(false);
    };
    let length = tail.len() as u64 - last as u64;
    let header = Header::read(&mut Window::new(part.clone()), start + last as u64)?;
    // A header that is cut off itself cannot be read.
    Ok(header.is_none_or(|header| header.bytes > length))
}
