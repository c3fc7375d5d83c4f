//! A dense layer on each frame.

use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// y = x·W + b on the last axis. W is stored as (inputs, outputs): the order in which a product streams through it.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `gain`: 1, or √2 before a ReLU.
    pub fn new(mut weights: Weights<'_>, inputs: usize, outputs: usize, gain: f32) -> Result<Self> {
        Ok(Self {
            weight: weights.learnt("weight", &[inputs, outputs], Init::Scaled { fan_in: inputs, gain })?,
            bias: weights.learnt("bias", &[outputs], Init::Constant(0.0))?,
        })
    }

    /// (…, inputs) → (…, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        matmul_rows(x, &self.weight)?.broadcast_add(&self.bias)
    }
}

/// (…, k) · (k, n) → (…, n) as one 2-D product over contiguous rows: the only form of matmul whose CPU gradient in
/// candle 0.11 can be relied on for any layout of `x`.
pub fn matmul_rows(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (k, n) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = n;
    }
    x.contiguous()?
        .reshape((x.elem_count() / k, k))?
        .matmul(weight)?
        .reshape(shape)
}
