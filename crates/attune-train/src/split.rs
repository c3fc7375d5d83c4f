//! The guard between training and validation: no artist and no clip on both sides.
//!
//! A network recognises a record by its sound; one artist on both sides inflates GTZAN's accuracy by 13 to 14 points
//! (Sturm 2013; Kereliuk, Sturm & Larsen 2015).

use super::TrainError;
use super::dataset::{Clip, Side};
use attune_model::genre::GenreId;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

/// Which clips train and which validate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitChoice {
    /// One fold of a cross-validation over all clips; `None`: as the collection says.
    pub fold: Option<Fold>,
    /// Share of the artists of each genre to train on, above 0 and at most 1. A smaller share is part of a larger one.
    pub share: f64,
    /// Seed of folds and shares. Not the run's seed: runs with several seeds have the same folds.
    pub seed: u64,
}

impl Default for SplitChoice {
    fn default() -> Self {
        Self {
            fold: None,
            share: 1.0,
            seed: 1,
        }
    }
}

/// One part of several that validate in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Which, from 1.
    pub number: usize,
    /// How many there are, at least 2.
    pub of: usize,
}

impl Default for Fold {
    /// The first of five.
    fn default() -> Self {
        Self { number: 1, of: 5 }
    }
}

impl std::fmt::Display for Fold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Fold {
    type Err = String;

    /// ```
    /// use attune_train::split::Fold;
    /// assert_eq!("2/5".parse(), Ok(Fold { number: 2, of: 5 }));
    /// assert!("6/5".parse::<Fold>().is_err() && "1/1".parse::<Fold>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').map(|(number, of)| (number.parse(), of.parse()));
        match numbers {
            Some((Ok(number), Ok(of))) if of >= 2 && (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(format!(
                "{text:?} is not K/N with N at least 2 and K from 1 to N, as 2/5"
            )),
        }
    }
}

/// Training clips, validation clips, and notes for the user on clips left out.
pub(crate) type Sides = (Vec<Clip>, Vec<Clip>, Vec<String>);

impl SplitChoice {
    /// Training clips, validation clips, and notes for the user on clips left out.
    ///
    /// Training clips by several artists of whom one is on the other side too are left out. A clip by several artists
    /// joins all of theirs into one whole in a cross-validation.
    ///
    /// # Errors
    /// If both sides share an artist or a clip, or no training clip is left.
    pub fn split(&self, clips: Vec<(Clip, Side)>) -> Result<Sides, TrainError> {
        let (mut train, valid) = if let Some(fold) = self.fold {
            self.fold(clips.into_iter().map(|(clip, _)| clip).collect(), fold)
        } else {
            let (train, valid): (Vec<_>, Vec<_>) = clips.into_iter().partition(|(_, side)| *side == Side::Train);
            let clips = |side: Vec<(Clip, Side)>| side.into_iter().map(|(clip, _)| clip).collect::<Vec<_>>();
            (clips(train), clips(valid))
        };
        refuse_leaks(&train, &valid)?;
        let shared = joint_artists_shared(&train, &valid);
        let notes = shared
            .iter()
            .map(|(clip, artist)| format!("{clip} is left out: {artist}, who plays in it, is in validation too"))
            .collect();
        train.retain(|clip| !shared.iter().any(|(name, _)| *name == clip.name));
        self.keep_share(&mut train);
        if train.is_empty() {
            return Err(TrainError::Data {
                path: PathBuf::from("the split"),
                message: "no training clip is left".to_owned(),
            });
        }
        Ok((train, valid, notes))
    }

    /// Whole artists to folds, the largest first, each to the fold that has least of its genres.
    fn fold(&self, clips: Vec<Clip>, fold: Fold) -> (Vec<Clip>, Vec<Clip>) {
        let groups = self.groups(&clips);
        let of_clip: BTreeMap<usize, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, members)| members.iter().map(move |&clip| (clip, group)))
            .collect();
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|&group| std::cmp::Reverse(groups[group].len())); // stable: the draw decides among equals
        let mut counts = vec![BTreeMap::<GenreId, usize>::new(); fold.of];
        let mut place = vec![0; groups.len()];
        for group in order {
            let mut added = BTreeMap::<GenreId, usize>::new();
            for &clip in &groups[group] {
                *added.entry(clips[clip].genre).or_default() += 1;
            }
            let held = |of: usize| -> (usize, usize) {
                let same = added
                    .iter()
                    .map(|(genre, new)| new * counts[of].get(genre).copied().unwrap_or(0))
                    .sum();
                (same, counts[of].values().sum())
            };
            let best = (0..fold.of).min_by_key(|&of| held(of)).unwrap_or(0);
            place[group] = best;
            for (genre, new) in added {
                *counts[best].entry(genre).or_default() += new;
            }
        }
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for (number, clip) in clips.into_iter().enumerate() {
            if place[of_clip[&number]] + 1 == fold.number {
                valid.push(clip);
            } else {
                train.push(clip);
            }
        }
        (train, valid)
    }

    /// Keeps the first artists of each genre, in an order that is drawn once: a smaller share is part of a larger one.
    fn keep_share(&self, train: &mut Vec<Clip>) {
        if self.share >= 1.0 {
            return;
        }
        let mut by_genre: BTreeMap<GenreId, Vec<Vec<usize>>> = BTreeMap::new();
        for group in self.groups(train) {
            let mut parts: BTreeMap<GenreId, Vec<usize>> = BTreeMap::new();
            for clip in group {
                parts.entry(train[clip].genre).or_default().push(clip);
            }
            for (genre, part) in parts {
                by_genre.entry(genre).or_default().push(part);
            }
        }
        let kept: BTreeSet<usize> = by_genre
            .values()
            .flat_map(|groups| {
                let most = ((groups.len() as f64 * self.share).round() as usize).max(1);
                groups.iter().take(most).flatten().copied()
            })
            .collect();
        let mut number = 0;
        train.retain(|_| {
            number += 1;
            kept.contains(&(number - 1))
        });
    }

    /// Clips that must stay together, by their places: those linked by a shared artist, over any number of steps. A
    /// clip of an unknown artist stands alone. In an order drawn by the seed.
    pub fn groups(&self, clips: &[Clip]) -> Vec<Vec<usize>> {
        let mut root: Vec<usize> = (0..clips.len()).collect();
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        for (number, clip) in clips.iter().enumerate() {
            for artist in members(&clip.artist) {
                let other = *first.entry(artist).or_insert(number);
                let (a, b) = (find(&mut root, number), find(&mut root, other));
                root[a.max(b)] = a.min(b);
            }
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for number in 0..clips.len() {
            groups.entry(find(&mut root, number)).or_default().push(number);
        }
        // By name first: the order of the index must not matter.
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.sort_by_key(|group| group.iter().map(|&clip| clips[clip].name.clone()).min());
        groups.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed));
        groups
    }
}

/// The first clip of the group that a clip is linked to; shortens the way there.
fn find(root: &mut [usize], mut clip: usize) -> usize {
    while root[clip] != clip {
        root[clip] = root[root[clip]];
        clip = root[clip];
    }
    clip
}

/// What both sides share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {name:?} is in training ({train}) and in validation ({valid}): put all of it on one side")]
pub struct Leak {
    /// `clip` or `artist`.
    pub what: &'static str,
    /// Which.
    pub name: String,
    /// A clip of it on the training side.
    pub train: String,
    /// A clip of it on the validation side.
    pub valid: String,
}

/// Refuses two sides that share a clip or a known artist. An artist that is not known (empty) cannot be compared;
/// such clips are kept where the split put them.
pub(crate) fn refuse_leaks<'a>(
    train: impl IntoIterator<Item = &'a Clip>,
    valid: impl IntoIterator<Item = &'a Clip>,
) -> Result<(), Leak> {
    let mut clips = BTreeMap::new();
    let mut artists = BTreeMap::new();
    for clip in train {
        clips.insert(clip.name.as_str(), clip);
        if !clip.artist.is_empty() {
            artists.insert(clip.artist.to_lowercase(), clip);
        }
    }
    for clip in valid {
        let leak = |what, name: &str, other: &Clip| Leak {
            what,
            name: name.to_owned(),
            train: other.name.clone(),
            valid: clip.name.clone(),
        };
        if let Some(other) = clips.get(clip.name.as_str()) {
            return Err(leak("clip", &clip.name, other));
        }
        if let Some(other) = artists.get(&clip.artist.to_lowercase()) {
            return Err(leak("artist", &clip.artist, other));
        }
    }
    Ok(())
}

/// Clips that are by several artists of whom one is on the other side too: pairs of a training clip and that artist.
/// [`SplitChoice::split`] leaves them out.
pub(crate) fn joint_artists_shared(train: &[Clip], valid: &[Clip]) -> Vec<(String, String)> {
    let of = |clip: &Clip| members(&clip.artist);
    let validation: BTreeSet<String> = valid.iter().flat_map(of).collect();
    train
        .iter()
        .flat_map(|clip| of(clip).into_iter().map(|artist| (clip.name.clone(), artist)))
        .filter(|(_, artist)| validation.contains(artist))
        .collect()
}

/// One name for each artist and all that are linked with them by joint names, over any number of steps; empty where no
/// artist is known.
pub(crate) fn linked_artists(artists: &[&str]) -> Vec<String> {
    let mut root: Vec<usize> = (0..artists.len()).collect();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (number, artist) in artists.iter().enumerate() {
        for member in members(artist) {
            let other = *first.entry(member).or_insert(number);
            let (a, b) = (find(&mut root, number), find(&mut root, other));
            root[a.max(b)] = a.min(b);
        }
    }
    (0..artists.len())
        .map(|number| artists[find(&mut root, number)].trim().to_lowercase())
        .collect()
}

/// The artists of a joint name, in lower case.
pub(crate) fn members(artist: &str) -> Vec<String> {
    let joint = artist
        .to_lowercase()
        .replace(" and ", ",")
        .replace(" feat. ", ",")
        .replace(" with ", ",");
    joint
        .split([',', '&', '/', ';'])
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
