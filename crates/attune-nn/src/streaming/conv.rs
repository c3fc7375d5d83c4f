//! Causal dilated convolution of a stream; its state is the past that the taps reach.

use super::frame_buf::{FrameBuf, History};
use crate::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start};

/// A causal convolution with packed weights: (taps · inputs, outputs), the tap furthest in the past first.
#[derive(Debug, Clone)]
pub struct PackedConv {
    matrix: PackedMatrix,
    taps: usize,
    dilation: usize,
}

impl PackedConv {
    /// From the kernel (taps · inputs, outputs), row-major, and the bias.
    pub fn new((kernel, bias): (&[f32], &[f32]), taps: usize, dilation: usize, precision: Precision) -> Self {
        Self {
            matrix: PackedMatrix::with_precision(kernel, bias, precision),
            taps,
            dilation,
        }
    }

    /// The state before the first frame: zeros.
    pub fn initial_state(&self) -> History {
        History::new((self.taps - 1) * self.dilation, self.matrix.inputs() / self.taps)
    }

    /// The block `x` to `out`.
    pub fn step(&self, x: &FrameBuf, state: &mut History, finish: Finish<'_>, out: &mut FrameBuf) {
        let frames = x.frames();
        for frame in 0..frames {
            state.push(x.row(frame));
        }
        out.reset(frames);
        let state = &*state;
        self.matrix.multiply(
            self.taps,
            |frame, tap| state.row(frames - 1 - frame + (self.taps - 1 - tap) * self.dilation),
            (Start::Bias, finish),
            out.values_mut(),
        );
    }
}
