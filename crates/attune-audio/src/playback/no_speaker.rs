//! Stands in for the speaker in builds without the feature `device`: there is no output.
//!
//! In: nothing. Out: nothing. Thread: none.

use crate::units::SampleRate;

/// An output, of which there is none: this type has no value.
pub(super) enum Speaker {}

/// No output.
pub(super) fn open(_rate: SampleRate) -> Option<Speaker> {
    None
}

impl Speaker {
    /// What the output is called.
    pub(super) fn name(&self) -> &str {
        match *self {}
    }

    /// Plays a block.
    pub(super) fn play(&mut self, _interleaved: &[f32], _channels: usize) {
        match *self {}
    }

    /// Drops what has not been played.
    pub(super) fn flush(&mut self) {
        match *self {}
    }
}
