//! Whether the engine keeps up: load, latency and step times of the last seconds.
//!
//! In: durations as they happen. Out: medians and 99th percentiles. Thread: worker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The last values of a series.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    values: VecDeque<f32>,
    most: usize,
}

impl Recent {
    /// Keeps the last `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self {
            values: VecDeque::with_capacity(most),
            most,
        }
    }

    pub(super) fn push(&mut self, value: f32) {
        if self.values.len() == self.most {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    /// Median and 99th percentile (nearest rank: the least value that is not below that share of all); 0 of nothing.
    pub(super) fn median_and_p99(&self) -> (f32, f32) {
        if self.values.is_empty() {
            return (0.0, 0.0);
        }
        let mut sorted: Vec<f32> = self.values.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        (rank(50), rank(99))
    }
}

/// Load over the last second of work, and latency of the last seconds.
#[derive(Debug)]
pub(super) struct HealthMeter {
    work: VecDeque<Work>,
    latency_ms: Recent,
}

#[derive(Debug)]
struct Work {
    at: Instant,
    computed: Duration,
    audio: Duration,
}

impl HealthMeter {
    pub(super) fn new() -> Self {
        Self {
            work: VecDeque::new(),
            // About 6 s of snapshots at the default hop.
            latency_ms: Recent::new(256),
        }
    }

    pub(super) fn clear(&mut self) {
        self.work.clear();
        self.latency_ms.clear();
    }

    /// `audio` was processed in `computed`.
    pub(super) fn worked(&mut self, at: Instant, computed: Duration, audio: Duration) {
        self.work.push_back(Work { at, computed, audio });
        while self
            .work
            .front()
            .is_some_and(|work| at - work.at > Duration::from_secs(1))
        {
            self.work.pop_front();
        }
    }

    /// A snapshot was published `latency` after its newest sample had come.
    pub(super) fn published(&mut self, latency: Duration) {
        self.latency_ms.push(latency.as_secs_f32() * 1e3);
    }

    /// Time computed for each second of audio.
    pub(super) fn load(&self) -> f32 {
        let computed: Duration = self.work.iter().map(|work| work.computed).sum();
        let audio: Duration = self.work.iter().map(|work| work.audio).sum();
        if audio.is_zero() {
            0.0
        } else {
            computed.as_secs_f32() / audio.as_secs_f32()
        }
    }

    /// Median and 99th percentile in milliseconds.
    pub(super) fn latency_ms(&self) -> (f32, f32) {
        self.latency_ms.median_and_p99()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_of_the_last_values() {
        let mut recent = Recent::new(100);
        for value in 0..200u8 {
            recent.push(f32::from(value));
        }
        assert_eq!(recent.median_and_p99(), (149.0, 198.0));
        let mut one = Recent::new(4);
        one.push(7.0);
        assert_eq!(one.median_and_p99(), (7.0, 7.0));
    }

    #[test]
    fn load_is_computed_time_over_audio_of_the_last_second() {
        let mut meter = HealthMeter::new();
        let start = Instant::now();
        let ms = Duration::from_millis;
        meter.worked(start, ms(500), ms(100));
        for i in 1..=20 {
            meter.worked(start + ms(1000 + 20 * i), ms(5), ms(20));
        }
        assert!((meter.load() - 0.25).abs() < 1e-6, "the slow second is forgotten");
    }
}
