//! A gated causal convolution of several streams side by side; its state is the queue of past frames that the taps
//! reach (Paine et al. 2016).

use super::frame_buf::{History, MAX_BLOCK};
use crate::kernels::aligned::Aligned;
use crate::kernels::gated_convolution::{GatedConvolution, gate_rows};
use crate::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};

/// Rows of values: the frames of a block of one stream, then those of the next one.
#[derive(Debug, Clone)]
pub struct Rows {
    values: Aligned,
    stride: usize,
    count: usize,
}

impl Rows {
    /// Room for [`MAX_BLOCK`] frames of each of `streams` streams; zeros, and none of them in use.
    pub fn new(streams: usize, width: usize) -> Self {
        let stride = padded(width);
        Self {
            values: Aligned::zeros(streams * MAX_BLOCK * stride),
            stride,
            count: 0,
        }
    }

    /// Sets how many rows are in use; their values are what they were.
    ///
    /// # Panics
    /// If there is no room for them: a bug of the caller.
    pub fn reset(&mut self, count: usize) {
        assert!(
            count * self.stride <= self.values.as_slice().len(),
            "no room for {count} rows"
        );
        self.count = count;
    }

    /// Rows in use.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows that there is room for.
    pub fn room(&self) -> usize {
        self.values.as_slice().len() / self.stride
    }

    /// One row, with its padding.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values()[row * self.stride..][..self.stride]
    }

    /// One row, with its padding, to be written.
    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let stride = self.stride;
        &mut self.values_mut()[row * stride..][..stride]
    }

    /// All rows in use, with their padding.
    #[inline(always)]
    pub fn values(&self) -> &[f32] {
        &self.values.as_slice()[..self.count * self.stride]
    }

    /// All rows in use, with their padding, to be written.
    #[inline(always)]
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values.as_mut_slice()[..self.count * self.stride]
    }
}

/// A gated convolution with packed weights.
#[derive(Debug, Clone)]
pub struct PackedGatedConv {
    op: GatedConvolution,
    filter_gate: PackedMatrix,
    out: PackedMatrix,
}

/// Room for what layers of one shape compute on the way, one after the other.
#[derive(Debug, Clone)]
pub struct GatedScratch {
    sums: Rows,
    gated: Rows,
    next: Rows,
}

impl GatedScratch {
    /// For blocks of `streams` streams through layers of the widths of `op`.
    pub fn new(streams: usize, op: GatedConvolution) -> Self {
        Self {
            sums: Rows::new(streams, 2 * op.residual),
            gated: Rows::new(streams, op.residual),
            next: Rows::new(streams, op.residual + op.skip),
        }
    }
}

impl PackedGatedConv {
    /// From W and V with their biases, row-major.
    pub(crate) fn new(
        op: GatedConvolution,
        (kernel, bias): (&[f32], &[f32]),
        (out, out_bias): (&[f32], &[f32]),
        precision: Precision,
    ) -> Self {
        Self {
            op,
            filter_gate: PackedMatrix::with_precision(kernel, bias, precision),
            out: PackedMatrix::with_precision(out, out_bias, precision),
        }
    }

    /// Its shape.
    pub fn op(&self) -> GatedConvolution {
        self.op
    }

    /// The state of `streams` streams before the first frame: zeros.
    pub fn initial_state(&self, streams: usize) -> Vec<History> {
        vec![History::new((self.op.taps - 1) * self.op.dilation, self.op.residual); streams]
    }

    /// The next block of each stream, \[x; s\] in `rows`, to the next \[x; s\] in its place. `conditions` holds h of
    /// each stream. Every stream has a block of the same length; how streams are cut into blocks changes no bit.
    ///
    /// # Panics
    /// If rows or conditions do not divide among the streams: a bug of the caller.
    pub fn step(&self, rows: &mut Rows, conditions: &[f32], state: &mut [History], scratch: &mut GatedScratch) {
        let (r, streams, count) = (self.op.residual, state.len(), rows.count());
        assert!(
            count.is_multiple_of(streams) && conditions.len() == streams * 2 * r,
            "rows or conditions of another number of streams"
        );
        let frames = count / streams;
        for (stream, past) in state.iter_mut().enumerate() {
            for frame in 0..frames {
                past.push(&rows.row(stream * frames + frame)[..r]);
            }
        }
        let GatedScratch { sums, gated, next } = scratch;
        for buffer in [&mut *sums, &mut *gated, &mut *next] {
            buffer.reset(count);
        }
        let (taps, dilation, state) = (self.op.taps, self.op.dilation, &*state);
        for (stream, sums) in sums.values_mut().chunks_exact_mut(frames * 2 * r).enumerate() {
            self.filter_gate.multiply(
                taps,
                |frame, tap| state[stream].row(frames - 1 - frame + (taps - 1 - tap) * dilation),
                (Start::Bias, Finish::Plain),
                sums,
            );
        }
        let blocks = sums
            .values()
            .chunks_exact(frames * 2 * r)
            .zip(conditions.chunks_exact(2 * r));
        for (gated, (sums, condition)) in gated.values_mut().chunks_exact_mut(frames * r).zip(blocks) {
            gate_rows(sums, condition, gated);
        }
        self.out.multiply(
            1,
            |row, _| gated.row(row),
            (Start::Bias, Finish::Add(rows.values())),
            next.values_mut(),
        );
        std::mem::swap(rows, next);
    }
}
