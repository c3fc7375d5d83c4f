//! One pass over a file's packets: demux, decode, and know the position of what comes out.
//!
//! In: a path. Out: blocks of interleaved f32. Thread: any.

use super::open::{self, Access, Opened};
use super::{AudioInfo, refusal};
use crate::source::{SourceError, SourceErrorKind};
use crate::units::{SampleRate, Seconds};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::{SeekMode, SeekTo, Track};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

/// Decoded and discarded before a position that was sought, so that what the decoder remembers (mp3's bit reservoir of
/// up to 511 bytes: 0.29 s at 8 kbit/s; the overlap of a lapped transform: one packet) is as in one long pass.
const PRE_ROLL_SECS: f64 = 0.5;
/// Higher rates are treated as damage.
const MAX_RATE_HZ: u32 = 768_000;
/// The longest silence that stands for one broken packet, in samples: more than any codec's packet holds.
const MAX_PATCH: u64 = 65_536;

/// A demuxer and decoder at some place in a file.
pub(super) struct PacketStream {
    path: PathBuf,
    opened: Opened,
    info: AudioInfo,
    /// The newest block, interleaved.
    block: Vec<f32>,
    /// Whether `block` was decoded but not handed out yet.
    pending: bool,
    channels: usize,
    /// Timestamp of the first presented sample, where a timestamp counts samples.
    origin: Option<i64>,
    broken: u64,
}

impl PacketStream {
    /// Opens the file and decodes up to its first samples, which settle rate and channels.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_with(path, Access::Seekable).or_else(|error| match error.kind {
            // Some demuxers report a missing end as damage, others as an unknown format.
            SourceErrorKind::Truncated | SourceErrorKind::FileUnsupported => {
                Self::open_with(path, Access::Forward).map_err(|_| error)
            }
            _ => Err(error),
        })
    }

    fn open_with(path: &Path, access: Access) -> Result<Self, SourceError> {
        let opened = open::open(path, access)?;
        let stated = audio_params(&opened.track).cloned().unwrap_or_default();
        let info = AudioInfo {
            decoder: opened.decoder_name.clone(),
            rate: SampleRate(stated.sample_rate.unwrap_or(0)),
            channels: 0,
            duration: None,
            format: stored_format(&stated),
        };
        let mut stream = Self {
            path: path.to_owned(),
            opened,
            info,
            block: Vec::new(),
            pending: false,
            channels: 0,
            origin: None,
            broken: 0,
        };
        let start = stream
            .decode_next()
            .map_err(|reason| refusal::truncated(path, &reason))?;
        let Some(start) = start else {
            return Err(if stream.broken > 0 {
                refusal::truncated(path, &format!("none of {} packets could be decoded", stream.broken))
            } else {
                refusal::no_samples(path)
            });
        };
        if !(1..=MAX_RATE_HZ).contains(&stream.info.rate.0) {
            return Err(refusal::impossible(
                path,
                &format!("a rate of {} Hz", stream.info.rate.0),
            ));
        }
        // Read only forward, a seek would have to read all before it anyway.
        let counts_samples =
            access == Access::Seekable && stream.opened.track.time_base == TimeBase::try_from_recip(stream.info.rate.0);
        stream.origin = counts_samples.then_some(start);
        stream.info.channels = stream.channels as u16;
        stream.info.duration = duration(&stream.opened.track, stream.info.rate);
        stream.pending = true;
        stream.broken = 0;
        Ok(stream)
    }

    /// What the file is.
    pub(super) fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// Packets that could not be decoded.
    pub(super) fn broken(&self) -> u64 {
        self.broken
    }

    /// The newest block, interleaved.
    pub(super) fn block(&self) -> &[f32] {
        &self.block
    }

    /// The newest block, interleaved.
    pub(super) fn block_mut(&mut self) -> &mut [f32] {
        &mut self.block
    }

    /// Decodes the next block, and returns its channels; `None` at the end; why it stops, if before the end.
    pub(super) fn advance(&mut self) -> Result<Option<usize>, String> {
        if !std::mem::take(&mut self.pending) && self.decode_next()?.is_none() {
            return Ok(None);
        }
        Ok(Some(self.channels))
    }

    /// Seeks to a position at or before sample `target`, early enough that the decoder's state is exact at `target`.
    /// Returns the position of the next block, or `None` if only decoding from the start is exact.
    pub(super) fn seek_before(&mut self, target: u64) -> Option<u64> {
        let origin = self.origin?;
        let pre_roll = (PRE_ROLL_SECS * self.info.rate.hz()) as u64;
        let early = target.checked_sub(pre_roll).filter(|early| *early > 0)?;
        let ts = origin.checked_add(i64::try_from(early).ok()?)?;
        let track_id = self.opened.track.id;
        self.opened
            .format
            .seek(
                SeekMode::Accurate,
                SeekTo::Timestamp {
                    ts: Timestamp::new(ts),
                    track_id,
                },
            )
            .ok()?;
        self.opened.decoder.reset();
        // Packets that fail here lack their predecessors; they are not damaged.
        let broken = self.broken;
        let start = self.decode_next().ok()??;
        self.broken = broken;
        let position = u64::try_from(start.checked_sub(origin)?).ok()?;
        self.pending = true;
        (position <= target).then_some(position)
    }

    /// Decodes packets until one has samples; returns the timestamp of the first sample.
    fn decode_next(&mut self) -> Result<Option<i64>, String> {
        loop {
            let packet = match self.opened.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.opened.track.id => packet,
                Ok(Some(_)) => continue,
                Ok(None) => return Ok(None),
                Err(Error::ResetRequired) => {
                    self.restart_decoder()?;
                    continue;
                }
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err("the file ends in the middle of a packet".to_owned());
                }
                Err(error) => return Err(error.to_string()),
            };
            if self.decode(&packet)? {
                let trimmed = i64::try_from(packet.trim_start.get()).unwrap_or(0);
                return Ok(Some(packet.pts.get().saturating_add(trimmed)));
            }
        }
    }

    /// Decodes one packet into `block`; false if it has no samples.
    fn decode(&mut self, packet: &Packet) -> Result<bool, String> {
        match self.opened.decoder.decode(packet) {
            Ok(decoded) => {
                let spec = decoded.spec();
                let (rate, channels) = (spec.rate(), spec.channels().count());
                if channels == 0 {
                    return Err("it has no channels".to_owned());
                }
                if self.channels != 0 && rate != self.info.rate.0 {
                    return Err(format!("its rate changes from {} to {rate} Hz", self.info.rate.0));
                }
                self.info.rate = SampleRate(rate);
                self.channels = channels;
                decoded.copy_to_vec_interleaved(&mut self.block);
                Ok(!self.block.is_empty())
            }
            Err(Error::DecodeError(_)) => {
                self.broken += 1;
                // Silence of the same length keeps all that follows at its place. Before the first sound there is no
                // place to keep.
                let lost = packet.dur.get().min(MAX_PATCH) as usize;
                self.block.clear();
                if self.channels != 0 && self.origin.is_some() {
                    self.block.resize(lost * self.channels, 0.0);
                }
                Ok(!self.block.is_empty())
            }
            Err(Error::ResetRequired) => {
                self.restart_decoder()?;
                Ok(false)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Another stream starts in the same file (chained ogg): it needs a decoder of its own.
    fn restart_decoder(&mut self) -> Result<(), String> {
        let (track, decoder, name) =
            open::choose_track(&self.path, self.opened.format.as_ref()).map_err(|error| error.message)?;
        self.opened.track = track;
        self.opened.decoder = decoder;
        self.opened.decoder_name = name;
        // Its timestamps start at 0 again.
        self.origin = None;
        Ok(())
    }
}

fn audio_params(track: &Track) -> Option<&AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some(params),
        _ => None,
    }
}

fn stored_format(params: &AudioCodecParameters) -> String {
    match (params.sample_format, params.bits_per_sample) {
        (Some(format), _) => format!("{format:?}"),
        (None, Some(bits)) => format!("S{bits}"),
        (None, None) => String::new(),
    }
}

fn duration(track: &Track, rate: SampleRate) -> Option<Seconds> {
    if let Some(frames) = track.num_frames {
        return Some(rate.duration(frames));
    }
    let time = track.time_base?.calc_duration(track.duration?)?;
    Some(Seconds(time.as_secs_f64()))
}
