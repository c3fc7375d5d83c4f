//! Times, and what is said of them.

use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Rounds of each row; peers take turns in each.
    pub rounds: usize,
    /// Time for one participant in one round.
    pub patience: Duration,
    /// Fewest runs of one participant in one round.
    pub fewest: usize,
    /// How long live listening is watched.
    pub live: Duration,
}

impl Effort {
    /// For figures to be shown.
    pub const FULL: Self = Self {
        rounds: 5,
        patience: Duration::from_millis(200),
        fewest: 3,
        live: Duration::from_secs(10),
    };
    /// For a look, or a test that everything runs.
    pub const QUICK: Self = Self {
        rounds: 2,
        patience: Duration::from_millis(4),
        fewest: 1,
        live: Duration::from_secs(2),
    };
}

/// Most runs of one participant in one round.
const MOST: usize = 5_000;

/// What one row says. Times are in microseconds; speeds and shares have a `unit` of their own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `step/lstm/1`, …
    pub name: String,
    /// Of `median`, `p99` and `peers`.
    pub unit: &'static str,
    /// Median of all runs.
    pub median: f64,
    /// The slowest hundredth begins here: the longest times, or the lowest speeds.
    pub p99: f64,
    /// How many runs.
    pub runs: usize,
    /// What the processor allows for this work at the least, in microseconds (counted in `bench/work.rs`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling_us: Option<f64>,
    /// Our time as a multiple of the ceiling: 1 is as fast as it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_ceiling: Option<f64>,
    /// Medians of other libraries at the same work.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub peers: BTreeMap<String, f64>,
    /// Our time as a share of the best peer's, median over rounds: below 1 we are faster. For speeds too it is the
    /// ratio of the times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_best_peer: Option<f64>,
    /// Most memory that was in use, in MB (10⁶ bytes); `live/load` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_mb: Option<f64>,
}

/// Seconds of each run of each round of one participant.
#[derive(Debug, Clone, Default)]
pub struct Times {
    rounds: Vec<Vec<f64>>,
}

impl Times {
    /// Adds a round.
    pub fn add(&mut self, mut seconds: Vec<f64>) {
        seconds.sort_by(f64::total_cmp);
        self.rounds.push(seconds);
    }

    /// All runs, sorted.
    fn all(&self) -> Vec<f64> {
        let mut all = self.rounds.concat();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Median of all runs; none if there are none.
    pub fn median(&self) -> Option<f64> {
        let all = self.all();
        (!all.is_empty()).then(|| quantile(&all, 0.5))
    }

    /// Median of each round.
    fn medians(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| quantile(round, 0.5)).collect()
    }
}

/// The value below which a share of the `sorted` values lies (nearest rank).
///
/// # Panics
/// If there is none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1]
}

/// Median over rounds of our median as a share of the other's in the same round.
pub fn ratio(ours: &Times, other: &Times) -> f64 {
    let mut ratios: Vec<f64> = ours
        .medians()
        .iter()
        .zip(other.medians())
        .map(|(ours, other)| ours / other)
        .collect();
    ratios.sort_by(f64::total_cmp);
    quantile(&ratios, 0.5)
}

/// Seconds of each of as many runs as patience allows in one round.
pub fn time<E>(effort: Effort, mut each: impl FnMut() -> Result<(), E>) -> Result<Vec<f64>, E> {
    let begin = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < effort.fewest || (begin.elapsed() < effort.patience && seconds.len() < MOST) {
        let start = Instant::now();
        each()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// Warms up, then measures all rounds of something that has no peers.
pub fn rounds<E>(effort: Effort, mut each: impl FnMut() -> Result<(), E>) -> Result<Times, E> {
    each()?; // Caches, lazy tables and page faults are not what is measured.
    let mut times = Times::default();
    for _ in 0..effort.rounds {
        times.add(time(effort, &mut each)?);
    }
    Ok(times)
}

impl Row {
    /// Of times in microseconds.
    pub fn microseconds(name: String, times: &Times) -> Self {
        Self::new(name, "us", times, |seconds| seconds * 1e6)
    }

    /// Of times in milliseconds.
    pub fn milliseconds(name: String, times: &Times) -> Self {
        Self::new(name, "ms", times, |seconds| seconds * 1e3)
    }

    /// Of speeds, in times real time, at which so many seconds of sound are worked through.
    pub(crate) fn real_time(name: String, sound_seconds: f64, times: &Times) -> Self {
        Self::new(name, "x real time", times, |seconds| sound_seconds / seconds)
    }

    fn new(name: String, unit: &'static str, times: &Times, shown: impl Fn(f64) -> f64) -> Self {
        let all = times.all();
        Self {
            name,
            unit,
            median: shown(quantile(&all, 0.5)),
            p99: shown(quantile(&all, 0.99)),
            runs: all.len(),
            ceiling_us: None,
            ratio_to_ceiling: None,
            peers: BTreeMap::new(),
            ratio_to_best_peer: None,
            peak_memory_mb: None,
        }
    }

    /// Of a share of one core, in percent: over the whole time, and in the worst moment.
    pub fn share(name: String, whole: f64, worst: f64, runs: usize, peak_memory_mb: f64) -> Self {
        Self {
            median: whole,
            p99: worst.max(whole),
            runs,
            peak_memory_mb: Some(peak_memory_mb),
            ..Self::new(
                name,
                "% of a core",
                &Times {
                    rounds: vec![vec![0.0]],
                },
                |zero| zero,
            )
        }
    }

    /// Adds the ceiling; `ours` are the times of the row.
    pub(crate) fn with_ceiling(mut self, ceiling_us: f64, ours: &Times) -> Self {
        self.ceiling_us = Some(ceiling_us);
        self.ratio_to_ceiling = Some(quantile(&ours.all(), 0.5) * 1e6 / ceiling_us);
        self
    }

    /// Adds what the peers took for the same work as `ours`: of each peer its best form, by name.
    pub(crate) fn with_peers(mut self, ours: &Times, peers: &BTreeMap<String, Times>) -> Self {
        let own = quantile(&ours.all(), 0.5);
        for (name, times) in peers {
            let seconds = quantile(&times.all(), 0.5);
            // Speeds fall as times rise.
            let shown = if self.unit == "x real time" {
                self.median * own / seconds
            } else {
                self.median * seconds / own
            };
            self.peers.insert(name.clone(), shown);
        }
        self.ratio_to_best_peer = peers.values().map(|times| ratio(ours, times)).max_by(f64::total_cmp);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rounds: &[&[f64]]) -> Times {
        let mut times = Times::default();
        for round in rounds {
            times.add(round.to_vec());
        }
        times
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.99)), (2.0, 4.0));
        assert_eq!((quantile(&[7.0], 0.0), sorted.len()), (7.0, 4));
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // The machine is three times slower in the second and third round, for both.
        let ours = times(&[&[1.0, 1.0], &[3.0], &[3.0]]);
        let other = times(&[&[2.0], &[6.0, 6.0], &[6.0]]);
        assert!((ratio(&ours, &other) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_best_peer_counts_and_speeds_turn_round() {
        let ours = times(&[&[2.0]]);
        let peers = BTreeMap::from([
            ("slow".to_owned(), times(&[&[8.0]])),
            ("fast".to_owned(), times(&[&[4.0]])),
        ]);
        let row = Row::microseconds("a".to_owned(), &ours).with_peers(&ours, &peers);
        assert_eq!((row.peers["fast"], row.ratio_to_best_peer), (4e6, Some(0.5)));
        let row = Row::real_time("b".to_owned(), 10.0, &ours).with_peers(&ours, &peers);
        assert_eq!(
            (row.median, row.peers["fast"], row.ratio_to_best_peer),
            (5.0, 2.5, Some(0.5))
        );
        let row = Row::microseconds("c".to_owned(), &ours).with_ceiling(1e6, &ours);
        assert_eq!(row.ratio_to_ceiling, Some(2.0));
    }
}
