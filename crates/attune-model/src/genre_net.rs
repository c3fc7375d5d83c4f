//! Front, body, statistics pooling and classifier put together, in the form that learns.
//!
//! In: normalised frames of whole clips. Out: logits or features that gradients flow through. Thread: any.

use super::body::Body;
use super::front::{Front, FrontShape};
use super::packed_net::{PackedNet, PackedPooling};
use attune_nn::Pass;
use attune_nn::evidence::EvidencePooling;
use attune_nn::kernels::convolution::Activation;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::kernels::window_moments::Windows;
use attune_nn::linear::Linear;
use attune_nn::moving_average::MovingAverage;
use attune_nn::norm::BatchNorm;
use attune_nn::statistics::{AttentivePooling, MomentPooling};
use attune_nn::weights::Weights;
use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// How the past is pooled before the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PoolingShape {
    /// All frames alike, forgotten with a time constant in frames.
    Moments {
        /// Frames until the weight of one is 1/e.
        time_constant: f64,
    },
    /// By a learnt score, over a window.
    Attentive {
        /// Units of the score.
        hidden: usize,
        /// Frames in the window.
        context: usize,
    },
    /// By a learnt score over short stretches of sound, each of which is classified by itself ([`attune_nn::evidence`]).
    Evidence {
        /// Frames in a stretch.
        local: usize,
        /// Frames from one to the next.
        every: usize,
        /// Frames in the window: a multiple of `every`.
        context: usize,
    },
}

/// Shape of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadShape {
    /// Units of its hidden layer.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
    /// Share of the pooled statistics silenced in training.
    pub dropout: f32,
}

#[derive(Debug)]
enum Pooling {
    Moments(MomentPooling),
    Attentive(AttentivePooling),
    Evidence(EvidencePooling),
}

/// A genre network with the body `B`.
#[derive(Debug)]
pub(crate) struct GenreNet<B> {
    smoothing: MovingAverage,
    front: Front,
    body: B,
    pooling: Pooling,
    norm: BatchNorm,
    hidden: Linear,
    output: Linear,
    pooled_features: usize,
    dropout: f32,
}

/// The outputs of one forward pass; p is the number of frames that are read.
#[derive(Debug)]
pub struct NetOutput {
    /// (b, p, classes).
    pub logits: Tensor,
    /// The classifier's hidden layer (b, p, hidden): what predicts the teacher's features in training.
    pub hidden: Tensor,
    /// What the logits are the sum of, where they are one.
    pub evidence: Option<UnitEvidence>,
}

/// Attention weights and evidence of the units of a sequence: logits = weights · evidence.
#[derive(Debug)]
pub struct UnitEvidence {
    /// (b, p, units); each row sums to 1.
    pub weights: Tensor,
    /// (b, units, classes).
    pub evidence: Tensor,
    /// Which frames each unit describes.
    pub windows: Windows,
}

impl<B: Body> GenreNet<B> {
    /// Weights are taken from below `weights`; `body` has taken its own.
    pub(crate) fn new(
        mut weights: Weights<'_>,
        front: FrontShape,
        body: B,
        pooling: PoolingShape,
        head: HeadShape,
    ) -> Result<Self> {
        let learned = front.width + body.taps().iter().sum::<usize>();
        let pooled_features = front.bands + learned;
        let pooling = match pooling {
            PoolingShape::Moments { time_constant } => Pooling::Moments(MomentPooling::new(time_constant)),
            PoolingShape::Attentive { hidden, context } => {
                Pooling::Attentive(AttentivePooling::new(weights.pp("pooling"), learned, hidden, context)?)
            }
            PoolingShape::Evidence { local, every, context } => {
                let (windows, units) = (Windows { local, every }, context / every);
                Pooling::Evidence(EvidencePooling::new(
                    weights.pp("pooling"),
                    head.hidden,
                    windows,
                    units,
                )?)
            }
        };
        Ok(Self {
            smoothing: MovingAverage::new(front.smoothing_frames),
            front: Front::new(weights.pp("front"), front)?,
            body,
            pooling,
            norm: BatchNorm::new(weights.pp("head.norm"), 2 * pooled_features)?,
            hidden: Linear::new(
                weights.pp("head.hidden"),
                2 * pooled_features,
                head.hidden,
                std::f32::consts::SQRT_2,
            )?,
            output: Linear::new(weights.pp("head.output"), head.hidden, head.classes, 1.0)?,
            pooled_features,
            dropout: head.dropout,
        })
    }

    /// Whole sequences `x` (b, t, bands), each from its first frame on; logits are computed at the frames
    /// `read` (ascending, < t).
    pub(crate) fn forward(&self, x: &Tensor, read: &[usize], pass: &mut Pass<'_>) -> Result<NetOutput> {
        let x = &self.smoothing.forward(x)?;
        let front = self.front.forward(x, pass)?;
        let taps = self.body.forward(&front, pass)?;
        let learned: Vec<&Tensor> = std::iter::once(&front).chain(&taps).collect();
        let pooled: Vec<&Tensor> = std::iter::once(x).chain(learned.iter().copied()).collect();
        let statistics = match &self.pooling {
            Pooling::Moments(pooling) => pooling.forward(&pooled, read)?,
            Pooling::Attentive(pooling) => pooling.forward(&Tensor::cat(&learned, 2)?, &pooled, read)?.0,
            Pooling::Evidence(pooling) => return self.forward_units(pooling, &pooled, read, pass),
        };
        let statistics = pass.dropout(&self.norm.forward(&statistics, pass)?, self.dropout)?;
        let hidden = self.hidden.forward_activated(&statistics, Activation::Relu)?;
        Ok(NetOutput {
            logits: self.output.forward(&hidden)?,
            hidden,
            evidence: None,
        })
    }

    /// Classifies every unit, then pools.
    fn forward_units(
        &self,
        pooling: &EvidencePooling,
        pooled: &[&Tensor],
        read: &[usize],
        pass: &mut Pass<'_>,
    ) -> Result<NetOutput> {
        let statistics = self.norm.forward(&pooling.describe(pooled)?, pass)?;
        // One mask for all units of an example: masks of their own would average out over the units.
        let (b, _, width) = statistics.dims3()?;
        let statistics = match pass {
            Pass::Train(_) if self.dropout > 0.0 => {
                let ones = Tensor::ones((b, 1, width), DType::F32, &Device::Cpu)?;
                statistics.broadcast_mul(&pass.dropout(&ones, self.dropout)?)?
            }
            _ => statistics,
        };
        let hidden = self.hidden.forward_activated(&statistics, Activation::Relu)?;
        let evidence = self.output.forward(&hidden)?;
        let weights = pooling.weights(&hidden, read)?;
        Ok(NetOutput {
            logits: weights.matmul(&evidence)?,
            hidden: weights.matmul(&hidden)?,
            evidence: Some(UnitEvidence {
                weights,
                evidence,
                windows: pooling.windows(),
            }),
        })
    }

    /// The last features of the body, (b, t, bands) → (b, t, width).
    pub(crate) fn features(&self, x: &Tensor) -> Result<Tensor> {
        let mut pass = Pass::Infer;
        let front = self.front.forward(&self.smoothing.forward(x)?, &pass)?;
        Ok(self.body.forward(&front, &mut pass)?.pop().unwrap_or(front))
    }

    /// What the body reads, after front and stem, (b, t, bands) → (b, t, inputs).
    pub(crate) fn body_inputs(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.smoothing.forward(x)?;
        self.body.inner_inputs(&self.front.forward(&x, &Pass::Infer)?)
    }

    /// The form for streams.
    pub(crate) fn pack(&self, precision: Precision) -> Result<PackedNet<B::Packed>> {
        let mut widths = vec![self.front.width()];
        widths.extend(self.body.taps());
        Ok(PackedNet {
            bands: self.pooled_features - widths.iter().sum::<usize>(),
            smoothing: self.smoothing,
            front: self.front.pack(precision)?,
            body: self.body.pack(precision)?,
            widths,
            pooling: match &self.pooling {
                Pooling::Moments(pooling) => PackedPooling::Moments(pooling.pack(self.pooled_features)),
                Pooling::Attentive(pooling) => PackedPooling::Attentive(pooling.pack(precision)?),
                Pooling::Evidence(pooling) => PackedPooling::Evidence(pooling.pack()?),
            },
            hidden: self.hidden.pack_fused(Some(&self.norm.pack()?), None, precision)?,
            output: self.output.pack(precision)?,
            familiarity: None,
        })
    }

    /// How many frames the body can depend on; `None`: no bound.
    ///
    /// The pooling comes on top: statistics that decay exponentially have no bound.
    pub(crate) fn context_frames(&self) -> Option<usize> {
        self.body.context_frames()
    }
}
