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
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Length of a paced block: that of a device's buffer.
const TICK: Duration = Duration::from_millis(10);
/// How long to wait for a full ring or a full queue of marks.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// What the player orders.
#[derive(Debug)]
pub(super) enum Order {
    Play(bool),
    Loop(bool),
    Pace(Pace),
    Select(Option<(Seconds, Seconds)>),
    Mute(Option<(Seconds, Seconds)>),
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
    /// `None` after the end: nothing follows until a seek supplies another.
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
    /// The sample of the file that follows `mono`.
    position: u64,
    /// What is played again and again, in samples of the file.
    selection: Option<Range<u64>>,
    /// What is played as silence, in samples of the file.
    muted: Option<Range<u64>>,
    /// Samples of `mono` that were cut off at the selection's end: the file itself is so much further on.
    cut: u64,
    /// Whether the newest mark was the last: nothing follows until a seek.
    ended: bool,
    /// Damage of the file that was reported.
    reported: Option<String>,
}

fn clock_for(file: &AudioFile, pace: Pace) -> PaceClock {
    let times = match pace {
        Pace::Times(times) => times,
        Pace::FlatOut => 1.0,
    };
    PaceClock::new(file.info().rate, times, Instant::now())
}

impl Reader {
    pub(super) fn new(
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
            position: 0,
            selection: None,
            muted: None,
            cut: 0,
            ended: false,
            reported: None,
        }
    }

    /// Plays until the player is dropped.
    pub(super) fn run(mut self) {
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
            Order::Select(selection) => self.select(selection),
            Order::Mute(part) => self.muted = part.and_then(|part| self.samples_of(part)),
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
                self.go_to(at);
                self.clock.restart(Instant::now());
            }
        }
    }

    /// Seeks; false if the file cannot.
    fn go_to(&mut self, at: Seconds) -> bool {
        self.cut = 0;
        self.position = self.file.info().rate.index_at(at).0;
        match self.file.seek(at) {
            Ok(()) => true,
            Err(error) => {
                self.end(MarkKind::Lost(error));
                false
            }
        }
    }

    fn select(&mut self, selection: Option<(Seconds, Seconds)>) {
        let rate = self.file.info().rate;
        if self.cut > 0 && !self.ended {
            // What was cut off plays after all.
            self.go_to(rate.duration(self.position));
        }
        self.selection = selection.and_then(|part| self.samples_of(part));
        self.cut_at_selection();
    }

    /// The samples between two times; `None` if there are none.
    fn samples_of(&self, (start, end): (Seconds, Seconds)) -> Option<Range<u64>> {
        let rate = self.file.info().rate;
        let range = rate.index_at(start).0..rate.index_at(end).0;
        (!range.is_empty()).then_some(range)
    }

    /// Silences the muted part of the newest block, for the ring and the speaker alike.
    fn mute(&mut self) {
        let Some(muted) = &self.muted else { return };
        let first = self.position - self.mono.len() as u64;
        let place = |sample: u64| (sample.clamp(first, self.position) - first) as usize;
        let (from, to) = (place(muted.start), place(muted.end));
        self.mono[from..to].fill(0.0);
        if let Some(part) = self.interleaved.get_mut(from * self.channels..to * self.channels) {
            part.fill(0.0);
        }
    }

    /// Cuts off what was decoded beyond the selection's end, unless playback is beyond it already.
    fn cut_at_selection(&mut self) {
        let Some(end) = self.selection.as_ref().map(|range| range.end) else {
            return;
        };
        let next = self.position - (self.mono.len() - self.done) as u64;
        if next < end && end < self.position {
            self.cut = self.position - end;
            self.mono.truncate(self.mono.len() - self.cut as usize);
            self.position = end;
        }
    }

    /// Whether the selection was just played to its end; `at_end`: the file has no more.
    fn has_played_selection(&self, at_end: bool) -> Option<Seconds> {
        let range = self.selection.as_ref()?;
        let played = self.position == range.end || (at_end && range.contains(&self.position));
        played.then(|| self.file.info().rate.duration(range.start))
    }

    fn repeat(&mut self, from: Seconds) {
        if self.go_to(from) {
            self.mark_here(MarkKind::Repeated(from));
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
                // Faster than real time nothing is played aloud, so what does not fit can wait. From about 400 times on
                // it must: one tick owes more than a ring holds.
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
            self.clock.advance(count);
            self.done += count;
            owed -= count;
        }
        Some(TICK)
    }

    /// Ensures that decoded samples wait; false if the file ended here, or a mark has to be sent first.
    fn refill(&mut self) -> bool {
        if self.done < self.mono.len() {
            return true;
        }
        if self.ended || self.held_mark.is_some() {
            return false;
        }
        self.mono.clear();
        self.done = 0;
        if let Some(from) = self.has_played_selection(false) {
            self.repeat(from);
            return false;
        }
        if let Some(block) = self.file.next_interleaved() {
            block.mix_into(&mut self.mono);
            self.position += self.mono.len() as u64;
            self.channels = block.channels;
            if self.speaker.is_some() {
                self.interleaved.clear();
                self.interleaved.extend_from_slice(block.samples);
            }
            self.mute();
            self.cut_at_selection();
            return true;
        }
        if let Some(damage) = self.file.damage()
            && self.reported.as_ref() != Some(&damage)
        {
            self.reported = Some(damage.clone());
            self.mark_here(MarkKind::Damaged(damage));
            return false;
        }
        if let Some(from) = self.has_played_selection(true) {
            self.repeat(from);
        } else if self.looping {
            if self.go_to(Seconds(0.0)) {
                self.mark_here(MarkKind::Looped);
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
            // A receiver that is gone needs no mark.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;
    use crate::ring::ring;
    use crate::units::SampleRate;

    const RATE_HZ: u32 = 16_000;

    fn wav(samples: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let samples = vec![0.5; samples as usize];
        std::fs::write(file.path(), crate::wav::wav_bytes(&samples, SampleRate(RATE_HZ))).unwrap();
        file
    }

    #[test]
    fn a_paced_file_loses_and_counts_what_a_late_reader_leaves_no_room_for() {
        let samples = 4 * RATE_HZ / 10;
        let file = wav(samples);
        // A tenth of a second, which is not read while the file plays.
        let (sink, mut source) = ring(RATE_HZ as usize / 10);
        let (orders, orders_out) = crossbeam_channel::bounded(1);
        let (marks_in, marks) = crossbeam_channel::bounded(1);
        let file = AudioFile::open(file.path()).unwrap();
        let reader = Reader::new(file, Pace::Times(1.0), None, orders_out, sink, marks_in);
        let thread = std::thread::spawn(move || reader.run());
        // 30 s: a busy machine may take its time.
        let mark = marks.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(mark.kind, MarkKind::Ended);
        let read = source.read(&mut vec![0.0; samples as usize]) as u64;
        assert_eq!(read, source.capacity() as u64, "the ring keeps what came first");
        assert_eq!(
            read + source.counters().lost.load(Ordering::Relaxed),
            u64::from(samples)
        );
        assert_eq!(mark.at, read, "marks count what went in");
        drop(orders);
        thread.join().unwrap();
    }
}
