//! What stands beside the weights: front end, classes, architecture, calibration, golden test.
//!
//! In: JSON. Out: [`Manifest`]. Thread: any.

use super::architecture::Architecture;
use super::familiarity::FamiliarityScale;
use super::golden::Golden;
use crate::genre::GenreSet;
use attune_audio::features::FrontEndSpec;
use attune_nn::kernels::packed_matrix::Precision;
use serde::{Deserialize, Serialize};

/// The version of this format.
pub const FORMAT: u32 = 1;

/// The manifest of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] when it was written.
    pub format: u32,
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
    /// How many frames its body can depend on; `None`: no bound (recurrence).
    pub context_frames: Option<usize>,
    /// The network.
    pub architecture: Architecture,
    /// Precision of the weights in a stream; training never rounds them.
    #[serde(default)]
    pub precision: Precision,
    /// SHA-256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
    /// What the distances of [`super::familiarity`] mean; absent: the model cannot say how familiar a sound is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<FamiliarityScale>,
    /// What the front end and the network must compute for a known sound.
    pub golden: Golden,
    /// Licence of the weights.
    pub licence: String,
    /// How they were made: command, data, seed.
    pub provenance: String,
}
