//! What a classifier sees of all that was heard so far: mean and deviation of every feature.
//!
//! Two ways to weight the past: all frames alike and exponentially forgotten ([`MomentPooling`]), or by a learnt score
//! over a window ([`AttentivePooling`]; Okabe, Koshinaka & Shinoda 2018).

use super::kernels::running_moments::RunningMoments;
use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::{Linear, matmul_rows};
use super::weights::{Init, Weights};
use candle_core::{DType, Device, Result, Tensor};

/// Added to the variance before the root: deviations below 0.03 count as none.
const LEAST_VARIANCE: f64 = 1e-3;

/// (…, 2f) mean and mean square to (…, 2f) mean and deviation.
fn mean_and_deviation(mean: &Tensor, square: &Tensor) -> Result<Tensor> {
    let variance = (square - mean.sqr()?)?.relu()?;
    Tensor::cat(&[mean, &(variance + LEAST_VARIANCE)?.sqrt()?], candle_core::D::Minus1)
}

/// Mean and deviation of all frames so far, forgotten with a time constant: frame k counts λ^(n−k) at frame n.
#[derive(Debug, Clone, Copy)]
pub struct MomentPooling {
    retention: f64,
}

/// Both moments of each stream (b, 2f), and the sum of the weights behind them.
#[derive(Debug, Clone)]
pub struct MomentState {
    moments: Tensor,
    weight: f64,
}

impl MomentPooling {
    /// `time_constant`, in frames: after that many the weight of a frame is 1/e.
    pub fn new(time_constant: f64) -> Self {
        Self {
            retention: (-1.0 / time_constant).exp(),
        }
    }

    /// Nothing heard yet.
    pub fn initial_state(&self, streams: usize, features: usize) -> Result<MomentState> {
        Ok(MomentState {
            moments: Tensor::zeros((streams, 2 * features), DType::F32, &Device::Cpu)?,
            weight: 0.0,
        })
    }

    /// x (b, t, f) → mean and deviation at each of the `read` frames (b, p, 2f).
    pub fn forward(&self, x: &Tensor, state: &mut MomentState, read: &[usize]) -> Result<Tensor> {
        let (_, t, f) = x.dims3()?;
        let weights = (0..t)
            .map(|_| {
                state.weight = state.weight * self.retention + 1.0;
                (1.0 / state.weight) as f32
            })
            .collect();
        let mut at = read.to_vec();
        let is_last_read = at.last() == Some(&(t - 1));
        if !is_last_read {
            at.push(t - 1);
        }
        let moments = x
            .contiguous()?
            .apply_op2(&state.moments, RunningMoments { weights, read: at })?; // (b, p, 2f)
        state.moments = moments
            .narrow(1, moments.dim(1)? - 1, 1)?
            .squeeze(1)?
            .contiguous()?
            .detach();
        let moments = moments.narrow(1, 0, read.len())?;
        mean_and_deviation(&moments.narrow(2, 0, f)?.contiguous()?, &moments.narrow(2, f, f)?)
    }
}

/// Mean and deviation of the last `context` frames, weighted by a softmax over the additive score
/// e = vᵀ·tanh(W·h + b) of each frame. What is weighted is exactly what the classifier sees.
#[derive(Debug, Clone)]
pub struct AttentivePooling {
    hidden: Linear,
    score: Tensor,
    context: usize,
}

/// Scores (b, ≤ context − 1) and features (b, ≤ context − 1, f) of the last frames.
#[derive(Debug, Clone)]
pub struct AttentiveState {
    scores: Tensor,
    features: Tensor,
}

impl AttentivePooling {
    /// Scores come from `inputs` features of each frame, through `hidden` units.
    pub fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize, context: usize) -> Result<Self> {
        Ok(Self {
            hidden: Linear::new(weights.at("hidden"), inputs, hidden, 1.0)?,
            score: weights.learnt(
                "score",
                &[hidden, 1],
                Init::Scaled {
                    fan_in: hidden,
                    gain: 1.0,
                },
            )?,
            context,
        })
    }

    /// Nothing heard yet.
    pub fn initial_state(&self, streams: usize, features: usize) -> Result<AttentiveState> {
        Ok(AttentiveState {
            scores: Tensor::zeros((streams, 0), DType::F32, &Device::Cpu)?,
            features: Tensor::zeros((streams, 0, features), DType::F32, &Device::Cpu)?,
        })
    }

    /// `h` (b, t, inputs) gives the scores, `x` (b, t, f) is weighted: mean and deviation at each of the `read` frames
    /// (b, p, 2f), and the weights (b, p, keys), the last key being the newest frame.
    pub fn forward(
        &self,
        h: &Tensor,
        x: &Tensor,
        state: &mut AttentiveState,
        read: &[usize],
    ) -> Result<(Tensor, Tensor)> {
        let score = matmul_rows(&self.hidden.forward(h)?.tanh()?, &self.score)?.squeeze(2)?; // (b, t)
        let scores = Tensor::cat(&[&state.scores, &score], 1)?;
        let features = Tensor::cat(&[&state.features, x], 1)?;
        let (b, seen) = scores.dims2()?;
        let past = seen - x.dim(1)?;
        let softmax = WindowedSoftmax {
            places: read.iter().map(|n| past + n).collect(),
            context: self.context,
        };
        let weights = scores
            .unsqueeze(1)?
            .broadcast_as((b, read.len(), seen))?
            .contiguous()?
            .apply_op1(softmax)?;
        let mean = weights.matmul(&features)?; // (b, p, f)
        let square = weights.matmul(&features.sqr()?)?;
        let kept = seen.min(self.context - 1);
        state.scores = scores.narrow(1, seen - kept, kept)?.contiguous()?.detach();
        state.features = features.narrow(1, seen - kept, kept)?.contiguous()?.detach();
        Ok((mean_and_deviation(&mean, &square)?, weights))
    }
}
