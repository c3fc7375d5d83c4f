//! One pass over a file's packets: demux, decode, and know the position of what comes out.
//!
//! In: a file. Out: blocks of interleaved f32, all at the rate of the first. Thread: any.

use super::bytes::{Part, array};
use super::damage::Damage;
use super::names::Content;
use super::ogg::{Gap, Next};
use super::open::{self, Demuxer, Opened};
use super::rate::ToFirstRate;
use super::raw::RawFormat;
use super::{AudioInfo, Blocks, MAX_RATE_HZ, refusal};
use crate::source::SourceError;
use crate::units::{SampleRate, Seconds};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::errors::Error;
use symphonia::core::formats::{SeekTo, Track};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

/// Decoded and discarded before a position that was sought, so that what the decoder remembers (mp3's bit reservoir of
/// up to 511 bytes: 0.29 s at 8 kbit/s; the overlap of a lapped transform: one packet) is as in one long pass.
const PRE_ROLL_SECS: f64 = 0.5;
/// The same for Opus, which predicts each packet's energies from the last ones: it forgets by a factor, packet by
/// packet.
const OPUS_PRE_ROLL_SECS: f64 = 5.0;
/// The longest silence that stands for one broken packet, in samples: more than any codec's packet holds.
const MAX_PATCH: u64 = 65_536;
/// The longest silence that stands for missing sound. Pages hold up to half a minute; more is nonsense.
const LONGEST_GAP: Seconds = Seconds(600.0);
/// More bytes than this that belong to no packet are sound that was missed.
const MOST_JUNK: u64 = 4096;

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
    /// Rate of what the decoder gives.
    rate: u32,
    /// Brings a stretch of another rate to the first.
    to_first: Option<ToFirstRate>,
    /// What follows such a stretch, while its end is handed out.
    held: Option<(Vec<f32>, usize)>,
    /// Timestamp of the first sample that is to be played, where a timestamp counts samples.
    origin: Option<i64>,
    /// Samples of a channel before the first that is to be played.
    lead_in: u64,
    /// Samples of a channel to be played, where the container says so.
    length: Option<u64>,
    /// How long the container says that it is.
    stated: Option<Seconds>,
    damage: Damage,
    /// Silence that comes before the newest block, in samples of a channel, and that block.
    silence: u64,
    later: Option<Vec<f32>>,
    /// Samples of a channel of a later stream that are not to be played: its encoder put them before the sound.
    skip: u64,
    /// Failures before this timestamp lack what came before them; they are no damage.
    forgiven_to: i64,
    changes: u32,
    /// Bytes of all packets; `None` after a seek.
    packet_bytes: Option<u64>,
    /// Applied to every sample.
    gain: Option<f32>,
}

impl PacketStream {
    /// Opens the sound in a part of a file and decodes up to its first samples, which settle rate and channels.
    pub(super) fn open(path: &Path, part: &Part, content: Content) -> Result<Self, SourceError> {
        Self::start(path, open::open(path, part, content)?)
    }

    /// Opens bytes that are samples and nothing else.
    pub(super) fn open_raw(path: &Path, format: RawFormat) -> Result<Self, SourceError> {
        Self::start(path, open::open_raw(path, format)?)
    }

    fn start(path: &Path, opened: Opened) -> Result<Self, SourceError> {
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
            gain: output_gain(&stated),
            opened,
            info,
            block: Vec::new(),
            pending: false,
            channels: 0,
            rate: 0,
            to_first: None,
            held: None,
            origin: None,
            lead_in: 0,
            length: None,
            stated: None,
            damage: Damage::default(),
            silence: 0,
            later: None,
            skip: 0,
            forgiven_to: i64::MIN,
            changes: 0,
            packet_bytes: Some(0),
        };
        let start = stream
            .decode_next()
            .map_err(|reason| refusal::truncated(path, &reason))?;
        let Some(start) = start else {
            return Err(if stream.damage.packets > 0 {
                let packets = stream.damage.packets;
                refusal::truncated(path, &format!("none of {packets} packets could be decoded"))
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
        let track_base = stream.opened.track.time_base;
        let counts_samples = track_base == TimeBase::try_from_recip(stream.info.rate.0)
            || matches!(stream.opened.demuxer, Demuxer::Frames(_));
        stream.set_extent(if counts_samples { start } else { 0 });
        // Read only forward, a seek would have to read all before it anyway.
        stream.origin = (counts_samples && stream.opened.can_seek)
            .then(|| start.saturating_add(i64::try_from(stream.lead_in).unwrap_or(0)));
        stream.info.channels = stream.channels as u16;
        stream.pending = true;
        stream.damage.packets = 0;
        Ok(stream)
    }

    /// What of the decoded samples is to be played, and how long that is stated to be.
    fn set_extent(&mut self, start: i64) {
        let rate = self.info.rate;
        let track = &self.opened.track;
        if let Some(gaps) = self.opened.gaps {
            self.lead_in = gaps.samples(gaps.lead_in, rate.0);
            self.length = gaps.length.map(|length| gaps.samples(length, rate.0));
        } else {
            // Samples before time 0 are the encoder's; Opus counts them from 0 on.
            let before = start.min(0).unsigned_abs();
            let skipped = audio_params(track).and_then(pre_skip);
            let skipped = skipped.unwrap_or_else(|| (self.opened.heading.delay.0 * rate.hz()).round() as u64);
            self.lead_in = before.max(skipped);
        }
        let opened = &self.opened;
        (self.info.duration, self.stated) = match &opened.demuxer {
            Demuxer::Frames(frames) => {
                let total = frames.total();
                let secs = total.map(|total| Seconds(total.secs));
                (secs, secs.filter(|_| total.is_some_and(|total| total.is_stated)))
            }
            Demuxer::Container(_) | Demuxer::Ogg(_) => {
                let whole = match self.length {
                    Some(length) => Some(rate.duration(length)),
                    None => duration(track, rate).map(|all| Seconds((all.0 - rate.duration(self.lead_in).0).max(0.0))),
                };
                let whole = whole.map(|whole| Seconds(whole.0 + opened.ending.missing.0));
                // A film may be longer than its sound.
                let shown = whole.or(opened.heading.duration);
                (shown, whole.filter(|_| !opened.ending.is_open))
            }
        };
    }

    /// Decodes packets until one has samples; returns the timestamp of the first sample.
    fn decode_next(&mut self) -> Result<Option<i64>, String> {
        loop {
            let (packet, gap) = match self.opened.demuxer.next(self.opened.track.id) {
                Ok(Some(Next::Packet(packet, gap))) => (packet, gap),
                Ok(Some(Next::Gap(gap))) => {
                    self.block.clear();
                    if self.fill(gap) > 0 {
                        // Where it begins matters to a seek only, which a packet precedes.
                        return Ok(Some(i64::MAX));
                    }
                    continue;
                }
                Ok(None) => {
                    if self.open_next()? {
                        continue;
                    }
                    return self.unread().map_or(Ok(None), Err);
                }
                Err(Error::ResetRequired) => {
                    self.restart_decoder()?;
                    continue;
                }
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    if self.opened.ending.is_open {
                        return Ok(None);
                    }
                    return Err("the file ends in the middle of a packet".to_owned());
                }
                Err(error) => return Err(error.to_string()),
            };
            if let Some(bytes) = &mut self.packet_bytes {
                // What the demuxer does not know it adds to the last packet, which is then larger than its samples are.
                let samples =
                    packet
                        .dur
                        .get()
                        .saturating_mul(if self.channels == 0 { 8 } else { self.channels as u64 });
                *bytes += (packet.data.len() as u64).min(samples.saturating_mul(4).saturating_add(MOST_JUNK));
            }
            let Some(gap) = gap else {
                if self.decode(&packet)? {
                    return Ok(Some(packet.pts.get().saturating_add_unsigned(packet.trim_start.get())));
                }
                continue;
            };
            // What the decoder remembers does not belong to this packet.
            self.opened.decoder.reset();
            let has_samples = self.decode(&packet)?;
            // A decoder that starts anew gives less than the packet stands for.
            let frames = if has_samples {
                self.block.len() / self.channels
            } else {
                0
            };
            let whole = packet.trim_start.get().saturating_add(packet.dur.get()).min(MAX_PATCH);
            let more = whole.saturating_sub(frames as u64);
            let samples = gap.samples.saturating_add(more);
            if self.fill(Gap { samples }) > 0 || has_samples {
                return Ok(Some(packet.pts.get().saturating_sub_unsigned(gap.samples)));
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
                decoded.copy_to_vec_interleaved(&mut self.block);
                if self.skip > 0 {
                    let skipped = self.skip.min((self.block.len() / channels) as u64);
                    self.skip -= skipped;
                    self.block.drain(..skipped as usize * channels);
                }
                if self.channels == 0 {
                    self.info.rate = SampleRate(rate);
                    (self.rate, self.channels) = (rate, channels);
                }
                if let Some(gain) = self.gain {
                    self.block.iter_mut().for_each(|sample| *sample *= gain);
                }
                self.bring_to_first(rate, channels)?;
                Ok(!self.block.is_empty())
            }
            // The decoder's only input is the packet: it ended too early, or says what no decoder here takes.
            Err(Error::DecodeError(_) | Error::IoError(_) | Error::Unsupported(_) | Error::LimitError(_)) => {
                self.block.clear();
                let is_damage = packet.pts.get() >= self.forgiven_to;
                self.damage.packets += u64::from(is_damage);
                // Silence of the same length keeps all that follows at its place. Before the first sound there is no
                // place to keep.
                if self.channels != 0 && self.origin.is_some() {
                    let lost = packet.dur.get().min(MAX_PATCH);
                    self.block.resize(lost as usize * self.channels, 0.0);
                    self.damage.silent += if is_damage { lost } else { 0 };
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

    /// Puts silence before the newest block in the place of sound that the file has lost, and returns how many samples
    /// of a channel.
    fn fill(&mut self, gap: Gap) -> u64 {
        self.damage.gaps += 1;
        if gap.samples as f64 > LONGEST_GAP.0 * f64::from(self.rate) || self.channels == 0 {
            // Where the rest belongs is not known.
            self.origin = None;
            return 0;
        }
        let silence = gap.samples * u64::from(self.info.rate.0) / u64::from(self.rate);
        self.damage.silent += silence;
        if silence > 0 {
            self.later = Some(std::mem::take(&mut self.block));
            self.silence = silence;
            self.take_silence();
        }
        silence
    }

    /// Makes the newest block one of silence.
    fn take_silence(&mut self) {
        let frames = self.silence.min(MAX_PATCH);
        self.silence -= frames;
        self.block.clear();
        self.block.resize(frames as usize * self.channels, 0.0);
    }

    /// Brings a block of the decoder's rate to the rate of the first; at a change the end of what came before goes
    /// first.
    fn bring_to_first(&mut self, rate: u32, channels: usize) -> Result<(), String> {
        if (rate, channels) == (self.rate, self.channels) {
            if let Some(conversion) = &mut self.to_first {
                self.block = conversion.push(&self.block)?;
            }
            return Ok(());
        }
        if rate != self.rate {
            self.changes += 1;
            // Timestamps count other samples from here on.
            self.origin = None;
        }
        let rest = match self.to_first.take() {
            Some(mut conversion) => conversion.finish()?,
            None => Vec::new(),
        };
        if rate != self.info.rate.0 {
            let mut conversion = ToFirstRate::new(SampleRate(rate), self.info.rate, channels)?;
            self.block = conversion.push(&self.block)?;
            self.to_first = Some(conversion);
        }
        let before = std::mem::replace(&mut self.channels, channels);
        self.rate = rate;
        if !rest.is_empty() {
            let later = std::mem::replace(&mut self.block, rest);
            self.held = Some((later, channels));
            self.channels = before;
        }
        Ok(())
    }

    /// Another stream starts in the same file (joined mp3, chained ogg): it needs a decoder of its own.
    fn restart_decoder(&mut self) -> Result<(), String> {
        let (track, decoder, name) =
            open::choose_track(&self.path, &self.opened.demuxer).map_err(|error| error.message)?;
        self.opened.track = track;
        self.opened.decoder = decoder;
        self.opened.decoder_name = name;
        if !matches!(self.opened.demuxer, Demuxer::Frames(_)) {
            self.leave_first_stream();
        }
        Ok(())
    }

    /// Timestamps start at 0 again, and what was said of the first stream's length does not hold for the file.
    fn leave_first_stream(&mut self) {
        self.origin = None;
        self.stated = None;
        self.length = None;
        let params = audio_params(&self.opened.track);
        self.gain = params.and_then(output_gain);
        self.skip = params.and_then(pre_skip).unwrap_or(0);
    }

    /// At the end: whether a good part of the file was passed over.
    fn unread(&self) -> Option<String> {
        if let Demuxer::Ogg(ogg) = &self.opened.demuxer
            && ogg.orphans() > 0
        {
            let bytes = ogg.orphans();
            return Some(format!(
                "{bytes} bytes of the file could not be decoded: the beginning of their stream is missing"
            ));
        }
        let rest = self.opened.ending.packet_bytes?.saturating_sub(self.packet_bytes?);
        (rest > MOST_JUNK).then(|| {
            format!(
                "{rest} bytes of the file could not be decoded: its format may change, or another file follows in it"
            )
        })
    }

    /// Opens the file that follows in the same file.
    fn open_next(&mut self) -> Result<bool, String> {
        let Some(part) = self.opened.ending.next.take() else {
            return Ok(false);
        };
        self.opened = open::open(&self.path, &part, Content::Known).map_err(|error| error.message)?;
        self.leave_first_stream();
        Ok(true)
    }
}

impl Blocks for PacketStream {
    fn info(&self) -> &AudioInfo {
        &self.info
    }

    fn extent(&self) -> (u64, Option<u64>) {
        (self.lead_in, self.length)
    }

    fn stated(&self) -> Option<Seconds> {
        self.stated
    }

    fn damage(&self) -> Damage {
        self.damage
    }

    fn block(&mut self) -> &mut [f32] {
        &mut self.block
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Demuxer::Frames(frames) = &self.opened.demuxer
            && frames.left_over() > 0
        {
            remarks.push(format!("{} bytes of the file are no sound", frames.left_over()));
        }
        if self.changes > 0 {
            let times = if self.changes == 1 {
                "once".to_owned()
            } else {
                format!("{} times", self.changes)
            };
            remarks.push(format!(
                "its rate changes {times}: all of it was brought to {} Hz",
                self.info.rate.0
            ));
        }
        remarks
    }

    fn advance(&mut self) -> Result<Option<usize>, String> {
        if self.pending {
            self.pending = false;
            return Ok(Some(self.channels));
        }
        if self.silence > 0 {
            self.take_silence();
            return Ok(Some(self.channels));
        }
        if let Some(block) = self.later.take().filter(|block| !block.is_empty()) {
            self.block = block;
            return Ok(Some(self.channels));
        }
        if let Some((block, channels)) = self.held.take() {
            (self.block, self.channels) = (block, channels);
            return Ok(Some(self.channels));
        }
        if self.decode_next()?.is_none() {
            let Some(mut conversion) = self.to_first.take() else {
                return Ok(None);
            };
            self.block = conversion.finish()?;
            if self.block.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(self.channels))
    }

    fn seek_before(&mut self, target: u64) -> Option<u64> {
        let origin = self.origin?;
        let is_opus = audio_params(&self.opened.track).is_some_and(|params| params.codec == CODEC_ID_OPUS);
        let secs = if is_opus { OPUS_PRE_ROLL_SECS } else { PRE_ROLL_SECS };
        let pre_roll = (secs * self.info.rate.hz()) as u64;
        let early = target.checked_sub(pre_roll).filter(|early| *early > 0)?;
        let ts = origin.checked_add(i64::try_from(early).ok()?)?;
        let track_id = self.opened.track.id;
        let to = SeekTo::Timestamp {
            ts: Timestamp::new(ts),
            track_id,
        };
        self.opened.demuxer.seek(to).ok()?;
        self.opened.decoder.reset();
        (self.silence, self.later, self.held) = (0, None, None);
        self.packet_bytes = None;
        // Packets that fail here lack their predecessors.
        self.forgiven_to = origin.saturating_add(i64::try_from(target).ok()?);
        let start = self.decode_next().ok()??;
        // A change of rate on the way means that timestamps do not say where this is.
        let position = u64::try_from(start.checked_sub(self.origin?)?).ok()?;
        self.pending = true;
        (position <= target).then_some(position)
    }
}

fn audio_params(track: &Track) -> Option<&AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some(params),
        _ => None,
    }
}

/// The identification header of Opus (RFC 7845, 5.1) behind its name.
fn opus_head(params: &AudioCodecParameters) -> Option<&[u8]> {
    let head = params.extra_data.as_deref().filter(|_| params.codec == CODEC_ID_OPUS)?;
    head.strip_prefix(b"OpusHead")
}

/// Samples that Opus' encoder put before the sound.
fn pre_skip(params: &AudioCodecParameters) -> Option<u64> {
    array(opus_head(params)?, 2).map(|bytes| u64::from(u16::from_le_bytes(bytes)))
}

/// Opus' output gain: part of how loud the sound is meant to be.
fn output_gain(params: &AudioCodecParameters) -> Option<f32> {
    let gain = i16::from_le_bytes(array(opus_head(params)?, 8)?);
    (gain != 0).then(|| 10_f32.powf(f32::from(gain) / (20.0 * 256.0)))
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
