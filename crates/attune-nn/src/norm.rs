//! Batch and layer normalisation, causal at inference.
//!
//! In: features (…, c). Out: the same shape. Thread: any; training updates running statistics.

use super::Pass;
use super::kernels::batch_norm::{BatchNormalization, ColumnMoments};
use super::kernels::layer_norm::LayerNormalization;
use super::kernels::values;
use super::linear::Affine;
use super::streaming::norm::PackedLayerNorm;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor, Var};

/// Added to variances before the root.
pub(crate) const EPSILON: f64 = 1e-5;
/// Weight of a batch in the running statistics.
const MOMENTUM: f64 = 0.05;

/// Batch normalisation of each feature (Ioffe & Szegedy 2015): by the batch in training, by fixed running statistics in
/// inference, where it is an affine map of each frame on its own and therefore causal.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    scale: Tensor,
    shift: Tensor,
    mean: Var,
    variance: Var,
}

impl BatchNorm {
    /// Over `features` values.
    pub fn new(mut weights: Weights<'_>, features: usize) -> Result<Self> {
        Ok(Self {
            scale: weights.param("scale", &[features], Init::Constant(1.0))?,
            shift: weights.param("shift", &[features], Init::Constant(0.0))?,
            mean: weights.buffer("mean", &[features], 0.0)?,
            variance: weights.buffer("variance", &[features], 1.0)?,
        })
    }

    /// The affine map that inference is: scale/√(variance + ε), and what is left of the means.
    fn affine(&self) -> Result<(Tensor, Tensor)> {
        let factor = (&self.scale / (self.variance.as_detached_tensor() + EPSILON)?.sqrt()?)?;
        let offset = (&self.shift - (self.mean.as_detached_tensor() * &factor)?)?;
        Ok((factor, offset))
    }

    /// What inference is, as a factor and an offset of each feature.
    pub fn pack(&self) -> Result<Affine> {
        let (factor, offset) = self.affine()?;
        Ok((values(&factor)?, values(&offset)?))
    }

    /// (…, features) → the same shape.
    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        self.run(x, pass, false)
    }

    /// (…, features) → the same shape, max(0, ·) after it.
    pub fn forward_relu(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        self.run(x, pass, true)
    }

    fn run(&self, x: &Tensor, pass: &Pass<'_>, relu: bool) -> Result<Tensor> {
        if !pass.is_training() {
            let (factor, offset) = self.affine()?;
            let y = x.broadcast_mul(&factor)?.broadcast_add(&offset)?;
            return if relu { y.relu() } else { Ok(y) };
        }
        let x = x.contiguous()?;
        let moments = ColumnMoments::of(&x)?;
        follow(&self.mean, &moments.mean)?;
        follow(&self.variance, &moments.variance)?;
        let op = BatchNormalization {
            moments,
            epsilon: EPSILON as f32,
            relu,
        };
        x.apply_op3(&self.scale, &self.shift, op)
    }
}

/// Moves a running statistic towards that of a batch.
fn follow(running: &Var, batch: &[f32]) -> Result<()> {
    let batch = Tensor::from_slice(batch, batch.len(), running.device())?;
    running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (batch * MOMENTUM)?)?)
}

/// Layer normalisation of each frame over its features (Ba, Kiros & Hinton 2016).
#[derive(Debug, Clone)]
pub struct LayerNorm {
    scale: Tensor,
    shift: Tensor,
}

impl LayerNorm {
    /// Over `features` values.
    pub fn new(mut weights: Weights<'_>, features: usize) -> Result<Self> {
        Ok(Self {
            scale: weights.param("scale", &[features], Init::Constant(1.0))?,
            shift: weights.param("shift", &[features], Init::Constant(0.0))?,
        })
    }

    /// Scale and shift, with their gradients.
    pub(crate) fn parameters(&self) -> [&Tensor; 2] {
        [&self.scale, &self.shift]
    }

    /// The form for streams.
    pub fn pack(&self) -> Result<PackedLayerNorm> {
        Ok(PackedLayerNorm::new(values(&self.scale)?, values(&self.shift)?))
    }

    /// (…, features) → the same shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let op = LayerNormalization {
            epsilon: EPSILON as f32,
        };
        x.contiguous()?.apply_op3(&self.scale, &self.shift, op)
    }
}
