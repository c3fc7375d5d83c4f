//! A decoded file as a source of the same ring as a microphone, paced as if live or flat out.
//!
//! In: a path. Out: mono samples in a ring, at the file's own rate. Thread: its own reader thread.

use crate::ring::SampleSource;
use crate::source::{OpenedSource, SourceError, SourceMark};
use crate::units::Seconds;
use std::path::Path;

/// How fast a file is played into the ring.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// This many times real time (1 = as if live, and heard through the speakers if there are any).
    Times(f32),
    /// As fast as the worker reads.
    FlatOut,
}

/// A file being played into a ring.
#[derive(Debug)]
pub struct FilePlayer {
    // to be filled in
}

impl FilePlayer {
    /// Opens the file and begins to play it. `heard`: also send it to the default output, if there is one (only at 1×).
    pub fn open(_path: &Path, _pace: Pace, _heard: bool) -> Result<(Self, SampleSource), SourceError> {
        todo!()
    }
    /// What is really open.
    pub fn opened(&self) -> &OpenedSource {
        todo!()
    }
    /// The next mark, if one has come.
    pub fn next_mark(&mut self) -> Option<SourceMark> {
        todo!()
    }
    /// Plays on.
    pub fn play(&mut self) {
        todo!()
    }
    /// Holds; samples already in the ring stay readable.
    pub fn pause(&mut self) {
        todo!()
    }
    /// Goes to `at` (clamped to the file) and returns a fresh ring end: nothing from before the seek is in it.
    pub fn seek(&mut self, _at: Seconds) -> Result<SampleSource, SourceError> {
        todo!()
    }
    /// Whether to start again at the end.
    pub fn set_looping(&mut self, _on: bool) {
        todo!()
    }
    /// Changes the pace from now on.
    pub fn set_pace(&mut self, _pace: Pace) {
        todo!()
    }
}
