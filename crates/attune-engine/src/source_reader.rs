//! An open source: its samples, its marks, and where in them the reader is.
//!
//! In: the ring and the marks beside it. Out: blocks of samples and marks, in order. Thread: worker.

use super::control::OpenSource;
use super::control::SourceControl;
use super::watch::InputWatch;
use attune_audio::playback::Pace;
use attune_audio::ring::SampleSource;
use attune_audio::source::{MarkKind, SourceError, SourceKind, SourceMark};
use attune_audio::units::Seconds;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A device's reader that is later than this skips the oldest samples…
const TOO_LATE: Seconds = Seconds(1.0);
/// …until this much is left.
const CAUGHT_UP: Seconds = Seconds(0.1);
/// The most that is read at once, so that commands never wait long.
const MOST_AT_ONCE: Seconds = Seconds(0.25);

/// What a source lost, as counts since it was first opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Samples that did not fit the ring, or that a late reader skipped.
    pub(super) samples: u64,
    /// Samples that were NaN or infinite, and read as 0.
    pub(super) not_finite: u64,
    /// Overruns of the device: buffers that never reached the ring.
    pub(super) xruns: u64,
    /// Time for which a device that was lost brought nothing.
    pub(super) missed: Duration,
}

/// What comes next from a source.
pub(super) enum Next {
    /// Nothing waits.
    Nothing,
    /// Samples, now in [`SourceReader::block`].
    Samples,
    /// Samples were left out, for the reader was too late: what follows is not connected to what was.
    Gap,
    /// A mark was reached.
    Mark(MarkKind),
}

pub(super) struct SourceReader {
    pub(super) control: Box<dyn SourceControl>,
    pub(super) watch: InputWatch,
    samples: SampleSource,
    marks: VecDeque<SourceMark>,
    /// Samples of this ring read or skipped so far.
    position: u64,
    /// Stream time of the sample at `base_position`.
    base: Seconds,
    base_position: u64,
    /// Counted before this ring and, where the source was reopened, before this source.
    before: Losses,
    /// How many samples come in a second; `None`: as many as are read.
    flow_hz: Option<f64>,
    ended: bool,
    block: Vec<f32>,
    block_arrived_ns: Option<u64>,
}

impl SourceReader {
    /// Begins to read. `pace`: of a file.
    pub(super) fn new((control, samples): OpenSource, pace: Option<Pace>) -> Self {
        let mut reader = Self {
            watch: InputWatch::new(control.opened()),
            control,
            samples,
            marks: VecDeque::new(),
            position: 0,
            base: Seconds(0.0),
            base_position: 0,
            before: Losses::default(),
            flow_hz: None,
            ended: false,
            block: Vec::new(),
            block_arrived_ns: None,
        };
        reader.set_flow(pace);
        reader
    }

    pub(super) fn is_device(&self) -> bool {
        self.control.opened().kind != SourceKind::File
    }

    /// Whether a file is at its end.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The samples last read.
    pub(super) fn block(&self) -> &[f32] {
        &self.block
    }

    /// Time since the newest sample of the last block came into the ring; `None` if the source has no pace.
    pub(super) fn block_age(&self) -> Option<Duration> {
        let now = self.samples.counters().now_ns();
        self.block_arrived_ns
            .map(|arrived| Duration::from_nanos(now.saturating_sub(arrived)))
    }

    /// Time since the callback last ran.
    pub(super) fn callback_age(&self) -> Seconds {
        Seconds(self.samples.counters().age().as_secs_f64())
    }

    /// How full the ring is.
    pub(super) fn ring_fill(&self) -> f32 {
        self.samples.available() as f32 / self.samples.capacity().max(1) as f32
    }

    /// What was lost so far.
    pub(super) fn losses(&self) -> Losses {
        let counters = self.samples.counters();
        Losses {
            samples: self.before.samples + counters.lost.load(Ordering::Relaxed),
            not_finite: self.before.not_finite + counters.not_finite.load(Ordering::Relaxed),
            xruns: self.before.xruns + self.control.xruns(),
            missed: self.before.missed,
        }
    }

    /// Continues the counts of a source that was lost and is open again.
    pub(super) fn carry_losses(&mut self, before: Losses) {
        self.before = before;
    }

    /// Counts as lost what waits and will not be read; stream time passes over it.
    pub(super) fn give_up(&mut self) {
        self.position += self.samples.skip(usize::MAX) as u64;
    }

    /// Stream time of the newest sample read.
    pub(super) fn time(&self) -> Seconds {
        let read = self.position - self.base_position;
        Seconds(self.base.0 + self.control.opened().rate.duration(read).0)
    }

    /// The next sample read is at stream time `base`.
    pub(super) fn rebase(&mut self, base: Seconds) {
        self.base = base;
        self.base_position = self.position;
    }

    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.control.set_pace(pace);
        self.set_flow(Some(pace));
    }

    fn set_flow(&mut self, pace: Option<Pace>) {
        let rate = self.control.opened().rate.hz();
        self.flow_hz = match pace {
            None => Some(rate),
            Some(Pace::Times(times)) if times > 0.0 => Some(rate * f64::from(times)),
            Some(_) => None,
        };
    }

    /// Goes to `at` of a file; the ring is fresh then. `None`: a device.
    pub(super) fn seek(&mut self, at: Seconds) -> Option<Result<(), SourceError>> {
        let fresh = match self.control.seek(at)? {
            Ok(fresh) => fresh,
            Err(error) => return Some(Err(error)),
        };
        // The ring is another; the source, which counts its overruns itself, stays.
        let Losses {
            samples, not_finite, ..
        } = self.losses();
        self.samples = fresh;
        self.before.samples = samples;
        self.before.not_finite = not_finite;
        self.marks.clear();
        self.position = 0;
        self.ended = false;
        self.rebase(at);
        Some(Ok(()))
    }

    /// Reads up to the next mark, a quarter of a second at most.
    pub(super) fn next(&mut self) -> Next {
        // Samples are counted before marks are fetched: a mark is put down before the samples that follow it, so one
        // that lies within what is counted here is known now.
        let available = self.samples.available();
        while let Some(mark) = self.control.next_mark() {
            self.marks.push_back(mark);
        }
        let rate = self.control.opened().rate;
        if self.is_device() && available > rate.index_at(TOO_LATE).0 as usize {
            let late = available - rate.index_at(CAUGHT_UP).0 as usize;
            self.samples.skip(late);
            self.position += late as u64;
            return Next::Gap;
        }
        let until_mark = match self.marks.front() {
            Some(mark) if mark.at <= self.position => {
                let mark = self.marks.pop_front().map(|mark| mark.kind);
                self.ended |= mark == Some(MarkKind::Ended);
                return mark.map_or(Next::Nothing, Next::Mark);
            }
            Some(mark) => usize::try_from(mark.at - self.position).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let most = rate.index_at(MOST_AT_ONCE).0 as usize;
        self.block.resize(available.min(until_mark).min(most), 0.0);
        let read = self.samples.read(&mut self.block);
        self.block.truncate(read);
        if read == 0 {
            return Next::Nothing;
        }
        self.position += read as u64;
        // What still waits came after the block: the block's newest sample is older than the newest one by that much.
        let newest_ns = self.samples.counters().last_write_ns.load(Ordering::Relaxed);
        let waiting = self.samples.available() as f64;
        self.block_arrived_ns = self
            .flow_hz
            .map(|flow_hz| newest_ns.saturating_sub((waiting / flow_hz * 1e9) as u64));
        Next::Samples
    }

    /// Whether samples or marks can come without waiting for time to pass.
    pub(super) fn has_more(&self) -> bool {
        !self.marks.is_empty() || self.samples.available() > 0
    }
}
