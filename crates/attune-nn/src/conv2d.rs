//! A 2-D convolution over time and frequency that sees past and future alike, for networks that read whole excerpts.
//!
//! In: features (b, t, f, c). Out: fewer, wider features of the same kind. Thread: any.

use super::kernels::strided_convolution::StridedConvolution;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor, bail};
use serde::{Deserialize, Serialize};

/// Shape of a [`Conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dShape {
    /// Features in, at each frame and band.
    pub inputs: usize,
    /// Features out.
    pub outputs: usize,
    /// Frames and bands of the kernel.
    pub kernel: [usize; 2],
    /// Frames and bands from one output to the next.
    pub stride: [usize; 2],
}

/// PyTorch's `Conv2d` without a bias and with a padding of (kernel − stride)/2 zeros on every side, so that each output
/// lies in the middle of the stride · stride inputs that it stands for. A last frame that is alone has an output too.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// (frames · bands · inputs, outputs).
    kernel: Tensor,
    shape: Conv2dShape,
}

impl Conv2d {
    /// For a ReLU after it, with or without a normalisation between.
    ///
    /// # Errors
    /// If kernel and stride differ by an odd number, or the stride is the longer.
    pub fn new(mut weights: Weights<'_>, shape: Conv2dShape) -> Result<Self> {
        let fits = |(kernel, stride): (usize, usize)| stride > 0 && kernel >= stride && (kernel - stride) % 2 == 0;
        if !shape.kernel.into_iter().zip(shape.stride).all(fits) {
            bail!("conv2d: {shape:?} cannot be padded evenly");
        }
        let fan_in = shape.kernel[0] * shape.kernel[1] * shape.inputs;
        let init = Init::KaimingUniform {
            fan_in,
            gain: std::f32::consts::SQRT_2,
        };
        Ok(Self {
            kernel: weights.param("kernel", &[fan_in, shape.outputs], init)?,
            shape,
        })
    }

    /// (b, t, f, inputs) → (b, ⌈t/stride⌉, f/stride rounded down, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (b, t, f, inputs) = x.dims4()?;
        let Conv2dShape {
            outputs,
            kernel: [frames, bands],
            stride: [frame_stride, band_stride],
            ..
        } = self.shape;
        let margin = (bands - band_stride) / 2;
        let x = if margin > 0 {
            x.pad_with_zeros(2, margin, margin)?
        } else {
            x.clone()
        };
        let op = StridedConvolution {
            kernel_frames: frames,
            frames_ahead: (frames - frame_stride) / 2 + frame_stride - 1,
            stride_frames: frame_stride,
            kernel_bands: bands * inputs,
            stride_bands: band_stride * inputs,
        };
        let x = x.contiguous()?.reshape((b, t, (f + 2 * margin) * inputs))?;
        let y = x.apply_op2(&self.kernel, op)?;
        let (b, answers, values) = y.dims3()?;
        y.reshape((b, answers, values / outputs, outputs))
    }
}
