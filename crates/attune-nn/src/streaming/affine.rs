//! A dense layer applied to each frame of a stream.

use super::frame_buf::FrameBuf;
use crate::kernels::exponential::{gelu, tanh};
use crate::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start};
use crate::kernels::simd::{dispatch_loop, simd_loop};

/// y = x·W + b with packed weights.
#[derive(Debug, Clone)]
pub struct PackedAffine {
    matrix: PackedMatrix,
}

impl PackedAffine {
    /// From W (inputs, outputs), row-major, stored in `precision`, and b.
    pub fn new(weights: &[f32], bias: &[f32], precision: Precision) -> Self {
        Self {
            matrix: PackedMatrix::with_precision(weights, bias, precision),
        }
    }

    /// Features out.
    pub fn outputs(&self) -> usize {
        self.matrix.outputs()
    }

    /// The features of all `parts`, concatenated, to `out`.
    pub fn step(&self, parts: &[FrameBuf], finish: Finish<'_>, out: &mut FrameBuf) {
        out.reset(parts[0].frames());
        self.matrix.multiply(
            parts.len(),
            |frame, part| parts[part].row(frame),
            (Start::Bias, finish),
            out.values_mut(),
        );
    }
}

/// GELU of every value.
pub(super) fn gelu_in_place(rows: &mut FrameBuf) {
    dispatch_loop(EachGelu, rows.values_mut());
}

#[inline(always)]
fn each_gelu(values: &mut [f32]) {
    for value in values {
        *value = gelu(*value);
    }
}
simd_loop!(EachGelu, each_gelu(&mut [f32]));

/// tanh of every value.
pub(super) fn tanh_in_place(rows: &mut FrameBuf) {
    dispatch_loop(EachTanh, rows.values_mut());
}

#[inline(always)]
fn each_tanh(values: &mut [f32]) {
    for value in values {
        *value = tanh(*value);
    }
}
simd_loop!(EachTanh, each_tanh(&mut [f32]));
