//! Layer normalisation of each frame over its features (Ba, Kiros & Hinton 2016).

use super::frame_buf::FrameBuf;
use crate::kernels::reduce::sum;
use crate::kernels::simd::{dispatch_loop, simd_loop};
use crate::norm::EPSILON;

/// Scale and shift of every feature.
#[derive(Debug, Clone)]
pub struct PackedLayerNorm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl PackedLayerNorm {
    /// Over as many features as there are scales.
    pub fn new(scale: Vec<f32>, shift: Vec<f32>) -> Self {
        Self { scale, shift }
    }

    /// Each frame of `x` on its own.
    pub fn step(&self, x: &FrameBuf, out: &mut FrameBuf) {
        out.reset(x.frames());
        dispatch_loop(Norm, (self, x, out));
    }
}

#[inline(always)]
fn norm((layer, x, out): (&PackedLayerNorm, &FrameBuf, &mut FrameBuf)) {
    let count = layer.scale.len() as f32;
    for frame in 0..x.frames() {
        let (x, out) = (x.row(frame), out.row_mut(frame));
        let mean = sum(x, |x| x) / count;
        let variance = sum(x, |x| (x - mean) * (x - mean)) / count;
        let factor = 1.0 / (variance + EPSILON as f32).sqrt();
        for ((out, x), (scale, shift)) in out.iter_mut().zip(x).zip(layer.scale.iter().zip(&layer.shift)) {
            *out = (x - mean) * factor * scale + shift;
        }
    }
}
simd_loop!(Norm, norm((&PackedLayerNorm, &FrameBuf, &mut FrameBuf)));
