//! The raw answers of each frame, kept so that other knobs can be replayed over them.
//!
//! In: columns. Out: the answers that other knobs would have given. Thread: window, some frames at a time.

use super::history::{News, TimelinePoint};
use attune_audio::units::{Decibels, Seconds};
use attune_engine::smoothing::{AnswerState, AnswerStream, SmoothingConfig, SmoothingError};
use attune_engine::{MAX_MODELS, StateReset};
use attune_model::genre::{GenreId, Probabilities};
use std::collections::VecDeque;

/// Frames that are kept: 5 minutes at the default hop, 2 MB with three models of ten classes.
pub(super) const FRAMES: usize = 12_920;
/// Time between two points of what is drawn.
const POINT_SPACING: f64 = 0.25;

/// One frame, without its probabilities.
#[derive(Debug, Clone, Copy)]
struct Frame {
    at: Seconds,
    played_secs: f64,
    segment: u64,
    level: Decibels,
    novelty: Option<f32>,
    reset: StateReset,
    /// Which models were on, a bit each.
    on: u8,
    gated: bool,
}

/// The frames of the last minutes.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    models: usize,
    classes: usize,
    kinds: usize,
    frames: VecDeque<Frame>,
    /// How many frames came before those that are kept.
    dropped: u64,
    /// (frame, model, class), then the gate's kinds of that frame.
    values: VecDeque<f32>,
}

/// The answers that some knobs give over the frames kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplayResult {
    /// For the timeline.
    pub points: VecDeque<TimelinePoint>,
    /// How often one genre gave way to another.
    pub changes: usize,
    /// Share of the frames at which a genre was answered.
    pub answered: f32,
    /// How many frames were replayed.
    pub frames: usize,
}

impl Answers {
    /// Takes one column; of another shape than those before (other models) it starts over.
    pub(super) fn push(&mut self, news: &News<'_>) {
        let column = news.column;
        let last = column.raw.iter().rposition(|raw| !raw.as_slice().is_empty());
        let shape = (
            last.map_or(0, |last| last + 1).max(self.models),
            column.ensemble.as_slice().len(),
            column.kinds_raw.as_slice().len().max(self.kinds),
        );
        if shape != self.shape() {
            self.dropped += self.frames.len() as u64;
            self.frames.clear();
            self.values.clear();
            (self.models, self.classes, self.kinds) = shape;
        }
        if self.frames.len() == FRAMES {
            self.frames.pop_front();
            self.dropped += 1;
            self.values.drain(..self.stride());
        }
        let on = column.raw[..self.models.min(MAX_MODELS)]
            .iter()
            .enumerate()
            .filter(|(_, raw)| !raw.as_slice().is_empty())
            .fold(0, |on, (model, _)| on | 1 << model);
        self.frames.push_back(Frame {
            at: column.at,
            played_secs: news.played_secs,
            segment: news.segment,
            level: column.level,
            novelty: column.novelty,
            reset: column.reset,
            on,
            gated: !column.kinds_raw.as_slice().is_empty(),
        });
        for raw in &column.raw[..self.models] {
            self.keep(raw, self.classes);
        }
        self.keep(&column.kinds_raw, self.kinds);
    }

    /// Exactly `count` values, whatever the row has.
    fn keep(&mut self, row: &Probabilities, count: usize) {
        let row = row.as_slice();
        self.values
            .extend((0..count).map(|i| row.get(i).copied().unwrap_or(0.0)));
    }

    /// Models, classes of each, kinds of the gate.
    fn shape(&self) -> (usize, usize, usize) {
        (self.models, self.classes, self.kinds)
    }

    fn stride(&self) -> usize {
        self.models * self.classes + self.kinds
    }

    /// How many frames are kept.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The frame with this number since the first one, and the raw probabilities of models and gate at it.
    fn at(&self, number: u64) -> Option<(&Frame, impl Iterator<Item = f32>)> {
        let place = usize::try_from(number.checked_sub(self.dropped)?).ok()?;
        let frame = self.frames.get(place)?;
        let stride = self.stride();
        let values = self.values.range(place * stride..(place + 1) * stride);
        Some((frame, values.copied()))
    }
}

/// A replay with some knobs, a few frames at a time, so that no frame of the window waits for all of them. The models
/// do not run again: where other knobs would have reset them (after silence or speech), they were not reset, and where
/// they were reset by a change of music, they stay so.
#[derive(Debug)]
pub(super) struct Replay {
    config: SmoothingConfig,
    stream: AnswerStream,
    hop: Seconds,
    /// Models, classes and kinds of the frames that it takes.
    shape: (usize, usize, usize),
    /// The number of the next frame.
    next: u64,
    segment: Option<u64>,
    since_point: f64,
    genre: Option<GenreId>,
    /// Of each frame that is still kept: whether a genre was answered, and whether it was another than before.
    marks: VecDeque<(bool, bool)>,
    answered: usize,
    rows: Vec<Option<Probabilities>>,
    result: ReplayResult,
}

impl Replay {
    /// Nothing yet.
    ///
    /// # Errors
    /// If the knobs cannot be used.
    pub(super) fn new(config: SmoothingConfig, answers: &Answers, hop: Seconds) -> Result<Self, SmoothingError> {
        Ok(Self {
            config,
            stream: AnswerStream::new(config, hop, answers.classes, answers.models)?,
            hop,
            shape: answers.shape(),
            next: answers.dropped,
            segment: None,
            since_point: f64::INFINITY,
            genre: None,
            marks: VecDeque::new(),
            answered: 0,
            rows: vec![None; answers.models],
            result: ReplayResult::default(),
        })
    }

    /// The knobs.
    pub(super) fn config(&self) -> &SmoothingConfig {
        &self.config
    }

    /// The result so far.
    pub(super) fn result(&self) -> &ReplayResult {
        &self.result
    }

    /// Whether these frames continue those already taken; if not, the replay must restart.
    pub(super) fn follows(&self, answers: &Answers) -> bool {
        self.shape == answers.shape()
            && self.next >= answers.dropped
            && self.next <= answers.dropped + answers.len() as u64
    }

    /// Takes at most `most` frames; returns how many are left.
    pub(super) fn advance(&mut self, answers: &Answers, most: usize) -> usize {
        self.forget(answers);
        for _ in 0..most {
            let Some((frame, values)) = answers.at(self.next) else {
                break;
            };
            self.step(frame, values);
            self.next += 1;
        }
        self.result.frames = self.marks.len();
        self.result.answered = self.answered as f32 / self.marks.len().max(1) as f32;
        (answers.dropped + answers.len() as u64).saturating_sub(self.next) as usize
    }

    /// Drops the frames that are no longer kept from the counts.
    fn forget(&mut self, answers: &Answers) {
        let kept = self.next.saturating_sub(answers.dropped) as usize;
        while self.marks.len() > kept {
            let Some((answered, changed)) = self.marks.pop_front() else {
                break;
            };
            self.answered -= usize::from(answered);
            self.result.changes -= usize::from(changed);
        }
        let oldest = answers.frames.front().map_or(f64::INFINITY, |frame| frame.played_secs);
        let points = &mut self.result.points;
        while points.front().is_some_and(|point| point.played_secs < oldest) {
            points.pop_front();
        }
    }

    fn step(&mut self, frame: &Frame, mut values: impl Iterator<Item = f32>) {
        let (_, classes, kinds) = self.shape;
        if self.segment != Some(frame.segment) {
            self.stream.reset();
            self.segment = Some(frame.segment);
            self.since_point = f64::INFINITY;
        }
        for (model, row) in self.rows.iter_mut().enumerate() {
            let probabilities = take(&mut values, classes);
            *row = (frame.on >> model & 1 == 1).then_some(probabilities);
        }
        let kinds = take(&mut values, kinds);
        let gate = frame.gated.then_some(&kinds);
        self.stream.note_reset(frame.reset);
        let (_, smoothed) = self.stream.push(frame.at, frame.level, &self.rows, frame.novelty, gate);
        let state = smoothed.decision.state;
        let genre = match state {
            AnswerState::Genre(id) => Some(id),
            _ => None,
        };
        let changed = genre.is_some() && self.genre.is_some_and(|before| genre != Some(before));
        self.genre = genre.or(self.genre);
        self.marks.push_back((genre.is_some(), changed));
        self.answered += usize::from(genre.is_some());
        self.result.changes += usize::from(changed);
        self.since_point += self.hop.0;
        if self.since_point >= POINT_SPACING {
            self.since_point = 0.0;
            self.result.points.push_back(TimelinePoint {
                played_secs: frame.played_secs,
                at: frame.at,
                segment: frame.segment,
                ensemble: smoothed.ensemble,
                state,
                confidence: smoothed.decision.confidence,
            });
        }
    }
}

fn take(values: &mut impl Iterator<Item = f32>, count: usize) -> Probabilities {
    let mut row = Probabilities::uniform(count);
    for (to, from) in row.as_mut_slice().iter_mut().zip(values) {
        *to = from;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::Column;
    use attune_engine::smoothing::Smoothed;

    const HOP: Seconds = Seconds(0.02);

    /// 40 s in which the leader changes, a model pauses and it falls silent: each column, and what a smoother with
    /// these knobs made of it.
    fn simulate(config: SmoothingConfig) -> Vec<(Column, Smoothed)> {
        let mut stream = AnswerStream::new(config, HOP, 3, 2).expect("good knobs");
        (0..2000_u32)
            .map(|i| {
                let mut column = Column::empty(3);
                column.at = Seconds(f64::from(i + 1) * HOP.0);
                column.level = Decibels(if i / 300 % 4 == 3 { -90.0 } else { -20.0 });
                let leader = i / 130 % 3;
                let logits: [f32; 3] =
                    std::array::from_fn(|k| f32::from(leader == k as u32) + (i as f32 * 0.7 + k as f32).sin());
                column.raw[0] = Probabilities::softmax(&logits, 0.7);
                if i / 211 % 2 == 0 {
                    column.raw[1] = Probabilities::softmax(&logits, 1.5);
                }
                let music = if i / 500 % 2 == 0 { 0.9 } else { 0.2 };
                column.kinds_raw = Probabilities::from_slice(&[music, 1.0 - music, 0.0]);
                let rows = [0, 1].map(|e| Some(column.raw[e]).filter(|raw| !raw.as_slice().is_empty()));
                column.novelty = Some(if i / 400 % 3 == 2 { 6.0 } else { 0.5 });
                let kinds = Some(&column.kinds_raw);
                let (_, smoothed) = stream.push(column.at, column.level, &rows, column.novelty, kinds);
                column.decision = smoothed.decision;
                column.ensemble = smoothed.ensemble;
                (column, smoothed)
            })
            .collect()
    }

    #[test]
    fn other_knobs_give_what_they_would_have_given_live() {
        let live = SmoothingConfig::default();
        let other = SmoothingConfig {
            time_constant: Seconds(0.4),
            enter: 0.5,
            dwell: Seconds(0.2),
            ..live
        };
        let mut answers = Answers::default();
        for (column, _) in &simulate(live) {
            answers.push(&News {
                column,
                played_secs: column.at.0,
                segment: 1,
            });
        }
        let mut changes = Vec::new();
        for config in [live, other] {
            let mut retry = Replay::new(config, &answers, HOP).expect("good knobs");
            // However many at a time.
            for most in [1, 700, 0, 99] {
                assert!(retry.advance(&answers, most) > 0);
            }
            assert_eq!(retry.advance(&answers, 2000), 0);
            let result = retry.result();
            assert_eq!(result.frames, 2000);
            assert!(result.points.len() > 150);
            let truth = simulate(config);
            for point in &result.points {
                let (column, smoothed) = truth.iter().find(|(column, _)| column.at == point.at).expect("a frame");
                assert_eq!(point.state, column.decision.state, "at {:?}", point.at);
                assert_eq!(point.ensemble, smoothed.ensemble);
            }
            changes.push(result.changes);
        }
        assert!(
            changes[1] > changes[0],
            "less smoothing changes more often: {changes:?}"
        );
        let slip = SmoothingConfig { leave: 0.9, ..live };
        assert_eq!(Replay::new(slip, &answers, HOP).expect_err("a slip").field, "leave");
    }

    #[test]
    fn what_is_kept_is_bounded_and_another_set_of_models_starts_over() {
        let mut answers = Answers::default();
        let (column, _) = simulate(SmoothingConfig::default()).swap_remove(0);
        for i in 0..FRAMES + 10 {
            answers.push(&News {
                column: &column,
                played_secs: i as f64,
                segment: 1,
            });
        }
        assert_eq!((answers.len(), answers.values.len()), (FRAMES, FRAMES * 9));
        let mut wider = column;
        wider.raw[2] = wider.raw[0];
        answers.push(&News {
            column: &wider,
            played_secs: 0.0,
            segment: 2,
        });
        assert_eq!((answers.len(), answers.values.len()), (1, 12));
    }

    #[test]
    fn what_is_no_longer_kept_counts_no_longer() {
        let mut answers = Answers::default();
        let columns = simulate(SmoothingConfig::default());
        let push = |answers: &mut Answers, i: usize| {
            answers.push(&News {
                column: &columns[i % columns.len()].0,
                played_secs: i as f64 * HOP.0,
                segment: 1,
            });
        };
        (0..100).for_each(|i| push(&mut answers, i));
        let mut retry = Replay::new(SmoothingConfig::default(), &answers, HOP).expect("good knobs");
        for i in 100..FRAMES + 3000 {
            push(&mut answers, i);
            if i % 50 == 0 {
                assert!(retry.follows(&answers));
                retry.advance(&answers, 60);
            }
        }
        while retry.advance(&answers, 500) > 0 {}
        let counted = retry.marks.iter().fold((0, 0), |(a, c), (answered, changed)| {
            (a + usize::from(*answered), c + usize::from(*changed))
        });
        let result = retry.result();
        assert_eq!((result.frames, retry.marks.len()), (FRAMES, FRAMES));
        assert_eq!((retry.answered, result.changes), counted);
        let oldest = answers.frames.front().expect("kept").played_secs;
        assert!(result.points.iter().all(|point| point.played_secs >= oldest));
        // One that waits too long has lost its place.
        (0..FRAMES + 10).for_each(|i| push(&mut answers, i));
        assert!(!retry.follows(&answers));
    }
}
