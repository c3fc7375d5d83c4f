//! What of a file could not be decoded: how much, and where it begins.
//!
//! In: counts after each block. Out: one sentence. Thread: any.

use crate::units::{SampleRate, Seconds};
use std::collections::BTreeMap;

/// Counts of one pass over a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// Packets that could not be decoded.
    pub(super) packets: u64,
    /// Stretches between packets that are damaged or missing.
    pub(super) gaps: u64,
    /// Samples of a channel that are silence in the place of both.
    pub(super) silent: u64,
}

/// No more places than this are kept.
const MOST_PLACES: usize = 1 << 18;

/// The damage of a file by its place, each counted once however often the place is decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct DamageLog {
    /// What the pass had counted when it was last looked at.
    seen: Damage,
    /// By the position, in samples of a channel, at which it was found.
    places: BTreeMap<i64, Damage>,
}

impl DamageLog {
    /// A pass starts again: it counts from 0.
    pub(super) fn restart(&mut self) {
        self.seen = Damage::default();
    }

    /// Takes what the pass has counted so far; what is new was found at `position`.
    pub(super) fn note(&mut self, position: i64, counted: Damage) {
        let before = std::mem::replace(&mut self.seen, counted);
        if counted != before && self.places.len() < MOST_PLACES {
            self.places.entry(position).or_insert(Damage {
                packets: counted.packets.saturating_sub(before.packets),
                gaps: counted.gaps.saturating_sub(before.gaps),
                silent: counted.silent.saturating_sub(before.silent),
            });
        }
    }

    /// Packets that could not be decoded.
    pub(super) fn packets(&self) -> u64 {
        self.places.values().map(|damage| damage.packets).sum()
    }

    /// All of it in one sentence; `None` for none.
    pub(super) fn describe(&self, rate: SampleRate) -> Option<String> {
        let first = Seconds(*self.places.keys().next()?.max(&0) as f64 / rate.hz());
        let sum = |count: fn(&Damage) -> u64| self.places.values().map(count).sum::<u64>();
        let (packets, gaps, silent) = (
            sum(|damage| damage.packets),
            sum(|damage| damage.gaps),
            sum(|damage| damage.silent),
        );
        let named = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let what: Vec<String> = named(packets, "broken packet", "broken packets")
            .into_iter()
            .chain(named(gaps, "damaged stretch", "damaged stretches"))
            .collect();
        let (place, were) = if packets + gaps == 1 {
            (format!(" at {}", first.clock()), "was")
        } else {
            (format!(", the first at {},", first.clock()), "were")
        };
        let fate = if silent > 0 {
            format!("became {:.2} s of silence", silent as f64 / rate.hz())
        } else {
            format!("{were} left out")
        };
        Some(format!("{}{place} {fate}", what.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate(1000);

    fn damage(packets: u64, gaps: u64, silent: u64) -> Damage {
        Damage { packets, gaps, silent }
    }

    #[test]
    fn what_is_decoded_again_counts_once() {
        let mut log = DamageLog::default();
        assert_eq!(log.describe(RATE), None);
        for _ in 0..3 {
            log.note(-500, damage(0, 0, 0));
            log.note(2500, damage(1, 0, 20));
            log.note(2520, damage(1, 0, 20));
            assert_eq!(
                log.describe(RATE).as_deref(),
                Some("1 broken packet at 0:02.5 became 0.02 s of silence")
            );
            log.restart();
        }
        log.note(7000, damage(2, 1, 900));
        assert_eq!(
            log.describe(RATE).as_deref(),
            Some("3 broken packets and 1 damaged stretch, the first at 0:02.5, became 0.92 s of silence")
        );
        assert_eq!(log.packets(), 3);
    }

    #[test]
    fn what_left_no_silence_is_not_said_to_have_become_any() {
        let mut log = DamageLog::default();
        log.note(0, damage(1, 0, 0));
        assert_eq!(
            log.describe(RATE).as_deref(),
            Some("1 broken packet at 0:00.0 was left out")
        );
    }
}
