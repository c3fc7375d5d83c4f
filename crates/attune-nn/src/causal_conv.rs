//! Causal dilated convolution over time (van den Oord et al. 2016; Bai, Kolter & Koltun 2018), weight-normalised
//! (Salimans & Kingma 2016).

use super::kernels::convolution::{Activation, CausalConvolution};
use super::kernels::packed_matrix::Precision;
use super::kernels::values;
use super::linear::{Affine, apply_after};
use super::streaming::conv::PackedConv;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// (x ⊗_d f)(n) = Σ_i f(i) · x(n − d·i), with weights f = g · v/‖v‖ for each output.
///
/// The kernel is stored as (taps · inputs, outputs), the tap furthest in the past first, so that one step is one
/// product of a row of `taps · inputs` values with it.
#[derive(Debug, Clone)]
pub struct CausalConv {
    direction: Tensor,
    gain: Tensor,
    bias: Tensor,
    taps: usize,
    dilation: usize,
}

/// The shape of a [`CausalConv`].
#[derive(Debug, Clone, Copy)]
pub struct ConvShape {
    /// Features in.
    pub inputs: usize,
    /// Features out.
    pub outputs: usize,
    /// Kernel length in frames.
    pub taps: usize,
    /// Frames from tap to tap.
    pub dilation: usize,
}

impl CausalConv {
    /// `gain`: 1, or √2 before a ReLU.
    pub fn new(mut weights: Weights<'_>, shape: ConvShape, gain: f32) -> Result<Self> {
        let fan_in = shape.taps * shape.inputs;
        let direction = weights.param(
            "direction",
            &[fan_in, shape.outputs],
            Init::KaimingUniform { fan_in, gain },
        )?;
        // ‖v‖ of a fresh kernel is `gain` on average (fan_in values of variance gain²/fan_in).
        let gain = weights.param("gain", &[shape.outputs], Init::Constant(gain))?;
        let bias = weights.param("bias", &[shape.outputs], Init::Constant(0.0))?;
        Ok(Self {
            direction,
            gain,
            bias,
            taps: shape.taps,
            dilation: shape.dilation,
        })
    }

    /// (taps · inputs, outputs).
    fn kernel(&self) -> Result<Tensor> {
        let norm = self.direction.sqr()?.sum_keepdim(0)?.sqrt()?;
        self.direction.broadcast_mul(&(self.gain.unsqueeze(0)? / norm)?)
    }

    /// The form for streams.
    pub fn pack(&self, precision: Precision) -> Result<PackedConv> {
        self.pack_fused(None, precision)
    }

    /// The form for streams of x ↦ after(this(x)), where `after` is a factor and an offset of each output: what a
    /// normalisation is once its statistics are fixed.
    pub fn pack_fused(&self, after: Option<&Affine>, precision: Precision) -> Result<PackedConv> {
        let (mut kernel, mut bias) = (values(&self.kernel()?)?, values(&self.bias)?);
        if let Some(after) = after {
            apply_after(after, &mut kernel, &mut bias);
        }
        Ok(PackedConv::new((&kernel, &bias), self.taps, self.dilation, precision))
    }

    /// φ(x ⊗_d f + b), (b, t, inputs) → (b, t, outputs); before the first frame there are zeros.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let op = CausalConvolution {
            taps: self.taps,
            dilation: self.dilation,
            activation,
        };
        x.contiguous()?.apply_op3(&self.kernel()?, &self.bias, op)
    }
}
