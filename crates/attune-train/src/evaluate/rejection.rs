//! What is no music and was given a genre, and what is music and was given none.

use super::metrics::wilson;
use serde::Serialize;
use std::collections::BTreeMap;

/// Labels of clips that are no music, as they may stand in a table besides the classes of the models.
pub(crate) const NOT_MUSIC: [&str; 3] = ["speech", "not_music", "silence"];

/// What was made of one clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Name of the state of the answer over the whole clip (`genre`, `unsure`, `silence`, `speech`, `not_music`).
    pub state: &'static str,
    /// Share of the time in which a genre was displayed, 0…1.
    pub genre_time: f64,
}

/// How often clips of one kind were classified wrongly as music or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorRate {
    /// How many clips.
    pub clips: usize,
    /// Share classified wrongly.
    pub share: f64,
    /// 95 % interval of that (Wilson 1927).
    pub interval95: [f64; 2],
    /// Mean over the clips of the share of time in which a genre was displayed.
    pub genre_time: f64,
    /// Clips by the state of the answer over the whole.
    pub states: BTreeMap<&'static str, usize>,
}

impl ErrorRate {
    /// Of clips that are no music: wrong is an answer that is a genre.
    pub fn false_genre(verdicts: &[Verdict]) -> Self {
        Self::of(verdicts, |state| state == "genre")
    }

    /// Of music: an answer of *no music* is wrong, *unsure* is not.
    pub fn rejected_music(verdicts: &[Verdict]) -> Self {
        Self::of(verdicts, |state| NOT_MUSIC.contains(&state))
    }

    fn of(verdicts: &[Verdict], is_wrong: impl Fn(&str) -> bool) -> Self {
        let n = verdicts.len().max(1) as f64;
        let mut states = BTreeMap::new();
        for verdict in verdicts {
            *states.entry(verdict.state).or_insert(0) += 1;
        }
        let share = verdicts.iter().filter(|verdict| is_wrong(verdict.state)).count() as f64 / n;
        Self {
            clips: verdicts.len(),
            share,
            interval95: wilson(share, n),
            genre_time: verdicts.iter().map(|verdict| verdict.genre_time).sum::<f64>() / n,
            states,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_errors_by_hand() {
        let of = |state, genre_time| Verdict { state, genre_time };
        let verdicts = [
            of("genre", 1.0),
            of("unsure", 0.5),
            of("speech", 0.0),
            of("silence", 0.0),
        ];
        let noise = ErrorRate::false_genre(&verdicts);
        assert_eq!((noise.clips, noise.states["unsure"]), (4, 1));
        assert!((noise.share - 0.25).abs() < 1e-12 && (noise.genre_time - 0.375).abs() < 1e-12);
        assert!((ErrorRate::rejected_music(&verdicts).share - 0.5).abs() < 1e-12);
        let none = ErrorRate::false_genre(&[]);
        assert!((none.clips, none.share) == (0, 0.0));
    }
}
