//! The same clips once more, as a bad microphone or a noisy room would bring them.

use super::groups::ByGroup;
use super::metrics::Metrics;
use super::recall::Recalls;
use serde::Serialize;

/// How much more (or less) is right under a condition than without it, on the same clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedDifference {
    /// Accuracy under the condition minus accuracy without it.
    pub difference: f64,
    /// 95 % interval for paired shares (Agresti & Min 2005: a half is added to each cell of the table).
    pub interval95: [f64; 2],
}

impl PairedDifference {
    /// Of what was right without and with the condition, clip by clip.
    pub fn of(without: &[bool], with: &[bool]) -> Self {
        let count = |from: bool, to: bool| without.iter().zip(with).filter(|&pair| pair == (&from, &to)).count() as f64;
        let (lost, won) = (count(true, false), count(false, true));
        let n = without.len().max(1) as f64;
        let (more_lost, more_won, more) = (lost + 0.5, won + 0.5, n + 2.0);
        let centre = (more_won - more_lost) / more;
        let spread = (more_won + more_lost - (more_won - more_lost).powi(2) / more).max(0.0);
        let half = 1.959_964 * spread.sqrt() / more;
        Self {
            difference: (won - lost) / n,
            interval95: [(centre - half).max(-1.0), (centre + half).min(1.0)],
        }
    }
}

/// Figures under one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionMetrics {
    /// Its name for scripts (`noisy`).
    pub name: &'static str,
    /// Under the condition.
    pub metrics: Metrics,
    /// The accuracy's interval over whole groups of clips, if there are groups.
    pub by_group: Option<ByGroup>,
    /// Recall of each class.
    pub recalls: Recalls,
    /// Against the clips as they are.
    pub difference: PairedDifference,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paired_difference_by_hand() {
        // Of 8 clips, 2 are lost and 1 is won.
        let without = [true, true, true, true, false, false, false, false];
        let with = [true, true, false, false, true, false, false, false];
        let paired = PairedDifference::of(&without, &with);
        assert!((paired.difference + 0.125).abs() < 1e-12);
        // (1.5 − 2.5) / 10 ± 1.96 · √(4 − 1/10) / 10.
        let half = 1.959_964 * 3.9f64.sqrt() / 10.0;
        assert!((paired.interval95[0] - (-0.1 - half)).abs() < 1e-9);
        assert!((paired.interval95[1] - (-0.1 + half)).abs() < 1e-9);
    }
}
