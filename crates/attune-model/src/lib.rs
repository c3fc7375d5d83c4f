//! Genres, manifests and networks: everything in Attune that computes an answer about sound.
//!
//! A *model* is a manifest (front end, classes, architecture, calibration, golden test) and a safetensors file. Loading
//! checks both and packs the weights for streams; a [`LoadedModel`] then owns its network, and whatever can be computed
//! with a bundled model can be computed with a user's.
//!
//! ```text
//!  NAME.json ────────┐  load:           ┌─► stream()                     logits, attention weights, unit activations
//!  manifest          ├─► every tensor ─► LoadedModel ─► encode()         features of frames
//!  NAME.safetensors ─┘  and the golden  │ (shared)  ─► trainable()       gradients through the whole network (lazy)
//!  weights              test checked    │           ─► effective_receptive_field()
//!                                       │
//!                                       └─ ModelSet ─► hierarchical::SegmentReader   which segments of a file decided
//!                                                   └► scores::Scores                attention by six score functions
//! ```
//!
//! In: normalised frames, (time, bands). Out: a row of logits for each frame, attention weights, features, gradients.
//! Thread: streams belong to one thread at a time (the engine's worker); loaded models are shared between threads.
//!
//! ```
//! use attune_audio::features::FrameBlock;
//!
//! let models = attune_model::bundled()?;
//! let bands = models.front_end.bands;
//! let frames = vec![0.0_f32; 43 * bands]; // one second of normalised log-mel frames
//!
//! // One stream: a row of logits for each frame, however the frames are cut into blocks.
//! let model = &models.models[1];
//! let mut stream = model.stream()?;
//! let output = stream.answers(FrameBlock::new(&frames, bands))?;
//! assert_eq!(output.logits.len(), 43 * models.genres.len());
//!
//! // How far back the TCN's features can depend on its input, and how far back they do.
//! assert_eq!(model.manifest().name, "tcn");
//! assert_eq!(model.receptive_field(), Some(66));
//! let norms = model.effective_receptive_field(&frames)?;
//! assert_eq!(norms.len(), 43);
//! # Ok::<(), attune_model::ModelError>(())
//! ```
//!
//! Where to go next: `attune-engine` turns logits into answers, live and for files; `attune-train` makes new models.

pub mod architecture;
pub mod attention;
pub mod body;
mod bundled;
pub mod caption;
mod error;
pub mod evidence;
pub mod familiarity;
pub mod front;
pub mod genre;
pub mod genre_net;
pub mod golden;
pub mod hierarchical;
pub mod load;
mod loaded;
#[cfg(test)]
mod loaded_tests;
mod lstm;
pub mod manifest;
mod packed_net;
pub mod plain;
pub mod plain_file;
pub mod receptive_field;
pub mod recurrent;
mod rnn;
pub mod scores;
pub mod sections;
mod set;
mod stemmed;
mod streaming;
pub mod tcn;
pub mod token_decoder;
pub mod trained;
pub mod wavenet;

pub use attune_nn::recurrent::UnitActivations;
pub use bundled::{
    bundled, bundled_optional, bundled_sections, bundled_wavenet, bundled_with, from_files, from_files_with,
};
use bundled::{bundled_caption, bundled_hierarchical, bundled_section_reader};
pub use error::ModelError;
pub use evidence::EvidenceMap;
pub use loaded::LoadedModel;
pub use manifest::Manifest;
pub use set::ModelSet;
pub use streaming::{AttentionWeights, CausalModel, FeatureStream, GenreStream, StreamOutput, StreamingNet};
