//! What an engine costs: time and memory.

use super::Audience;
use crate::LabError;
use crate::bench::Effort;
use crate::bench::growth::{fill, in_turn};
use attune_model::load::from_bytes;
use attune_model::{GenreStream, LoadedModel, ModelError};
use attune_nn::kernels::memory::allocated_bytes;
use serde::{Deserialize, Serialize};

/// Of one engine, or of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Median of a step over one frame, in microseconds.
    pub step_us: f64,
    /// Weights and one stream, in bytes; none where the allocator does not count.
    pub bytes: Option<usize>,
}

impl Audience {
    /// What each engine costs, and the ensemble last: its engines one after the other.
    ///
    /// # Errors
    /// If a stream fails.
    pub fn costs(&self, effort: Effort) -> Result<Vec<Cost>, LabError> {
        let bands = self.spec().bands;
        let open = |model: &LoadedModel| fill(model.stream()?, bands);
        let single = self.models().map(|model| Ok(vec![open(model)?]));
        let mut groups = single.collect::<Result<Vec<_>, ModelError>>()?;
        groups.push(self.sets[0].models.iter().map(open).collect::<Result<_, _>>()?);
        let steps = in_turn(&mut groups, bands, effort)?;
        let bytes = self.models().map(|model| memory(model, bands));
        let mut bytes = bytes.collect::<Result<Vec<_>, _>>()?;
        bytes.push(bytes[..self.sets[0].models.len()].iter().copied().sum());
        let costs = steps.into_iter().zip(bytes);
        Ok(costs.map(|(step_us, bytes)| Cost { step_us, bytes }).collect())
    }
}

/// What the allocator gives for the model, loaded once more, and one stream of it whose contexts are full; the bytes of
/// the weights file, which the model shares, apart.
fn memory(model: &LoadedModel, bands: usize) -> Result<Option<usize>, ModelError> {
    let manifest = serde_json::to_vec(model.manifest()).map_err(ModelError::Manifest)?;
    let weights = model.weights().to_vec();
    let before = allocated_bytes();
    let again = from_bytes(&manifest, weights)?;
    let stream: Box<dyn GenreStream> = fill(again.stream()?, bands)?;
    let taken = allocated_bytes()
        .zip(before)
        .map(|(after, before)| after.wrapping_sub(before) as usize);
    drop(stream);
    Ok(taken)
}
