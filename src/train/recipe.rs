//! What is trained and how: one value that a run, its checkpoint and its card agree on.

use super::augment::Augmentation;
use crate::features::FrontEndSpec;
use crate::model::architecture::{Architecture, BodyShape};
use crate::model::attention::EncoderShape;
use crate::model::front::FrontShape;
use crate::model::genre_net::{HeadShape, PoolingShape};
use crate::model::lstm::LstmShape;
use crate::model::tcn::TcnShape;
use serde::{Deserialize, Serialize};

/// Which engine to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Stacked long short-term memory.
    Lstm,
    /// Temporal convolutional network.
    Tcn,
    /// Causal windowed Transformer encoder.
    Attention,
}

impl Engine {
    /// Its name in manifests and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::Tcn => "tcn",
            Self::Attention => "attention",
        }
    }
}

/// One training run, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Which engine.
    pub engine: Engine,
    /// Everything random comes from this.
    pub seed: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Highest learning rate of the cycle.
    pub rate: f32,
    /// AdamW's decay of matrices.
    pub weight_decay: f32,
    /// The most that the norm of all gradients may be.
    pub clip: f32,
    /// Share of the target spread over all classes (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// Weight of the teacher's mean squared error.
    pub teacher_weight: f32,
    /// Decay of the running mean of the weights that is shipped (Polyak & Juditsky 1992).
    pub averaging: f32,
    /// Short batches.
    pub short: BatchShape,
    /// Long batches: whole audio only.
    pub long: BatchShape,
    /// One step in this many is long; 0: none.
    pub long_every: u64,
    /// How excerpts are changed.
    pub augmentation: Augmentation,
    /// The front end.
    pub front_end: FrontEndSpec,
    /// The network.
    pub architecture: Architecture,
}

/// Size of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchShape {
    /// Excerpts.
    pub clips: usize,
    /// Frames of each.
    pub frames: usize,
    /// Frames at which the answer is asked for, and how much each counts.
    pub asked: Vec<(usize, f32)>,
}

/// Features of a frame between front and pooling.
const WIDTH: usize = 96;
/// What the pooling of LSTM and TCN remembers: 10 s at the default hop.
const POOLING_FRAMES: f64 = 430.0;
/// What attention sees: 10.4 s at the default hop.
const CONTEXT_FRAMES: usize = 448;

impl Recipe {
    /// The recipe of the shipped weights.
    pub fn new(engine: Engine, classes: usize, seed: u64, steps: u64) -> Self {
        let front_end = FrontEndSpec::default();
        Self {
            engine,
            seed,
            steps,
            rate: 2e-3,
            weight_decay: 0.05,
            clip: 1.0,
            label_smoothing: 0.05,
            teacher_weight: 1.0,
            averaging: 0.998,
            short: BatchShape {
                clips: 32,
                frames: 128,
                asked: vec![(42, 0.2), (85, 0.3), (127, 0.5)],
            },
            long: BatchShape {
                clips: 8,
                frames: 512,
                asked: vec![(127, 0.2), (255, 0.2), (383, 0.3), (511, 0.3)],
            },
            long_every: 4,
            augmentation: Augmentation::default(),
            architecture: architecture(engine, &front_end, classes),
            front_end,
        }
    }
}

fn architecture(engine: Engine, front_end: &FrontEndSpec, classes: usize) -> Architecture {
    let moments = PoolingShape::Moments {
        time_constant: POOLING_FRAMES,
    };
    let (body, pooling) = match engine {
        Engine::Lstm => {
            let shape = LstmShape {
                inputs: WIDTH,
                hidden: 128,
                layers: 2,
                dropout: 0.2,
            };
            (BodyShape::Lstm(shape), moments)
        }
        Engine::Tcn => {
            let shape = TcnShape {
                width: WIDTH,
                taps: 3,
                dilations: vec![1, 2, 4, 8, 16, 32],
                dropout: 0.1,
            };
            (BodyShape::Tcn(shape), moments)
        }
        Engine::Attention => {
            let shape = EncoderShape {
                width: WIDTH,
                heads: 4,
                feed: 192,
                layers: 3,
                context: CONTEXT_FRAMES,
                dropout: 0.1,
            };
            let pooling = PoolingShape::Attentive {
                hidden: 64,
                context: CONTEXT_FRAMES,
            };
            (BodyShape::Attention(shape), pooling)
        }
    };
    Architecture {
        front: FrontShape {
            bands: front_end.bands,
            maps: 12,
            kernel_bands: 9,
            kernel_frames: 5,
            stride_bands: 4,
            width: WIDTH,
        },
        body,
        pooling,
        head: HeadShape {
            hidden: 160,
            classes,
            dropout: 0.5,
        },
    }
}
