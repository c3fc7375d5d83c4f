//! Frames and those at some distance from them times a matrix: what a causal convolution is, forward and backward.

use super::outer_sum::StridedRows;
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use std::ops::Range;

/// Frames at once where the product cannot be written in place.
const BLOCK: usize = 64;

/// Where the taps of a frame lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Before it: y(n) = Σ W_j · x(n − (taps − 1 − j)·dilation).
    Past,
    /// After it: y(n) = Σ W_j · x(n + (taps − 1 − j)·dilation).
    Future,
}

/// One convolution over the frames of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct TapProduct<'a> {
    /// (taps · width, outputs), the tap farthest from the frame first.
    pub(super) matrix: &'a PackedMatrix,
    /// Kernel length in frames.
    pub(super) taps: usize,
    /// Frames from tap to tap.
    pub(super) dilation: usize,
    /// Where the taps lie.
    pub(super) direction: Direction,
    /// What is done to the sums.
    pub(super) finish: Finish<'a>,
}

impl TapProduct<'_> {
    /// Of the frames `range` of the stream `x`, which has `frames` frames, to `out` (range, outputs). Frames beyond
    /// either end are zeros, and nothing is multiplied with them.
    pub(super) fn run(&self, x: StridedRows<'_>, frames: usize, range: Range<usize>, out: &mut [f32]) {
        let mut scratch = Vec::new();
        let mut done = 0;
        while done < range.len() {
            let first = range.start + done;
            let (inside, last) = self.inside(first, frames);
            let count = (last.min(range.end) - first).min(BLOCK);
            self.block(x, (first, count, inside), &mut scratch, out, done);
            done += count;
        }
    }

    /// Taps of the frame `n` that lie inside the stream, and the first frame after it that has another number of them.
    fn inside(&self, n: usize, frames: usize) -> (usize, usize) {
        let (reach, d) = ((self.taps - 1) * self.dilation, self.dilation);
        match self.direction {
            Direction::Past if n >= reach => (self.taps, frames),
            Direction::Past => (n / d + 1, (n / d + 1) * d),
            Direction::Future => {
                let after = frames - 1 - n;
                if after >= reach {
                    (self.taps, frames - reach)
                } else {
                    (after / d + 1, frames - after / d * d)
                }
            }
        }
    }

    fn block(
        &self,
        x: StridedRows<'_>,
        (first, count, inside): (usize, usize, usize),
        scratch: &mut Vec<f32>,
        out: &mut [f32],
        done: usize,
    ) {
        let skipped = self.taps - inside;
        let input = |frame: usize, segment: usize| {
            let away = (inside - 1 - segment) * self.dilation;
            let at = match self.direction {
                Direction::Past => first + frame - away,
                Direction::Future => first + frame + away,
            };
            &x.values[at * x.stride..][..x.width]
        };
        let (outputs, stride) = (self.matrix.outputs(), padded(self.matrix.outputs()));
        let out = &mut out[done * outputs..][..count * outputs];
        let ends = (Start::Bias, self.finish);
        if outputs == stride {
            self.matrix.multiply_from(skipped * x.width, inside, input, ends, out);
        } else {
            scratch.resize(count * stride, 0.0);
            self.matrix
                .multiply_from(skipped * x.width, inside, input, ends, scratch);
            for (out, row) in out.chunks_exact_mut(outputs).zip(scratch.chunks_exact(stride)) {
                out.copy_from_slice(&row[..outputs]);
            }
        }
    }
}
