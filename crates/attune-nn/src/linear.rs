//! A dense layer on each frame.

use super::kernels::convolution::{Activation, CausalConvolution};
use super::kernels::packed_matrix::Precision;
use super::kernels::values;
use super::streaming::affine::PackedAffine;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor, bail};

/// y = x·W + b on the last axis. W is stored as (inputs, outputs): the order in which a product streams through it.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// Factor and offset of each feature.
pub type Affine = (Vec<f32>, Vec<f32>);

impl Linear {
    /// `gain`: 1, or √2 before a ReLU.
    pub fn new(mut weights: Weights<'_>, inputs: usize, outputs: usize, gain: f32) -> Result<Self> {
        Ok(Self {
            weight: weights.param(
                "weight",
                &[inputs, outputs],
                Init::KaimingUniform { fan_in: inputs, gain },
            )?,
            bias: weights.param("bias", &[outputs], Init::Constant(0.0))?,
        })
    }

    /// W (inputs, outputs), row-major, and b.
    pub fn values(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        Ok((values(&self.weight)?, values(&self.bias)?))
    }

    /// W (inputs, outputs) and b, with their gradients.
    pub(crate) fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }

    /// The form for streams.
    pub fn pack(&self, precision: Precision) -> Result<PackedAffine> {
        self.pack_fused(None, None, precision)
    }

    /// The form for streams of x ↦ after(this(before(x))), where both are a factor and an offset of each feature: what
    /// a normalisation is once its statistics are fixed.
    pub fn pack_fused(
        &self,
        before: Option<&Affine>,
        after: Option<&Affine>,
        precision: Precision,
    ) -> Result<PackedAffine> {
        let (mut weight, mut bias) = self.values()?;
        let outputs = bias.len();
        if let Some((factor, offset)) = before {
            for (row, (factor, offset)) in weight.chunks_exact_mut(outputs).zip(factor.iter().zip(offset)) {
                for (weight, bias) in row.iter_mut().zip(&mut bias) {
                    *bias += offset * *weight;
                    *weight *= factor;
                }
            }
        }
        if let Some(after) = after {
            apply_after(after, &mut weight, &mut bias);
        }
        Ok(PackedAffine::new(&weight, &bias, precision))
    }

    /// (…, inputs) → (…, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_activated(x, Activation::Identity)
    }

    /// φ(x·W + b), (…, inputs) → (…, outputs).
    pub fn forward_activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (inputs, outputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => bail!("linear: {:?} for {inputs} inputs", x.dims()),
        }
        let op = CausalConvolution {
            taps: 1,
            dilation: 1,
            activation,
        };
        let rows = x.contiguous()?.reshape((1, x.elem_count() / inputs, inputs))?;
        rows.apply_op3(&self.weight, &self.bias, op)?.reshape(shape)
    }
}

/// 1/(1 + e^−x) of every value, as ½·tanh(x/2) + ½: it cannot overflow, and has a gradient.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x * 0.5)?.tanh()? * 0.5)? + 0.5
}

/// Puts a factor and an offset of each output into a matrix (inputs, outputs) and its bias.
pub(super) fn apply_after((factor, offset): &Affine, weight: &mut [f32], bias: &mut [f32]) {
    for row in weight.chunks_exact_mut(bias.len()) {
        for (weight, factor) in row.iter_mut().zip(factor) {
            *weight *= factor;
        }
    }
    for (bias, (factor, offset)) in bias.iter_mut().zip(factor.iter().zip(offset)) {
        *bias = *bias * factor + offset;
    }
}
