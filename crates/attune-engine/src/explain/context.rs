//! What the models have processed up to a moment, so that they can be run again from the same state.
//!
//! In: columns. Out: an [`Input`]. Thread: any.

use super::{Input, MAX_CONTEXT};
use crate::StateReset;
use crate::offline::{AnalyzeError, analyze};
use crate::smoothing::SmoothingConfig;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::ModelSet;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;

/// Levels that the models' states depend on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// (columns, bands) in dB: from the last reset of everything or change of music, but at most [`MAX_CONTEXT`].
    levels: Vec<f32>,
    /// Leading columns that only the loudness normalisation depends on: the models were reset after them.
    loudness_only: usize,
}

impl Context {
    /// Of columns of one stream, the newest first: levels of each, and what was reset at it.
    pub fn back_from<'a>(columns: impl Iterator<Item = (&'a [f32], StateReset)>, spec: &FrontEndSpec) -> Self {
        let mut rows = Vec::new();
        let mut models = None;
        // Rows up to which it goes back, once that is known.
        let mut most = spec.frames_in(MAX_CONTEXT);
        for (levels, reset) in columns {
            if rows.len() >= most {
                break;
            }
            rows.push(levels);
            match reset {
                StateReset::Nothing => {}
                StateReset::Change { frames } => most = most.min(rows.len() + usize::from(frames)),
                StateReset::Models => models = models.or(Some(rows.len())),
                StateReset::Everything => most = rows.len(),
            }
        }
        Self {
            loudness_only: models.map_or(0, |models| rows.len() - models),
            levels: rows.into_iter().rev().flatten().copied().collect(),
        }
    }

    /// Of a file up to a time, or to its end; and the time of the newest frame, `None` if it is too short for a single
    /// one.
    ///
    /// # Errors
    /// If the file cannot be read or analysed.
    pub fn of_file(
        path: &Path,
        models: &ModelSet,
        until: Option<Seconds>,
    ) -> Result<Option<(Self, Seconds)>, AnalyzeError> {
        let spec = &models.front_end;
        let most = spec.frames_in(MAX_CONTEXT);
        let mut columns: VecDeque<(Vec<f32>, StateReset)> = VecDeque::with_capacity(most);
        let (mut newest, mut passed) = (None, false);
        let is_later = |at: Seconds| until.is_some_and(|until| at.0 > until.0 + 1e-6);
        let passed_at = |done: Seconds| until.is_some_and(|until| done.0 > until.0 + 1.0);
        let context = analyze(
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
        match context {
            Err(AnalyzeError::Stopped) if passed => {}
            other => drop(other?),
        }
        let back = columns.iter().rev().map(|(levels, reset)| (&levels[..], *reset));
        Ok(newest.map(|at| (Self::back_from(back, spec), at)))
    }

    /// Whether it has no frame.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// What the models are run on.
    pub fn input(&self, spec: &FrontEndSpec) -> Input {
        let mut input = Input::of_levels(&self.levels, spec);
        input.frames.drain(..self.loudness_only * spec.bands);
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_goes_back_to_the_last_reset_of_the_models() {
        let spec = FrontEndSpec::default();
        let levels: Vec<f32> = (0..90 * spec.bands).map(|n| (n % 37) as f32 - 60.0).collect();
        let context = |reset: &dyn Fn(usize) -> StateReset| {
            let rows = levels.chunks_exact(spec.bands).enumerate();
            Context::back_from(rows.rev().map(|(frame, row)| (row, reset(frame))), &spec)
        };
        assert_eq!(context(&|_| StateReset::Nothing).input(&spec).count(), 90);
        // After a silence everything is reset, later after speech the models alone.
        let both = context(&|frame| match frame {
            50 => StateReset::Everything,
            70 => StateReset::Models,
            _ => StateReset::Nothing,
        });
        assert_eq!((both.levels.len() / spec.bands, both.loudness_only), (40, 20));
        // After a change of music loudness and models are those of the frames that it names and the ones since.
        let changed = context(&|frame| match frame {
            20 => StateReset::Everything,
            60 => StateReset::Change { frames: 10 },
            _ => StateReset::Nothing,
        });
        assert_eq!((changed.levels.len() / spec.bands, changed.loudness_only), (40, 0));
        assert_eq!(changed.levels, levels[50 * spec.bands..]);
        // Loudness is that of all forty.
        let whole = Input::of_levels(&both.levels, &spec);
        assert_eq!(both.input(&spec).frames, whole.frames[20 * spec.bands..]);
    }
}
