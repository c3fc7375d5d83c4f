//! Files to samples, through symphonia: wav, mp3, flac, ogg vorbis, m4a/aac and more.
//!
//! In: a path. Out: mono f32 samples at the file's own rate, and what the file is. Thread: any.

use crate::source::SourceError;
use crate::units::{SampleRate, Seconds};
use std::path::Path;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioInfo {
    /// Decoder's short name (`mp3`).
    pub decoder: String,
    /// Sample rate.
    pub rate: SampleRate,
    /// Audio channels.
    pub channels: u16,
    /// Length, if the container tells it.
    pub duration: Option<Seconds>,
    /// Sample format as stored (`S16`), where known.
    pub format: String,
}

/// A file being decoded, block by block.
pub struct AudioFile {}

impl AudioFile {
    /// Opens the file and finds its first audio track.
    pub fn open(_path: &Path) -> Result<Self, SourceError> {
        todo!()
    }
    /// What it is.
    pub fn info(&self) -> &AudioInfo {
        todo!()
    }
    /// Appends the next decoded block, mixed down to mono (mean of the channels), to `out`; false at the end.
    /// A file that ends in the middle of a packet is an error only if nothing could be decoded.
    pub fn next_block(&mut self, _out: &mut Vec<f32>) -> Result<bool, SourceError> {
        todo!()
    }
    /// Goes to the sample at `at`, exactly.
    pub fn seek(&mut self, _at: Seconds) -> Result<(), SourceError> {
        todo!()
    }
}

/// The whole file as mono samples.
pub fn decode_file(_path: &Path) -> Result<(AudioInfo, Vec<f32>), SourceError> {
    todo!()
}
