//! What an engine costs: time and memory.

use super::Audience;
use crate::LabError;
use crate::bench::Effort;
use crate::bench::growth::{fill, in_turn};
use attune_model::load::{from_bytes, load};
use attune_model::{GenreStream, LoadedModel, ModelError, bundled_weights};
use attune_nn::kernels::memory::allocated_bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Of one engine, or of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Median of a step over one frame, in microseconds.
    pub step_us: f64,
    /// Weights and one stream, in bytes; none where the allocator does not tell, or the weights lie in no file.
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
        let alone = self.models().map(|model| Ok(vec![open(model)?]));
        let mut groups = alone.collect::<Result<Vec<_>, ModelError>>()?;
        groups.push(self.sets[0].models.iter().map(open).collect::<Result<_, _>>()?);
        let steps = in_turn(&mut groups, bands, effort)?;
        let files = self.sets.iter().zip(&self.files);
        let from = files.flat_map(|(set, file)| set.models.iter().map(move |model| (model, file.as_deref())));
        let mut bytes = from
            .map(|(model, file)| memory(model, file, bands))
            .collect::<Result<Vec<_>, _>>()?;
        bytes.push(bytes[..self.sets[0].models.len()].iter().copied().sum());
        let costs = steps.into_iter().zip(bytes);
        Ok(costs.map(|(step_us, bytes)| Cost { step_us, bytes }).collect())
    }
}

/// What the allocator gives for the model, read once more, and one stream of it whose contexts are full.
fn memory(model: &LoadedModel, file: Option<&Path>, bands: usize) -> Result<Option<usize>, ModelError> {
    let manifest = serde_json::to_vec(model.manifest()).map_err(ModelError::Manifest)?;
    let read = || match (file, bundled_weights(&model.manifest().weights_sha256)) {
        (Some(path), _) => load(path).map(Some),
        (None, Some(weights)) => from_bytes(&manifest, weights).map(Some),
        (None, None) => Ok(None),
    };
    let before = allocated_bytes();
    let Some(again) = read()? else { return Ok(None) };
    let stream: Box<dyn GenreStream> = fill(again.stream()?, bands)?;
    let taken = allocated_bytes()
        .zip(before)
        .map(|(after, before)| after.wrapping_sub(before) as usize);
    drop(stream);
    Ok(taken)
}
