//! The thread that decodes a file and fills the ring.
//!
//! In: orders. Out: samples, marks at exact places. Thread: this is one; it sleeps while nothing is due.

use super::Pace;
use super::clock::PaceClock;
use super::speaker::Speaker;
use crate::decode::AudioFile;
use crate::ring::SampleSink;
use crate::source::{MarkKind, SourceMark};
use crate::units::Seconds;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Length of a paced block: that of a device's buffer.
const TICK: Duration = Duration::from_millis(10);
/// How long to wait for a full ring or a full queue of marks.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// What the player tells its reader.
#[derive(Debug)]
pub(super) enum Order {
    Play(bool),
    Loop(bool),
    Pace(Pace),
    Seek {
        at: Seconds,
        sink: SampleSink,
        marks: Sender<SourceMark>,
    },
}

/// The thread's state.
pub(super) struct Reader {
    file: AudioFile,
    pace: Pace,
    clock: PaceClock,
    playing: bool,
    looping: bool,
    speaker: Option<Speaker>,
    orders: Receiver<Order>,
    /// `None` after the end: nothing follows until a seek brings another.
    sink: Option<SampleSink>,
    marks: Sender<SourceMark>,
    /// A mark that found its queue full.
    held_mark: Option<SourceMark>,
    /// What was decoded: mono, and the same with every channel for the speaker.
    mono: Vec<f32>,
    interleaved: Vec<f32>,
    channels: usize,
    /// How many of `mono` are written.
    done: usize,
    /// Whether the newest mark was the last: nothing follows until a seek.
    ended: bool,
}

fn clock_for(file: &AudioFile, pace: Pace) -> PaceClock {
    let times = match pace {
        Pace::Times(times) => times,
        Pace::FlatOut => 1.0,
    };
    PaceClock::new(file.info().rate, times, Instant::now())
}

impl Reader {
    pub fn new(
        file: AudioFile,
        pace: Pace,
        speaker: Option<Speaker>,
        orders: Receiver<Order>,
        sink: SampleSink,
        marks: Sender<SourceMark>,
    ) -> Self {
        Self {
            clock: clock_for(&file, pace),
            file,
            pace,
            playing: true,
            looping: false,
            speaker,
            orders,
            sink: Some(sink),
            marks,
            held_mark: None,
            mono: Vec::new(),
            interleaved: Vec::new(),
            channels: 1,
            done: 0,
            ended: false,
        }
    }

    /// Plays until the player is dropped.
    pub fn run(mut self) {
        loop {
            let order = match self.step() {
                None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => self.orders.recv_timeout(wait),
            };
            match order {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Play(on) => {
                if on && !self.playing {
                    self.clock.restart(Instant::now());
                }
                self.playing = on;
            }
            Order::Loop(on) => self.looping = on,
            Order::Pace(pace) => {
                self.pace = pace;
                self.clock = clock_for(&self.file, pace);
            }
            Order::Seek { at, sink, marks } => {
                self.sink = Some(sink);
                self.marks = marks;
                self.held_mark = None;
                self.ended = false;
                self.mono.clear();
                self.done = 0;
                if let Some(speaker) = &mut self.speaker {
                    speaker.flush();
                }
                if let Err(error) = self.file.seek(at) {
                    self.end(MarkKind::Lost(error));
                }
                self.clock.restart(Instant::now());
            }
        }
    }

    /// Does what is due; returns how long nothing is, or `None` if only an order can change that.
    fn step(&mut self) -> Option<Duration> {
        if let Some(mark) = self.held_mark.take()
            && !self.mark(mark)
        {
            return Some(FULL_WAIT);
        }
        if !self.playing || self.sink.as_ref().is_none_or(SampleSink::is_abandoned) {
            return None;
        }
        match self.pace {
            Pace::FlatOut => self.step_flat_out(),
            Pace::Times(times) => self.step_paced(times),
        }
    }

    fn step_flat_out(&mut self) -> Option<Duration> {
        if !self.refill() {
            return Some(Duration::ZERO);
        }
        let sink = self.sink.as_mut()?;
        let rest = sink.write_some(&self.mono[self.done..]).len();
        self.done = self.mono.len() - rest;
        Some(if rest > 0 { FULL_WAIT } else { Duration::ZERO })
    }

    fn step_paced(&mut self, times: f32) -> Option<Duration> {
        let mut owed = self.clock.owed(Instant::now());
        while owed > 0 && self.refill() {
            let count = owed.min(self.mono.len() - self.done);
            let sink = self.sink.as_mut()?;
            let count = if times > 1.0 {
                // Faster than real time nobody listens, so what does not fit can wait. It does at once from about
                // 400 times on: one tick owes more than a ring holds.
                count - sink.write_some(&self.mono[self.done..self.done + count]).len()
            } else {
                sink.write(&self.mono[self.done..self.done + count]);
                count
            };
            if count == 0 {
                return Some(TICK);
            }
            let range = self.done..self.done + count;
            // Exactly 1 is what people ask for; anything else would change the pitch.
            if let Some(speaker) = self.speaker.as_mut().filter(|_| (times - 1.0).abs() < f32::EPSILON) {
                speaker.play(
                    &self.interleaved[range.start * self.channels..range.end * self.channels],
                    self.channels,
                );
            }
            self.clock.gave(count);
            self.done += count;
            owed -= count;
        }
        Some(TICK)
    }

    /// Sees to it that something decoded waits; false if the file ended here, or a mark has to go first.
    fn refill(&mut self) -> bool {
        if self.done < self.mono.len() {
            return true;
        }
        if self.ended || self.held_mark.is_some() {
            return false;
        }
        self.mono.clear();
        self.done = 0;
        if let Some(block) = self.file.next_interleaved() {
            block.mix_into(&mut self.mono);
            self.channels = block.channels;
            if self.speaker.is_some() {
                self.interleaved.clear();
                self.interleaved.extend_from_slice(block.samples);
            }
            return true;
        }
        if let Some(reason) = self.file.cut_short() {
            tracing::warn!(file = %self.file.path().display(), reason, "the file ends early");
        }
        if self.looping {
            match self.file.seek(Seconds(0.0)) {
                Ok(()) => self.mark_here(MarkKind::Looped),
                Err(error) => self.end(MarkKind::Lost(error)),
            }
        } else {
            self.end(MarkKind::Ended);
        }
        false
    }

    fn end(&mut self, kind: MarkKind) {
        self.ended = true;
        self.mark_here(kind);
    }

    fn mark_here(&mut self, kind: MarkKind) {
        let Some(sink) = &self.sink else { return };
        let at = sink.counters().written.load(Ordering::Relaxed);
        self.mark(SourceMark { at, kind });
    }

    /// Sends a mark, or holds it if the queue is full; false if so.
    fn mark(&mut self, mark: SourceMark) -> bool {
        match self.marks.try_send(mark) {
            // Nobody listens any more: then nobody misses it.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {
                if self.ended {
                    // The mark is out: now the ring may end too.
                    self.sink = None;
                }
                true
            }
            Err(TrySendError::Full(mark)) => {
                self.held_mark = Some(mark);
                false
            }
        }
    }
}
