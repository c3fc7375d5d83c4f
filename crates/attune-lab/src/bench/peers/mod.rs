//! The same work in other libraries: PyTorch (eager and TorchScript), ONNX Runtime and librosa, in a Python of their own.
//!
//! In: shapes, weights and inputs, as safetensors. Out: their answers, which must agree with ours before anything is
//! timed, and their times. Thread: the caller's; the peers run in a process of their own, on one thread unless asked.

mod beside;
mod environment;
mod process;

pub use beside::Beside;
pub use environment::{Environment, python_in};
pub use process::Peers;

use serde::Serialize;

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
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
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
    /// The most that the norm of all gradients may be.
    pub clip: f32,
    /// Decay of the running mean and square of a gradient.
    pub betas: (f32, f32),
}
