//! Files to samples, through symphonia: wav, mp3, flac, ogg vorbis, m4a/aac and more.
//!
//! In: a path. Out: mono f32 samples at the file's own rate, and what the file is. Thread: any.

mod open;
mod refusal;
mod stream;

use crate::source::SourceError;
use crate::units::{SampleRate, Seconds};
use std::path::{Path, PathBuf};
use stream::PacketStream;

/// Properties of a file, as its container and decoder state them.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioInfo {
    /// Decoder's short name (`mp3`).
    pub decoder: String,
    /// Sample rate.
    pub rate: SampleRate,
    /// Audio channels.
    pub channels: u16,
    /// Length, if the container states it.
    pub duration: Option<Seconds>,
    /// Sample format as stored (`S16`), where known; empty where the codec has none (mp3).
    pub format: String,
}

/// A file being decoded, block by block.
///
/// Position 0 is the first sample that the decoder presents: the encoder's delay is left out where the file and
/// symphonia know it (mp3 with a LAME tag, ogg vorbis), and is part of the sound where they do not (aac in mp4).
pub struct AudioFile {
    path: PathBuf,
    packets: PacketStream,
    /// Samples of one channel still to be discarded before the position that was sought.
    discard: u64,
    not_finite: u64,
    /// Why decoding stopped before the end of the file.
    cut_short: Option<String>,
    /// Counts from earlier passes over the same file (a seek may open it again).
    broken_before: u64,
}

/// Decoded audio as the file has it: every channel, interleaved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interleaved<'a> {
    /// Frame after frame, one sample of each channel.
    pub(crate) samples: &'a [f32],
    /// Audio channels.
    pub(crate) channels: usize,
}

impl Interleaved<'_> {
    /// Appends the mean of the channels to `out`.
    pub(crate) fn mix_into(&self, out: &mut Vec<f32>) {
        if self.channels == 1 {
            out.extend_from_slice(self.samples);
            return;
        }
        let share = 1.0 / self.channels as f32;
        out.extend(
            self.samples
                .chunks_exact(self.channels)
                .map(|frame| frame.iter().sum::<f32>() * share),
        );
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
    /// Opens the file by its content, whatever its name says, and decodes the start of its first audio track.
    ///
    /// Errors by name: `not_found`, `permission_denied`, `not_a_file`, `empty`, `unreadable`, `unsupported`, `no_audio`,
    /// `truncated` (nothing could be decoded).
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let packets = PacketStream::open(path)?;
        Ok(Self {
            path: path.to_owned(),
            packets,
            discard: 0,
            not_finite: 0,
            cut_short: None,
            broken_before: 0,
        })
    }

    /// Its properties.
    pub fn info(&self) -> &AudioInfo {
        self.packets.info()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Samples that were NaN or infinite so far, over all channels; each was replaced by 0.
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// Packets so far that could not be decoded; each became silence of its length.
    pub fn broken_packets(&self) -> u64 {
        self.broken_before + self.packets.broken()
    }

    /// Why decoding stopped before the file's end, if it did: what came before was used.
    pub fn cut_short(&self) -> Option<&str> {
        self.cut_short.as_deref()
    }

    /// The next decoded block with every channel, or `None` at the end. Never empty.
    pub(crate) fn next_interleaved(&mut self) -> Option<Interleaved<'_>> {
        let channels = loop {
            match self.packets.advance() {
                Ok(Some(channels)) => {
                    let frames = (self.packets.block().len() / channels) as u64;
                    if frames > self.discard {
                        break channels;
                    }
                    self.discard -= frames;
                }
                Ok(None) => return None,
                Err(reason) => {
                    self.cut_short = Some(reason);
                    return None;
                }
            }
        };
        let skipped = std::mem::take(&mut self.discard) as usize * channels;
        let samples = &mut self.packets.block_mut()[skipped..];
        for sample in samples.iter_mut().filter(|sample| !sample.is_finite()) {
            *sample = 0.0;
            self.not_finite += 1;
        }
        Some(Interleaved { samples, channels })
    }

    /// Appends the next decoded block, mixed down to mono (mean of the channels), to `out`; false at the end.
    /// A file that ends in the middle of a packet is an error only if nothing could be decoded, which
    /// [`AudioFile::open`] has ruled out.
    pub fn next_block(&mut self, out: &mut Vec<f32>) -> Result<bool, SourceError> {
        Ok(self.next_interleaved().map(|block| block.mix_into(out)).is_some())
    }

    /// Seeks to the sample at `at`, exactly: what follows is bit for bit what decoding from the start yields there.
    /// Nothing follows a seek beyond the end.
    pub fn seek(&mut self, at: Seconds) -> Result<(), SourceError> {
        let target = self.info().rate.index_at(at).0;
        self.cut_short = None;
        self.discard = if let Some(position) = self.packets.seek_before(target) {
            target - position
        } else {
            self.broken_before += self.packets.broken();
            self.packets = PacketStream::open(&self.path)?;
            target
        };
        Ok(())
    }
}

/// The whole file as mono samples.
pub fn decode_file(path: &Path) -> Result<(AudioInfo, Vec<f32>), SourceError> {
    let mut file = AudioFile::open(path)?;
    let mut samples = Vec::new();
    while file.next_block(&mut samples)? {}
    Ok((file.info().clone(), samples))
}
