//! Makes weights: clips, splits that refuse to leak, altered takes with a teacher's answers, augmentation, the loop, and
//! what is written at its end.
//!
//! In: a folder of music with labels. Out: `NAME.json`, `NAME.safetensors` and `NAME.md` (manifest, weights, card).
//! Thread: the caller's, candle's pool, and a pool of its own while takes are made.

pub mod across_room;
pub mod also;
pub mod augment;
mod card;
pub mod checkpoint;
pub mod cross;
pub mod dataset;
mod error;
pub mod evaluate;
pub mod examples;
pub mod export;
pub mod folders;
pub mod grouping;
pub mod noises;
pub mod optimizer;
pub mod pieces;
pub mod recipe;
pub mod sound;
pub mod split;
pub mod takes;
pub mod targets;
pub mod teacher;
pub mod trainer;
pub mod validate;
pub mod variant;
pub mod windows;

pub use error::TrainError;
