//! Everything that one frame brought.
//!
//! In: features, levels, logits and answers of a frame. Out: a [`HopResult`]. Thread: any.

use super::level::Level;
use super::snapshot::{Column, MAX_MODELS};
use crate::smoothing::FrameStatus;
use attune_model::genre::{MAX_CLASSES, Probabilities};

/// Everything that one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HopResult {
    /// Features, probabilities and answer.
    pub column: Column,
    /// How loud it is.
    pub level: Level,
    /// Silence and gate: whether it is audible, whether it counts for the genres, what was reset before it.
    pub status: FrameStatus,
    /// Each model's logits; of no classes where the model was off.
    pub logits: [Logits; MAX_MODELS],
    /// Each model's novelty ([`attune_model::familiarity`]); `None` where it has none or was off.
    pub novelty: [Option<f32>; MAX_MODELS],
}

/// One model's logits at one frame. Fixed size, so that a hop needs no allocation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logits {
    values: [f32; MAX_CLASSES],
    len: u8,
}

impl Logits {
    /// Of a model that is off.
    pub(crate) const OFF: Self = Self {
        values: [0.0; MAX_CLASSES],
        len: 0,
    };

    /// Copies one row; what is beyond [`MAX_CLASSES`] is left out.
    pub(crate) fn from_slice(row: &[f32]) -> Self {
        let len = row.len().min(MAX_CLASSES);
        let mut logits = Self {
            len: len as u8,
            ..Self::OFF
        };
        logits.values[..len].copy_from_slice(&row[..len]);
        logits
    }

    /// In the order of the classes; empty if the model was off.
    pub fn as_slice(&self) -> &[f32] {
        &self.values[..usize::from(self.len)]
    }

    /// Calibrated: the softmax at the model's temperature.
    pub fn probabilities(&self, temperature: f32) -> Probabilities {
        Probabilities::softmax(self.as_slice(), temperature)
    }
}
