//! A hierarchical network in its two files.
//!
//! In: bytes, or a network. Out: a model that passed every check. Thread: any.

use super::{Hierarchical, HierarchicalShape, TrackReading};
use crate::ModelError;
use crate::trained::{Trained, TrainedNet, within_bounds};
use attune_nn::weights::Weights;
use candle_core::Result;

/// A trained network that passed every check; its labels are its genres.
pub type HierarchicalModel = Trained<Hierarchical>;

impl TrainedNet for Hierarchical {
    const KIND: &'static str = "hierarchical";
    type Shape = HierarchicalShape;

    fn is_possible(shape: &HierarchicalShape, labels: usize) -> bool {
        let sizes = [
            shape.inputs,
            shape.word_frames,
            shape.segment_words,
            shape.hidden,
            shape.width,
            shape.classes,
        ];
        within_bounds(&sizes) && shape.classes == labels
    }

    fn build(weights: Weights<'_>, shape: &HierarchicalShape) -> Result<Self> {
        Self::new(weights, *shape)
    }

    /// Logits and segment weights of three segments of waves, the last one half as long.
    fn golden(&self) -> std::result::Result<Vec<f32>, ModelError> {
        let shape = self.shape();
        let segment = |number: usize| {
            let words = shape.segment_words.div_ceil(1 + number / 2);
            let wave = |n: usize| ((n as f32 + 1.0) * 0.37 * (number as f32 + 1.0)).sin();
            self.segment(&(0..words * shape.inputs).map(wave).collect::<Vec<f32>>())
        };
        let segments = (0..3).map(segment).collect::<Result<Vec<_>>>()?;
        let TrackReading {
            mut logits, segments, ..
        } = self.track(&segments)?;
        logits.extend(segments);
        Ok(logits)
    }
}
