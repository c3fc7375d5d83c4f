//! Renditions: altered versions of whole clips, made once before training, each with the teacher's output for exactly that
//! sound.
//!
//! In: clips with audio, and music without labels. Out: [`Rendition`]s, assigned on the clips they were made of. Thread: the
//! caller's and a pool of its own.
//!
//! Each rendition's random numbers come from the seed and the digests of the files it was made of, and from nothing else, so
//! that a rendition is the same whatever else is made, and can be kept in a file ([`cache`]).

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
    /// The clip as it was: a rendition of it is to be heard as the clip is. A teacher that has never heard a microphone in a
    /// room tells little of such a rendition.
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
    /// Altered versions of each clip: alternately re-recorded and played by others.
    pub versions: usize,
    /// For each clip, mixtures with another one.
    pub mixtures: usize,
    /// What all renditions are drawn from. Not the run's seed: runs of several seeds share their renditions.
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
    /// Log-mel levels in dB, (frames, bands). Half precision: a quarter of a hundredth of a decibel is nothing, and
    /// thousands of these are held.
    pub levels: Vec<f16>,
    /// The teacher's output; empty without a teacher.
    pub teacher: TeacherOutput,
}

/// A recording and what it was made of.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// The sound.
    pub recording: Arc<Recording>,
    /// Share of each training clip in it, by the clip's place: one of 1, two of a mixture, none of music without a label.
    pub clips: Vec<(usize, f32)>,
}
