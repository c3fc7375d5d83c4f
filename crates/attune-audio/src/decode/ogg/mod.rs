//! Packets of an Ogg file (RFC 3533) at their true time, also where pages are damaged.
//!
//! Symphonia passes over a page whose checksum is wrong, and numbers the packets of the next page as if they followed
//! at once. Here they get the time that their own page states, and the reader learns how much is missing before them.
//!
//! In: the pages of a file, symphonia's demuxer of it. Out: packets and gaps. Thread: any.

mod pages;

use pages::Hole;
pub(super) use pages::{Pages, ends_in_a_page};
use std::collections::VecDeque;
use std::io;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, SeekedTo};
use symphonia::core::packet::Packet;
use symphonia::core::units::Timestamp;

/// Sound that the file has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// Samples of a channel, at the rate of the stream; 0 if that is not known.
    pub(super) samples: u64,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A packet, and what is missing before it.
    Packet(Packet, Option<Gap>),
    /// What is missing at the end of a stream.
    Gap(Gap),
}

/// A demuxer that knows which pages are missing.
pub(super) struct OggReader {
    reader: Box<dyn FormatReader>,
    pages: Pages,
    /// How many streams came before in the chain.
    link: u32,
    /// The packets of the first page behind a hole.
    page: VecDeque<Packet>,
    /// What is missing before them.
    gap: Option<Gap>,
    /// What came after them.
    stop: Option<Result<Option<Packet>>>,
    /// The timestamp that follows what was read; `None` after a seek.
    expected: Option<i64>,
}

/// Timestamp of the first sample behind a packet.
fn end(packet: &Packet) -> i64 {
    let length = packet.trim_start.get().saturating_add(packet.dur.get());
    packet.pts.get().saturating_add_unsigned(length)
}

impl OggReader {
    pub(super) fn new(pages: Pages, reader: Box<dyn FormatReader>) -> Self {
        Self {
            reader,
            pages,
            link: 0,
            page: VecDeque::new(),
            gap: None,
            stop: None,
            expected: Some(0),
        }
    }

    /// Symphonia's demuxer.
    pub(super) fn reader(&self) -> &dyn FormatReader {
        self.reader.as_ref()
    }

    /// Bytes of streams whose beginning is missing: none of them can be decoded.
    pub(super) fn orphans(&self) -> u64 {
        self.pages.orphans()
    }

    /// The next packet of a track, `None` at the end.
    pub(super) fn next(&mut self, track: u32) -> Result<Option<Next>> {
        if let Some(packet) = self.page.pop_front() {
            self.expected = Some(end(&packet));
            return Ok(Some(Next::Packet(packet, self.gap.take())));
        }
        let next = self.stop.take().unwrap_or_else(|| self.read(track));
        let Ok(Some(packet)) = next else {
            let is_end = match &next {
                Err(Error::IoError(error)) => error.kind() == io::ErrorKind::UnexpectedEof,
                Err(error) => matches!(error, Error::ResetRequired),
                Ok(_) => true,
            };
            if is_end
                && let Some(hole) = self.pages.tail(self.link, track)
                && let Some(expected) = self.expected.take()
            {
                self.stop = Some(next);
                let samples = hole.after.saturating_sub(expected);
                return Ok(Some(Next::Gap(Gap {
                    samples: u64::try_from(samples).unwrap_or(0),
                })));
            }
            if matches!(next, Err(Error::ResetRequired)) {
                self.link += 1;
                self.expected = Some(0);
            }
            return next.map(|_| None);
        };
        if let Some(hole) = self.pages.hole(self.link, track, packet.pts.get()) {
            self.read_behind(hole, packet, track);
            return self.next(track);
        }
        self.expected = Some(end(&packet));
        Ok(Some(Next::Packet(packet, None)))
    }

    /// Reads the page behind a hole, which says when its last packet ends.
    fn read_behind(&mut self, hole: Hole, first: Packet, track: u32) {
        self.page.push_back(first);
        let stop = loop {
            match self.read(track) {
                Ok(Some(packet)) if (hole.before..hole.after).contains(&packet.pts.get()) => {
                    self.page.push_back(packet);
                }
                other => break other,
            }
        };
        self.stop = Some(stop);
        let last = self.page.back().map_or(hole.after, end);
        let late = hole.after.saturating_sub(last).max(0);
        for packet in &mut self.page {
            packet.pts = Timestamp::new(packet.pts.get().saturating_add(late));
        }
        let Some((expected, first)) = self.expected.zip(self.page.front()) else {
            return;
        };
        let missing = u64::try_from(first.pts.get().saturating_sub(expected)).unwrap_or(0);
        self.gap = (missing > 0 || hole.is_damaged).then_some(Gap { samples: missing });
    }

    fn read(&mut self, track: u32) -> Result<Option<Packet>> {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id != track => {}
                next => return next,
            }
        }
    }

    /// Goes to the packet that holds the timestamp, or one before it.
    pub(super) fn seek(&mut self, mode: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        self.page.clear();
        (self.gap, self.stop, self.expected) = (None, None, None);
        self.reader.seek(mode, to)
    }
}
