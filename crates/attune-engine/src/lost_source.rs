//! A source that was open and is no longer: since when, and what it had lost before.
//!
//! In: the time. Out: how much was missed. Thread: worker.

use super::source_reader::Losses;
use attune_audio::clock::Clock;
use attune_audio::units::Seconds;
use std::time::{Duration, Instant};

/// A source that was open and is no longer.
pub(super) struct LostSource {
    /// Since when sound is missing; `None` if none is waited for.
    pub(super) since: Option<Instant>,
    /// Stream time of the last sample.
    pub(super) at: Seconds,
    /// Until then.
    pub(super) losses: Losses,
}

/// An outage until now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    /// Stream time now: it goes on while nothing is heard.
    pub(super) at: Seconds,
    /// For how long sound is missing.
    pub(super) missed: Seconds,
    /// With that time.
    pub(super) losses: Losses,
}

impl LostSource {
    /// How long it has lasted.
    pub(super) fn now(&self, clock: &Clock) -> Outage {
        let missed = self.since.map_or(Duration::ZERO, |since| clock.since(since));
        let seconds = Seconds(missed.as_secs_f64());
        Outage {
            at: Seconds(self.at.0 + seconds.0),
            missed: seconds,
            losses: Losses {
                missed: self.losses.missed + missed,
                ..self.losses
            },
        }
    }
}
