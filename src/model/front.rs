//! The convolutional front that every network begins with: local patterns in time and frequency, causal.

use crate::nn::Pass;
use crate::nn::causal_conv::ConvContext;
use crate::nn::linear::{Linear, matmul_rows};
use crate::nn::norm::BatchNorm;
use crate::nn::weights::{Init, Weights};
use candle_core::{Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of the [`Front`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontShape {
    /// Mel bands of a frame.
    pub bands: usize,
    /// Feature maps of the convolution.
    pub maps: usize,
    /// Height of a kernel, in bands.
    pub kernel_bands: usize,
    /// Length of a kernel, in frames.
    pub kernel_frames: usize,
    /// Bands from one place of the kernel to the next.
    pub stride_bands: usize,
    /// Features out.
    pub width: usize,
}

impl FrontShape {
    /// Places of the kernel along frequency.
    fn places(&self) -> usize {
        (self.bands - self.kernel_bands) / self.stride_bands + 1
    }
}

/// 2-D convolution (strided in frequency, causal in time), batch norm, ReLU, then a dense layer on each frame.
#[derive(Debug)]
pub struct Front {
    shape: FrontShape,
    kernel: Tensor,
    /// Where in (frames · bands) each value of each place lies.
    gather: Tensor,
    norm_maps: BatchNorm,
    narrow: Linear,
    norm_out: BatchNorm,
}

impl Front {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: FrontShape) -> Result<Self> {
        let patch = shape.kernel_frames * shape.kernel_bands;
        let places = shape.places();
        let gather: Vec<u32> = (0..places)
            .flat_map(|place| {
                (0..shape.kernel_frames).flat_map(move |frame| {
                    (0..shape.kernel_bands)
                        .map(move |band| (frame * shape.bands + place * shape.stride_bands + band) as u32)
                })
            })
            .collect();
        let gain = std::f32::consts::SQRT_2;
        Ok(Self {
            shape,
            kernel: weights.learnt("kernel", &[patch, shape.maps], Init::Scaled { fan_in: patch, gain })?,
            gather: Tensor::from_vec(gather, places * patch, &Device::Cpu)?,
            norm_maps: BatchNorm::new(weights.at("norm_maps"), places * shape.maps)?,
            narrow: Linear::new(weights.at("narrow"), places * shape.maps, shape.width, gain)?,
            norm_out: BatchNorm::new(weights.at("norm_out"), shape.width)?,
        })
    }

    /// What a stream knows before its first frame: frames at the running mean (zero, once loudness is normalised).
    pub fn initial_context(&self, streams: usize) -> Result<ConvContext> {
        ConvContext::zeros(streams, self.shape.kernel_frames - 1, self.shape.bands)
    }

    /// (b, t, bands) → (b, t, width).
    pub fn forward(&self, x: &Tensor, context: &mut ConvContext, pass: &Pass<'_>) -> Result<Tensor> {
        let (b, t, _) = x.dims3()?;
        let patches = context
            .extend(x, self.shape.kernel_frames, 1)?
            .index_select(&self.gather, 2)?;
        let (patch, maps) = self.kernel.dims2()?;
        let features = matmul_rows(&patches.reshape((b * t * self.shape.places(), patch))?, &self.kernel)?;
        let features = features.reshape((b, t, self.shape.places() * maps))?;
        let features = self.norm_maps.forward(&features, pass)?.relu()?;
        self.norm_out.forward(&self.narrow.forward(&features)?, pass)?.relu()
    }
}
