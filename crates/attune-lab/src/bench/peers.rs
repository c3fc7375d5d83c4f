//! Peers: other libraries that do the work of a row, in turn with ours.
//!
//! In: shapes, weights and inputs. Out: their times, once their results have been found equal to ours. Thread: the
//! caller's. Nothing here starts them: `tools/bench_peers.sh` does, and implements these traits.

use super::measure::{Effort, Times};
use super::subject::Shape;
use attune_audio::features::FrontEndSpec;
use candle_core::Tensor;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Why the peers cannot be measured.
#[derive(Debug, thiserror::Error)]
#[error("{message}\n  {remedy}")]
pub struct PeerError {
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl PeerError {
    /// An error with its remedy.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// How both sides train.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TrainRecipe {
    /// Learning rate.
    pub rate: f32,
    /// AdamW's decay of matrices.
    pub weight_decay: f32,
    /// The largest norm of all gradients together.
    pub clip: f32,
    /// Decay of the running mean and square of a gradient.
    pub betas: (f32, f32),
}

/// Training steps on one batch.
#[derive(Debug, Clone, Copy)]
pub struct TrainWork<'a> {
    /// The network.
    pub shape: &'a Shape,
    /// Its weights at the start.
    pub weights: &'a HashMap<String, Tensor>,
    /// (clips, frames, bands).
    pub x: &'a Tensor,
    /// (clips · read frames, 1): a class for each frame that is read out.
    pub labels: &'a Tensor,
    /// How to train it.
    pub recipe: TrainRecipe,
    /// On so many threads.
    pub threads: usize,
}

/// Any implementation of [`Peers`] that borrows nothing.
pub(crate) type DynPeers = dyn Peers;

/// Libraries that can do the work of some rows.
pub trait Peers {
    /// Version of each library, by name.
    fn versions(&self) -> serde_json::Value;

    /// Builds a network for steps of `block` frames; `weights` are the bytes of a safetensors file.
    ///
    /// # Errors
    /// If no peer can build it.
    fn open_step(
        &mut self,
        name: &str,
        shape: &Shape,
        weights: &[u8],
        block: usize,
    ) -> Result<Box<dyn PeerRow + '_>, PeerError>;

    /// Prepares log-mel of `samples`.
    ///
    /// # Errors
    /// If the samples cannot be handed over.
    fn open_mel(
        &mut self,
        name: &str,
        spec: &FrontEndSpec,
        samples: &[f32],
    ) -> Result<Box<dyn PeerRow + '_>, PeerError>;

    /// Builds a network for training.
    ///
    /// # Errors
    /// If tensors cannot be handed over.
    fn open_training(&mut self, name: &str, work: &TrainWork<'_>) -> Result<Box<dyn PeerRow + '_>, PeerError>;
}

/// The work of one row, ready to be compared and timed.
pub trait PeerRow {
    /// Compares steps: frames `input` (time, bands) from a fresh stream on, and our logits of the last block.
    ///
    /// # Errors
    /// If a peer disagrees or fails.
    fn compare_steps(&mut self, input: &[f32], ours: &[f32]) -> Result<(), PeerError>;

    /// Compares log-mel of the same samples in decibels, (time, bands).
    ///
    /// # Errors
    /// If a peer disagrees or fails.
    fn compare_mel(&mut self, ours: &[f32], bands: usize) -> Result<(), PeerError>;

    /// Compares the losses of the first training steps.
    ///
    /// # Errors
    /// If a peer disagrees or fails.
    fn compare_losses(&mut self, ours: &[f32]) -> Result<(), PeerError>;

    /// One round of every peer; it counts if `counts`.
    ///
    /// # Errors
    /// If a peer fails.
    fn time(&mut self, effort: Effort, counts: bool) -> Result<(), PeerError>;

    /// Times of each peer, of the fastest of the forms in which it does the work.
    fn best(&self) -> BTreeMap<String, Times>;
}
