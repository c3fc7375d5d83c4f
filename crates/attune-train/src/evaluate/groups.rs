//! How sure an accuracy is when clips come in groups: an artist's pieces, a session's recordings.
//!
//! Clips by one artist tend to be right or wrong together, so a hundred clips by ten artists carry little more
//! information than ten clips. An interval over clips treats each as an independent draw and is too narrow to predict
//! accuracy on the next artist. This one draws whole groups.

use super::metrics::{Z, wilson};

/// The 95 % interval of an accuracy over whole groups.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ByGroup {
    /// How many groups.
    pub groups: usize,
    /// The interval.
    pub interval95: [f64; 2],
}

impl ByGroup {
    /// From each clip's outcome (right or wrong) and group. `None` for fewer than three groups: they say nothing about
    /// the next.
    ///
    /// The variance is that of a ratio of sums over groups (Cochran 1977, eq. 9.18). It gives the effective sample
    /// size, the number of independent clips with the same variance, for a score interval (Korn & Graubard 1998).
    ///
    /// ```
    /// use attune_train::evaluate::ByGroup;
    /// // Twenty artists of five clips each, right of all or of none: no surer than twenty clips.
    /// let right: Vec<bool> = (0..100).map(|clip| clip / 5 % 4 > 0).collect();
    /// let artists: Vec<usize> = (0..100).map(|clip| clip / 5).collect();
    /// let by_artist = ByGroup::of(&right, &artists).unwrap();
    /// let [low, high] = by_artist.interval95;
    /// assert_eq!(by_artist.groups, 20);
    /// assert!(low < 0.54 && high > 0.88, "{low} {high}");
    /// ```
    pub fn of<G: Eq + std::hash::Hash>(right: &[bool], groups: &[G]) -> Option<Self> {
        let mut counts = std::collections::HashMap::<&G, (f64, f64)>::new();
        for (right, group) in right.iter().zip(groups) {
            let (clips, hits) = counts.entry(group).or_default();
            *clips += 1.0;
            *hits += f64::from(u8::from(*right));
        }
        if counts.len() < 3 {
            return None;
        }
        let (n, m) = (right.len() as f64, counts.len() as f64);
        let p = counts.values().map(|(_, hits)| hits).sum::<f64>() / n;
        let squares: f64 = counts.values().map(|(clips, hits)| (hits - p * clips).powi(2)).sum();
        let variance = m / (m - 1.0) * squares / (n * n);
        // All right or all wrong: no variance is seen, and each group is one draw.
        let clips = if squares > 0.0 { p * (1.0 - p) / variance } else { m };
        let draws = clips.min(n) * (t975(n - 1.0) / t975(m - 1.0)).powi(2);
        Some(Self {
            groups: counts.len(),
            interval95: wilson(p, draws),
        })
    }
}

/// A number for the group of each clip, from its name and its group's; a clip without a group is one by itself. `None`
/// if no clip has a group.
pub(crate) fn group_numbers<'a>(clips: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Vec<usize>> {
    let mut numbers = std::collections::HashMap::new();
    let (mut any, mut all) = (false, Vec::new());
    for (name, group) in clips {
        any |= !group.is_empty();
        let next = numbers.len();
        let key = if group.is_empty() { (name, "") } else { ("", group) };
        all.push(*numbers.entry(key).or_insert(next));
    }
    any.then_some(all)
}

/// The 97.5 % quantile of Student's t, by the expansion around the normal quantile (Abramowitz & Stegun 1964, 26.7.5);
/// 3 % too small at two degrees of freedom.
fn t975(freedom: f64) -> f64 {
    let z = Z;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_without_a_group_is_one_by_itself() {
        let clips = [("a", "x"), ("b", ""), ("c", "x"), ("x", "")];
        assert_eq!(group_numbers(clips.into_iter()), Some(vec![0, 1, 0, 2]));
        assert_eq!(group_numbers([("a", ""), ("b", "")].into_iter()), None);
    }

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (freedom, wanted) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042)] {
            assert!(
                (t975(freedom) - wanted).abs() < 0.02 * wanted,
                "{freedom}: {}",
                t975(freedom)
            );
        }
    }

    #[test]
    fn clips_that_are_groups_by_themselves_have_the_interval_over_clips() {
        let right: Vec<bool> = (0..200).map(|clip| clip % 3 > 0).collect();
        let own_group: Vec<usize> = (0..200).collect();
        let [low, high] = ByGroup::of(&right, &own_group).unwrap().interval95;
        let p = right.iter().filter(|right| **right).count() as f64 / 200.0;
        let [wilson_low, wilson_high] = wilson(p, 200.0);
        assert!((low - wilson_low).abs() < 2e-3 && (high - wilson_high).abs() < 2e-3);
    }

    /// Draws artists whose clips share a probability, and counts how often the interval covers the mean over all
    /// artists.
    #[test]
    fn the_interval_covers_the_truth_about_95_times_in_100_and_that_over_clips_does_not() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (mut over_groups, mut over_clips) = (0, 0);
        let truth = 0.65;
        for _ in 0..1000 {
            let (mut right, mut groups) = (Vec::new(), Vec::new());
            for artist in 0..40 {
                let chance = if rng.random_bool(0.5) { 0.95 } else { 0.35 };
                for _ in 0..rng.random_range(1..9) {
                    right.push(rng.random_bool(chance));
                    groups.push(artist);
                }
            }
            let holds = |[low, high]: [f64; 2]| usize::from(low <= truth && truth <= high);
            over_groups += holds(ByGroup::of(&right, &groups).unwrap().interval95);
            let p = right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
            over_clips += holds(wilson(p, right.len() as f64));
        }
        assert!((930..=975).contains(&over_groups), "{over_groups} of 1000");
        assert!(over_clips < 900, "{over_clips} of 1000");
    }

    #[test]
    fn two_groups_give_no_interval_and_five_groups_all_right_are_five_draws() {
        assert_eq!(ByGroup::of(&[true, false, true], &["a", "a", "b"]), None);
        let right = [true; 50];
        let groups: Vec<usize> = (0..50).map(|clip| clip / 10).collect();
        let [low, high] = ByGroup::of(&right, &groups).unwrap().interval95;
        assert!(low < 0.57 && (high - 1.0).abs() < 1e-9, "{low} {high}");
    }
}
