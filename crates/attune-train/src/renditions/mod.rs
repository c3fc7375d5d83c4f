//! Renditions: augmented versions of whole clips, made once before training, each with the teacher's output for exactly
//! that sound.
//!
//! In: clips with audio, and unlabelled music. Out: [`Rendition`]s, assigned to the clips they were made from. Thread:
//! the caller's and a pool of its own.
//!
//! Each rendition's random numbers depend only on the seed and the digests of the files it is made from, so a rendition
//! is the same whatever else is made, and can be cached in a file ([`cache`]).

pub mod cache;
mod making;
mod music_files;

pub(super) use making::digest;
pub use making::{Made, Making};
pub use music_files::music_below;

use super::teacher::TeacherOutput;
use half::f16;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which sound the teacher's targets come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum TeacherInput {
    /// The clean clip: its renditions get the clip's targets. The output of a teacher that has never seen microphone
    /// recordings means little for such a rendition.
    #[default]
    Clip,
    /// Each rendition itself.
    #[serde(rename = "take")]
    #[cfg_attr(feature = "clap", value(alias = "take"))]
    Rendition,
}

/// How many renditions are made, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenditionsPlan {
    /// Augmented versions of each clip: alternately re-recorded and played differently.
    pub versions: usize,
    /// For each clip, mixtures with another one.
    pub mixtures: usize,
    /// Seed of all renditions. Not the run's seed: runs with several seeds share their renditions.
    pub seed: u64,
    /// SHA-256 of the teacher's file, if there is a teacher.
    pub teacher: Option<String>,
    /// Which sound the teacher's targets come from.
    #[serde(rename = "hears")]
    pub teacher_input: TeacherInput,
}

impl Default for RenditionsPlan {
    fn default() -> Self {
        Self {
            versions: 6,
            mixtures: 2,
            seed: 1,
            teacher: None,
            teacher_input: TeacherInput::default(),
        }
    }
}

/// One sound through the front end and the teacher.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Log-mel levels in dB, (frames, bands). Half precision: the rounding error is negligible, and thousands of these
    /// are in memory.
    pub levels: Vec<f16>,
    /// The teacher's output; empty without a teacher.
    pub teacher: TeacherOutput,
}

/// A recording and the clips it was made from.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// The sound.
    pub recording: Arc<Recording>,
    /// Share of each training clip in it, by the clip's index: one entry of 1, two for a mixture, none for unlabelled
    /// music.
    pub clips: Vec<(usize, f32)>,
    /// Of coded audio: the first band that the codec removed, or the number of bands.
    pub band_limit: Option<usize>,
}
