//! Shared weights and one stream's own state behind the object-safe [`GenreStream`].

use super::{CausalModel, GenreStream, ModelError, StreamOutput, UnitPicture};
use attune_audio::features::FrameBlock;
use std::sync::Arc;

/// A model listening to one stream.
#[derive(Debug)]
pub struct ModelStream<M: CausalModel> {
    model: Arc<M>,
    state: M::State,
}

impl<M: CausalModel> ModelStream<M> {
    /// A fresh stream.
    pub fn new(model: Arc<M>) -> Result<Self, ModelError> {
        let state = model.initial_state()?;
        Ok(Self { model, state })
    }
}

impl<M: CausalModel> GenreStream for ModelStream<M> {
    fn push(&mut self, frames: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError> {
        self.model.step(frames, &mut self.state, output)
    }

    fn reset(&mut self) -> Result<(), ModelError> {
        self.state = self.model.initial_state()?;
        Ok(())
    }

    fn fork(&self) -> Box<dyn GenreStream> {
        Box::new(Self {
            model: Arc::clone(&self.model),
            state: self.state.clone(),
        })
    }

    fn override_attention(&self, weights: &[f32]) -> Option<Vec<f32>> {
        self.model.override_attention(&self.state, weights)
    }

    fn ablate_head(&mut self, layer: usize, head: usize) -> bool {
        self.model.ablate_head(&mut self.state, layer, head)
    }

    fn units(&self, into: &mut UnitPicture) -> bool {
        self.model.units(&self.state, into)
    }
}
