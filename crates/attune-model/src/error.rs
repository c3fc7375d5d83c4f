//! What can go wrong with a model, and what to do about it.
//!
//! In: nothing. Out: [`ModelError`]. Thread: any.

use super::manifest::FORMAT;
use attune_audio::features::FrontEndError;
use std::path::PathBuf;

/// What can go wrong with a model; [`ModelError::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The tensor library failed: weights that do not fit the architecture, or memory ran out.
    #[error("the network cannot be computed: {0}")]
    Compute(#[from] candle_core::Error),
    /// The front end of the manifest is not valid, or cannot process the samples.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not valid JSON, or lacks a field.
    #[error("the manifest is not valid: {0}")]
    Manifest(serde_json::Error),
    /// The manifest has another version.
    #[error("the manifest has format {found}; this program reads format {FORMAT}")]
    Format {
        /// Its version.
        found: u32,
    },
    /// The weights file is not a safetensors file.
    #[error("the weights are not a safetensors file: {0}")]
    Weights(safetensors::SafeTensorError),
    /// The file of score functions does not describe itself.
    #[error("not a file of trained score functions: {0}")]
    ScoreFile(String),
    /// The weights are not those that the manifest names.
    #[error("the weights have SHA-256 {found}, the manifest says {expected}")]
    Digest {
        /// In the manifest.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// A size, dtype or value that the architecture cannot have.
    #[error("the model does not fit: {0}")]
    Shape(String),
    /// To run the model, or to find out what it is, costs more than a live stream leaves.
    #[error("the model costs too much: {0}")]
    Costly(String),
    /// The model's output for a known sound differs from what its manifest records.
    #[error("the model fails its golden test: {0}")]
    Golden(String),
    /// A network of one kind was given where one of another is needed.
    #[error("it is a network of the kind {found:?}, not {expected}")]
    Kind {
        /// The `kind` in its manifest.
        found: String,
        /// What was needed.
        expected: &'static str,
    },
    /// What was trained over one model's features was to run without that model.
    #[error(
        "{reader:?} was trained over the features of {needed}, and no loaded model has these weights (loaded: {loaded})"
    )]
    EncoderMissing {
        /// What reads the features.
        reader: String,
        /// The model that it needs: its name if it is bundled, and the SHA-256 of its weights.
        needed: String,
        /// Names of the models that are loaded.
        loaded: String,
    },
    /// There is no frame to compute anything from.
    #[error("there is no frame to read")]
    NoFrames,
    /// An output is NaN or infinite.
    #[error("the network computed NaN or infinity")]
    NotFinite,
}

impl ModelError {
    /// What to do about it: one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Compute(_) | Self::Shape(_) | Self::NotFinite => {
                "Take weights and manifest from the same training run, or train again with `attune train`."
            }
            Self::FrontEnd(_) => "Correct `front_end` in the manifest to what the model was trained with.",
            Self::Read { .. } => "Name the NAME.json of a model that has its NAME.safetensors beside it.",
            Self::Manifest(_) | Self::Format { .. } => "Use a manifest written by this version of `attune train`.",
            Self::Weights(_) | Self::Digest { .. } => {
                "Copy the model again: the weights file is damaged or belongs to another model."
            }
            Self::ScoreFile(_) => "Write the file again with `attune lab scores --data FOLDER --export FILE`.",
            Self::Golden(_) => "Export the model again with `attune train`: its front end or its weights were changed.",
            Self::Costly(_) => "Use a smaller network, or a longer hop.",
            Self::Kind { .. } => {
                "Networks with a `kind` go where they are read: hierarchical after `attune analyze --segments`, \
                 caption after `attune lab say --network`, wavenet after `attune lab wavenet --model`."
            }
            Self::EncoderMissing { .. } => {
                "Load that model too: leave --model away for a bundled one, else name its NAME.json after --model."
            }
            Self::NoFrames => "Use a longer sound: a frame needs 46 ms.",
        }
    }
}
