//! A network that writes sections in its two files.
//!
//! In: bytes. Out: a model that passed every check. Thread: any.

use super::{Reading, SectionKind, SectionNet, SectionShape, forced};
use crate::ModelError;
use crate::trained::{Trained, TrainedNet, within_bounds};
use attune_nn::Pass;
use attune_nn::weights::Weights;
use candle_core::{Device, Result, Tensor};

/// A trained network that passed every check; its labels are its genres.
pub type SectionModel = Trained<SectionNet>;

/// Source steps of the golden test.
const STEPS: usize = 12;

impl TrainedNet for SectionNet {
    const KIND: &'static str = "sections";
    type Shape = SectionShape;

    fn is_possible(shape: &SectionShape, labels: usize) -> bool {
        let context = match shape.reading {
            Reading::Whole => 1,
            Reading::Live { context } => context,
        };
        let sizes = [
            shape.inputs,
            shape.step_frames,
            shape.width,
            shape.heads,
            shape.layers,
            shape.genres,
            context,
        ];
        within_bounds(&sizes)
            && shape.layers <= 64
            && shape.width.is_multiple_of(2 * shape.heads)
            && shape.genres == labels
            // It has one layer each way, and reads whole pieces.
            && !(shape.kind == SectionKind::Bahdanau && (shape.is_live() || shape.layers != 1))
            && (0.0..1.0).contains(&shape.dropout)
    }

    fn build(weights: Weights<'_>, shape: &SectionShape) -> Result<Self> {
        Self::new(weights, *shape)
    }

    /// Logits and alignment for waves.
    fn golden(&self) -> std::result::Result<Vec<f32>, ModelError> {
        let shape = self.shape();
        let wave = |n: usize| ((n as f32 + 1.0) * 0.37).sin();
        let x: Vec<f32> = (0..STEPS * shape.inputs).map(wave).collect();
        let memory = self.encode(
            &Tensor::from_vec(x, (1, STEPS, shape.inputs), &Device::Cpu)?,
            &mut Pass::Infer,
        )?;
        let tokens = [0, shape.end() - 1];
        if !shape.is_live() {
            let (alignment, log_probability) = forced(self, &memory, &tokens)?;
            let all = alignment.concat().into_iter().chain([log_probability as f32]);
            return Ok(all.collect());
        }
        let inputs = shape.live_inputs(&[tokens[0], shape.end(), tokens[1], shape.end()]);
        let decoded = self.decode(&memory, &[inputs], Some(&[2, 3, 4, 5]), &mut Pass::Infer)?;
        let mut all: Vec<f32> = decoded.logits.flatten_all()?.to_vec1()?;
        all.extend(decoded.alignment.mean(1)?.flatten_all()?.to_vec1::<f32>()?);
        Ok(all)
    }
}
