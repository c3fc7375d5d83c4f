//! What stands beside the weights: front end, classes, architecture, calibration, proof.

use crate::features::FrontEndSpec;
use crate::genre::GenreSet;
use serde::{Deserialize, Serialize};

/// The manifest of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Short name for scripts (`lstm`, `tcn`, `attention`).
    pub name: String,
    /// The front end whose features it was trained on.
    pub front_end: FrontEndSpec,
    /// Its classes, in the order of its outputs.
    pub genres: GenreSet,
    /// Logits are divided by this before the softmax (Guo et al. 2017).
    pub temperature: f32,
    /// How many trained numbers it has.
    pub weight_count: usize,
    /// How far back it can look, in frames; `None`: no bound (recurrence).
    pub context_frames: Option<usize>,
}
