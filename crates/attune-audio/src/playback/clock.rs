//! How many samples are due: a sample counter against a monotonic clock, so that errors do not accumulate.
//!
//! In: instants. Out: counts of samples. Thread: the reader's.

use crate::units::SampleRate;
use std::time::{Duration, Instant};

/// A player that is later than this (its disk slept) continues from where it is instead of catching up in one burst.
const FORGIVEN: Duration = Duration::from_secs(1);

/// Paces a stream of samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaceClock {
    samples_per_sec: f64,
    started: Instant,
    /// Samples handed out since `started`.
    given: u64,
}

impl PaceClock {
    /// A clock for `times` real time that starts `now`. `times` is clamped to 0.01…1000.
    pub(super) fn new(rate: SampleRate, times: f32, now: Instant) -> Self {
        let times = if times.is_nan() {
            1.0
        } else {
            f64::from(times).clamp(0.01, 1000.0)
        };
        Self {
            samples_per_sec: rate.hz() * times,
            started: now,
            given: 0,
        }
    }

    /// Restarts: nothing is owed for the time until now.
    pub(super) fn restart(&mut self, now: Instant) {
        self.started = now;
        self.given = 0;
    }

    /// How many samples are owed at `now`.
    pub(super) fn owed(&mut self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.started).as_secs_f64();
        let due = (elapsed * self.samples_per_sec) as u64;
        let owed = due.saturating_sub(self.given);
        if owed as f64 > FORGIVEN.as_secs_f64() * self.samples_per_sec {
            self.restart(now);
            return 0;
        }
        owed as usize
    }

    /// Notes that `samples` were handed out.
    pub(super) fn advance(&mut self, samples: usize) {
        self.given += samples as u64;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
#[allow(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_uneven_ticks_drifts_by_less_than_a_sample() {
        let start = Instant::now();
        for (rate, times) in [(44_100, 1.0), (48_000, 3.0), (11_025, 0.5)] {
            let mut clock = PaceClock::new(SampleRate(rate), times, start);
            let mut total = 0_u64;
            let mut at_ns = 0_u64;
            let hour_ns = 3_600_000_000_000;
            let mut tick = 0_u64;
            while at_ns < hour_ns {
                // 7…27 ms, never a whole number of samples.
                tick += 1;
                at_ns = (at_ns + 7_000_001 + tick * 7_919_317 % 20_000_000).min(hour_ns);
                let owed = clock.owed(start + Duration::from_nanos(at_ns));
                clock.advance(owed);
                total += owed as u64;
            }
            let exact = f64::from(rate) * f64::from(times) * 3600.0;
            assert!(
                (total as f64 - exact).abs() <= 1.0,
                "{rate} × {times}: {total} of {exact}"
            );
        }
    }

    #[test]
    fn a_pause_is_not_caught_up_nor_a_long_stall() {
        let start = Instant::now();
        let mut clock = PaceClock::new(SampleRate(1000), 1.0, start);
        clock.restart(start + Duration::from_mins(1));
        assert_eq!(clock.owed(start + Duration::from_millis(60_010)), 10);
        assert_eq!(
            clock.owed(start + Duration::from_millis(60_900)),
            900,
            "a short stall is made up"
        );
        assert_eq!(clock.owed(start + Duration::from_secs(70)), 0);
        assert_eq!(clock.owed(start + Duration::from_millis(70_020)), 20);
    }

    #[test]
    fn senseless_factors_do_no_harm() {
        let start = Instant::now();
        for times in [f32::NAN, -1.0, 0.0, f32::INFINITY] {
            let mut clock = PaceClock::new(SampleRate(1000), times, start);
            assert!(clock.owed(start + Duration::from_millis(1)) <= 1000);
        }
    }
}
