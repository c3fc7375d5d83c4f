//! The engine's hand-over, with a small picture.
//!
//! In: pictures. Out: the newest. Thread: loom's.

#[path = "../../../crates/attune-engine/src/handover.rs"]
mod handover;
#[path = "../../../crates/attune-engine/src/source_reader.rs"]
mod source_reader;
#[path = "../../../crates/attune-engine/src/watch.rs"]
mod watch;

use crate::ring::SampleSource;
use crate::source::{MarkKind, OpenedSource, SourceKind, SourceMark};
use crate::units::SampleRate;
use crossbeam_channel::Receiver;

/// What [`watch`] says; nothing of it is looked at.
enum Event {
    Warning { message: String, remedy: String },
    Recovered,
}

/// What [`source_reader`] needs of a source.
mod control {
    use crate::playback::Pace;
    use crate::ring::SampleSource;
    use crate::source::{OpenedSource, SourceError, SourceMark};
    use crate::units::Seconds;

    pub(super) trait SourceControl: Send {
        fn opened(&self) -> &OpenedSource;
        fn next_mark(&mut self) -> Option<SourceMark>;
        fn xruns(&self) -> u64 {
            0
        }
        fn seek(&mut self, _: Seconds) -> Option<Result<SampleSource, SourceError>> {
            None
        }
        fn set_pace(&mut self, _: Pace) {}
    }

    pub(super) type OpenSource = (Box<dyn SourceControl>, SampleSource);
}

/// A source whose marks come from a queue, as a file's do.
struct Marked {
    opened: OpenedSource,
    marks: Receiver<SourceMark>,
}

impl control::SourceControl for Marked {
    fn opened(&self) -> &OpenedSource {
        &self.opened
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        self.marks.try_recv().ok()
    }
}

/// The engine's reader of a source.
pub struct Listener(source_reader::SourceReader);

/// What it comes to next.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Nothing,
    Samples(Vec<f32>),
    Gap,
    Mark(MarkKind),
}

impl Listener {
    pub fn new(samples: SampleSource, marks: Receiver<SourceMark>) -> Self {
        let opened = OpenedSource {
            kind: SourceKind::File,
            host: String::new(),
            name: String::new(),
            id: String::new(),
            rate: SampleRate(8_000),
            channels: 1,
            format: String::new(),
            buffer_frames: None,
            duration: None,
            output: None,
        };
        let control = Box::new(Marked { opened, marks });
        Self(source_reader::SourceReader::new((control, samples), None))
    }

    pub fn next(&mut self) -> Heard {
        match self.0.next() {
            source_reader::Next::Nothing => Heard::Nothing,
            source_reader::Next::Samples => Heard::Samples(self.0.block().to_vec()),
            source_reader::Next::Gap => Heard::Gap,
            source_reader::Next::Mark(mark) => Heard::Mark(mark),
        }
    }

    /// Samples lost so far, those that wait among them: nobody will read them.
    pub fn give_up(&mut self) -> u64 {
        self.0.give_up();
        self.0.losses().samples
    }
}

/// A column that says which it is.
pub type Column = (u64, u64);

/// A small picture; `witness` is written and read without any order of its own, so that it is as new as the rest only
/// if the hand-over orders both.
pub struct Picture {
    pub sequence: u64,
    pub epoch: u64,
    pub frames: u64,
    pub columns: [Column; 3],
    pub witness: loom::sync::atomic::AtomicU64,
}

impl Picture {
    pub fn new(sequence: u64, epoch: u64, frames: u64) -> Self {
        let mut columns = [(u64::MAX, u64::MAX); 3];
        for frame in frames.saturating_sub(3)..frames {
            columns[frame as usize % 3] = (epoch, frame);
        }
        let witness = loom::sync::atomic::AtomicU64::new(sequence);
        Self {
            sequence,
            epoch,
            frames,
            columns,
            witness,
        }
    }

    /// Whether all of it is of one moment.
    pub fn is_whole(&self) -> bool {
        let columns = (self.frames.saturating_sub(3)..self.frames)
            .all(|frame| self.columns[frame as usize % 3] == (self.epoch, frame));
        columns && self.witness.load(loom::sync::atomic::Ordering::Relaxed) == self.sequence
    }
}

impl Clone for Picture {
    fn clone(&self) -> Self {
        Self::new(self.sequence, self.epoch, self.frames)
    }
}

impl handover::Picture for Picture {
    type Column = Column;

    fn epoch_and_frames(&self) -> (u64, u64) {
        (self.epoch, self.frames)
    }

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    fn take_rest(&mut self, newer: &Self) {
        (self.sequence, self.epoch, self.frames) = (newer.sequence, newer.epoch, newer.frames);
        self.witness
            .store(newer.sequence, loom::sync::atomic::Ordering::Relaxed);
    }
}

/// The worker's end.
pub struct Writer(handover::Handover<Picture>);

pub fn pictures(first: &Picture) -> (Writer, triple_buffer::Output<Picture>) {
    let (writer, reader) = handover::Handover::new(first);
    (Writer(writer), reader)
}

impl Writer {
    pub fn write(&mut self, newest: &Picture) {
        self.0.write(newest);
    }
}
