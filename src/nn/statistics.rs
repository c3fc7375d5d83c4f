//! What a classifier sees of all that was heard so far: mean and deviation of every feature.
//!
//! Two ways to weight the past: all frames alike and exponentially forgotten ([`MomentPooling`]), or by a learnt score
//! over a window ([`AttentivePooling`]; Okabe, Koshinaka & Shinoda 2018).

use super::kernels::running_moments::RunningMoments;
use super::kernels::values;
use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::{Linear, matmul_rows};
use super::streaming::attentive::PackedAttentive;
use super::streaming::moments::MomentMemory;
use super::weights::{Init, Weights};
use candle_core::{DType, Result, Tensor};

/// Added to the variance before the root: deviations below 0.03 count as none.
pub const LEAST_VARIANCE: f64 = 1e-3;

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

impl MomentPooling {
    /// `time_constant`, in frames: after that many the weight of a frame is 1/e.
    pub fn new(time_constant: f64) -> Self {
        Self {
            retention: (-1.0 / time_constant).exp(),
        }
    }

    /// The form for streams of `features` values.
    pub fn pack(&self, features: usize) -> MomentMemory {
        MomentMemory::new(features, self.retention)
    }

    /// x (b, t, f) → mean and deviation at each of the `read` frames (b, p, 2f).
    pub fn forward(&self, x: &Tensor, read: &[usize]) -> Result<Tensor> {
        let (b, t, f) = x.dims3()?;
        let mut weight = 0.0_f64;
        let weights = (0..t)
            .map(|_| {
                weight = weight * self.retention + 1.0;
                (1.0 / weight) as f32
            })
            .collect();
        let read = read.to_vec();
        let before = Tensor::zeros((b, 2 * f), DType::F32, x.device())?;
        let moments = x.contiguous()?.apply_op2(&before, RunningMoments { weights, read })?; // (b, p, 2f)
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

    /// The form for streams.
    pub fn pack(&self) -> Result<PackedAttentive> {
        Ok(PackedAttentive::new(
            self.hidden.pack()?,
            values(&self.score)?,
            self.context,
        ))
    }

    /// `h` (b, t, inputs) gives the scores, `x` (b, t, f) is weighted: mean and deviation at each of the `read` frames
    /// (b, p, 2f), and the weights (b, p, t).
    pub fn forward(&self, h: &Tensor, x: &Tensor, read: &[usize]) -> Result<(Tensor, Tensor)> {
        let scores = matmul_rows(&self.hidden.forward(h)?.tanh()?, &self.score)?; // (b, t, 1)
        let (b, t, _) = x.dims3()?;
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
        let mean = weights.matmul(x)?; // (b, p, f)
        let square = weights.matmul(&x.sqr()?)?;
        Ok((mean_and_deviation(&mean, &square)?, weights))
    }
}
