//! The lossy ring between the producer of samples and the worker that reads them.
//!
//! In: mono f32 samples at the source's rate. Out: the same, in order; what did not fit is counted, never waited for.
//! Thread: the sink belongs to the producer (an audio callback, hard real time: no allocation, lock or log in
//! [`SampleSink::write`]), the source to the worker.

use crate::clock::Clock;
use crate::sync::{Arc, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters that both ends share, each since the ring was made.
///
/// Each is exact by itself; two that are read one after the other may be one write apart.
#[derive(Debug)]
pub struct RingCounters {
    /// Samples that went in.
    pub written: AtomicU64,
    /// Samples that were read.
    pub read: AtomicU64,
    /// Samples that did not fit, or that the reader skipped because it was too late.
    pub lost: AtomicU64,
    /// Samples that were NaN or infinite and went in as 0.
    pub not_finite: AtomicU64,
    /// Calls of [`SampleSink::write`].
    pub callbacks: AtomicU64,
    /// When the last call was, in nanoseconds since the ring was made; before the first: when the source was started, 0
    /// if nobody said so.
    pub last_write_ns: AtomicU64,
    clock: Clock,
    /// When the ring was made.
    made: Instant,
}

impl RingCounters {
    fn new(clock: Clock) -> Self {
        Self {
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            not_finite: AtomicU64::new(0),
            callbacks: AtomicU64::new(0),
            last_write_ns: AtomicU64::new(0),
            made: clock.now(),
            clock,
        }
    }

    /// Nanoseconds since the ring was made, on the clock of [`RingCounters::last_write_ns`]; never 0.
    pub fn now_ns(&self) -> u64 {
        // 0 means "never"; 584 years fit in 64 bits.
        (self.clock.since(self.made).as_nanos() as u64).max(1)
    }

    /// The source is started only now: what it took to open it is no age of its samples.
    pub fn begin(&self) {
        // A callback may have been quicker.
        self.last_write_ns.fetch_max(self.now_ns(), Ordering::Relaxed);
    }

    /// Time since the last write; if there was none, since the source was started or the ring was made.
    pub fn age(&self) -> Duration {
        Duration::from_nanos(self.now_ns().saturating_sub(self.last_write_ns.load(Ordering::Relaxed)))
    }

    fn note_write(&self, written: usize, not_finite: u64) {
        if not_finite > 0 {
            self.not_finite.fetch_add(not_finite, Ordering::Relaxed);
        }
        self.last_write_ns.store(self.now_ns(), Ordering::Relaxed);
        self.written.fetch_add(written as u64, Ordering::Relaxed);
    }
}

/// The producer's end. Dropping it ends the stream for the reader.
#[derive(Debug)]
pub struct SampleSink {
    producer: rtrb::Producer<f32>,
    counters: Arc<RingCounters>,
}

/// The worker's end.
#[derive(Debug)]
pub struct SampleSource {
    consumer: rtrb::Consumer<f32>,
    counters: Arc<RingCounters>,
}

/// A ring that holds `capacity` samples (at least one).
///
/// ```
/// let (mut sink, mut source) = attune_audio::ring::ring(3);
/// sink.write(&[0.5, f32::NAN, 0.25, 1.0]);
/// let mut out = [9.0; 4];
/// assert_eq!(source.read(&mut out), 3);
/// assert_eq!(out, [0.5, 0.0, 0.25, 9.0]);
/// assert_eq!(source.counters().lost.load(std::sync::atomic::Ordering::Relaxed), 1);
/// ```
pub fn ring(capacity: usize) -> (SampleSink, SampleSource) {
    ring_on(Clock::default(), capacity)
}

/// A ring whose ages are measured by `clock`.
pub fn ring_on(clock: Clock, capacity: usize) -> (SampleSink, SampleSource) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity.max(1));
    let counters = Arc::new(RingCounters::new(clock));
    (
        SampleSink {
            producer,
            counters: Arc::clone(&counters),
        },
        SampleSource { consumer, counters },
    )
}

impl SampleSink {
    /// Writes what fits, replaces what is not finite by 0, counts the rest as lost. Real-time safe.
    pub fn write(&mut self, samples: &[f32]) {
        self.counters.callbacks.fetch_add(1, Ordering::Relaxed);
        let rest = self.write_some(samples);
        if !rest.is_empty() {
            self.counters.lost.fetch_add(rest.len() as u64, Ordering::Relaxed);
        }
    }

    /// Writes what fits and returns the rest, uncounted: for a producer that can wait. Real-time safe.
    pub(crate) fn write_some<'a>(&mut self, samples: &'a [f32]) -> &'a [f32] {
        let fits = samples.len().min(self.producer.slots());
        let (now, rest) = samples.split_at(fits);
        // `fits` slots are free and only this end takes them, so the chunk is always granted.
        let Ok(chunk) = self.producer.write_chunk_uninit(fits) else {
            return samples;
        };
        let mut not_finite = 0;
        chunk.fill_from_iter(now.iter().map(|&sample| {
            if sample.is_finite() {
                sample
            } else {
                not_finite += 1;
                0.0
            }
        }));
        self.counters.note_write(fits, not_finite);
        rest
    }

    /// Whether the reader is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// The counters.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }
}

impl SampleSource {
    /// Reads up to `out.len()` samples; returns how many.
    pub fn read(&mut self, out: &mut [f32]) -> usize {
        let read = self.consumer.pop_partial_slice(out).0.len();
        self.counters.read.fetch_add(read as u64, Ordering::Relaxed);
        read
    }

    /// Samples that wait: at least as many as this can be read now.
    pub fn available(&self) -> usize {
        self.consumer.slots()
    }

    /// Capacity in samples.
    pub fn capacity(&self) -> usize {
        self.consumer.buffer().capacity()
    }

    /// Discards the oldest `samples` (or all that wait, if fewer) and counts them as lost: how a late reader catches up.
    pub fn skip(&mut self, samples: usize) -> usize {
        let skipped = samples.min(self.consumer.slots());
        if let Ok(chunk) = self.consumer.read_chunk(skipped) {
            chunk.commit_all();
            self.counters.lost.fetch_add(skipped as u64, Ordering::Relaxed);
        }
        skipped
    }

    /// Whether the producer is gone and nothing waits: no sample will ever come.
    pub fn is_ended(&self) -> bool {
        // In this order: a producer that is gone writes no more, so "empty" stays true.
        self.consumer.is_abandoned() && self.consumer.is_empty()
    }

    /// The counters.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
#[allow(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    fn figure(of: &AtomicU64) -> u64 {
        of.load(Ordering::Relaxed)
    }

    #[test]
    fn keeps_order_across_the_wrap_and_counts_what_did_not_fit() {
        let (mut sink, mut source) = ring(4);
        let mut out = [0.0; 4];
        for round in 0..10_u8 {
            let base = f32::from(round) * 10.0;
            sink.write(&[base, base + 1.0, base + 2.0]);
            assert_eq!(source.read(&mut out), 3);
            assert_eq!(out[..3], [base, base + 1.0, base + 2.0]);
        }
        sink.write(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(figure(&sink.counters().lost), 2);
        assert_eq!(figure(&sink.counters().written), 34);
        assert_eq!(figure(&sink.counters().callbacks), 11);
        assert_eq!(source.read(&mut out), 4);
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0], "the ring keeps what came first");
    }

    #[test]
    fn what_is_not_finite_becomes_zero_and_is_counted() {
        let (mut sink, mut source) = ring(8);
        sink.write(&[1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0]);
        let mut out = [7.0; 5];
        assert_eq!(source.read(&mut out), 5);
        assert_eq!(out, [1.0, 0.0, 0.0, 0.0, -1.0]);
        assert_eq!(figure(&sink.counters().not_finite), 3);
    }

    #[test]
    fn a_late_reader_skips_the_oldest() {
        let (mut sink, mut source) = ring(8);
        sink.write(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        source.skip(3);
        let mut out = [0.0; 8];
        assert_eq!(source.read(&mut out), 2);
        assert_eq!(out[..2], [4.0, 5.0]);
        sink.write(&[6.0]);
        source.skip(100);
        assert_eq!(source.available(), 0);
        assert_eq!(figure(&source.counters().lost), 4);
    }

    #[test]
    fn a_producer_that_can_wait_gets_the_rest_back() {
        let (mut sink, source) = ring(2);
        assert_eq!(sink.write_some(&[1.0, 2.0, 3.0]), [3.0]);
        assert_eq!(sink.write_some(&[3.0]), [3.0]);
        assert_eq!(figure(&source.counters().lost), 0);
        assert_eq!(figure(&source.counters().written), 2);
        assert_eq!(source.capacity(), 2);
    }

    #[test]
    fn it_ends_when_the_producer_is_gone_and_all_is_read() {
        let (mut sink, mut source) = ring(2);
        sink.write(&[1.0]);
        assert!(!source.is_ended());
        drop(sink);
        assert!(!source.is_ended(), "one sample still waits");
        source.read(&mut [0.0; 2]);
        assert!(source.is_ended());
    }

    #[test]
    fn age_counts_from_the_last_write() {
        let (mut sink, source) = ring(2);
        let counters = source.counters();
        std::thread::sleep(Duration::from_millis(1));
        let made_ago = counters.age();
        assert!(
            made_ago >= Duration::from_millis(1),
            "before a write: since the ring was made"
        );
        let before = counters.now_ns();
        sink.write(&[]);
        let written = figure(&counters.last_write_ns);
        assert!((before..=counters.now_ns()).contains(&written));
        // However slow the machine is, less time has passed since the write than since the ring was made.
        let age = counters.age();
        let now = Duration::from_nanos(counters.now_ns());
        assert!(age <= now.saturating_sub(Duration::from_nanos(written)));
        assert!(now.saturating_sub(age) >= made_ago);
    }

    #[test]
    fn before_the_first_write_age_counts_from_the_start_of_the_source() {
        let clock = Clock::by_hand();
        let (_sink, source) = ring_on(clock.clone(), 2);
        clock.advance(Duration::from_secs(6));
        assert_eq!(source.counters().age(), Duration::from_secs(6));
        source.counters().begin();
        clock.advance(Duration::from_secs(1));
        assert_eq!(source.counters().age(), Duration::from_secs(1));
    }

    /// Two threads, 100,000 samples, a ring far too small: what arrives is in order, and arrived + lost = sent.
    #[test]
    fn two_threads_lose_nothing_uncounted() {
        const SENT: u32 = 100_000;
        let (mut sink, mut source) = ring(257);
        let counters = Arc::clone(source.counters());
        let writer = std::thread::spawn(move || {
            let mut next = 0_u32;
            let mut block = Vec::new();
            while next < SENT {
                // Blocks of 1…97 samples, so that borders fall everywhere.
                let size = (next * 31 % 97 + 1).min(SENT - next);
                block.clear();
                // f32 holds every integer below 2^24.
                block.extend((next..next + size).map(|value| value as f32));
                sink.write(&block);
                next += size;
                if next.is_multiple_of(7) {
                    std::thread::yield_now();
                }
            }
        });
        let mut received = Vec::new();
        let mut out = [0.0; 61];
        while !source.is_ended() {
            let count = source.read(&mut out);
            received.extend_from_slice(&out[..count]);
            if count == 0 {
                std::thread::yield_now();
            }
        }
        writer.join().unwrap();
        assert!(
            received.windows(2).all(|pair| pair[0] < pair[1]),
            "out of order or twice"
        );
        assert_eq!(figure(&counters.written), received.len() as u64);
        assert_eq!(figure(&counters.written) + figure(&counters.lost), u64::from(SENT));
    }
}
