//! Normalisation that never looks along time when it answers.

use super::Pass;
use super::kernels::values;
use super::linear::Affine;
use super::streaming::norm::PackedLayerNorm;
use super::weights::{Init, Weights};
use candle_core::{D, Result, Tensor, Var};

/// Added to variances before the root.
pub const EPSILON: f64 = 1e-5;
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
            scale: weights.learnt("scale", &[features], Init::Constant(1.0))?,
            shift: weights.learnt("shift", &[features], Init::Constant(0.0))?,
            mean: weights.statistic("mean", &[features], 0.0)?,
            variance: weights.statistic("variance", &[features], 1.0)?,
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
        if !pass.is_training() {
            let (factor, offset) = self.affine()?;
            return x.broadcast_mul(&factor)?.broadcast_add(&offset);
        }
        let features = self.scale.dim(0)?;
        let rows = x.contiguous()?.reshape((x.elem_count() / features, features))?;
        let mean = rows.mean_keepdim(0)?;
        let centred = rows.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim(0)?;
        follow(&self.mean, &mean)?;
        follow(&self.variance, &variance)?;
        let factor = (self.scale.unsqueeze(0)? / (variance + EPSILON)?.sqrt()?)?;
        centred
            .broadcast_mul(&factor)?
            .broadcast_add(&self.shift)?
            .reshape(x.shape())
    }
}

/// Moves a running statistic towards that of a batch.
fn follow(running: &Var, batch: &Tensor) -> Result<()> {
    let batch = batch.squeeze(0)?.detach();
    running.set(&((running.as_tensor() * (1.0 - MOMENTUM))? + (batch * MOMENTUM)?)?.detach())
}

/// Layer normalisation of each frame over its features (Ba, Kiros & Hinton 2016), from ops whose gradients candle has.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    scale: Tensor,
    shift: Tensor,
}

impl LayerNorm {
    /// Over `features` values.
    pub fn new(mut weights: Weights<'_>, features: usize) -> Result<Self> {
        Ok(Self {
            scale: weights.learnt("scale", &[features], Init::Constant(1.0))?,
            shift: weights.learnt("shift", &[features], Init::Constant(0.0))?,
        })
    }

    /// The form for streams.
    pub fn pack(&self) -> Result<PackedLayerNorm> {
        Ok(PackedLayerNorm::new(values(&self.scale)?, values(&self.shift)?))
    }

    /// (…, features) → the same shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mean = x.mean_keepdim(D::Minus1)?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + EPSILON)?.sqrt()?)?;
        normed.broadcast_mul(&self.scale)?.broadcast_add(&self.shift)
    }
}
