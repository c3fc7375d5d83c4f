//! Statistics pooling: mean and deviation of every feature so far, the input of a classifier.
//!
//! Two ways to weight the past: exponential decay ([`MomentPooling`]), or a learned score over a window
//! ([`AttentivePooling`]; Okabe, Koshinaka & Shinoda 2018).

use super::kernels::convolution::{Activation, CausalConvolution};
use super::kernels::packed_matrix::Precision;
use super::kernels::running_moments::RunningMoments;
use super::kernels::values;
use super::kernels::weighted_moments::WeightedMoments;
use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::Linear;
use super::streaming::attentive::PackedAttentive;
use super::streaming::moments::MomentState;
use super::weights::{Init, Weights};
use candle_core::{D, DType, Device, Result, Tensor};

/// Added to the variance before the root: a floor of about 0.03 for deviations.
pub(crate) const MIN_VARIANCE: f64 = 1e-3;

/// Mean and mean square (…, 2f) of several groups of features, to the means of all, then the deviations of all.
pub(crate) fn means_and_deviations(moments: &[Tensor]) -> Result<Tensor> {
    let (mut parts, mut deviations) = (Vec::with_capacity(2 * moments.len()), Vec::with_capacity(moments.len()));
    for moments in moments {
        let features = moments.dim(D::Minus1)? / 2;
        let mean = moments.narrow(D::Minus1, 0, features)?;
        let square = moments.narrow(D::Minus1, features, features)?;
        let variance = (square - mean.sqr()?)?.relu()?;
        parts.push(mean);
        deviations.push((variance + MIN_VARIANCE)?.sqrt()?);
    }
    parts.extend(deviations);
    Tensor::cat(&parts, D::Minus1)
}

/// Exponentially decaying mean and deviation: at frame n, frame k has the weight λ^(n−k).
#[derive(Debug, Clone, Copy)]
pub struct MomentPooling {
    retention: f64,
}

impl MomentPooling {
    /// `time_constant`, in frames: after that many the weight of a frame is 1/e.
    pub fn new(time_constant: f64) -> Self {
        Self {
            retention: (-1.0 / time_constant).exp(),
        }
    }

    /// The form for streams of `features` values.
    pub fn pack(&self, features: usize) -> MomentState {
        MomentState::new(features, self.retention)
    }

    /// Groups of features (b, t, ·), f in all → mean and deviation at each of the `read` frames (b, p, 2f).
    pub fn forward(&self, groups: &[&Tensor], read: &[usize]) -> Result<Tensor> {
        let t = groups.first().map_or(Ok(0), |group| group.dim(1))?;
        let mut weight = 0.0_f64;
        let weights = (0..t).map(|_| {
            weight = weight * self.retention + 1.0;
            (1.0 / weight) as f32
        });
        let op = RunningMoments {
            weights: weights.collect(),
            read: read.to_vec(),
        };
        let moments = groups
            .iter()
            .map(|group| group.contiguous()?.apply_op1(op.clone()))
            .collect::<Result<Vec<_>>>()?;
        means_and_deviations(&moments)
    }
}

/// Mean and deviation of the last `context` frames, weighted by a softmax over the additive score
/// e = vᵀ·tanh(W·h + b) of each frame. The weights are exactly those that the classifier's input has.
#[derive(Debug, Clone)]
pub struct AttentivePooling {
    hidden: Linear,
    score: Tensor,
    no_bias: Tensor,
    context: usize,
}

impl AttentivePooling {
    /// Scores come from `inputs` features of each frame, through `hidden` units.
    pub fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize, context: usize) -> Result<Self> {
        Ok(Self {
            hidden: Linear::new(weights.pp("hidden"), inputs, hidden, 1.0)?,
            score: weights.param(
                "score",
                &[hidden, 1],
                Init::KaimingUniform {
                    fan_in: hidden,
                    gain: 1.0,
                },
            )?,
            no_bias: Tensor::zeros(1, DType::F32, &Device::Cpu)?,
            context,
        })
    }

    /// The streaming form, weights stored in `precision`.
    pub fn pack(&self, precision: Precision) -> Result<PackedAttentive> {
        Ok(PackedAttentive::new(
            self.hidden.pack(precision)?,
            values(&self.score)?,
            self.context,
        ))
    }

    /// `h` (b, t, inputs) gives the scores; groups of features (b, t, ·), f in all, are weighted: mean and deviation at
    /// each of the `read` frames (b, p, 2f), and the weights (b, p, t).
    pub fn forward(&self, h: &Tensor, groups: &[&Tensor], read: &[usize]) -> Result<(Tensor, Tensor)> {
        let (b, t, _) = h.dims3()?;
        let hidden = self.hidden.forward_activated(h, Activation::Tanh)?;
        let score = CausalConvolution {
            taps: 1,
            dilation: 1,
            activation: Activation::Identity,
        };
        let scores = hidden.apply_op3(&self.score, &self.no_bias, score)?; // (b, t, 1)
        let softmax = WindowedSoftmax {
            places: read.to_vec(),
            context: self.context,
        };
        let weights = scores
            .squeeze(2)?
            .unsqueeze(1)?
            .broadcast_as((b, read.len(), t))?
            .contiguous()?
            .apply_op1(softmax)?;
        let moments = groups
            .iter()
            .map(|group| weights.apply_op2(&group.contiguous()?, WeightedMoments))
            .collect::<Result<Vec<_>>>()?;
        Ok((means_and_deviations(&moments)?, weights))
    }
}
