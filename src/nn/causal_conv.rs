//! Causal dilated convolution over time (van den Oord et al. 2016; Bai, Kolter & Koltun 2018), weight-normalised
//! (Salimans & Kingma 2016).

use super::kernels::tap_patches::TapPatches;
use super::linear::matmul_rows;
use super::weights::{Init, Weights};
use candle_core::{Device, Result, Tensor};

/// (x ⊗_d f)(n) = Σ_i f(i) · x(n − d·i), with weights f = g · v/‖v‖ for each output.
///
/// The kernel is stored as (taps · inputs, outputs), the tap furthest in the past first, so that one step is one
/// product of a row of `taps · inputs` values with it.
#[derive(Debug, Clone)]
pub struct CausalConv {
    direction: Tensor,
    gain: Tensor,
    bias: Tensor,
    /// g · v/‖v‖ worked out once, where the weights are fixed.
    fixed: Option<Tensor>,
    taps: usize,
    dilation: usize,
    inputs: usize,
}

/// The last `(taps − 1) · dilation` input frames of each stream: (b, context, inputs).
#[derive(Debug, Clone)]
pub struct ConvContext(Tensor);

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
        let direction = weights.learnt("direction", &[fan_in, shape.outputs], Init::Scaled { fan_in, gain })?;
        // ‖v‖ of a fresh kernel is `gain` on average (fan_in values of variance gain²/fan_in).
        let gain = weights.learnt("gain", &[shape.outputs], Init::Constant(gain))?;
        let bias = weights.learnt("bias", &[shape.outputs], Init::Constant(0.0))?;
        let mut conv = Self {
            direction,
            gain,
            bias,
            fixed: None,
            taps: shape.taps,
            dilation: shape.dilation,
            inputs: shape.inputs,
        };
        if weights.are_fixed() {
            conv.fixed = Some(conv.kernel()?);
        }
        Ok(conv)
    }

    /// (taps · inputs, outputs).
    fn kernel(&self) -> Result<Tensor> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let norm = self.direction.sqr()?.sum_keepdim(0)?.sqrt()?;
        self.direction.broadcast_mul(&(self.gain.unsqueeze(0)? / norm)?)
    }

    /// Frames of context that a stream remembers.
    pub fn context_frames(&self) -> usize {
        (self.taps - 1) * self.dilation
    }

    /// What a stream knows before its first frame: zeros.
    pub fn initial_context(&self, streams: usize) -> Result<ConvContext> {
        let shape = (streams, self.context_frames(), self.inputs);
        Ok(ConvContext(Tensor::zeros(
            shape,
            candle_core::DType::F32,
            &Device::Cpu,
        )?))
    }

    /// (b, t, inputs) → (b, t, outputs).
    pub fn forward(&self, x: &Tensor, context: &mut ConvContext) -> Result<Tensor> {
        let patches = context.extend(x, self.taps, self.dilation)?;
        matmul_rows(&patches, &self.kernel()?)?.broadcast_add(&self.bias)
    }
}

impl ConvContext {
    /// The context of `frames` zero frames of `inputs` values.
    pub fn zeros(streams: usize, frames: usize, inputs: usize) -> Result<Self> {
        Ok(Self(Tensor::zeros(
            (streams, frames, inputs),
            candle_core::DType::F32,
            &Device::Cpu,
        )?))
    }

    /// Takes the block `x` (b, t, c) and returns the taps of each of its frames side by side, oldest first:
    /// (b, t, taps · c). Keeps the last `(taps − 1) · dilation` frames.
    pub fn extend(&mut self, x: &Tensor, taps: usize, dilation: usize) -> Result<Tensor> {
        let past = self.0.dim(1)?;
        let patches = x.contiguous()?.apply_op2(&self.0, TapPatches { taps, dilation })?;
        let padded = Tensor::cat(&[&self.0, &x.detach()], 1)?;
        self.0 = padded.narrow(1, padded.dim(1)? - past, past)?.contiguous()?;
        Ok(patches)
    }
}
