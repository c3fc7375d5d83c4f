//! One recurrent model on its way through columns, frame by frame, on a thread of its own.
//!
//! In: levels. Out: what its units held, and the order of their selectivity. Thread: `attune-units`, this is its whole
//! life.

use super::UnitValue;
use crate::ui::job::Worker;
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_engine::StateReset;
use attune_model::{GenreStream, LoadedModel, ModelError, StreamOutput, UnitActivations};
use crossbeam_channel::Receiver;

/// Columns that are kept for a model that starts over some columns back.
const KEPT: usize = 1024;

/// A gate that takes less than this in a frame is open for all practical purposes: days at the default hop.
pub(super) const LEAST_DECAY: f32 = 1e-7;

/// Columns to be traced.
pub(super) struct Batch {
    /// (column, band) in dB; a break is NaN.
    pub(super) levels: Vec<f32>,
    /// What started over with each column.
    pub(super) resets: Vec<StateReset>,
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Traced {
    /// (column, value, unit).
    pub(super) values: Vec<f32>,
    /// By place: a unit and its selectivity, most selective first.
    pub(super) order: Vec<(usize, f32)>,
}

/// How selective a unit is: S = (1 − (Σ r / n)² / (Σ r² / n)) / (1 − 1 / n) of its squashed state's size r over n
/// frames; 0 where it holds the same all the time, 1 where it holds something at one frame only (Vinje & Gallant 2000).
pub(super) fn selectivity((sum, squares): (f64, f64), count: u64) -> f32 {
    let n = count as f64;
    if count < 2 || squares <= 0.0 {
        return 0.0;
    }
    let evenness = (sum / n).powi(2) / (squares / n);
    ((1.0 - evenness) / (1.0 - 1.0 / n)).clamp(0.0, 1.0) as f32
}

/// The model on its way through the columns.
struct Runner<'a> {
    model: &'a LoadedModel,
    spec: &'a FrontEndSpec,
    kinds: &'a [UnitValue],
    stream: Box<dyn GenreStream>,
    loudness: LoudnessNormalizer,
    /// (column, band): the last columns since the last break, at least as many as a change of music goes back.
    recent: Vec<f32>,
    picture: UnitActivations,
    /// Of each unit: Σ r and Σ r².
    sums: Vec<(f64, f64)>,
    count: u64,
}

/// The thread's whole life: it ends when there will be no more batches, or nobody waits for them.
pub(super) fn run(
    model: &LoadedModel,
    spec: &FrontEndSpec,
    (kinds, units): (&[UnitValue], usize),
    batches: &Receiver<Batch>,
    worker: &Worker<(), ModelError, Traced>,
) -> Result<(), ModelError> {
    let mut runner = Runner::new(model, spec, kinds, units)?;
    for batch in batches {
        if !worker.report(runner.trace(&batch)?) {
            break;
        }
    }
    Ok(())
}

impl<'a> Runner<'a> {
    fn new(
        model: &'a LoadedModel,
        spec: &'a FrontEndSpec,
        kinds: &'a [UnitValue],
        units: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            model,
            spec,
            kinds,
            stream: model.stream()?,
            loudness: LoudnessNormalizer::new(spec),
            recent: Vec::new(),
            picture: UnitActivations::default(),
            sums: vec![(0.0, 0.0); units],
            count: 0,
        })
    }

    fn trace(&mut self, Batch { levels, resets }: &Batch) -> Result<Traced, ModelError> {
        let bands = self.spec.bands;
        let mut values = Vec::with_capacity(levels.len() / bands * self.kinds.len() * self.sums.len());
        let (mut normalized, mut output) = (Vec::new(), StreamOutput::default());
        for (row, reset) in levels.chunks_exact(bands).zip(resets) {
            let is_break = row[0].is_nan();
            if is_break || *reset > StateReset::Nothing {
                self.stream = self.model.stream()?;
            }
            if is_break || matches!(reset, StateReset::Change { .. } | StateReset::Everything) {
                self.loudness.reset();
            }
            normalized.clear();
            if let StateReset::Change { frames } = *reset {
                let first = self.recent.len().saturating_sub(usize::from(frames) * bands);
                self.loudness.push(&self.recent[first..], &mut normalized);
                self.stream.push(FrameBlock::new(&normalized, bands), &mut output)?;
            }
            if is_break {
                self.recent.clear();
                values.resize(values.len() + self.kinds.len() * self.sums.len(), f32::NAN);
                continue;
            }
            if self.recent.len() == KEPT * bands {
                self.recent.drain(..KEPT / 2 * bands);
            }
            self.recent.extend_from_slice(row);
            normalized.clear();
            self.loudness.push(row, &mut normalized);
            self.stream.push(FrameBlock::new(&normalized, bands), &mut output)?;
            self.stream.units(&mut self.picture);
            self.keep(&mut values);
        }
        let mut order: Vec<(usize, f32)> = self
            .sums
            .iter()
            .map(|sums| selectivity(*sums, self.count))
            .enumerate()
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Traced { values, order })
    }

    fn keep(&mut self, values: &mut Vec<f32>) {
        let hop = self.spec.hop().0 as f32;
        for kind in self.kinds {
            for unit in 0..self.sums.len() {
                let of = |row: &[f32]| row.get(unit).copied().unwrap_or(f32::NAN);
                values.push(match kind {
                    UnitValue::Cell => of(&self.picture.cell).tanh(),
                    UnitValue::Forget => (hop / of(&self.picture.decay).max(LEAST_DECAY)).log10(),
                    UnitValue::Input => of(&self.picture.input),
                    UnitValue::Output => of(&self.picture.output),
                    UnitValue::Hidden => of(&self.picture.hidden),
                });
            }
        }
        let state = if self.picture.cell.is_empty() {
            &self.picture.hidden
        } else {
            &self.picture.cell
        };
        for ((sum, squares), state) in self.sums.iter_mut().zip(state) {
            let size = f64::from(
                if self.picture.cell.is_empty() {
                    *state
                } else {
                    state.tanh()
                }
                .abs(),
            );
            *sum += size;
            *squares += size * size;
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectivity_is_0_for_a_steady_unit_and_1_for_one_moment() {
        let of = |values: &[f64]| {
            let sums = values.iter().fold((0.0, 0.0), |(s, q), r| (s + r, q + r * r));
            selectivity(sums, values.len() as u64)
        };
        assert!(of(&[0.4; 50]) < 1e-6);
        let mut once = vec![0.0; 50];
        once[7] = 0.9;
        assert!((of(&once) - 1.0).abs() < 1e-6);
        // Half of the frames: (1 − 1/2) / (1 − 1/50).
        let half: Vec<f64> = (0..50).map(|i| f64::from(i % 2)).collect();
        assert!((of(&half) - 0.5 / 0.98).abs() < 1e-6);
        assert!(of(&[0.0; 9]) == 0.0 && of(&[0.3]) == 0.0);
    }
}
