//! What the engines have heard up to a moment, so that they can be asked about it again as they were.
//!
//! In: columns. Out: a [`Question`]. Thread: any.

use super::{HEARD, Question};
use crate::StateReset;
use crate::offline::{AnalyzeError, analyze};
use crate::smoothing::SmoothingConfig;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::ModelSet;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;

/// Levels that the engines' states rest on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// (columns, bands) in dB: from where everything began anew, but at most [`HEARD`].
    levels: Vec<f32>,
    /// Columns at their beginning that only loudness remembers: the engines began anew after them.
    forgotten: usize,
}

impl Heard {
    /// Of columns of one stream, the newest first: levels of each, and what began anew with it.
    pub fn back_from<'a>(columns: impl Iterator<Item = (&'a [f32], StateReset)>, spec: &FrontEndSpec) -> Self {
        let mut rows = Vec::new();
        let mut engines = None;
        for (levels, reset) in columns.take(spec.frames_in(HEARD)) {
            rows.push(levels);
            if reset > StateReset::Nothing && engines.is_none() {
                engines = Some(rows.len());
            }
            if reset == StateReset::Everything {
                break;
            }
        }
        Self {
            forgotten: engines.map_or(0, |engines| rows.len() - engines),
            levels: rows.into_iter().rev().flatten().copied().collect(),
        }
    }

    /// Of a file up to a time, or to its end; and the time of the newest frame, `None` if it is too short for a single one.
    ///
    /// # Errors
    /// If the file cannot be read or worked through.
    pub fn of_file(
        path: &Path,
        models: &ModelSet,
        until: Option<Seconds>,
    ) -> Result<Option<(Self, Seconds)>, AnalyzeError> {
        let spec = &models.front_end;
        let most = spec.frames_in(HEARD);
        let mut columns: VecDeque<(Vec<f32>, StateReset)> = VecDeque::with_capacity(most);
        let (mut newest, mut passed) = (None, false);
        let is_later = |at: Seconds| until.is_some_and(|until| at.0 > until.0 + 1e-6);
        let passed_at = |done: Seconds| until.is_some_and(|until| done.0 > until.0 + 1.0);
        let heard = analyze(
            path,
            models,
            &SmoothingConfig::default(),
            |hop| {
                if is_later(hop.column.at) {
                    return;
                }
                if columns.len() == most {
                    columns.pop_front();
                }
                columns.push_back((hop.column.mel_db[..spec.bands].to_vec(), hop.column.reset));
                newest = Some(hop.column.at);
            },
            |progress| {
                passed = passed_at(progress.done);
                if passed {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        match heard {
            Err(AnalyzeError::Stopped) if passed => {}
            other => drop(other?),
        }
        let back = columns.iter().rev().map(|(levels, reset)| (&levels[..], *reset));
        Ok(newest.map(|at| (Self::back_from(back, spec), at)))
    }

    /// Whether there is nothing to ask about.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// What the engines are asked.
    pub fn question(&self, spec: &FrontEndSpec) -> Question {
        let mut question = Question::of_levels(&self.levels, spec);
        question.frames.drain(..self.forgotten * spec.bands);
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_goes_back_to_where_the_engines_began_anew() {
        let spec = FrontEndSpec::default();
        let levels: Vec<f32> = (0..90 * spec.bands).map(|n| (n % 37) as f32 - 60.0).collect();
        let heard = |reset: &dyn Fn(usize) -> StateReset| {
            let rows = levels.chunks_exact(spec.bands).enumerate();
            Heard::back_from(rows.rev().map(|(frame, row)| (row, reset(frame))), &spec)
        };
        assert_eq!(heard(&|_| StateReset::Nothing).question(&spec).count(), 90);
        // After a silence everything, later after speech the engines alone.
        let both = heard(&|frame| match frame {
            50 => StateReset::Everything,
            70 => StateReset::Models,
            _ => StateReset::Nothing,
        });
        assert_eq!((both.levels.len() / spec.bands, both.forgotten), (40, 20));
        // Loudness is that of all forty.
        let whole = Question::of_levels(&both.levels, &spec);
        assert_eq!(both.question(&spec).frames, whole.frames[20 * spec.bands..]);
    }
}
