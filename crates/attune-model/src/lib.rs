//! Networks made of `nn/`, and what a file of weights must prove before it is used.
//!
//! In: normalised frames. Out: a row of logits for each frame, and what was attended to. Thread: worker (streaming),
//! any (loading, training).

pub mod architecture;
pub mod attention;
pub mod body;
mod bundled;
pub mod front;
pub mod genre;
pub mod genre_net;
pub mod golden;
pub mod hierarchical;
pub mod load;
pub mod lstm;
pub mod manifest;
pub mod packed_net;
pub mod plain;
pub mod recurrent;
pub mod rnn;
pub mod stemmed;
mod stream;
pub mod tcn;

pub use attune_nn::recurrent::UnitPicture;
pub use bundled::{bundled, bundled_hierarchical, bundled_optional, bundled_weights, from_files};
pub use manifest::Manifest;

use crate::genre::GenreSet;
use attune_audio::features::{FrameBlock, FrontEndError, FrontEndSpec};
use attune_audio::units::FrameIndex;
use std::path::PathBuf;
use std::sync::Arc;

/// What one attention engine weighted when it answered for its newest frame.
///
/// All rows have `frames` entries, oldest first; the last entry is the newest frame itself. Each row sums to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttentionPicture {
    /// The frame that asked: the newest one of the block.
    pub newest: FrameIndex,
    /// How many past frames (itself included) were in reach, at most the model's context.
    pub frames: usize,
    /// The pooling weights: the classifier saw the frames with exactly these weights. (frames)
    pub pooling: Vec<f32>,
    /// Encoder layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Self-attention of the newest frame: (layers, heads, frames).
    pub maps: Vec<f32>,
}

/// What one step of a stream brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamOutput {
    /// (time, classes), row-major; not calibrated.
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
    /// Attention engines only: the picture for the newest frame.
    pub attention: Option<AttentionPicture>,
}

/// A model listening to one stream: weights shared, state its own. Object-safe face of [`CausalModel`].
pub trait GenreStream: Send {
    /// Takes the next frames, however many; the answers replace what `output` held. How frames are cut into calls
    /// makes no difference to the logits, not in the last bit.
    fn push(&mut self, frames: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError>;
    /// Forgets the stream: the next frame is a first frame.
    fn reset(&mut self) -> Result<(), ModelError>;
    /// Another stream that has heard the same so far: what comes next may differ.
    fn fork(&self) -> Box<dyn GenreStream>;
    /// The logits that the newest frame would have got had its classifier weighted the last frames so, oldest first, the
    /// last weight the newest frame's; `None` if nothing was heard or the model has no weights that could be forced.
    fn override_attention(&self, weights: &[f32]) -> Option<Vec<f32>>;
    /// Takes what a head of attention mixes for zeros from now on; `false` if there is no such head.
    fn ablate_head(&mut self, _layer: usize, _head: usize) -> bool {
        false
    }
    /// What the units of the last recurrent layer held at the newest frame; `false` if nothing was heard or there are none.
    fn units(&self, _into: &mut UnitPicture) -> bool {
        false
    }

    /// As [`GenreStream::push`], into an output of its own.
    fn answers(&mut self, frames: FrameBlock<'_>) -> Result<StreamOutput, ModelError> {
        let mut output = StreamOutput::default();
        self.push(frames, &mut output)?;
        Ok(output)
    }
}

/// A network that answers for each frame from that frame and those before it, and nothing else.
///
/// How the frames of a stream are cut into calls makes no difference to the answers.
pub trait CausalModel: Send + Sync + 'static {
    /// All that one stream remembers: left context, hidden state, keys and values, running statistics.
    type State: Clone + Send + 'static;
    /// Before the first frame.
    fn initial_state(&self) -> Result<Self::State, ModelError>;
    /// `frames`: (time, bands), normalised. One row of logits for each frame, and what was attended to, in place of what
    /// `output` held.
    fn step(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        output: &mut StreamOutput,
    ) -> Result<(), ModelError>;
    /// As [`GenreStream::override_attention`].
    fn override_attention(&self, _state: &Self::State, _weights: &[f32]) -> Option<Vec<f32>> {
        None
    }
    /// As [`GenreStream::ablate_head`].
    fn ablate_head(&self, _state: &mut Self::State, _layer: usize, _head: usize) -> bool {
        false
    }
    /// As [`GenreStream::units`].
    fn units(&self, _state: &Self::State, _into: &mut UnitPicture) -> bool {
        false
    }
}

/// What can go wrong with a model. Those of a file tell what to do in [`ModelError::remedy`].
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The tensor library failed: weights that do not fit the architecture, or memory ran out.
    #[error("the network cannot be computed: {0}")]
    Compute(#[from] candle_core::Error),
    /// The front end of the manifest is not one, or cannot take the samples.
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
    /// The manifest is not one.
    #[error("the manifest is not valid: {0}")]
    Manifest(serde_json::Error),
    /// The manifest is of another version.
    #[error("the manifest has format {found}; this program reads format {}", manifest::FORMAT)]
    Format {
        /// Its version.
        found: u32,
    },
    /// The weights file is not one.
    #[error("the weights are not a safetensors file: {0}")]
    Weights(safetensors::SafeTensorError),
    /// The weights are not those that the manifest speaks of.
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
    /// The model does not answer to a known sound as it did when it was made.
    #[error("the model fails its own proof: {0}")]
    Golden(String),
    /// A network that hears the end before it answers was to listen.
    #[error("it is a hierarchical network, which reads whole files both ways: it cannot listen while music plays")]
    WholeFilesOnly,
    /// An answer is NaN or infinite.
    #[error("the network answered NaN or infinity")]
    NotFinite,
}

impl ModelError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Compute(_) | Self::Shape(_) | Self::NotFinite => {
                "take weights and manifest from the same training run, or train again with `attune train`"
            }
            Self::FrontEnd(_) => "correct `front_end` in the manifest to what the model was trained with",
            Self::Read { .. } => "name the NAME.json of a model that has its NAME.safetensors beside it",
            Self::Manifest(_) | Self::Format { .. } => "use a manifest written by this version of `attune train`",
            Self::Weights(_) | Self::Digest { .. } => {
                "copy the model again: the weights file is damaged or another one"
            }
            Self::WholeFilesOnly => "name it after `attune analyze --segments`, and another model after --model",
            Self::Golden(_) => {
                "do not use this model: its front end or weights were changed; export it again with `attune train`"
            }
        }
    }
}

/// Makes a fresh stream over shared weights.
type OpenStream = dyn Fn() -> Result<Box<dyn GenreStream>, ModelError> + Send + Sync;

/// Weights that passed every check, with their manifest, ready to listen to any number of streams.
#[derive(Clone)]
pub struct LoadedModel {
    manifest: Manifest,
    open: Arc<OpenStream>,
}

impl LoadedModel {
    /// A model from its manifest and a maker of streams.
    pub fn new(
        manifest: Manifest,
        open: impl Fn() -> Result<Box<dyn GenreStream>, ModelError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            manifest,
            open: Arc::new(open),
        }
    }

    /// What the model says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A fresh stream; the weights are shared, the state is its own.
    pub fn stream(&self) -> Result<Box<dyn GenreStream>, ModelError> {
        (self.open)()
    }
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// Models that listen side by side: they share one front end and one set of classes. A gate may listen beside them, which
/// tells music from what is none.
#[derive(Debug, Clone)]
pub struct ModelSet {
    /// The front end of all.
    pub front_end: FrontEndSpec,
    /// The classes of all.
    pub genres: GenreSet,
    /// The models, in the order in which they are shown.
    pub models: Vec<LoadedModel>,
    /// Tells music from speech and other sounds ([`crate::genre::SoundKind`]); `None`: everything is taken for music.
    pub gate: Option<LoadedModel>,
}

impl ModelSet {
    /// The same with more engines, after those that are there.
    ///
    /// # Errors
    /// As of [`ModelSet::new`].
    pub fn and(self, more: Vec<LoadedModel>) -> Result<Self, ModelError> {
        Self::new(self.models.into_iter().chain(more).chain(self.gate).collect())
    }

    /// Models that go together. One whose classes are those of a gate becomes the gate.
    ///
    /// # Errors
    /// If there is none, or if one has another front end or other classes than the first, or the name of another; or if
    /// there are two gates, or one alone.
    pub fn new(models: Vec<LoadedModel>) -> Result<Self, ModelError> {
        let (gates, models): (Vec<_>, Vec<_>) = models.into_iter().partition(|model| model.manifest().genres.is_gate());
        let gate = match <[LoadedModel; 1]>::try_from(gates) {
            Ok([gate]) => Some(gate),
            Err(gates) if gates.is_empty() => None,
            Err(gates) => {
                return Err(ModelError::Shape(format!(
                    "{} models tell music from what is none, but one can listen",
                    gates.len()
                )));
            }
        };
        let Some(first) = models.first().map(LoadedModel::manifest) else {
            return Err(ModelError::Shape(match &gate {
                Some(gate) => format!(
                    "{:?} only tells music from what is none: name a model with genres too",
                    gate.manifest().name
                ),
                None => "no model was named".to_owned(),
            }));
        };
        let (front_end, genres) = (first.front_end.clone(), first.genres.clone());
        for (place, model) in models.iter().enumerate() {
            let manifest = model.manifest();
            let differs = if manifest.front_end != front_end {
                "front end"
            } else if manifest.genres != genres {
                "classes"
            } else if models[..place]
                .iter()
                .any(|other| other.manifest().name == manifest.name)
            {
                return Err(ModelError::Shape(format!(
                    "two models have the name {:?}",
                    manifest.name
                )));
            } else {
                continue;
            };
            return Err(ModelError::Shape(format!(
                "{:?} has another {differs} than {:?}: they cannot listen side by side",
                manifest.name, models[0].manifest.name
            )));
        }
        if let Some(gate) = gate.as_ref().map(LoadedModel::manifest)
            && gate.front_end != front_end
        {
            return Err(ModelError::Shape(format!(
                "{:?} has another front end than {:?}: they cannot listen side by side",
                gate.name, models[0].manifest.name
            )));
        }
        Ok(Self {
            front_end,
            genres,
            models,
            gate,
        })
    }
}
