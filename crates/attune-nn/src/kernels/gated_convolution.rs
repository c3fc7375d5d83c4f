//! One layer of WaveNet in one op: gated causal convolution, the way around it, and the sum of the skips.
//!
//! Rows are taken in blocks whose every intermediate stays in the cache; backward computes the gates once more instead
//! of reading them back from memory.

use super::exponential::{exp, sigmoid, tanh};
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::tap_product::{Direction, TapProduct};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Rows of a block.
const BLOCK: usize = 64;

/// z = tanh(W_f ∗ x + h_f) ⊙ σ(W_g ∗ x + h_g), x ← x + V_x·z, s ← s + V_s·z (van den Oord et al. 2016, eqs 2 and 3,
/// and figure 4): x is what the next layer reads, s the sum of all layers' skips.
///
/// Arguments: u = \[x; s\] (b, t, residual + skip); all weights in one row: W (taps · residual, 2 · residual), the tap
/// farthest in the past first, filter before gate, its bias, V (residual, residual + skip), its bias; and h (b, 2 ·
/// residual), what a condition adds to filter and gate of every frame. Before the first frame there are zeros. Result
/// as u. Both widths are multiples of 16, the lanes of the widest register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatedConvolution {
    /// Features of x.
    pub residual: usize,
    /// Features of s.
    pub skip: usize,
    /// Kernel length in frames.
    pub taps: usize,
    /// Frames from tap to tap.
    pub dilation: usize,
}

/// The weights where they lie.
struct Parts<'a> {
    filter_gate: (&'a [f32], &'a [f32]),
    out: (&'a [f32], &'a [f32]),
}

/// tanh(f) · σ(g), with one division.
#[inline(always)]
fn gate(f: f32, g: f32) -> f32 {
    // Beyond ±9 tanh is ±1 in f32; where the divisor is infinite, σ is 0.
    let (e, g) = (exp(2.0 * f.clamp(-9.0, 9.0)), exp(-g));
    (e - 1.0) / ((e + 1.0) * (1.0 + g))
}

/// Sums of filter and gate, what the condition adds to them, and z.
type GateArgs<'a> = (&'a [f32], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn gate_each((sums, condition, gated): GateArgs<'_>) {
    let width = condition.len() / 2;
    let (of_filter, of_gate) = condition.split_at(width);
    for (z, sums) in gated.chunks_exact_mut(width).zip(sums.chunks_exact(2 * width)) {
        let (f, g) = sums.split_at(width);
        let conditions = of_filter.iter().zip(of_gate);
        for ((z, (f, g)), (of_filter, of_gate)) in z.iter_mut().zip(f.iter().zip(g)).zip(conditions) {
            *z = gate(f + of_filter, g + of_gate);
        }
    }
}
simd_loop!(GateEach, gate_each(GateArgs<'_>));

/// z of rows of sums (…, 2 · width), to (…, width); the condition (2 · width) is the same for all.
pub(crate) fn gate_rows(sums: &[f32], condition: &[f32], gated: &mut [f32]) {
    dispatch_loop(GateEach, (sums, condition, gated));
}

/// Sums, then in their place the gradient by them; the condition; the gradient by z.
type GateBackArgs<'a> = (&'a mut [f32], &'a [f32], &'a [f32]);

#[inline(always)]
fn gate_back_each((sums, condition, grads): GateBackArgs<'_>) {
    let width = condition.len() / 2;
    let (of_filter, of_gate) = condition.split_at(width);
    for (sums, grads) in sums.chunks_exact_mut(2 * width).zip(grads.chunks_exact(width)) {
        let (f, g) = sums.split_at_mut(width);
        let conditions = of_filter.iter().zip(of_gate);
        for (((f, g), grad), (of_filter, of_gate)) in f.iter_mut().zip(g).zip(grads).zip(conditions) {
            let (t, s) = (tanh(*f + of_filter), sigmoid(*g + of_gate));
            *f = grad * s * (1.0 - t * t);
            *g = grad * t * s * (1.0 - s);
        }
    }
}
simd_loop!(GateBackEach, gate_back_each(GateBackArgs<'_>));

/// Rows, and their sum.
#[inline(always)]
fn add_each((rows, sums): (&[f32], &mut [f32])) {
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
simd_loop!(AddEach, add_each((&[f32], &mut [f32])));

/// What one thread sums over its frames.
struct Sums {
    /// V, then its bias.
    out: Vec<f32>,
    /// h, of each stream.
    condition: Vec<f32>,
}

impl GatedConvolution {
    /// How many weights it takes.
    pub fn weight_count(&self) -> usize {
        let (r, both) = (self.residual, self.residual + self.skip);
        (self.taps * r + 1) * 2 * r + (r + 1) * both
    }

    fn check(&self, u: &[usize], weights: &[usize], condition: &[usize]) -> Result<(usize, usize)> {
        let is_whole = |width: usize| width > 0 && width == padded(width);
        match (u, weights, condition) {
            (&[streams, frames, both], &[count], &[also_streams, sums])
                if both == self.residual + self.skip
                    && count == self.weight_count()
                    && streams == also_streams
                    && sums == 2 * self.residual
                    && frames > 0
                    && is_whole(self.residual)
                    && is_whole(self.skip) =>
            {
                Ok((streams, frames))
            }
            _ => bail!("gated_convolution: {u:?}, {weights:?} and {condition:?} do not match for {self:?}"),
        }
    }

    fn parts<'a>(&self, weights: &'a [f32]) -> Parts<'a> {
        let (r, both) = (self.residual, self.residual + self.skip);
        let (kernel, rest) = weights.split_at(self.taps * r * 2 * r);
        let (bias, rest) = rest.split_at(2 * r);
        let (out, out_bias) = rest.split_at(r * both);
        Parts {
            filter_gate: (kernel, bias),
            out: (out, out_bias),
        }
    }

    fn convolution<'a>(&self, matrix: &'a PackedMatrix, direction: Direction) -> TapProduct<'a> {
        TapProduct {
            matrix,
            taps: self.taps,
            dilation: self.dilation,
            direction,
            finish: Finish::Plain,
        }
    }

    /// x of one stream.
    fn x<'a>(&self, u: &'a [f32], stream: usize, frames: usize) -> StridedRows<'a> {
        let both = self.residual + self.skip;
        StridedRows {
            values: &u[stream * frames * both..][..frames * both],
            stride: both,
            width: self.residual,
        }
    }

    /// Blocks of the frames `range` of all streams side by side: stream, frames of it.
    fn blocks(range: Range<usize>, frames: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let (stream, first) = (at / frames, at % frames);
            let last = (first + BLOCK).min(frames).min(first + range.end - at);
            at += last - first;
            Some((stream, first..last))
        })
    }

    /// Gradients by V and h of the frames `range`, and by the sums of filter and gate in their place.
    fn gate_gradients(
        &self,
        (u, grads, condition, frames): (&[f32], &[f32], &[f32], usize),
        (filter_gate, out_transposed): (&PackedMatrix, &PackedMatrix),
        range: Range<usize>,
        into: &mut [f32],
    ) -> Sums {
        let (r, both) = (self.residual, self.residual + self.skip);
        let mut sums = Sums {
            out: vec![0.0; (r + 1) * both],
            condition: vec![0.0; condition.len()],
        };
        let (mut gated, mut d_gated) = (vec![0.0; BLOCK * r], vec![0.0; BLOCK * r]);
        let mut done = 0;
        for (stream, part) in Self::blocks(range, frames) {
            let rows = part.len();
            let pre = &mut into[done * 2 * r..][..rows * 2 * r];
            let condition = &condition[stream * 2 * r..][..2 * r];
            let grads = &grads[(stream * frames + part.start) * both..][..rows * both];
            let (gated, d_gated) = (&mut gated[..rows * r], &mut d_gated[..rows * r]);
            // Once more what forward had.
            self.convolution(filter_gate, Direction::Past)
                .run(self.x(u, stream, frames), frames, part, pre);
            gate_rows(pre, condition, gated);
            let (weights, bias) = sums.out.split_at_mut(r * both);
            let of = |values, width| StridedRows {
                values,
                stride: width,
                width,
            };
            add_outer(of(gated, r), of(grads, both), rows, weights);
            dispatch_loop(AddEach, (grads, bias));
            let ends = (Start::Bias, Finish::Plain);
            out_transposed.multiply(1, |row, _| &grads[row * both..][..both], ends, d_gated);
            dispatch_loop(GateBackEach, (&mut *pre, condition, &*d_gated));
            dispatch_loop(AddEach, (&*pre, &mut sums.condition[stream * 2 * r..][..2 * r]));
            done += rows;
        }
        sums
    }

    /// The gradient by u, from that by the sums of filter and gate and what goes around.
    fn input_gradient(
        &self,
        kernel: &[f32],
        d_sums: &[f32],
        grads: &[f32],
        (streams, frames): (usize, usize),
    ) -> Vec<f32> {
        let (r, both) = (self.residual, self.residual + self.skip);
        let mut turned = vec![0.0; kernel.len()]; // (taps · 2r, r)
        for (turned, kernel) in turned.chunks_exact_mut(2 * r * r).zip(kernel.chunks_exact(2 * r * r)) {
            for (place, value) in turned.iter_mut().enumerate() {
                *value = kernel[place % r * 2 * r + place / r];
            }
        }
        let matrix = PackedMatrix::new(&turned, &vec![0.0; r]);
        let mut du = grads.to_vec();
        let parts = thread_ranges(streams * frames);
        let tasks = parts.iter().cloned().zip(split_rows(&mut du, &parts, both)).collect();
        parallel_map(tasks, |(range, du): (Range<usize>, &mut [f32])| {
            let (mut dx, mut done) = (vec![0.0; BLOCK * r], 0);
            for (stream, part) in Self::blocks(range, frames) {
                let rows = part.len();
                let d_sums = StridedRows {
                    values: &d_sums[stream * frames * 2 * r..][..frames * 2 * r],
                    stride: 2 * r,
                    width: 2 * r,
                };
                let dx = &mut dx[..rows * r];
                self.convolution(&matrix, Direction::Future)
                    .run(d_sums, frames, part, dx);
                let du = &mut du[done * both..][..rows * both];
                for (du, dx) in du.chunks_exact_mut(both).zip(dx.chunks_exact(r)) {
                    for (du, dx) in du.iter_mut().zip(dx) {
                        *du += dx;
                    }
                }
                done += rows;
            }
        });
        du
    }

    /// The gradient by W.
    fn kernel_gradient(&self, u: &[f32], d_sums: &[f32], (streams, frames): (usize, usize)) -> Vec<f32> {
        let (r, both) = (self.residual, self.residual + self.skip);
        sum_in_order(parallel_map(thread_ranges(streams * frames), |range| {
            let mut sums = vec![0.0; self.taps * r * 2 * r];
            for (stream, part) in Self::blocks(range, frames) {
                for (tap, sums) in sums.chunks_exact_mut(r * 2 * r).enumerate() {
                    let back = (self.taps - 1 - tap) * self.dilation;
                    let first = part.start.max(back);
                    if first >= part.end {
                        continue;
                    }
                    let x = StridedRows {
                        values: &u[(stream * frames + first - back) * both..],
                        stride: both,
                        width: r,
                    };
                    let grads = StridedRows {
                        values: &d_sums[(stream * frames + first) * 2 * r..],
                        stride: 2 * r,
                        width: 2 * r,
                    };
                    add_outer(x, grads, part.end - first, sums);
                }
            }
            sums
        }))
    }
}

impl CustomOp3 for GatedConvolution {
    fn name(&self) -> &'static str {
        "gated_convolution"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (streams, frames) = self.check(l1.dims(), l2.dims(), l3.dims())?;
        let u = contiguous(self.name(), s1, l1)?;
        let parts = self.parts(contiguous(self.name(), s2, l2)?);
        let condition = contiguous(self.name(), s3, l3)?;
        let (r, both) = (self.residual, self.residual + self.skip);
        let filter_gate = PackedMatrix::new(parts.filter_gate.0, parts.filter_gate.1);
        let out = PackedMatrix::new(parts.out.0, parts.out.1);
        let mut y = vec![0.0; u.len()];
        let ranges = thread_ranges(streams * frames);
        let tasks = ranges.iter().cloned().zip(split_rows(&mut y, &ranges, both)).collect();
        parallel_map(tasks, |(range, y): (Range<usize>, &mut [f32])| {
            let (mut sums, mut gated) = (vec![0.0; BLOCK * 2 * r], vec![0.0; BLOCK * r]);
            let mut done = 0;
            for (stream, part) in Self::blocks(range, frames) {
                let (rows, at) = (part.len(), (stream * frames + part.start) * both);
                let (sums, gated) = (&mut sums[..rows * 2 * r], &mut gated[..rows * r]);
                self.convolution(&filter_gate, Direction::Past)
                    .run(self.x(u, stream, frames), frames, part, sums);
                gate_rows(sums, &condition[stream * 2 * r..][..2 * r], gated);
                out.multiply(
                    1,
                    |row, _| &gated[row * r..][..r],
                    (Start::Bias, Finish::Add(&u[at..][..rows * both])),
                    &mut y[done * both..][..rows * both],
                );
                done += rows;
            }
        });
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    fn bwd(
        &self,
        u: &Tensor,
        weights: &Tensor,
        condition: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = self.check(u.dims(), weights.dims(), condition.dims())?;
        let (streams, frames) = sizes;
        let grad_res = grad_res.contiguous()?;
        let (values, row, h, grads) = (borrow(u)?, borrow(weights)?, borrow(condition)?, borrow(&grad_res)?);
        let (values, h, grads): (&[f32], &[f32], &[f32]) = (&values, &h, &grads);
        let parts = self.parts(&row);
        let (r, both) = (self.residual, self.residual + self.skip);
        let filter_gate = PackedMatrix::new(parts.filter_gate.0, parts.filter_gate.1);
        let out_transposed = PackedMatrix::transposed(parts.out.0, both);
        let mut d_sums = vec![0.0; streams * frames * 2 * r];
        let ranges = thread_ranges(streams * frames);
        let tasks = ranges
            .iter()
            .cloned()
            .zip(split_rows(&mut d_sums, &ranges, 2 * r))
            .collect();
        let sums = parallel_map(tasks, |(range, into): (Range<usize>, &mut [f32])| {
            let matrices = (&filter_gate, &out_transposed);
            self.gate_gradients((values, grads, h, frames), matrices, range, into)
        });
        let (out, of_condition): (Vec<_>, Vec<_>) = sums.into_iter().map(|sums| (sums.out, sums.condition)).unzip();
        let of_condition = sum_in_order(of_condition);
        let mut bias = vec![0.0; 2 * r];
        dispatch_loop(AddEach, (of_condition.as_slice(), bias.as_mut_slice()));
        let mut of_weights = self.kernel_gradient(values, &d_sums, sizes);
        of_weights.extend(bias);
        of_weights.extend(sum_in_order(out));
        let device = u.device();
        let du = if u.track_op() {
            let du = self.input_gradient(parts.filter_gate.0, &d_sums, grads, sizes);
            Some(Tensor::from_vec(du, u.shape(), device)?)
        } else {
            None
        };
        let of_condition = if condition.track_op() {
            Some(Tensor::from_vec(of_condition, condition.shape(), device)?)
        } else {
            None
        };
        Ok((
            du,
            Some(Tensor::from_vec(of_weights, weights.shape(), device)?),
            of_condition,
        ))
    }
}
