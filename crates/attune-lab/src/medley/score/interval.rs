//! Intervals of any figure over pieces: the percentile bootstrap (Efron 1979), with whole pieces drawn, since the
//! sections of a piece are right or wrong together.
//!
//! In: a figure as a function of drawn pieces. Out: its 95 % interval. Thread: any.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Lowest and highest value of 95 %; `None` for fewer than three pieces, which say nothing about the next.
pub type Interval = Option<[f64; 2]>;

/// Draws in all; fewer of large tables, so that the work stays below a few seconds.
const DRAWS: usize = 2_000;
const LEAST_DRAWS: usize = 200;
const MOST_WORK: usize = 10_000_000;

/// The interval of `figure`, which is given the numbers of as many pieces as there are, drawn with replacement; draws
/// for which it is not defined are left out. `work`: what one call goes through. Always the same draws.
pub fn resampled(pieces: usize, work: usize, figure: impl Fn(&[usize]) -> Option<f64>) -> Interval {
    if pieces < 3 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let draws = (MOST_WORK / work.max(1)).clamp(LEAST_DRAWS, DRAWS);
    let mut chosen = vec![0; pieces];
    let mut values: Vec<f64> = (0..draws)
        .filter_map(|_| {
            for place in &mut chosen {
                *place = rng.random_range(0..pieces);
            }
            figure(&chosen)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let low = nearest_rank(&values, 0.025)?;
    Some([low, nearest_rank(&values, 0.975)?])
}

/// The mean; 0 of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    crate::mean(values)
}

/// The least value that is not below this share of all (nearest rank); `None` of nothing.
///
/// ```
/// use attune_lab::medley::score::interval::rank;
/// assert_eq!(rank(vec![4.0, 1.0, 3.0, 2.0], 0.5), Some(2.0));
/// assert_eq!(rank((1..=10).map(f64::from).collect(), 0.9), Some(9.0));
/// ```
pub fn rank(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    nearest_rank(&values, share)
}

fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    // A share such as 0.9 is a little more or less than it says; its product with a count must not round up for that.
    let place = (sorted.len() as f64 * share - 1e-9).ceil().max(1.0) as usize;
    sorted.get(place - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        // A mean of n draws of variance v has ±1.96 √(v/n).
        let values: Vec<f64> = (0..400).map(|n| f64::from(n % 20)).collect();
        let [low, high] = resampled(400, 400, |chosen| Some(mean(chosen.iter().map(|&i| values[i])))).unwrap();
        let half = 1.96 * ((20.0 * 20.0 - 1.0) / 12.0 / 400.0_f64).sqrt();
        assert!(
            (low - (9.5 - half)).abs() < 0.1 && (high - (9.5 + half)).abs() < 0.1,
            "{low} {high} {half}"
        );
        assert_eq!(resampled(2, 2, |_| Some(1.0)), None);
        assert_eq!(resampled(3, 3, |_| None), None);
    }
}
