//! Files to samples, through symphonia, libopus (Opus) and, for what they do not decode, the program `ffmpeg` where it
//! is installed.
//!
//! In: a path. Out: mono f32 samples at the file's own rate, and what the file is. Thread: any.
//!
//! ```text
//! file → tags cut off → what it is, by its first bytes → demuxer → decoder → one rate → mono
//!        tags, bytes    names                           wave, frames, symphonia   rate   mixdown
//!                                                       └ or: ffmpeg ───────────┘
//! ```

mod bytes;
mod damage;
mod ffmpeg;
mod flac;
mod frames;
mod helper;
mod mixdown;
mod mkv;
mod mp4;
mod names;
mod ogg;
mod open;
mod rate;
mod raw;
mod refusal;
mod spool;
mod stream;
mod tags;
mod wave;

use crate::source::{SourceError, SourceErrorKind};
use crate::units::{SampleRate, Seconds};
use damage::{Damage, DamageLog};
use ffmpeg::Failure;
pub use ffmpeg::ffmpeg_version;
use helper::HelperStream;
pub use mixdown::Mixdown;
use names::Content;
pub use raw::{RawFormat, RawFormatError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use stream::PacketStream;

/// Higher rates are treated as damage.
const MAX_RATE_HZ: u32 = 768_000;
/// A file that lacks more than this of the length it states was cut: encoders' padding and rounding take up to a packet
/// or two of a tenth of a second.
const CUT_SHORT: Seconds = Seconds(0.3);

/// Properties of a file, as its container and decoder state them.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioInfo {
    /// Decoder's short name (`mp3`); with its version where it is another program (`ffmpeg 5.1.6 (wavpack)`).
    pub decoder: String,
    /// Sample rate; of the first stretch, if it changes.
    pub rate: SampleRate,
    /// Audio channels, at the beginning.
    pub channels: u16,
    /// Length, if the container states it or it can be estimated.
    pub duration: Option<Seconds>,
    /// Sample format as stored (`S16`), where known; empty where the codec has none (mp3).
    pub format: String,
}

/// What decodes a file block by block, all blocks at one rate.
trait Blocks: Send {
    /// What the file is.
    fn info(&self) -> &AudioInfo;
    /// Samples of a channel before the first that is to be played, and how many are, if that is stated.
    fn extent(&self) -> (u64, Option<u64>);
    /// How long the file says that it is; not an estimate.
    fn stated(&self) -> Option<Seconds>;
    /// Decodes the next block, and returns its channels; `None` at the end; why it stops, if before the end.
    fn advance(&mut self) -> Result<Option<usize>, String>;
    /// The newest block, interleaved.
    fn block(&mut self) -> &mut [f32];
    /// Seeks to a position at or before sample `target` of what is to be played, early enough that the decoder's state
    /// is exact at `target`. Returns the position of the next block, or `None` if only decoding from the start is
    /// exact.
    fn seek_before(&mut self, target: u64) -> Option<u64>;
    /// What could not be decoded so far.
    fn damage(&self) -> Damage;
    /// What is unusual and no damage.
    fn remarks(&self) -> Vec<String>;
}

/// From what a file is decoded.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Its content decides; `ffmpeg` may help.
    Any,
    /// Its content decides, and nothing but this program decodes it.
    Alone,
    /// It has no header.
    Raw(RawFormat),
}

/// What [`AudioFile::open`] takes every file for, if the user said so.
static ALL_RAW: OnceLock<RawFormat> = OnceLock::new();

/// From now on [`AudioFile::open`] takes every file for samples of this format, without a header. For programs whose
/// user said so of all files; it can be said once.
pub fn read_all_as(format: RawFormat) {
    let _ = ALL_RAW.set(format);
}

/// A file being decoded, block by block.
///
/// Position 0 is the first sample that is to be played: the encoder's delay is left out where the file states it (mp3
/// with a LAME tag, ogg vorbis, Opus, aac in mp4), and is part of the sound where it does not (aac in ADTS).
pub struct AudioFile {
    path: PathBuf,
    way: Way,
    blocks: Box<dyn Blocks>,
    /// Where the next block begins, in samples of a channel; negative within the encoder's delay.
    position: i64,
    /// The first sample to be mixed, and the first to be handed out.
    mix_from: i64,
    from: i64,
    mixdown: Mixdown,
    mono: Vec<f32>,
    not_finite: u64,
    /// Why decoding stopped before the end of the file.
    cut_short: Option<String>,
    damage: DamageLog,
}

/// Decoded audio as the file has it: every channel, interleaved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interleaved<'a> {
    /// Frame after frame, one sample of each channel.
    pub(crate) samples: &'a [f32],
    /// Audio channels.
    pub(crate) channels: usize,
    mono: &'a [f32],
}

impl Interleaved<'_> {
    /// Appends the channels mixed down to one to `out`.
    pub(crate) fn mix_into(&self, out: &mut Vec<f32>) {
        out.extend_from_slice(self.mono);
    }
}

impl std::fmt::Debug for AudioFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AudioFile")
            .field("path", &self.path)
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

impl AudioFile {
    /// Opens the file by its content, whatever its name says, and decodes the start of its first audio track. What is
    /// not decoded here is given to `ffmpeg`, if that is installed. The path `-` is standard input, which is copied to
    /// a temporary file first.
    ///
    /// Errors by name: `not_found`, `permission_denied`, `not_a_file`, `empty`, `unreadable`, `unsupported`,
    /// `no_audio`, `truncated` (nothing could be decoded).
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_by(path, ALL_RAW.get().map_or(Way::Any, |format| Way::Raw(*format)))
    }

    /// The same without `ffmpeg`.
    pub fn open_alone(path: &Path) -> Result<Self, SourceError> {
        Self::open_by(path, Way::Alone)
    }

    /// Opens a file that is samples and nothing else.
    ///
    /// ```
    /// # use attune_audio::decode::{AudioFile, RawFormat};
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("a.pcm");
    /// std::fs::write(&path, [0, 0x40, 0, 0xC0])?;
    /// let mut file = AudioFile::open_raw(&path, RawFormat::new("s16le", 8000, 1)?)?;
    /// let mut samples = Vec::new();
    /// while file.next_block(&mut samples)? {}
    /// assert_eq!(samples, [0.5, -0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_raw(path: &Path, format: RawFormat) -> Result<Self, SourceError> {
        Self::open_by(path, Way::Raw(format))
    }

    fn open_by(path: &Path, way: Way) -> Result<Self, SourceError> {
        let blocks = open_blocks(path, way)?;
        let mut file = Self {
            path: path.to_owned(),
            way,
            position: 0,
            mix_from: 0,
            from: 0,
            mixdown: Mixdown::new(blocks.info().rate.0),
            blocks,
            mono: Vec::new(),
            not_finite: 0,
            cut_short: None,
            damage: DamageLog::default(),
        };
        file.rewind();
        Ok(file)
    }

    /// The stream is at its start: the encoder's delay comes first.
    fn rewind(&mut self) {
        let (lead_in, _) = self.blocks.extent();
        self.position = -i64::try_from(lead_in).unwrap_or(i64::MAX);
    }

    /// Its properties.
    pub fn info(&self) -> &AudioInfo {
        self.blocks.info()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Samples that were NaN or infinite so far, over all channels; each was replaced by 0.
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// Packets so far that could not be decoded, each counted once. Each became silence of its length, unless a change
    /// of rate or another stream before it leaves its length unknown.
    pub fn broken_packets(&self) -> u64 {
        self.damage.packets()
    }

    /// Why decoding stopped before the file's end, or before the length that the file states: what came before was
    /// used.
    pub fn cut_short(&self) -> Option<&str> {
        self.cut_short.as_deref()
    }

    /// What of the file could not be decoded so far and where that begins, in one sentence. Decoding a place again adds
    /// nothing.
    pub fn damage(&self) -> Option<String> {
        let broken = self.damage.describe(self.info().rate);
        let all: Vec<String> = self.cut_short.clone().into_iter().chain(broken).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// What is unusual about the file so far, and no damage: all of it was used.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.blocks.remarks();
        remarks.extend(self.mixdown.remark(self.info().rate.0));
        remarks
    }

    /// The next decoded block with every channel, or `None` at the end. Never empty.
    pub(crate) fn next_interleaved(&mut self) -> Option<Interleaved<'_>> {
        let (_, length) = self.blocks.extent();
        let end = length.and_then(|length| i64::try_from(length).ok()).unwrap_or(i64::MAX);
        let (channels, played) = loop {
            if self.position >= end {
                return None;
            }
            let advanced = self.blocks.advance();
            self.damage.note(self.position, self.blocks.damage());
            match advanced {
                Ok(Some(channels)) => {
                    let frames = (self.blocks.block().len() / channels) as i64;
                    let start = self.position;
                    self.position = start.saturating_add(frames);
                    let stop = self.position.min(end);
                    if stop <= self.mix_from {
                        continue;
                    }
                    // Frames of the block that are mixed, and those of them that are handed out.
                    let first = (self.mix_from - start).max(0) as usize;
                    let mixed = first..(stop - start) as usize;
                    if self.mix(mixed, channels) > 0 {
                        break (channels, (self.from - start).max(0) as usize..(stop - start) as usize);
                    }
                }
                Ok(None) => {
                    self.note_missing();
                    return None;
                }
                Err(reason) => {
                    self.cut_short = Some(reason);
                    return None;
                }
            }
        };
        let samples = &self.blocks.block()[played.start * channels..played.end * channels];
        let mono = &self.mono[self.mono.len() - played.len()..];
        Some(Interleaved {
            samples,
            channels,
            mono,
        })
    }

    /// Mixes these frames of the newest block; returns how many of them are to be handed out.
    fn mix(&mut self, frames: std::ops::Range<usize>, channels: usize) -> usize {
        let block = self.blocks.block();
        let samples = &mut block[frames.start * channels..frames.end * channels];
        for sample in samples.iter_mut().filter(|sample| !sample.is_finite()) {
            *sample = 0.0;
            self.not_finite += 1;
        }
        self.mono.clear();
        self.mixdown.push(samples, channels, &mut self.mono);
        // The frames before `from` were mixed for what the mix remembers.
        let begin = self.mix_from;
        self.mix_from += frames.len() as i64;
        (self.mix_from - begin.max(self.from)).max(0) as usize
    }

    /// At the end: whether the file states that there is more.
    fn note_missing(&mut self) {
        let decoded = self.position.max(0) as f64 / self.info().rate.hz();
        if let Some(stated) = self.blocks.stated().filter(|stated| decoded < stated.0 - CUT_SHORT.0) {
            self.cut_short = Some(format!(
                "the file ends early: {decoded:.1} s could be decoded of the {:.1} s that it promises",
                stated.0
            ));
        }
    }

    /// Appends the next decoded block, mixed down to mono, to `out`; false at the end. The mix is the mean of the
    /// channels, or where they cancel each other, their difference.
    /// A file that ends in the middle of a packet is an error only if nothing could be decoded, which
    /// [`AudioFile::open`] has ruled out.
    pub fn next_block(&mut self, out: &mut Vec<f32>) -> Result<bool, SourceError> {
        Ok(self.next_interleaved().map(|block| block.mix_into(out)).is_some())
    }

    /// Seeks to the sample at `at`, exactly: what follows is bit for bit what decoding from the start yields there, but
    /// for the noise that AAC files may leave to the decoder, which is drawn anew. Nothing follows a seek beyond the
    /// end.
    pub fn seek(&mut self, at: Seconds) -> Result<(), SourceError> {
        let target = self.info().rate.index_at(at).0;
        let mix_from = self.mixdown.reach(target);
        self.cut_short = None;
        if let Some(position) = self.blocks.seek_before(mix_from) {
            self.position = i64::try_from(position).unwrap_or(i64::MAX);
        } else {
            self.damage.restart();
            self.blocks = open_blocks(&self.path, self.way)?;
            self.rewind();
        }
        self.mixdown.restart(mix_from);
        self.mix_from = i64::try_from(mix_from).unwrap_or(i64::MAX);
        self.from = i64::try_from(target).unwrap_or(i64::MAX);
        Ok(())
    }
}

fn open_blocks(path: &Path, way: Way) -> Result<Box<dyn Blocks>, SourceError> {
    if let Way::Raw(format) = way {
        return Ok(Box::new(PacketStream::open_raw(path, format)?));
    }
    let (part, content) = open::part_of(path)?;
    let ask = || {
        if matches!(way, Way::Any) {
            HelperStream::open(part.file())
        } else {
            Err(Failure::Absent)
        }
    };
    match content {
        Content::Silent(name, remedy) => Err(refusal::silent(path, name, remedy)),
        Content::Foreign(name) => match ask() {
            Ok(stream) => Ok(Box::new(stream)),
            Err(failure) => Err(refusal::foreign(path, name, &failure)),
        },
        Content::Known | Content::Unknown => match PacketStream::open(path, &part, content) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) if is_for_ffmpeg(error.kind) => match ask() {
                Ok(stream) => Ok(Box::new(stream)),
                Err(failure) => Err(refusal::with_failure(path, error, &failure)),
            },
            Err(error) => Err(error),
        },
    }
}

/// Whether another decoder may do better.
fn is_for_ffmpeg(kind: SourceErrorKind) -> bool {
    matches!(
        kind,
        SourceErrorKind::FileUnsupported | SourceErrorKind::Truncated | SourceErrorKind::Empty
    )
}

/// The whole file as mono samples.
pub fn decode_file(path: &Path) -> Result<(AudioInfo, Vec<f32>), SourceError> {
    let mut file = AudioFile::open(path)?;
    let mut samples = Vec::new();
    while file.next_block(&mut samples)? {}
    Ok((file.info().clone(), samples))
}
