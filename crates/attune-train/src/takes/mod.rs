//! Takes: altered versions of whole clips, made once before training, each with what the teacher makes of exactly that
//! sound.
//!
//! In: clips with audio, and music without labels. Out: [`Take`]s, hung on the clips they were made of. Thread: the
//! caller's and a pool of its own.
//!
//! Each take's random numbers come from the seed and the digests of the files it was made of, and from nothing else, so
//! that a take is the same whatever else is made, and can be kept in a file ([`cache`]).

pub mod cache;
mod making;
mod music_files;

pub(super) use making::digest;
pub use making::{Made, Making};
pub use music_files::music_below;

use super::teacher::Told;
use half::f16;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which sound the teacher's targets are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum TeacherHears {
    /// The clip as it was: a take of it is to be heard as the clip is. A teacher that has never heard a microphone in a
    /// room tells little of such a take.
    #[default]
    Clip,
    /// Each take itself.
    Take,
}

/// How many takes are made, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakesPlan {
    /// Altered versions of each clip: by turns as a microphone would hear it and as others would have played it.
    pub versions: usize,
    /// For each clip, mixtures with another one.
    pub mixtures: usize,
    /// What all takes are drawn from. Not the run's seed: runs of several seeds share their takes.
    pub seed: u64,
    /// SHA-256 of the teacher's file, if there is a teacher.
    pub teacher: Option<String>,
    /// What the teacher's targets are of.
    pub hears: TeacherHears,
}

impl Default for TakesPlan {
    fn default() -> Self {
        Self {
            versions: 6,
            mixtures: 2,
            seed: 1,
            teacher: None,
            hears: TeacherHears::default(),
        }
    }
}

/// What the front end and the teacher make of one sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Log-mel levels in dB, (frames, bands). Half precision: a quarter of a hundredth of a decibel is nothing, and
    /// thousands of these are held.
    pub levels: Vec<f16>,
    /// What the teacher makes of it; empty without a teacher.
    pub told: Told,
}

/// A recording and what it was made of.
#[derive(Debug, Clone)]
pub struct Take {
    /// The sound.
    pub recording: Arc<Recording>,
    /// Share of each training clip in it, by the clip's place: one of 1, two of a mixture, none of music without a label.
    pub clips: Vec<(usize, f32)>,
}
