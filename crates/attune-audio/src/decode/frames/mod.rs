//! Streams of frames without a container, read to their last byte: mp3 (also layers 1 and 2) and AAC in ADTS.
//!
//! A file may hold several streams one after the other, with tags between them, each with an information tag of its
//! own; rate and channels may change. Nothing is estimated: where no tag states how many frames there are, they are
//! counted.
//!
//! In: a part of a file. Out: packets, whose timestamps count the samples that are to be played. Thread: any.

mod header;
mod info;
mod sync;

use super::bytes::{Part, Window};
use header::FrameHeader;
use info::InfoTag;
use std::io;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::well_known::{FORMAT_ID_ADTS, FORMAT_ID_MP3};
use symphonia::core::formats::{FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::{Packet, PacketBuilder};
use symphonia::core::units::{Duration, Timestamp};

const MPEG: FormatInfo = FormatInfo {
    format: FORMAT_ID_MP3,
    short_name: "mp3",
    long_name: "MPEG audio",
};
const ADTS: FormatInfo = FormatInfo {
    format: FORMAT_ID_ADTS,
    short_name: "aac",
    long_name: "Audio Data Transport Stream",
};

/// Every so many frames the place is noted, for seeking.
const MARK_EVERY: u32 = 64;
/// Frames are counted in streams up to this long; longer ones are estimated, for the display.
const COUNTED_BYTES: u64 = 48 << 20;

/// One of the streams that lie one after the other in a file.
#[derive(Debug, Clone, Copy)]
struct Section {
    header: FrameHeader,
    info: InfoTag,
    /// Timestamp of its first sample that is to be played.
    begin: i64,
    /// Frames of it that were read.
    frames: u32,
    /// Whether what follows its stated end was looked at.
    is_end_known: bool,
    /// How many sections there are before it.
    number: u32,
}

/// Where reading goes on.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    section: Section,
}

/// A frame with sound.
#[derive(Debug, Clone, Copy)]
struct Frame {
    at: u64,
    header: FrameHeader,
    pts: i64,
    trim_start: u64,
    trim_end: u64,
}

impl Frame {
    /// Timestamp of the first sample after it.
    fn end(&self) -> i64 {
        self.pts + i64::from(self.header.samples) - self.trim_end as i64
    }
}

/// What all frames together amount to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    /// Seconds.
    pub(super) secs: f64,
    /// Whether a tag states it.
    pub(super) is_stated: bool,
}

/// A demuxer of such a stream.
pub(super) struct FrameReader {
    window: Window,
    place: Place,
    /// Places in ascending order, the first frame's first.
    marks: Vec<Place>,
    total: Option<Total>,
    /// Bytes that are neither frames nor tags, up to `counted_to`.
    left_over: u64,
    counted_to: u64,
    /// The section that the decoder was made for.
    decoder_section: u32,
    tracks: Vec<Track>,
    media_info: MediaInfo,
    metadata: MetadataLog,
}

impl FrameReader {
    /// A reader that begins at the first frame; `None` if there is none.
    pub(super) fn new(part: &Part) -> io::Result<Option<Self>> {
        let mut window = Window::new(part.clone());
        let Some((at, header)) = sync::first_frame(&mut window, part.start)? else {
            return Ok(None);
        };
        let section = Section {
            header,
            info: InfoTag::default(),
            begin: 0,
            frames: 0,
            is_end_known: false,
            number: 0,
        };
        let mut reader = Self {
            window,
            place: Place { at, section },
            marks: Vec::new(),
            total: None,
            left_over: sync::noise(part, part.start, at)?,
            counted_to: at,
            decoder_section: 0,
            tracks: Vec::new(),
            media_info: MediaInfo::default(),
            metadata: MetadataLog::default(),
        };
        let frame = reader.window.get(at, header.bytes)?.to_vec();
        if let Some(info) = InfoTag::parse(&header, &frame) {
            reader.place.section.info = info;
            reader.place.at += header.bytes as u64;
        }
        reader.marks.push(reader.place);
        reader.total = reader.measure(at)?;
        reader.set_track();
        Ok(Some(reader))
    }

    /// How long it is, as far as that can be said.
    pub(super) fn total(&self) -> Option<Total> {
        self.total
    }

    /// Bytes among the frames that were read so far that are neither frames nor tags.
    pub(super) fn left_over(&self) -> u64 {
        self.left_over
    }

    fn set_track(&mut self) {
        let section = &self.place.section;
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(section.header.codec)
            .with_sample_rate(section.header.rate);
        if let Some(layout) = section.header.layout() {
            params.with_channels(layout);
        }
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(params));
        self.media_info = MediaInfo::from_track(&track);
        self.tracks = vec![track];
    }

    /// Length by the first tag if it speaks for the whole file, else by counting; `first` is the first frame.
    fn measure(&mut self, first: u64) -> io::Result<Option<Total>> {
        let Section { header, info, .. } = self.place.section;
        let here = self.window.end() - first;
        if let Some(frames) = info.frames {
            let samples = u64::from(frames) * u64::from(header.samples);
            let secs = samples.saturating_sub(u64::from(info.delay + info.padding)) as f64 / f64::from(header.rate);
            // A tag that states fewer bytes than there are speaks for a part of them only.
            let is_all = info
                .bytes
                .is_none_or(|bytes| here <= u64::from(bytes) + 2 * header.bytes as u64);
            if is_all {
                return Ok(Some(Total { secs, is_stated: true }));
            }
        }
        if here > COUNTED_BYTES {
            let secs = here as f64 / header.bytes as f64 * f64::from(header.samples) / f64::from(header.rate);
            return Ok(Some(Total { secs, is_stated: false }));
        }
        let start = self.place;
        let mut secs = 0.0;
        while let Some(frame) = self.next_frame()? {
            let played = u64::from(frame.header.samples) - frame.trim_start - frame.trim_end;
            secs += played as f64 / f64::from(frame.header.rate);
        }
        self.place = start;
        Ok(Some(Total { secs, is_stated: false }))
    }

    /// The next frame with sound, or `None` at the end.
    fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let section = self.place.section;
            let Some((at, header)) = sync::next_frame(&mut self.window, self.place.at, &section.header)? else {
                let rest = self.place.at;
                self.note_gap(rest, self.window.end())?;
                return Ok(None);
            };
            self.note_gap(self.place.at, at)?;
            let frame = self.window.get(at, header.bytes)?;
            let info = InfoTag::parse(&header, frame);
            if info.is_some() || !header.is_like(&section.header) {
                self.begin_section(header, info.unwrap_or_default());
                if info.is_some() {
                    self.place.at = at + header.bytes as u64;
                    continue;
                }
            }
            self.place.at = at;
            if self.place.section.frames.is_multiple_of(MARK_EVERY)
                && self.marks.last().is_none_or(|mark| mark.at < self.place.at)
            {
                self.marks.push(self.place);
            }
            let frame = self.timed(at, header)?;
            self.place.at = at + header.bytes as u64;
            self.place.section.frames += 1;
            return Ok(Some(frame));
        }
    }

    /// The frame at its place in time, with what the encoder added cut off.
    fn timed(&mut self, at: u64, header: FrameHeader) -> io::Result<Frame> {
        let length = u64::from(header.samples);
        let raw = u64::from(self.place.section.frames) * length;
        if let Some(frames) = self.place.section.info.frames
            && !self.place.section.is_end_known
            && raw + length + u64::from(self.place.section.info.padding) > u64::from(frames) * length
        {
            // Frames that go on beyond the stated end are part of the sound, and so is what seemed padding.
            let ahead = frames.saturating_sub(self.place.section.frames);
            if sync::goes_on_after(&mut self.window, at, &header, ahead)? {
                self.place.section.info.frames = None;
            }
            self.place.section.is_end_known = true;
        }
        let section = &self.place.section;
        let delay = u64::from(section.info.delay);
        let trim_start = delay.saturating_sub(raw).min(length);
        let trim_end = section.info.frames.map_or(0, |frames| {
            let end = (u64::from(frames) * length).saturating_sub(u64::from(section.info.padding));
            (raw + length).saturating_sub(end).min(length - trim_start)
        });
        Ok(Frame {
            at,
            header,
            pts: section.begin + raw as i64 - delay as i64,
            trim_start,
            trim_end,
        })
    }

    fn begin_section(&mut self, header: FrameHeader, info: InfoTag) {
        let before = self.place.section;
        let length = i64::from(before.header.samples);
        let raw = i64::from(before.frames) * length;
        // Up to where the sound of the section before was played.
        let end = before.info.frames.map_or(raw, |frames| {
            raw.min(i64::from(frames) * length - i64::from(before.info.padding))
        });
        self.place.section = Section {
            header,
            info,
            begin: before.begin + (end - i64::from(before.info.delay)).max(0),
            frames: 0,
            is_end_known: false,
            number: before.number + 1,
        };
    }

    /// Counts what lies between two places and is no tag, once.
    fn note_gap(&mut self, from: u64, to: u64) -> io::Result<()> {
        let from = from.max(self.counted_to);
        if from < to {
            self.left_over += sync::noise(self.window.part(), from, to)?;
        }
        self.counted_to = self.counted_to.max(to);
        Ok(())
    }
}

impl FormatReader for FrameReader {
    fn format_info(&self) -> &FormatInfo {
        if self.place.section.header.skipped > 0 {
            &ADTS
        } else {
            &MPEG
        }
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media_info
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let before = self.place;
        let Some(frame) = self.next_frame()? else {
            return Ok(None);
        };
        let number = self.place.section.number;
        if number != self.decoder_section {
            self.decoder_section = number;
            // The same frame again, for the decoder that is made now.
            self.set_track();
            self.place = Place {
                at: frame.at,
                section: Section {
                    frames: self.place.section.frames - 1,
                    ..self.place.section
                },
            };
            return Err(Error::ResetRequired);
        }
        debug_assert!(before.at < self.place.at);
        let data = self.window.get(
            frame.at + frame.header.skipped as u64,
            frame.header.bytes - frame.header.skipped,
        )?;
        let played = u64::from(frame.header.samples) - frame.trim_start - frame.trim_end;
        Ok(Some(
            PacketBuilder::new()
                .track_id(0)
                .pts(Timestamp::new(frame.pts))
                .dur(Duration::new(played))
                .trim_start(Duration::new(frame.trim_start))
                .trim_end(Duration::new(frame.trim_end))
                .data(data)
                .build(),
        ))
    }

    /// Goes to the frame that holds the timestamp, or the last one before it.
    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let SeekTo::Timestamp { ts, .. } = to else {
            return Err(Error::SeekError(SeekErrorKind::Unseekable));
        };
        let wanted = ts.get();
        let earlier = self.marks.iter().rposition(|mark| {
            let played = i64::from(mark.section.frames) * i64::from(mark.section.header.samples);
            mark.section.begin + played - i64::from(mark.section.info.delay) <= wanted
        });
        self.place = self.marks[earlier.unwrap_or(0)];
        loop {
            let before = self.place;
            match self.next_frame()? {
                None => return Err(Error::SeekError(SeekErrorKind::OutOfRange)),
                Some(frame) if frame.end() > wanted => {
                    self.place = if self.place.section.number == before.section.number {
                        before
                    } else {
                        Place {
                            at: frame.at,
                            section: Section {
                                frames: self.place.section.frames - 1,
                                ..self.place.section
                            },
                        }
                    };
                    return Ok(SeekedTo {
                        track_id: 0,
                        required_ts: ts,
                        actual_ts: Timestamp::new(frame.pts),
                    });
                }
                Some(_) => {}
            }
        }
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(
            Box::new(self.window.part().clone()),
            MediaSourceStreamOptions::default(),
        )
    }
}
