//! The convolutional front that every network begins with: local patterns in time and frequency, causal.

use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};
use attune_nn::kernels::simd::{dispatch_loop, simd_loop};
use attune_nn::kernels::strided_convolution::StridedConvolution;
use attune_nn::kernels::values;
use attune_nn::linear::{Affine, Linear};
use attune_nn::norm::BatchNorm;
use attune_nn::streaming::affine::PackedAffine;
use attune_nn::streaming::frame_buf::{FrameBuf, History};
use attune_nn::weights::{Init, Weights};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::slice::from_ref;

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
    /// Frames that levels are averaged over first, the newest last; 1 leaves them as they are.
    #[serde(default = "one_frame", skip_serializing_if = "is_one_frame")]
    pub smoothing_frames: usize,
}

fn one_frame() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one_frame(frames: &usize) -> bool {
    *frames == 1
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
    norm_maps: BatchNorm,
    narrow: Linear,
    norm_out: BatchNorm,
}

impl Front {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: FrontShape) -> Result<Self> {
        let patch = shape.kernel_frames * shape.kernel_bands;
        let places = shape.places();
        let gain = std::f32::consts::SQRT_2;
        Ok(Self {
            shape,
            kernel: weights.param(
                "kernel",
                &[patch, shape.maps],
                Init::KaimingUniform { fan_in: patch, gain },
            )?,
            norm_maps: BatchNorm::new(weights.pp("norm_maps"), places * shape.maps)?,
            narrow: Linear::new(weights.pp("narrow"), places * shape.maps, shape.width, gain)?,
            norm_out: BatchNorm::new(weights.pp("norm_out"), shape.width)?,
        })
    }

    /// Features out.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// The form for streams.
    pub fn pack(&self, precision: Precision) -> Result<PackedFront> {
        Ok(PackedFront {
            shape: self.shape,
            kernel: PackedMatrix::new(&values(&self.kernel)?, &vec![0.0; self.shape.maps]),
            norm: self.norm_maps.pack()?,
            narrow: self.narrow.pack_fused(None, Some(&self.norm_out.pack()?), precision)?,
        })
    }

    /// (b, t, bands) → (b, t, width). Before the first frame, frames at the running mean: zeros, once loudness is
    /// normalised.
    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        let op = StridedConvolution {
            kernel_frames: self.shape.kernel_frames,
            frames_ahead: 0,
            stride_frames: 1,
            kernel_bands: self.shape.kernel_bands,
            stride_bands: self.shape.stride_bands,
        };
        let features = x.contiguous()?.apply_op2(&self.kernel, op)?; // (b, t, places · maps)
        let features = self.norm_maps.forward_relu(&features, pass)?;
        self.norm_out.forward_relu(&self.narrow.forward(&features)?, pass)
    }
}

/// A [`Front`] for streams, its last normalisation inside the weights.
#[derive(Debug)]
pub struct PackedFront {
    shape: FrontShape,
    kernel: PackedMatrix,
    norm: Affine,
    narrow: PackedAffine,
}

/// The last frames, and room for a block.
#[derive(Debug, Clone)]
pub struct FrontState {
    frames: History,
    /// Maps at every place of the kernel, of one frame: (places, padded maps).
    maps: Vec<f32>,
    features: FrameBuf,
}

impl PackedFront {
    /// Frames of zeros.
    pub fn initial_state(&self) -> FrontState {
        let places = self.shape.places();
        FrontState {
            frames: History::new(self.shape.kernel_frames - 1, self.shape.bands),
            maps: vec![0.0; places * padded(self.shape.maps)],
            features: FrameBuf::new(places * self.shape.maps),
        }
    }

    /// The block `x` of mel frames to features.
    pub fn step(&self, x: &FrameBuf, state: &mut FrontState, out: &mut FrameBuf) {
        let FrontState { frames, maps, features } = state;
        let FrontShape {
            kernel_bands,
            kernel_frames,
            stride_bands,
            ..
        } = self.shape;
        features.reset(x.frames());
        for frame in 0..x.frames() {
            frames.push(x.row(frame));
            let past = &*frames;
            self.kernel.multiply(
                kernel_frames,
                |place, tap| &past.row(kernel_frames - 1 - tap)[place * stride_bands..][..kernel_bands],
                (Start::Bias, Finish::Plain),
                maps,
            );
            dispatch_loop(NormAndCut, (self.shape.maps, maps, &self.norm, features.row_mut(frame)));
        }
        self.narrow.step(from_ref(features), Finish::Relu, out);
    }
}

/// Maps (places, padded) to features (places · maps): normalised, ReLU.
#[inline(always)]
fn norm_and_cut((count, maps, norm, features): (usize, &[f32], &Affine, &mut [f32])) {
    let norm = norm.0.chunks_exact(count).zip(norm.1.chunks_exact(count));
    let places = features.chunks_exact_mut(count).zip(maps.chunks_exact(padded(count)));
    for ((features, maps), (factors, offsets)) in places.zip(norm) {
        let norm = factors.iter().zip(offsets);
        for ((feature, map), (factor, offset)) in features.iter_mut().zip(maps).zip(norm) {
            let normed = map * factor + offset;
            // As ReLU, but NaN stays NaN.
            *feature = if normed < 0.0 { 0.0 } else { normed };
        }
    }
}
simd_loop!(NormAndCut, norm_and_cut((usize, &[f32], &Affine, &mut [f32])));
