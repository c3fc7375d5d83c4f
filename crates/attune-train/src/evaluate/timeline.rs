//! What stood on the screen while a clip played, and what a person would say of it.

use super::metrics::wilson;
use attune_audio::units::Seconds;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreId;
use serde::{Deserialize, Serialize};

/// The displayed answer at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Name of the state (`genre`, `unsure`, …).
    pub state: &'static str,
    /// The genre, if one is answered.
    pub genre: Option<GenreId>,
}

impl From<AnswerState> for Answer {
    fn from(state: AnswerState) -> Self {
        Self {
            state: state.name(),
            genre: state.genre(),
        }
    }
}

/// The answers to one stream, each from a moment on. Times are of the stream: a frame stands where its window ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnswerTimeline {
    changes: Vec<(Seconds, Answer)>,
    end: Seconds,
}

impl AnswerTimeline {
    /// The next frame's answer; `at` grows from call to call. The first answer holds from the beginning.
    pub fn push(&mut self, at: Seconds, answer: Answer) {
        if self.changes.last().is_none_or(|(_, before)| *before != answer) {
            let from = if self.changes.is_empty() { Seconds(0.0) } else { at };
            self.changes.push((from, answer));
        }
        self.end = at;
    }

    /// Up to where it goes.
    pub fn end(&self) -> Seconds {
        self.end
    }

    /// The displayed answer at this time; `None` before the first.
    pub fn at(&self, time: Seconds) -> Option<Answer> {
        let begun = self.changes.partition_point(|(from, _)| from.0 <= time.0);
        begun.checked_sub(1).map(|last| self.changes[last].1)
    }

    /// How often the displayed genre changed, whatever came in between.
    pub fn switches(&self) -> usize {
        let genres: Vec<GenreId> = self.changes.iter().filter_map(|(_, answer)| answer.genre).collect();
        genres.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// When a genre was first displayed.
    pub(crate) fn first_genre(&self) -> Option<Seconds> {
        self.changes
            .iter()
            .find(|(_, answer)| answer.genre.is_some())
            .map(|(at, _)| *at)
    }

    /// From when this genre is displayed until the end; `None` if another one is displayed at the end.
    pub(crate) fn stable_from(&self, genre: GenreId) -> Option<Seconds> {
        let (at, last) = self.changes.last()?;
        (last.genre == Some(genre)).then_some(*at)
    }

    /// When this genre is first displayed at or after `time`.
    pub(crate) fn first_from(&self, time: Seconds, genre: GenreId) -> Option<Seconds> {
        if self.at(time).is_some_and(|answer| answer.genre == Some(genre)) {
            return Some(time);
        }
        self.changes
            .iter()
            .find(|(at, answer)| at.0 >= time.0 && answer.genre == Some(genre))
            .map(|(at, _)| *at)
    }

    /// For how long any genre is displayed.
    pub fn genre_time(&self) -> Seconds {
        let ends = self.changes.iter().skip(1).map(|(at, _)| *at).chain([self.end]);
        let spans = self.changes.iter().zip(ends);
        let genres = spans.filter(|((_, answer), _)| answer.genre.is_some());
        // The sum of nothing is −0: a fold begins at 0.
        Seconds(genres.fold(0.0, |sum, ((from, _), to)| sum + (to.0 - from.0)))
    }
}

/// Median and 90th percentile of times, where never is later than any time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The median; none if half or more never came.
    pub median: Option<f64>,
    /// The 90th percentile; none if a tenth or more never came.
    pub p90: Option<f64>,
    /// Share that never came.
    pub never: f64,
    /// Of how many.
    pub count: usize,
}

impl Times {
    /// Of these (nearest rank).
    pub fn of(times: impl IntoIterator<Item = Option<Seconds>>) -> Self {
        let mut all: Vec<f64> = times
            .into_iter()
            .map(|time| time.map_or(f64::INFINITY, |time| time.0))
            .collect();
        all.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let place = ((share * all.len() as f64).ceil() as usize).saturating_sub(1);
            all.get(place).copied().filter(|time| time.is_finite())
        };
        let never = all.iter().filter(|time| time.is_infinite()).count();
        Self {
            median: rank(0.5),
            p90: rank(0.9),
            never: never as f64 / all.len().max(1) as f64,
            count: all.len(),
        }
    }
}

/// What a person sees while clips of one genre each play.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineMetrics {
    /// Changes from one genre to another, per minute of sound.
    pub switches_per_minute: f64,
    /// Seconds until any genre is displayed: the provisional answer.
    pub first_s: Times,
    /// Seconds until the right genre is displayed and stays to the end.
    pub stable_right_s: Times,
    /// Share of clips at whose end the right genre is displayed.
    pub right_at_end: f64,
    /// 95 % interval of that (Wilson 1927).
    pub interval95: [f64; 2],
    /// Share of clips at whose end a wrong genre is displayed; at the end of the others, none is.
    pub wrong_at_end: f64,
}

impl TimelineMetrics {
    /// Of these clips.
    pub fn of(clips: &[(GenreId, &AnswerTimeline)]) -> Self {
        let minutes: f64 = clips.iter().map(|(_, timeline)| timeline.end().0 / 60.0).sum();
        let switches: usize = clips.iter().map(|(_, timeline)| timeline.switches()).sum();
        let stable_right_s = Times::of(clips.iter().map(|(truth, timeline)| timeline.stable_from(*truth)));
        let right_at_end = 1.0 - stable_right_s.never;
        let at_end = |timeline: &AnswerTimeline| timeline.at(timeline.end()).and_then(|answer| answer.genre);
        let is_wrong =
            |(truth, timeline): &&(GenreId, &AnswerTimeline)| at_end(timeline).is_some_and(|it| it != *truth);
        let wrong = clips.iter().filter(is_wrong).count();
        Self {
            switches_per_minute: switches as f64 / minutes.max(1e-9),
            first_s: Times::of(clips.iter().map(|(_, timeline)| timeline.first_genre())),
            stable_right_s,
            right_at_end,
            interval95: wilson(right_at_end, clips.len().max(1) as f64),
            wrong_at_end: wrong as f64 / clips.len().max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genre(id: u8) -> Answer {
        AnswerState::Genre(GenreId(id)).into()
    }

    /// Frames at 1, 2, … s.
    fn timeline(answers: &[Answer]) -> AnswerTimeline {
        let mut timeline = AnswerTimeline::default();
        for (n, answer) in answers.iter().enumerate() {
            timeline.push(Seconds(n as f64 + 1.0), *answer);
        }
        timeline
    }

    const WAIT: Answer = Answer {
        state: "warming_up",
        genre: None,
    };
    const UNSURE: Answer = Answer {
        state: "unsure",
        genre: None,
    };

    #[test]
    fn switches_first_and_stable_answers_by_hand() {
        // 1: waiting, 2–3: a, 4: unsure, 5: a again, 6: b, 7–8: a.
        let track = timeline(&[WAIT, genre(0), genre(0), UNSURE, genre(0), genre(1), genre(0), genre(0)]);
        assert_eq!(track.switches(), 2);
        assert_eq!(track.first_genre(), Some(Seconds(2.0)));
        assert_eq!(track.stable_from(GenreId(0)), Some(Seconds(7.0)));
        assert_eq!(track.stable_from(GenreId(1)), None);
        assert_eq!(track.first_from(Seconds(3.5), GenreId(1)), Some(Seconds(6.0)));
        assert_eq!(track.first_from(Seconds(3.5), GenreId(0)), Some(Seconds(3.5)));
        assert_eq!(track.first_from(Seconds(6.5), GenreId(1)), Some(Seconds(6.5)));
        assert_eq!(track.first_from(Seconds(7.0), GenreId(1)), None);
        // 2 to 4 and 5 to 8.
        assert!((track.genre_time().0 - 5.0).abs() < 1e-12);
        assert_eq!(
            (track.at(Seconds(4.5)), track.at(Seconds(0.5))),
            (Some(UNSURE), Some(WAIT))
        );
    }

    #[test]
    fn figures_count_never_as_later_than_all() {
        let right = timeline(&[WAIT, genre(0), genre(0), genre(0)]);
        let wrong = timeline(&[WAIT, UNSURE, UNSURE, genre(1), genre(2), genre(1)]);
        let figures = TimelineMetrics::of(&[(GenreId(0), &right), (GenreId(0), &wrong), (GenreId(0), &right)]);
        // Two switches in 4 + 6 + 4 s.
        assert!((figures.switches_per_minute - 2.0 * 60.0 / 14.0).abs() < 1e-9);
        assert_eq!((figures.first_s.median, figures.first_s.p90), (Some(2.0), Some(4.0)));
        assert_eq!(
            (figures.stable_right_s.median, figures.stable_right_s.p90),
            (Some(2.0), None)
        );
        assert!((figures.right_at_end - 2.0 / 3.0).abs() < 1e-12);
        assert!((figures.wrong_at_end - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(Times::of([]).median, None);
        assert_eq!(format!("{}", timeline(&[WAIT, UNSURE]).genre_time().0), "0", "not −0");
    }
}
