//! What sits between front and pooling, and makes the engines different.

use crate::nn::Pass;
use candle_core::{Result, Tensor};

/// What a body made of one block.
#[derive(Debug)]
pub struct BodyOutput {
    /// Features that are pooled, (b, t, ·) each.
    pub taps: Vec<Tensor>,
    /// Attention weights of each layer (b, heads, t, keys), newest key last; empty without attention.
    pub maps: Vec<Tensor>,
}

/// A causal network over frames of features, with its state apart.
pub trait Body: Send + Sync + 'static {
    /// What a stream remembers.
    type State: Send + 'static;
    /// Before the first frame.
    fn initial_state(&self, streams: usize) -> Result<Self::State>;
    /// (b, t, width), any t ≥ 1.
    fn forward(&self, x: &Tensor, state: &mut Self::State, pass: &mut Pass<'_>) -> Result<BodyOutput>;
    /// Features in all taps together.
    fn tap_features(&self) -> usize;
    /// How many frames back an answer can depend on, through the body; `None`: no bound.
    fn context_frames(&self) -> Option<usize>;
}
