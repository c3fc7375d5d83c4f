//! A decoded file as a source of the same ring as a microphone, in real time or as fast as it is read.
//!
//! In: a path. Out: mono samples in a ring, at the file's own rate; with the feature `device` also sound.
//! Thread: its own reader thread.

mod aloud;
mod clock;
mod reader;
#[cfg(feature = "device")]
mod speaker;
#[cfg(not(feature = "device"))]
#[path = "no_speaker.rs"]
mod speaker;

use crate::decode::AudioFile;
use crate::ring::{SampleSink, SampleSource, ring};
use crate::source::{OpenedSource, SourceError, SourceErrorKind, SourceKind, SourceMark};
use crate::units::Seconds;
pub use aloud::{NoOutput, play_aloud};
use crossbeam_channel::{Receiver, Sender};
use reader::{Order, Reader};
use std::path::Path;

/// How much the ring holds: a worker may be that late before samples of a paced file are lost.
const RING_SECS: u32 = 4;
/// Marks that may wait; a reader thread with more holds the file.
const MARKS: usize = 16;
/// Orders that may wait.
const ORDERS: usize = 64;

/// How fast a file is played into the ring.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// This many times real time (1 = as if live, and through the speakers if there are any). As with a device,
    /// what does not fit the ring is lost and counted.
    Times(f32),
    /// As fast as the worker reads; nothing is lost.
    FlatOut,
}

/// A file being played into a ring.
#[derive(Debug)]
pub struct FilePlayer {
    opened: OpenedSource,
    orders: Sender<Order>,
    marks: Receiver<SourceMark>,
}

impl FilePlayer {
    /// Opens the file and starts to play it; `audible`: also through the default output, if there is one (only at 1×,
    /// and with the feature `device`).
    pub fn open(path: &Path, pace: Pace, audible: bool) -> Result<(Self, SampleSource), SourceError> {
        let file = AudioFile::open(path)?;
        let info = file.info();
        let speaker = if audible { speaker::open(info.rate) } else { None };
        let opened = OpenedSource {
            kind: SourceKind::File,
            host: info.decoder.clone(),
            name: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            id: path.to_string_lossy().into_owned(),
            rate: info.rate,
            channels: info.channels,
            format: info.format.clone(),
            buffer_frames: None,
            duration: info.duration,
            output: speaker.as_ref().map(|speaker| speaker.name().to_owned()),
        };
        let (sink, source, marks_in, marks) = fresh(&opened);
        let (orders, orders_out) = crossbeam_channel::bounded(ORDERS);
        let reader = Reader::new(file, pace, speaker, orders_out, sink, marks_in);
        std::thread::Builder::new()
            .name("attune-file".to_owned())
            .spawn(move || reader.run())
            .map_err(|error| {
                SourceError::new(
                    SourceErrorKind::SystemBusy,
                    format!("{} cannot be played: {error}", path.display()),
                )
            })?;
        Ok((Self { opened, orders, marks }, source))
    }

    /// What is open.
    pub fn opened(&self) -> &OpenedSource {
        &self.opened
    }

    /// The next mark, if one has come. A mark arrives before any sample after it can be read, so call
    /// this after each read and cut what was read at the mark.
    pub fn next_mark(&mut self) -> Option<SourceMark> {
        self.marks.try_recv().ok()
    }

    /// Resumes. Time spent in pause is not made up.
    pub fn play(&mut self) {
        self.order(Order::Play(true));
    }

    /// Pauses; samples already in the ring stay readable.
    pub fn pause(&mut self) {
        self.order(Order::Play(false));
    }

    /// Seeks to `at` (clamped to the file) and returns a fresh ring end: nothing from before the seek is in it, and no
    /// mark from before comes any more. A file that can no longer be read ends with a `Lost` mark.
    pub fn seek(&mut self, at: Seconds) -> Result<SampleSource, SourceError> {
        // `max` takes the number where the other is NaN.
        let end = self.opened.duration.map_or(f64::INFINITY, |duration| duration.0);
        let at = Seconds(at.0.max(0.0).min(end));
        let (sink, source, marks_in, marks) = fresh(&self.opened);
        self.orders
            .send(Order::Seek {
                at,
                sink,
                marks: marks_in,
            })
            .map_err(|_| {
                SourceError::new(
                    SourceErrorKind::PlayerGone,
                    format!("The player of {} has ended", self.opened.id),
                )
            })?;
        self.marks = marks;
        Ok(source)
    }

    /// Whether to start again at the end.
    pub fn set_looping(&mut self, on: bool) {
        self.order(Order::Loop(on));
    }

    /// Plays from `start` to `end` again and again; `None`: the whole file. What plays beyond the end plays on.
    pub fn set_selection(&mut self, selection: Option<(Seconds, Seconds)>) {
        self.order(Order::Select(selection));
    }

    /// Plays silence in place of the samples from one time to another, in what is decoded from now on; `None`: of none.
    pub fn set_muted(&mut self, part: Option<(Seconds, Seconds)>) {
        self.order(Order::Mute(part));
    }

    /// Changes the pace from now on.
    pub fn set_pace(&mut self, pace: Pace) {
        self.order(Order::Pace(pace));
    }

    fn order(&self, order: Order) {
        // The reader thread ends only with this player, or by a panic, which then shows as the end of the ring.
        drop(self.orders.send(order));
    }
}

/// A ring and a queue of marks for one uninterrupted run of samples.
fn fresh(opened: &OpenedSource) -> (SampleSink, SampleSource, Sender<SourceMark>, Receiver<SourceMark>) {
    let (sink, source) = ring(opened.rate.0 as usize * RING_SECS as usize);
    let (marks_in, marks) = crossbeam_channel::bounded(MARKS);
    (sink, source, marks_in, marks)
}
