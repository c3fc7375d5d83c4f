//! The list of sections of one stream, as a pipeline keeps it.
//!
//! In: normalised frames. Out: a [`SectionMark`] at the frame at which a section was written. Thread: the pipeline's.

use super::model_runner::{FaultCause, guarded};
use super::snapshot::SectionMark;
use attune_audio::features::FrameBlock;
use attune_audio::units::Seconds;
use attune_model::sections::{SectionLister, SectionStart, SectionStream};

/// One stream, from some frame of the pipeline's on.
pub(super) struct SectionList {
    stream: SectionStream,
    /// The pipeline's frame that is its first.
    first: u64,
    /// Written, and not yet asked for.
    written: Vec<SectionStart>,
}

impl SectionList {
    pub(super) fn new(lister: &SectionLister, first: u64) -> Result<Self, FaultCause> {
        Ok(Self {
            stream: guarded(|| lister.open())?,
            first,
            written: Vec::new(),
        })
    }

    /// What lasts is forgotten: the pipeline's frame `first` is a first frame.
    pub(super) fn reset(&mut self, first: u64) -> Result<(), FaultCause> {
        self.first = first;
        self.written.clear();
        let stream = &mut self.stream;
        guarded(|| stream.reset())
    }

    pub(super) fn push(&mut self, frames: FrameBlock<'_>) -> Result<(), FaultCause> {
        let stream = &mut self.stream;
        self.written.extend(guarded(|| stream.push(frames))?);
        Ok(())
    }

    /// The section that was written at this frame of the pipeline; `at`: the stream time of one of its frames.
    pub(super) fn take(&mut self, frame: u64, at: impl Fn(u64) -> Seconds) -> Option<SectionMark> {
        let is_of = |start: &SectionStart| self.first + start.written == frame + 1;
        let place = self.written.iter().position(is_of)?;
        let start = self.written.remove(place);
        Some(SectionMark {
            genre: start.genre,
            since: at(self.first + start.since),
            confidence: start.confidence,
        })
    }
}
