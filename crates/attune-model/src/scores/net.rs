//! Attention pooling over a model's features, then one dense layer: all that a score function trains.
//!
//! In: features of frames. Out: logits and attention weights. Thread: any.

use crate::{EvidenceMap, ModelError};
use attune_audio::units::FrameIndex;
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::{Finish, Precision};
use attune_nn::linear::Linear;
use attune_nn::score::{ScorePooling, ScorePoolingShape};
use attune_nn::streaming::affine::PackedAffine;
use attune_nn::streaming::frame_buf::{FrameBuf, even_block};
use attune_nn::streaming::scored::{PackedScore, ScorePoolingState};
use attune_nn::weights::WeightStore;
use candle_core::{Result, Tensor};
use std::slice::from_ref;

/// Share of the context vector silenced in training.
const DROPOUT: f32 = 0.2;

/// The form that learns. Its weights are named after the score function, so those of another one do not load.
#[derive(Debug)]
pub struct ScoreNet {
    pooling: ScorePooling,
    output: Linear,
}

impl ScoreNet {
    /// Weights come from `store`.
    ///
    /// # Errors
    /// If the store holds those of another formula or shape.
    pub fn new(store: &mut WeightStore, shape: ScorePoolingShape, classes: usize) -> Result<Self> {
        let pooling = ScorePooling::new(store.root(), shape)?;
        let mut root = store.root();
        let mut named = root.pp(shape.kind.name());
        Ok(Self {
            pooling,
            output: Linear::new(named.pp("output"), shape.inputs, classes, 1.0)?,
        })
    }

    /// Whole sequences (b, t, inputs), read at the frames `read`: logits (b, p, classes), and weights (b, p, t).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, read: &[usize], pass: &mut Pass<'_>) -> Result<(Tensor, Tensor)> {
        let (context, weights) = self.pooling.forward(x, read)?;
        let context = pass.dropout(&context, DROPOUT)?;
        Ok((self.output.forward(&context)?, weights))
    }

    /// What the dense layer answers to each frame by itself: x (b, t, inputs) → (b, t, classes). Weights sum to 1 and
    /// the layer is affine, so without dropout logits = weights · evidence.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn evidence(&self, x: &Tensor) -> Result<Tensor> {
        self.output.forward(x)
    }

    /// The form for streams.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn pack(&self) -> Result<PackedScoreNet> {
        Ok(PackedScoreNet {
            pooling: self.pooling.pack()?,
            output: self.output.pack(Precision::F32)?,
        })
    }
}

/// The form for streams.
#[derive(Debug)]
pub struct PackedScoreNet {
    pooling: PackedScore,
    output: PackedAffine,
}

/// What it remembers of one stream, and room for a block.
#[derive(Debug, Clone)]
pub struct ScoreState {
    memory: ScorePoolingState,
    features: FrameBuf,
    context: FrameBuf,
    logits: FrameBuf,
}

impl PackedScoreNet {
    /// Before the first frame.
    pub fn initial_state(&self) -> ScoreState {
        ScoreState {
            memory: self.pooling.initial_state(),
            features: FrameBuf::new(self.pooling.inputs),
            context: FrameBuf::new(self.pooling.inputs),
            logits: FrameBuf::new(self.output.outputs()),
        }
    }

    /// Features of the next frames (frames, inputs); their logits are appended to `logits`, and `observe` is given the
    /// attention weights of each frame. How frames are cut into calls makes no difference.
    pub fn step(
        &self,
        features: &[f32],
        state: &mut ScoreState,
        logits: &mut Vec<f32>,
        mut observe: impl FnMut(&ScorePoolingState),
    ) {
        let inputs = self.pooling.inputs;
        for block in features.chunks(even_block(features.len() / inputs) * inputs) {
            state.features.load(block);
            self.pooling
                .step(&state.features, &mut state.memory, &mut state.context, &mut observe);
            self.output
                .step(from_ref(&state.context), Finish::Plain, &mut state.logits);
            for frame in 0..state.logits.frames() {
                logits.extend_from_slice(state.logits.row(frame));
            }
        }
    }

    /// Attention weights of the newest of these frames of features, oldest frame first, 0 out of its context.
    ///
    /// # Errors
    /// [`ModelError::NoFrames`].
    pub fn weights_at_end(&self, features: &[f32]) -> std::result::Result<Vec<f32>, ModelError> {
        let frames = features.len() / self.pooling.inputs;
        if frames == 0 {
            return Err(ModelError::NoFrames);
        }
        let mut state = self.initial_state();
        self.step(features, &mut state, &mut Vec::new(), |_| {});
        let mut weights = vec![0.0; frames];
        for (weight, at) in state.memory.weights_by_lag().zip(weights.iter_mut().rev()) {
            *at = weight;
        }
        Ok(weights)
    }

    /// What the logits of the newest of these frames of features are the sum of: every frame is a unit, of weight 0 out
    /// of the context.
    ///
    /// # Errors
    /// [`ModelError::NoFrames`].
    pub fn evidence_at_end(&self, features: &[f32]) -> std::result::Result<EvidenceMap, ModelError> {
        let weights = self.weights_at_end(features)?;
        let (inputs, classes) = (self.pooling.inputs, self.output.outputs());
        let (mut frames, mut answers) = (FrameBuf::new(inputs), FrameBuf::new(classes));
        let mut evidence = Vec::with_capacity(weights.len() * classes);
        for block in features.chunks(even_block(weights.len()) * inputs) {
            frames.load(block);
            self.output.step(from_ref(&frames), Finish::Plain, &mut answers);
            for frame in 0..answers.frames() {
                evidence.extend_from_slice(answers.row(frame));
            }
        }
        Ok(EvidenceMap {
            newest: FrameIndex(weights.len() as u64 - 1),
            units: (0..weights.len() as u64).map(FrameIndex).collect(),
            first: FrameIndex(0),
            local: 1,
            weights,
            classes,
            evidence,
        })
    }
}
