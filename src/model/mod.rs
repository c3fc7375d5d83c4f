//! Networks made of `nn/`, and what a file of weights must prove before it is used.
//!
//! In: normalised frames. Out: a row of logits for each frame, and what was attended to. Thread: worker (streaming),
//! any (loading, training).

mod manifest;

pub use manifest::Manifest;

use crate::features::{FrameBlock, FrontEndSpec};
use crate::genre::GenreSet;
use crate::units::FrameIndex;
use std::sync::Arc;

/// What one attention engine weighted when it answered for its newest frame.
///
/// All rows have `frames` entries, oldest first; the last entry is the newest frame itself. Each row sums to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttentionPicture {
    /// The frame that asked: the newest one of the block.
    pub newest: FrameIndex,
    /// How many past frames (itself included) were in reach, at most the model's context.
    pub frames: usize,
    /// The pooling weights: the classifier saw the frames with exactly these weights. (frames)
    pub pooling: Vec<f32>,
    /// Encoder layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Self-attention of the newest frame: (layers, heads, frames).
    pub maps: Vec<f32>,
}

/// What one step of a stream brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamOutput {
    /// (time, classes), row-major; not calibrated.
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
    /// Attention engines only: the picture for the newest frame.
    pub attention: Option<AttentionPicture>,
}

/// A model listening to one stream: weights shared, state its own. Object-safe face of [`CausalModel`].
pub trait GenreStream: Send {
    /// Takes the next frames, however many. How frames are cut into calls makes no difference to the logits.
    fn push(&mut self, frames: FrameBlock<'_>) -> Result<StreamOutput, ModelError>;
    /// Forgets the stream: the next frame is a first frame.
    fn reset(&mut self) -> Result<(), ModelError>;
}

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The tensor library failed: a slip of ours, or memory ran out.
    #[error("the tensor computation failed: {0}")]
    Compute(#[from] candle_core::Error),
}

/// Makes a fresh stream over shared weights.
type OpenStream = dyn Fn() -> Result<Box<dyn GenreStream>, ModelError> + Send + Sync;

/// Weights that passed every check, with their manifest, ready to listen to any number of streams.
#[derive(Clone)]
pub struct LoadedModel {
    manifest: Manifest,
    open: Arc<OpenStream>,
}

impl LoadedModel {
    /// A model from its manifest and a maker of streams.
    pub fn new(
        manifest: Manifest,
        open: impl Fn() -> Result<Box<dyn GenreStream>, ModelError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            manifest,
            open: Arc::new(open),
        }
    }

    /// What the model says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A fresh stream; the weights are shared, the state is its own.
    pub fn stream(&self) -> Result<Box<dyn GenreStream>, ModelError> {
        (self.open)()
    }
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// Models that listen side by side: they share one front end and one set of classes.
#[derive(Debug, Clone)]
pub struct ModelSet {
    /// The front end of all.
    pub front_end: FrontEndSpec,
    /// The classes of all.
    pub genres: GenreSet,
    /// The models, in the order in which they are shown.
    pub models: Vec<LoadedModel>,
}
