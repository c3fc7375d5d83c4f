//! Recall of each class, its mean over the classes, and how it changes with the seconds.
//!
//! In: which clips were answered right, their classes and groups. Out: shares with intervals over clips and over whole
//! groups. Thread: any.

use super::conditions::PairedDifference;
use super::groups::ByGroup;
use super::metrics::wilson;
use attune_model::genre::GenreId;
use serde::Serialize;
use std::collections::HashSet;

/// A share of clips with its intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many clips.
    pub clips: usize,
    /// The share, 0…1.
    pub share: f64,
    /// 95 % interval over clips (Wilson 1927).
    pub interval95: [f64; 2],
    /// How many groups the clips are of; none without groups.
    pub groups: Option<usize>,
    /// Over whole groups; none without groups, or for fewer than three.
    pub by_group: Option<ByGroup>,
}

impl Share {
    /// Of the clips for which this is true; `None` without clips.
    pub fn of(is: &[bool], groups: Option<&[usize]>) -> Option<Self> {
        let clips = is.len();
        let share = is.iter().filter(|is| **is).count() as f64 / clips.max(1) as f64;
        (clips > 0).then(|| Self {
            clips,
            share,
            interval95: wilson(share, clips as f64),
            groups: groups.map(|groups| groups.iter().collect::<HashSet<_>>().len()),
            by_group: groups.and_then(|groups| ByGroup::of(is, groups)),
        })
    }
}

/// The mean of recall over the classes that have clips: every class counts alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MacroMean {
    /// The mean.
    pub share: f64,
    /// 95 % interval over clips.
    pub interval95: [f64; 2],
    /// Over whole groups; a class of fewer than three groups may then be right of none or of all.
    pub interval95_by_group: Option<[f64; 2]>,
}

/// Recall of every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalls {
    /// In the order of the classes; `None` for a class without clips.
    pub per_class: Vec<Option<Share>>,
    /// Their mean.
    pub mean: MacroMean,
}

impl Recalls {
    /// Of clips with these classes and outcomes; `groups` names each clip's by a number.
    pub fn of(truths: &[GenreId], right: &[bool], groups: Option<&[usize]>, classes: usize) -> Self {
        let per_class: Vec<Option<Share>> = (0..classes)
            .map(|class| {
                let of_class = || (0..truths.len()).filter(|&clip| usize::from(truths[clip].0) == class);
                let right: Vec<bool> = of_class().map(|clip| right[clip]).collect();
                let groups: Option<Vec<usize>> = groups.map(|groups| of_class().map(|clip| groups[clip]).collect());
                Share::of(&right, groups.as_deref())
            })
            .collect();
        let with_clips: Vec<Share> = per_class.iter().flatten().copied().collect();
        let over_clips: Vec<_> = with_clips.iter().map(|one| (one.share, one.interval95)).collect();
        let over_groups: Vec<_> = with_clips
            .iter()
            .map(|one| (one.share, one.by_group.map_or([0.0, 1.0], |by| by.interval95)))
            .collect();
        let mean = MacroMean {
            share: with_clips.iter().map(|one| one.share).sum::<f64>() / with_clips.len().max(1) as f64,
            interval95: interval_of_mean(&over_clips),
            interval95_by_group: groups.map(|_| interval_of_mean(&over_groups)),
        };
        Self { per_class, mean }
    }
}

/// The interval of a mean of independent shares from theirs (Zou & Donner 2008, "Construction of confidence limits
/// about effect measures", eq. 5: MOVER).
fn interval_of_mean(shares: &[(f64, [f64; 2])]) -> [f64; 2] {
    let n = shares.len().max(1) as f64;
    let mean = shares.iter().map(|(share, _)| share).sum::<f64>() / n;
    let distance = |end: usize| {
        let squares: f64 = shares
            .iter()
            .map(|(share, interval)| (share - interval[end]).powi(2))
            .sum();
        squares.sqrt() / n
    };
    [(mean - distance(0)).max(0.0), (mean + distance(1)).min(1.0)]
}

/// How recall changes from one number of seconds to a later one, on the clips that are long enough for the later.
#[derive(Debug, Clone, PartialEq)]
pub struct Rise {
    /// Seconds at first.
    pub from: f64,
    /// Seconds at last.
    pub to: f64,
    /// Over all clips.
    pub all: PairedDifference,
    /// By class; `None` for a class without such clips.
    pub per_class: Vec<Option<PairedDifference>>,
}

impl Rise {
    /// Of outcomes after `from` and after `to` seconds, clip by clip.
    pub(super) fn of(
        (from, to): (f64, f64),
        truths: &[GenreId],
        before: &[bool],
        after: &[bool],
        classes: usize,
    ) -> Self {
        let per_class = (0..classes).map(|class| {
            let of_class = |outcomes: &[bool]| -> Vec<bool> {
                let with_truth = truths.iter().zip(outcomes);
                with_truth
                    .filter(|(truth, _)| usize::from(truth.0) == class)
                    .map(|(_, is)| *is)
                    .collect()
            };
            let (before, after) = (of_class(before), of_class(after));
            (!before.is_empty()).then(|| PairedDifference::of(&before, &after))
        });
        Self {
            from,
            to,
            all: PairedDifference::of(before, after),
            per_class: per_class.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truths(counts: &[usize]) -> Vec<GenreId> {
        let each = counts.iter().enumerate();
        each.flat_map(|(class, &count)| vec![GenreId(class as u8); count])
            .collect()
    }

    #[test]
    fn recall_and_its_mean_by_hand() {
        let truths = truths(&[4, 0, 10]);
        let right: Vec<bool> = (0..14).map(|clip| clip < 2 || (4..13).contains(&clip)).collect();
        let recalls = Recalls::of(&truths, &right, None, 3);
        let shares: Vec<Option<f64>> = recalls.per_class.iter().map(|one| one.map(|one| one.share)).collect();
        assert_eq!(shares, [Some(0.5), None, Some(0.9)]);
        assert!((recalls.mean.share - 0.7).abs() < 1e-12);
        assert_eq!(recalls.mean.interval95_by_group, None);
        let (a, b) = (wilson(0.5, 4.0), wilson(0.9, 10.0));
        let low = 0.7 - ((0.5 - a[0]).powi(2) + (0.9 - b[0]).powi(2)).sqrt() / 2.0;
        assert!((recalls.mean.interval95[0] - low).abs() < 1e-12);
        // Of a class of one group nothing is known: it may be right of none.
        let one_artist: Vec<usize> = (0..14).map(|clip| if clip < 4 { 0 } else { clip }).collect();
        let recalls = Recalls::of(&truths, &right, Some(&one_artist), 3);
        let first = recalls.per_class[0].unwrap();
        assert_eq!((first.groups, first.by_group), (Some(1), None));
        let [low, high] = recalls.mean.interval95_by_group.unwrap();
        assert!(low <= 0.7 - 0.25 && high >= 0.7 + 0.25, "{low} {high}");
    }

    /// Draws clips of three classes with known recall, and counts how often the interval covers the mean.
    #[test]
    fn the_interval_of_the_mean_covers_it_about_95_times_in_100() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let chances = [0.3, 0.7, 0.95];
        let truths = truths(&[20, 20, 20]);
        let covered = (0..1000)
            .filter(|_| {
                let right: Vec<bool> = truths
                    .iter()
                    .map(|truth| rng.random_bool(chances[usize::from(truth.0)]))
                    .collect();
                let [low, high] = Recalls::of(&truths, &right, None, 3).mean.interval95;
                low <= 0.65 && 0.65 <= high
            })
            .count();
        assert!((930..=975).contains(&covered), "{covered} of 1000");
    }

    #[test]
    fn a_rise_is_that_of_each_class() {
        let truths = truths(&[3, 2]);
        let (before, after) = ([true, false, false, true, true], [true, true, false, true, false]);
        let rise = Rise::of((3.0, 30.0), &truths, &before, &after, 3);
        let points = |of: &Option<PairedDifference>| of.map(|of| of.difference);
        assert_eq!(points(&rise.per_class[1]), Some(-0.5));
        assert!((points(&rise.per_class[0]).unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((points(&rise.per_class[2]), rise.all.difference), (None, 0.0));
    }
}
