//! What each model answered over the columns that are kept, and for how long any two answered the same.
//!
//! In: columns. Out: smoothed probabilities of a model at a column; counts. Thread: window.

use super::history::COLUMNS;
use attune_engine::{Column, MAX_MODELS};
use attune_model::genre::Probabilities;

/// How often two models named the same genre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Agreement {
    /// Frames at which they did.
    pub(crate) same: u64,
    /// Frames of music at which both were on.
    pub(crate) frames: u64,
}

impl Agreement {
    /// As a share; `None` before the first frame.
    pub(crate) fn share(&self) -> Option<f32> {
        (self.frames > 0).then(|| self.same as f32 / self.frames as f32)
    }

    /// Counts one more frame.
    pub(crate) fn push(&mut self, a: &Probabilities, b: &Probabilities) {
        self.frames += 1;
        self.same += u64::from(a.top().0 == b.top().0);
    }
}

/// A ring of the models' smoothed answers, in the order of the columns.
#[derive(Debug, Clone, Default)]
pub(super) struct ModelAnswers {
    /// Which models they are of, how many, and how many classes they have.
    shape: (u64, usize, usize),
    /// (column, model, class); all NaN where a model was off or nothing was played.
    values: Vec<f32>,
    /// Of each two, the smaller place first, while these models run.
    pairs: [[Agreement; MAX_MODELS]; MAX_MODELS],
}

impl ModelAnswers {
    /// Takes the column that lies at `slot`. Another set of models, or of another size, starts over.
    pub(super) fn push(&mut self, slot: usize, column: &Column, (set, models): (u64, usize)) {
        let shape = (set, models.min(MAX_MODELS), column.ensemble.as_slice().len());
        if shape != self.shape {
            *self = Self {
                shape,
                values: vec![f32::NAN; COLUMNS * shape.1 * shape.2],
                ..Self::default()
            };
        }
        let (models, classes) = (shape.1, shape.2);
        let is_on = |model: &usize| !column.raw[*model].as_slice().is_empty();
        for model in 0..models {
            let to = &mut self.values[(slot * models + model) * classes..][..classes];
            match column.smoothed[model].as_slice() {
                from if is_on(&model) && from.len() == classes => to.copy_from_slice(from),
                _ => to.fill(f32::NAN),
            }
        }
        if !column.decision.state.is_of_music() {
            return;
        }
        for a in (0..models).filter(is_on) {
            for b in (a + 1..models).filter(is_on) {
                self.pairs[a][b].push(&column.smoothed[a], &column.smoothed[b]);
            }
        }
    }

    /// Nothing was played at the column that lies at `slot`.
    pub(super) fn push_blank(&mut self, slot: usize) {
        let (_, models, classes) = self.shape;
        self.values[slot * models * classes..][..models * classes].fill(f32::NAN);
    }

    /// What a model answered at the column that lies at `slot`; `None` if it was off.
    pub(super) fn at(&self, slot: usize, model: usize) -> Option<Probabilities> {
        let (_, models, classes) = self.shape;
        let row = self.values.get((slot * models + model) * classes..)?.get(..classes)?;
        let is_there = model < models && row.first().is_some_and(|first| !first.is_nan());
        is_there.then(|| Probabilities::from_slice(row))
    }

    /// How often two models named the same genre since these models run.
    pub(super) fn agreement(&self, a: usize, b: usize) -> Agreement {
        let row = self.pairs.get(a.min(b));
        row.and_then(|row| row.get(a.max(b))).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::smoothing::AnswerState;
    use attune_model::genre::GenreId;

    fn column(tops: &[Option<u8>]) -> Column {
        let mut column = Column::empty(3);
        column.decision.state = AnswerState::Genre(GenreId(0));
        for (model, top) in tops.iter().enumerate() {
            if let Some(top) = top {
                let row: [f32; 3] = std::array::from_fn(|class| if class == usize::from(*top) { 0.8 } else { 0.1 });
                column.smoothed[model] = Probabilities::from_slice(&row);
                column.raw[model] = column.smoothed[model];
            }
        }
        column
    }

    #[test]
    fn two_agree_where_both_are_on_and_music_plays() {
        let mut answers = ModelAnswers::default();
        let rows = [
            [Some(0), Some(0)],
            [Some(1), Some(0)],
            [Some(2), None],
            [Some(2), Some(2)],
        ];
        for (slot, row) in rows.iter().enumerate() {
            answers.push(slot, &column(row), (0, 2));
        }
        let mut speech = column(&[Some(0), Some(1)]);
        speech.decision.state = AnswerState::Speech;
        answers.push(4, &speech, (0, 2));
        assert_eq!(answers.agreement(1, 0), Agreement { same: 2, frames: 3 });
        assert_eq!(answers.at(1, 0).map(|row| row.top().0), Some(GenreId(1)));
        assert_eq!((answers.at(2, 1), answers.at(2, 7)), (None, None));
        answers.push_blank(1);
        assert_eq!(answers.at(1, 0), None);
        // Other models at the same places.
        answers.push(5, &column(&rows[0]), (1, 2));
        assert_eq!(answers.agreement(0, 1), Agreement { same: 1, frames: 1 });
        assert_eq!((answers.at(3, 0), answers.at(5, 0).is_some()), (None, true));
    }
}
