//! What the engines said of each frame, kept so that other knobs can be tried on what was already heard.
//!
//! In: columns. Out: the answers that other knobs would have given. Thread: window.

use super::history::{News, TimelinePoint};
use crate::engine::MAX_ENGINES;
use crate::genre::Probabilities;
use crate::smoothing::{AnswerState, Smoother, SmoothingConfig, SmoothingError};
use crate::units::{Decibels, Seconds};
use std::collections::VecDeque;

/// Frames that are kept: 5 minutes at the default hop, 2 MB with three engines of ten classes.
pub const FRAMES: usize = 12_920;
/// Time between two points of what is drawn.
const POINT_SPACING: f64 = 0.25;

/// One frame, without its probabilities.
#[derive(Debug, Clone, Copy)]
struct Frame {
    at: Seconds,
    heard: f64,
    segment: u64,
    level: Decibels,
    /// Which engines were on, a bit each.
    on: u8,
    gated: bool,
}

/// The frames of the last minutes.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    engines: usize,
    classes: usize,
    kinds: usize,
    frames: VecDeque<Frame>,
    /// (frame, engine, class), then the gate's kinds of that frame.
    values: VecDeque<f32>,
}

/// What some knobs make of what was heard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Retrial {
    /// For the timeline.
    pub points: Vec<TimelinePoint>,
    /// How often one genre gave way to another.
    pub changes: usize,
    /// Share of the frames at which a genre was answered.
    pub answered: f32,
    /// How many frames were tried.
    pub frames: usize,
}

impl Answers {
    /// Takes one column; of another shape than those before (other models) it begins anew.
    pub fn push(&mut self, news: &News<'_>) {
        let column = news.column;
        let engines = column.raw.iter().rposition(|raw| !raw.as_slice().is_empty());
        let shape = (
            engines.map_or(0, |last| last + 1).max(self.engines),
            column.agreed.as_slice().len(),
            column.kinds_raw.as_slice().len().max(self.kinds),
        );
        if shape != (self.engines, self.classes, self.kinds) {
            self.frames.clear();
            self.values.clear();
            (self.engines, self.classes, self.kinds) = shape;
        }
        if self.frames.len() == FRAMES {
            self.frames.pop_front();
            self.values.drain(..self.stride());
        }
        let on = column.raw[..self.engines.min(MAX_ENGINES)]
            .iter()
            .enumerate()
            .filter(|(_, raw)| !raw.as_slice().is_empty())
            .fold(0, |on, (engine, _)| on | 1 << engine);
        self.frames.push_back(Frame {
            at: column.at,
            heard: news.heard,
            segment: news.segment,
            level: column.level,
            on,
            gated: !column.kinds_raw.as_slice().is_empty(),
        });
        for raw in &column.raw[..self.engines] {
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

    fn stride(&self) -> usize {
        self.engines * self.classes + self.kinds
    }

    /// How many frames are kept.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// What these knobs would have answered. The engines themselves are not asked again: where other knobs would have had
    /// them begin anew (at a silence, after speech), they went on as they did.
    pub fn retry(&self, config: &SmoothingConfig, hop: Seconds) -> Result<Retrial, SmoothingError> {
        let mut smoother = Smoother::new(*config, hop, self.classes, self.engines)?;
        let mut retrial = Retrial::default();
        let mut segment = None;
        let mut since_point = f64::INFINITY;
        let mut genre = None;
        let mut rows = vec![None; self.engines];
        let mut answered = 0_usize;
        let mut values = self.values.iter().copied();
        for frame in &self.frames {
            if segment != Some(frame.segment) {
                smoother.reset();
                segment = Some(frame.segment);
                since_point = f64::INFINITY;
            }
            for (engine, row) in rows.iter_mut().enumerate() {
                let probabilities = take(&mut values, self.classes);
                *row = (frame.on >> engine & 1 == 1).then_some(probabilities);
            }
            let kinds = take(&mut values, self.kinds);
            let smoothed = smoother.push_gated(frame.at, frame.level, &rows, frame.gated.then_some(&kinds));
            let state = smoothed.decision.state;
            if let AnswerState::Genre(id) = state {
                answered += 1;
                retrial.changes += usize::from(genre.is_some_and(|before| before != id));
                genre = Some(id);
            }
            since_point += hop.0;
            if since_point >= POINT_SPACING {
                since_point = 0.0;
                retrial.points.push(TimelinePoint {
                    heard: frame.heard,
                    at: frame.at,
                    segment: frame.segment,
                    agreed: smoothed.agreed,
                    state,
                    confidence: smoothed.decision.confidence,
                });
            }
        }
        retrial.frames = self.frames.len();
        retrial.answered = answered as f32 / self.frames.len().max(1) as f32;
        Ok(retrial)
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
    use crate::engine::Column;
    use crate::smoothing::Smoothed;

    const HOP: Seconds = Seconds(0.02);

    /// 40 s in which the leader changes, an engine pauses and it falls silent: each column, and what a smoother with
    /// these knobs made of it.
    fn heard(config: SmoothingConfig) -> Vec<(Column, Smoothed)> {
        let mut smoother = Smoother::new(config, HOP, 3, 2).expect("good knobs");
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
                let smoothed = smoother.push_gated(column.at, column.level, &rows, Some(&column.kinds_raw));
                column.decision = smoothed.decision;
                column.agreed = smoothed.agreed;
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
        for (column, _) in &heard(live) {
            answers.push(&News {
                column,
                heard: column.at.0,
                segment: 1,
            });
        }
        let mut changes = Vec::new();
        for config in [live, other] {
            let retrial = answers.retry(&config, HOP).expect("good knobs");
            assert_eq!(retrial.frames, 2000);
            assert!(retrial.points.len() > 150);
            let truth = heard(config);
            for point in &retrial.points {
                let (column, smoothed) = truth.iter().find(|(column, _)| column.at == point.at).expect("a frame");
                assert_eq!(point.state, column.decision.state, "at {:?}", point.at);
                assert_eq!(point.agreed, smoothed.agreed);
            }
            changes.push(retrial.changes);
        }
        assert!(changes[1] > changes[0], "less smoothing changes oftener: {changes:?}");
        let slip = SmoothingConfig { leave: 0.9, ..live };
        assert_eq!(answers.retry(&slip, HOP).expect_err("a slip").field, "leave");
    }

    #[test]
    fn what_is_kept_is_bounded_and_another_set_of_engines_begins_anew() {
        let mut answers = Answers::default();
        let (column, _) = heard(SmoothingConfig::default()).swap_remove(0);
        for i in 0..FRAMES + 10 {
            answers.push(&News {
                column: &column,
                heard: i as f64,
                segment: 1,
            });
        }
        assert_eq!((answers.len(), answers.values.len()), (FRAMES, FRAMES * 9));
        let mut wider = column;
        wider.raw[2] = wider.raw[0];
        answers.push(&News {
            column: &wider,
            heard: 0.0,
            segment: 2,
        });
        assert_eq!((answers.len(), answers.values.len()), (1, 12));
    }
}
