//! A WaveNet in its two files.
//!
//! In: bytes, or a network. Out: a model that passed every check. Thread: any.

use super::mu_law::CODES;
use super::{BackwardPrediction, Wavenet, WavenetShape};
use crate::ModelError;
use crate::trained::{Trained, TrainedNet};
use attune_nn::kernels::values;
use attune_nn::weights::Weights;
use candle_core::Result;

/// A trained WaveNet that passed every check; its labels are its genres.
pub type WavenetModel = Trained<Wavenet>;

impl TrainedNet for Wavenet {
    const KIND: &'static str = "wavenet";
    type Shape = WavenetShape;

    fn is_possible(shape: &WavenetShape, labels: usize) -> bool {
        shape.is_possible() && shape.classes == labels
    }

    fn build(weights: Weights<'_>, shape: &WavenetShape) -> Result<Self> {
        Self::new(weights, *shape)
    }

    /// Logits after 300 codes of a rising tone, without a class and under the last one.
    fn golden(&self) -> std::result::Result<Vec<f32>, ModelError> {
        const LENGTH: usize = 300;
        let code = |n: usize| (128.0 + 100.0 * (n as f32 * n as f32 * 1e-3).sin()) as u8;
        let codes: Vec<u8> = (0..LENGTH).map(code).collect();
        let predictions = BackwardPrediction::after_each(&codes);
        let classes = [None, Some(self.shape().classes - 1)];
        let logits = values(&self.forward(codes.repeat(2).into(), &predictions.repeat(2), &classes)?)?;
        let ends = logits.chunks_exact(LENGTH * CODES);
        Ok(ends
            .flat_map(|of_class| &of_class[(LENGTH - 1) * CODES..])
            .copied()
            .collect())
    }
}
