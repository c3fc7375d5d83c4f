//! A true change of genre: the beginning of one clip, and at once the beginning of another.

use super::EvaluateError;
use super::timeline::{AnswerTimeline, Times};
use attune_audio::decode::decode_file;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::genre::GenreId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::path::Path;

/// So much of each clip is played, or all of a shorter one.
pub(crate) const PART: Seconds = Seconds(15.0);
/// A change that is followed within this is followed soon.
const SOON: Seconds = Seconds(8.0);

/// Two clips of different genres, by their places, at one sample rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Played first.
    pub first: usize,
    /// Played from the change on.
    pub second: usize,
}

/// Draws pairs of clips of different genres and the same rate; every such pair is as likely as any other. Fewer than
/// `count` only if there are none at all.
pub fn pairs(clips: &[(GenreId, SampleRate)], count: usize, rng: &mut ChaCha8Rng) -> Vec<Pair> {
    let goes = |first: usize, second: usize| clips[first].0 != clips[second].0 && clips[first].1 == clips[second].1;
    let possible: Vec<Vec<usize>> = (0..clips.len())
        .map(|first| (0..clips.len()).filter(|&second| goes(first, second)).collect())
        .collect();
    let all: usize = possible.iter().map(Vec::len).sum();
    if all == 0 {
        return Vec::new();
    }
    let draw = |rng: &mut ChaCha8Rng| {
        let mut place = rng.random_range(0..all);
        for (first, seconds) in possible.iter().enumerate() {
            if let Some(&second) = seconds.get(place) {
                return Pair { first, second };
            }
            place -= seconds.len();
        }
        Pair { first: 0, second: 0 } // not reached: `place` is below the sum of all lengths
    };
    (0..count).map(|_| draw(rng)).collect()
}

/// The beginnings of both, one right after the other, and when the change is.
pub fn joined(first: &[f32], second: &[f32], rate: SampleRate) -> (Vec<f32>, Seconds) {
    let part = rate.index_at(PART).0 as usize;
    let first = &first[..first.len().min(part)];
    let mut samples = first.to_vec();
    samples.extend_from_slice(&second[..second.len().min(part)]);
    (samples, rate.duration(first.len() as u64))
}

/// [`joined`] of two files, with their rate.
///
/// # Errors
/// If one cannot be decoded, or their rates differ.
pub fn of_files(first: &Path, second: &Path) -> Result<(Vec<f32>, SampleRate, Seconds), EvaluateError> {
    let ((info, before), (other, after)) = (decode_file(first)?, decode_file(second)?);
    if info.rate != other.rate {
        return Err(EvaluateError::NoAnswer {
            path: second.to_owned(),
            why: format!(
                "it has {} Hz where {} has {}",
                other.rate.0,
                first.display(),
                info.rate.0
            ),
        });
    }
    let (samples, at) = joined(&before, &after, info.rate);
    Ok((samples, info.rate, at))
}

/// A change of genre that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The displayed answers.
    pub timeline: AnswerTimeline,
    /// When the music changed.
    pub at: Seconds,
    /// To which genre.
    pub to: GenreId,
    /// Whether the second clip is recognised when played alone.
    pub is_known: bool,
}

/// How a change is followed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeMetrics {
    /// How many were played.
    pub pairs: usize,
    /// Those in which the new genre was already displayed before the change: they have no delay.
    pub too_early: usize,
    /// Seconds from the change until the new genre is displayed; never: not within the [`PART`] that was played.
    pub delay_s: Times,
    /// Share of these that are displayed within 8 s.
    pub within_8s: f64,
    /// The same as `delay_s` for clips recognised when played alone: the delay of smoothing, without the models' errors.
    pub delay_of_known_s: Times,
    /// Changes from one genre to another, per minute; one in each pair is right.
    pub switches_per_minute: f64,
}

impl ChangeMetrics {
    /// Of these.
    pub fn of(changes: &[Change]) -> Self {
        let is_early = |change: &&Change| {
            let before = change.timeline.at(change.at);
            before.is_some_and(|answer| answer.genre == Some(change.to))
        };
        let delay = |change: &Change| {
            let from = change.timeline.first_from(change.at, change.to)?;
            Some(Seconds(from.0 - change.at.0)).filter(|delay| delay.0 <= PART.0)
        };
        let late = || changes.iter().filter(|change| !is_early(change));
        let soon = late().filter(|change| delay(change).is_some_and(|delay| delay.0 <= SOON.0));
        let minutes: f64 = changes.iter().map(|change| change.timeline.end().0 / 60.0).sum();
        let switches: usize = changes.iter().map(|change| change.timeline.switches()).sum();
        Self {
            pairs: changes.len(),
            too_early: changes.iter().filter(is_early).count(),
            delay_s: Times::of(late().map(delay)),
            within_8s: soon.count() as f64 / late().count().max(1) as f64,
            delay_of_known_s: Times::of(late().filter(|change| change.is_known).map(delay)),
            switches_per_minute: switches as f64 / minutes.max(1e-9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::Answer;
    use super::*;
    use attune_engine::smoothing::AnswerState;
    use rand::SeedableRng;

    #[test]
    fn pairs_are_of_two_genres_and_one_rate() {
        let clips = [(0, 22_050), (0, 22_050), (1, 22_050), (1, 44_100), (2, 22_050)]
            .map(|(genre, rate)| (GenreId(genre), SampleRate(rate)));
        let draw = |seed| pairs(&clips, 200, &mut ChaCha8Rng::seed_from_u64(seed));
        let drawn = draw(1);
        assert_eq!(drawn.len(), 200);
        assert!(
            drawn
                .iter()
                .all(|pair| clips[pair.first].0 != clips[pair.second].0 && pair.first != 3 && pair.second != 3)
        );
        // All ten that are possible come.
        let different: std::collections::BTreeSet<(usize, usize)> =
            drawn.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(different.len(), 10);
        assert_eq!(draw(1), drawn);
        assert_ne!(draw(2), drawn);
        assert!(pairs(&clips[..2], 5, &mut ChaCha8Rng::seed_from_u64(1)).is_empty());
    }

    #[test]
    fn two_beginnings_are_joined() {
        let rate = SampleRate(10);
        let (samples, at) = joined(&[1.0; 400], &[2.0; 20], rate);
        assert_eq!((samples.len(), at), (170, Seconds(15.0)));
        assert!((samples[149], samples[150]) == (1.0, 2.0));
        assert_eq!(joined(&[1.0; 30], &[2.0; 400], rate).1, Seconds(3.0));
    }

    #[test]
    fn delays_by_hand() {
        let change = |genres: &[u8], is_known| {
            let mut timeline = AnswerTimeline::default();
            for (second, &genre) in genres.iter().enumerate() {
                timeline.push(
                    Seconds(second as f64 + 1.0),
                    Answer::from(AnswerState::Genre(GenreId(genre))),
                );
            }
            Change {
                timeline,
                at: Seconds(2.5),
                to: GenreId(1),
                is_known,
            }
        };
        let figures = ChangeMetrics::of(&[
            change(&[0, 0, 0, 1, 1, 1], true),  // after 1.5 s
            change(&[0, 0, 1, 0, 0, 0], false), // after 0.5 s
            change(&[0, 0, 2, 0, 2, 0], true),  // never
            change(&[1, 1, 1, 1, 1, 1], true),  // too early
        ]);
        assert_eq!((figures.pairs, figures.too_early, figures.delay_s.count), (4, 1, 3));
        assert_eq!((figures.delay_s.median, figures.delay_s.p90), (Some(1.5), None));
        assert!((figures.delay_s.never - 1.0 / 3.0).abs() < 1e-12);
        assert!((figures.within_8s - 2.0 / 3.0).abs() < 1e-12);
        // A second after 8 s is too late, and so is never.
        let late = change(&[0; 11], true);
        let slow = change(&[[0; 10].as_slice(), &[1]].concat(), true);
        assert!(ChangeMetrics::of(&[late, slow]).within_8s.abs() < 1e-12);
        assert_eq!(figures.delay_of_known_s.median, Some(1.5));
        assert_eq!(figures.delay_of_known_s.count, 2);
        // 1 + 2 + 4 + 0 in 24 s.
        assert!((figures.switches_per_minute - 7.0 * 60.0 / 24.0).abs() < 1e-9);
    }
}
