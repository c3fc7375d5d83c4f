//! The streaming contract: one step over any number of frames, all memory in a state of its own.
//!
//! In: normalised frames. Out: [`StreamOutput`], or features. Thread: worker, or any; one thread per stream at a time.

use super::ModelError;
use super::evidence::EvidenceMap;
use attune_audio::features::FrameBlock;
use attune_audio::units::FrameIndex;
use attune_nn::kernels::denormals::FlushMode;
use attune_nn::recurrent::UnitActivations;
use std::sync::Arc;

/// The attention weights of one model at the newest frame.
///
/// All rows have `frames` entries, oldest first; the last entry is the newest frame itself. Each row sums to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttentionWeights {
    /// The query: the newest frame of the block.
    pub newest: FrameIndex,
    /// How many past frames (itself included) are in reach, at most the model's context.
    pub frames: usize,
    /// The pooling weights: the classifier read the frames with exactly these weights. (frames) Where units of several
    /// frames are weighted, that of a unit is divided among the frames since the unit before it.
    pub pooling: Vec<f32>,
    /// Encoder layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Self-attention of the newest frame: (layers, heads, frames).
    pub maps: Vec<f32>,
}

/// What one step of a stream computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamOutput {
    /// (time, classes), row-major; not calibrated.
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
    /// How far each frame lies from what was learnt ([`crate::familiarity`]): one value a frame; empty if the model
    /// cannot say.
    pub novelty: Vec<f32>,
    /// Models that attend only: the weights of the newest frame.
    pub attention: Option<AttentionWeights>,
}

/// One stream through a model: weights shared, state its own. Object-safe face of [`CausalModel`].
pub trait GenreStream: Send {
    /// Takes the next frames, any number; the outputs replace what `output` held. How frames are cut into calls makes
    /// no difference to any bit of the logits.
    fn push(&mut self, frames: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError>;
    /// Resets the state: the next frame is a first frame.
    fn reset(&mut self) -> Result<(), ModelError>;
    /// A second stream with the same past; from here on the two are independent.
    fn fork(&self) -> Box<dyn GenreStream>;
    /// The newest frame's logits with these pooling weights in place of its own: oldest frame first, the last weight is
    /// the newest frame's. `None` before the first frame, or if the model does not pool by attention.
    fn override_attention(&self, weights: &[f32]) -> Option<Vec<f32>>;
    /// Replaces the output of an attention head by zeros from now on; `false` if there is no such head.
    fn ablate_head(&mut self, _layer: usize, _head: usize) -> bool {
        false
    }
    /// Reads the units of the last recurrent layer at the newest frame; `false` before the first, or if there are none.
    fn units(&self, _into: &mut UnitActivations) -> bool {
        false
    }
    /// Reads what the newest frame's logits are the sum of; `false` before the first frame, or if they are no sum over
    /// time. Allocates at the first call only.
    fn evidence(&self, _into: &mut EvidenceMap) -> bool {
        false
    }

    /// As [`GenreStream::push`], into an output of its own.
    fn answers(&mut self, frames: FrameBlock<'_>) -> Result<StreamOutput, ModelError> {
        let mut output = StreamOutput::default();
        self.push(frames, &mut output)?;
        Ok(output)
    }
}

/// One stream through a model that ends at the last features of its body.
pub trait FeatureStream: Send {
    /// Features of the next frames, any number, (time, width), appended to `features`. How frames are cut into calls
    /// makes no difference to any bit.
    fn push(&mut self, frames: FrameBlock<'_>, features: &mut Vec<f32>) -> Result<(), ModelError>;
}

/// A network whose output for a frame depends on that frame and those before it, and on nothing else.
///
/// How the frames of a stream are cut into calls makes no difference to the outputs.
pub trait CausalModel: Send + Sync + 'static {
    /// All that one stream remembers: left context, hidden state, keys and values, running statistics.
    type State: Clone + Send + 'static;
    /// Before the first frame.
    fn initial_state(&self) -> Result<Self::State, ModelError>;
    /// `frames`: (time, bands), normalised. One row of logits for each frame, and the attention weights, in place of
    /// what `output` held.
    fn step(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        output: &mut StreamOutput,
    ) -> Result<(), ModelError>;
    /// As [`CausalModel::step`], but ends at the last features of the body, (time, width), appended to `features`. A
    /// state that was encoded with is for encoding only.
    fn encode(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        features: &mut Vec<f32>,
    ) -> Result<(), ModelError>;
    /// Features of a frame in [`CausalModel::encode`].
    fn feature_width(&self) -> usize;
    /// As [`GenreStream::override_attention`].
    fn override_attention(&self, _state: &Self::State, _weights: &[f32]) -> Option<Vec<f32>> {
        None
    }
    /// As [`GenreStream::ablate_head`].
    fn ablate_head(&self, _state: &mut Self::State, _layer: usize, _head: usize) -> bool {
        false
    }
    /// As [`GenreStream::units`].
    fn units(&self, _state: &Self::State, _into: &mut UnitActivations) -> bool {
        false
    }
    /// As [`GenreStream::evidence`].
    fn evidence(&self, _state: &Self::State, _into: &mut EvidenceMap) -> bool {
        false
    }
}

/// Packed weights over which any number of streams can run. Object-safe face of [`CausalModel`].
pub trait StreamingNet: std::fmt::Debug + Send + Sync {
    /// A fresh stream.
    fn open(self: Arc<Self>) -> Result<Box<dyn GenreStream>, ModelError>;
    /// A fresh stream that ends at the last features of the body.
    fn open_features(self: Arc<Self>) -> Result<Box<dyn FeatureStream>, ModelError>;
    /// The last features of the body for a whole clip, (time, width).
    fn encode(&self, frames: FrameBlock<'_>) -> Result<Vec<f32>, ModelError>;
    /// Features of a frame in [`StreamingNet::encode`].
    fn feature_width(&self) -> usize;
}

impl<M: CausalModel + std::fmt::Debug> StreamingNet for M {
    fn open(self: Arc<Self>) -> Result<Box<dyn GenreStream>, ModelError> {
        let state = self.initial_state()?;
        Ok(Box::new(ModelStream { model: self, state }))
    }

    fn open_features(self: Arc<Self>) -> Result<Box<dyn FeatureStream>, ModelError> {
        let state = self.initial_state()?;
        Ok(Box::new(ModelStream { model: self, state }))
    }

    fn encode(&self, frames: FrameBlock<'_>) -> Result<Vec<f32>, ModelError> {
        let mut features = Vec::with_capacity(frames.frames() * CausalModel::feature_width(self));
        CausalModel::encode(self, frames, &mut self.initial_state()?, &mut features)?;
        Ok(features)
    }

    fn feature_width(&self) -> usize {
        CausalModel::feature_width(self)
    }
}

/// Shared weights and one stream's own state.
struct ModelStream<M: CausalModel> {
    model: Arc<M>,
    state: M::State,
}

impl<M: CausalModel> GenreStream for ModelStream<M> {
    fn push(&mut self, frames: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError> {
        // Every answer passes here, live or not, so all are computed in the same mode.
        let _mode = FlushMode::set();
        self.model.step(frames, &mut self.state, output)
    }

    fn reset(&mut self) -> Result<(), ModelError> {
        self.state = self.model.initial_state()?;
        Ok(())
    }

    fn fork(&self) -> Box<dyn GenreStream> {
        Box::new(Self {
            model: Arc::clone(&self.model),
            state: self.state.clone(),
        })
    }

    fn override_attention(&self, weights: &[f32]) -> Option<Vec<f32>> {
        let _mode = FlushMode::set();
        self.model.override_attention(&self.state, weights)
    }

    fn ablate_head(&mut self, layer: usize, head: usize) -> bool {
        self.model.ablate_head(&mut self.state, layer, head)
    }

    fn units(&self, into: &mut UnitActivations) -> bool {
        self.model.units(&self.state, into)
    }

    fn evidence(&self, into: &mut EvidenceMap) -> bool {
        self.model.evidence(&self.state, into)
    }
}

impl<M: CausalModel> FeatureStream for ModelStream<M> {
    fn push(&mut self, frames: FrameBlock<'_>, features: &mut Vec<f32>) -> Result<(), ModelError> {
        let _mode = FlushMode::set();
        self.model.encode(frames, &mut self.state, features)
    }
}
