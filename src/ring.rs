//! The lossy ring between whoever makes samples and the worker that reads them.
//!
//! In: mono f32 samples at the source's rate. Out: the same, in order; what did not fit is counted, never waited for.
//! Thread: the sink belongs to the producer (an audio callback, hard real time: no allocation, lock or log in
//! [`SampleSink::write`]), the source to the worker.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What both ends can see, each figure counted since the ring was made.
#[derive(Debug, Default)]
pub struct RingCounters {
    /// Samples that went in.
    pub written: AtomicU64,
    /// Samples that did not fit, or that the reader skipped because it was too late.
    pub lost: AtomicU64,
    /// Samples that were NaN or infinite and went in as 0.
    pub not_finite: AtomicU64,
    /// Calls of [`SampleSink::write`].
    pub callbacks: AtomicU64,
    /// When the last call was, in nanoseconds since the ring was made; 0: never.
    pub last_write_ns: AtomicU64,
}

/// The producer's end.
#[derive(Debug)]
pub struct SampleSink {}

/// The worker's end.
#[derive(Debug)]
pub struct SampleSource {}

/// A ring that holds `capacity` samples.
pub fn ring(_capacity: usize) -> (SampleSink, SampleSource) {
    todo!()
}

impl SampleSink {
    /// Writes what fits, replaces what is not finite by 0, counts the rest as lost. Real-time safe.
    pub fn write(&mut self, _samples: &[f32]) {
        todo!()
    }
    /// Writes what fits and gives back what did not, uncounted: for a producer that can wait.
    pub fn write_some<'a>(&mut self, _samples: &'a [f32]) -> &'a [f32] {
        todo!()
    }
    /// The counters.
    pub fn counters(&self) -> &Arc<RingCounters> {
        todo!()
    }
}

impl SampleSource {
    /// Reads up to `out.len()` samples; returns how many.
    pub fn read(&mut self, _out: &mut [f32]) -> usize {
        todo!()
    }
    /// Samples that wait.
    pub fn available(&self) -> usize {
        todo!()
    }
    /// Capacity in samples.
    pub fn capacity(&self) -> usize {
        todo!()
    }
    /// Throws away the oldest `samples` and counts them as lost: what a late reader does to catch up.
    pub fn skip(&mut self, _samples: usize) {
        todo!()
    }
    /// Whether the producer is gone and nothing waits.
    pub fn is_ended(&self) -> bool {
        todo!()
    }
    /// The counters.
    pub fn counters(&self) -> &Arc<RingCounters> {
        todo!()
    }
}
