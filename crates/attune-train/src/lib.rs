//! Training and evaluation: from labelled audio to verified weights.
//!
//! ```text
//!  folders, clips.csv ─► split ─► renditions, teacher ─► batches ─► loop ─► NAME.safetensors, NAME.json, NAME.md
//!                       (no group     (cached)         (augmented)    │       (weights, manifest, card)
//!                       on both sides)                                └─► checkpoint, validation, calibration
//! ```
//!
//! In: a folder of music with labels. Out: `NAME.json`, `NAME.safetensors` and `NAME.md`. Thread: the caller's,
//! candle's pool, and a pool of its own while renditions are made.
//!
//! ```
//! use attune_train::grouping::GroupRule;
//!
//! // Clips of one recording must not be on both sides of a split; here the second field of the name identifies it.
//! let rule: GroupRule = "2:-".parse().unwrap();
//! assert_eq!(rule.group("dog_bark/1-100032-A.ogg".as_ref()).as_deref(), Some("100032"));
//! ```
//!
//! Where to go next: [`session`] is a whole run, from data to weights. [`dataset`] and [`folders`] read the data,
//! [`survey`] says what is in folders, [`split`] refuses leaks, [`recipe`] holds every option of a run, [`trainer`] is the loop, [`evaluate`] measures
//! accuracy and calibration. `docs/training.md` is the user's guide.

mod attention_span;
pub mod augment;
pub mod aux_data;
mod background;
mod card;
pub mod checkpoint;
pub mod cross;
pub mod dataset;
mod error;
pub mod estimate;
pub mod evaluate;
pub mod examples;
pub mod export;
pub mod familiarity;
pub mod findings;
mod folder_files;
pub mod folders;
pub mod form_probe;
pub mod grouping;
mod held_out;
pub mod noises;
pub mod optimizer;
pub mod pieces;
pub mod planted;
pub mod recipe;
pub mod renditions;
pub mod reverb;
mod run_lock;
pub mod session;
pub mod sound;
pub mod split;
pub mod survey;
pub mod targets;
pub mod teacher;
pub mod trainer;
pub mod validate;
pub mod variant;
pub mod windowed_targets;

pub use background::in_background;
pub use error::TrainError;
