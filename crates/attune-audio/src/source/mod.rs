//! What fills the ring: which source is open, and what happens at which of its samples.
//!
//! In: what the system reports. Out: [`OpenedSource`], [`SourceMark`], [`SourceError`]. Thread: any.

mod error;

pub(crate) use error::convert_command;
pub use error::{SourceError, SourceErrorKind};

use crate::units::{SampleRate, Seconds};

/// Which kind of source is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A microphone or other input.
    Microphone,
    /// What a loudspeaker plays.
    Monitor,
    /// A file.
    File,
}

/// What is open, as the system reports it, which may differ from the request.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedSource {
    /// Which kind.
    pub kind: SourceKind,
    /// Host (`PulseAudio`, `ALSA`) or decoder (`mp3`).
    pub host: String,
    /// Device or file name.
    pub name: String,
    /// Stable id of a device; path of a file.
    pub id: String,
    /// Its rate.
    pub rate: SampleRate,
    /// Its audio channels.
    pub channels: u16,
    /// Sample format as delivered (`F32`).
    pub format: String,
    /// Frames of a device's buffer, if known.
    pub buffer_frames: Option<u32>,
    /// Length of a file.
    pub duration: Option<Seconds>,
    /// The output that a file plays through, if any.
    pub output: Option<String>,
}

/// An event at one sample of a source. Marks travel in a bounded queue beside the ring; the reader acts on a mark when
/// it has read (or skipped) `at` samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceMark {
    /// How many samples were written to the ring before this.
    pub at: u64,
    /// What happens there.
    pub kind: MarkKind,
}

/// What happens at a [`SourceMark`].
#[derive(Debug, Clone, PartialEq)]
pub enum MarkKind {
    /// The file starts again here.
    Looped,
    /// A selection of the file starts again here, at this time of the file.
    Repeated(Seconds),
    /// The file is damaged, or was cut: what of it was not played up to here.
    Damaged(String),
    /// The file ends here; no samples follow until it is sought.
    Ended,
    /// The source was lost; no samples follow.
    Lost(SourceError),
}
