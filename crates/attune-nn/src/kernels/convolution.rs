//! Causal dilated convolution with bias and activation in one op, forward and backward; with one tap, a dense layer.
//!
//! No im2col: each frame is multiplied with its taps in place, taps before the first frame are skipped, and the
//! gradient of the kernel is summed from the same rows (`outer_sum`).

use super::exponential::tanh;
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::tap_product::{Direction, TapProduct};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Activation function. The gradient of each follows from its result, so backward needs nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// max(0, ·).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// y(n) = φ(b + Σ_j x(n − (taps − 1 − j)·dilation) · W_j) (van den Oord et al. 2016, Bai et al. 2018).
///
/// Arguments: x (b, t, c); W (taps · c, o), the tap farthest in the past first; b (o). Before the first frame there are
/// zeros. Result (b, t, o).
#[derive(Debug, Clone, Copy)]
pub struct CausalConvolution {
    /// Kernel length in frames.
    pub taps: usize,
    /// Frames from tap to tap.
    pub dilation: usize,
    /// φ.
    pub activation: Activation,
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    streams: usize,
    frames: usize,
    inputs: usize,
    outputs: usize,
}

impl Sizes {
    /// The parts of each stream that lie in `range` of all frames side by side: stream, frames of it.
    fn parts(self, range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        (range.start / self.frames..range.end.div_ceil(self.frames)).map(move |stream| {
            let first = stream * self.frames;
            let within = |place: usize| place.saturating_sub(first).min(self.frames);
            (stream, within(range.start)..within(range.end))
        })
    }
}

/// tanh in place.
#[inline(always)]
fn squash(values: &mut [f32]) {
    for value in values {
        *value = tanh(*value);
    }
}
simd_loop!(Squash, squash(&mut [f32]));

/// Gradients by the sums: (activation, width, padded width, results, gradients, into).
type BackwardArgs<'a> = (Activation, usize, usize, &'a [f32], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn backward_rows((activation, width, stride, results, grads, into): BackwardArgs<'_>) {
    let rows = results.chunks_exact(width).zip(grads.chunks_exact(width));
    for (into, (results, grads)) in into.chunks_exact_mut(stride).zip(rows) {
        let into = into.iter_mut().zip(results.iter().zip(grads));
        match activation {
            Activation::Identity => into.for_each(|(into, (_, grad))| *into = *grad),
            Activation::Relu => into.for_each(|(into, (y, grad))| *into = if *y > 0.0 { *grad } else { 0.0 }),
            Activation::Tanh => into.for_each(|(into, (y, grad))| *into = grad * (1.0 - y * y)),
        }
    }
}
simd_loop!(BackwardRows, backward_rows(BackwardArgs<'_>));

/// sums += rows.
#[inline(always)]
fn add_rows((rows, sums): (&[f32], &mut [f32])) {
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
simd_loop!(AddRows, add_rows((&[f32], &mut [f32])));

impl CausalConvolution {
    fn sizes(&self, x: &[usize], kernel: &[usize], bias: &[usize]) -> Result<Sizes> {
        match (x, kernel, bias) {
            (&[streams, frames, inputs], &[rows, outputs], &[also_outputs])
                if rows == self.taps * inputs && outputs == also_outputs && frames > 0 && outputs > 0 =>
            {
                Ok(if self.taps == 1 {
                    // Frames know nothing of each other: they are divided as one stream.
                    Sizes {
                        streams: 1,
                        frames: streams * frames,
                        inputs,
                        outputs,
                    }
                } else {
                    Sizes {
                        streams,
                        frames,
                        inputs,
                        outputs,
                    }
                })
            }
            _ => bail!("causal_convolution: {x:?}, {kernel:?} and {bias:?} do not match for {self:?}"),
        }
    }

    /// Gradients by the sums, rows padded.
    fn sum_gradients(&self, results: &[f32], grads: &[f32], outputs: usize) -> Vec<f32> {
        let (rows, stride) = (grads.len() / outputs, padded(outputs));
        let mut sums = vec![0.0; rows * stride];
        let parts = thread_ranges(rows);
        let tasks = parts
            .iter()
            .cloned()
            .zip(split_rows(&mut sums, &parts, stride))
            .collect();
        parallel_map(tasks, |(range, into)| {
            let of = range.start * outputs..range.end * outputs;
            dispatch_loop(
                BackwardRows,
                (self.activation, outputs, stride, &results[of.clone()], &grads[of], into),
            );
        });
        sums
    }

    /// ∂L/∂x: each frame's from those at whose taps it lies.
    fn input_gradient(&self, sizes: Sizes, kernel: &[f32], dz: &[f32]) -> Vec<f32> {
        let Sizes {
            streams,
            frames,
            inputs,
            outputs,
        } = sizes;
        let mut transposed = vec![0.0; kernel.len()]; // (taps · o, c)
        for tap in 0..self.taps {
            let (from, to) = (tap * inputs * outputs, tap * outputs * inputs);
            for input in 0..inputs {
                for output in 0..outputs {
                    transposed[to + output * inputs + input] = kernel[from + input * outputs + output];
                }
            }
        }
        let matrix = PackedMatrix::new(&transposed, &vec![0.0; inputs]);
        let product = TapProduct {
            matrix: &matrix,
            taps: self.taps,
            dilation: self.dilation,
            direction: Direction::Future,
            finish: Finish::Plain,
        };
        let stride = padded(outputs);
        let mut dx = vec![0.0; streams * frames * inputs];
        let parts = thread_ranges(streams * frames);
        let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, inputs)).collect();
        parallel_map(tasks, |(range, mut into): (Range<usize>, &mut [f32])| {
            for (stream, part) in sizes.parts(range) {
                let (piece, rest) = into.split_at_mut(part.len() * inputs);
                let rows = StridedRows {
                    values: &dz[stream * frames * stride..][..frames * stride],
                    stride,
                    width: outputs,
                };
                product.run(rows, frames, part, piece);
                into = rest;
            }
        });
        dx
    }

    /// ∂L/∂W (taps · c, padded o), then ∂L/∂b (padded o).
    fn weight_gradient(&self, sizes: Sizes, x: &[f32], dz: &[f32]) -> Vec<f32> {
        let Sizes {
            streams,
            frames,
            inputs,
            outputs,
        } = sizes;
        let stride = padded(outputs);
        let of_tap = inputs * stride;
        sum_in_order(parallel_map(thread_ranges(streams * frames), |range| {
            let mut sums = vec![0.0; self.taps * of_tap + stride];
            let (kernel, bias) = sums.split_at_mut(self.taps * of_tap);
            dispatch_loop(AddRows, (&dz[range.start * stride..range.end * stride], bias));
            for (stream, part) in sizes.parts(range) {
                for (tap, sums) in kernel.chunks_exact_mut(of_tap).enumerate() {
                    let back = (self.taps - 1 - tap) * self.dilation;
                    let first = part.start.max(back);
                    if first >= part.end {
                        continue;
                    }
                    let x = StridedRows {
                        values: &x[(stream * frames + first - back) * inputs..],
                        stride: inputs,
                        width: inputs,
                    };
                    let grads = StridedRows {
                        values: &dz[(stream * frames + first) * stride..],
                        stride,
                        width: stride,
                    };
                    add_outer(x, grads, part.end - first, sums);
                }
            }
            sums
        }))
    }
}

impl CustomOp3 for CausalConvolution {
    fn name(&self) -> &'static str {
        "causal_convolution"
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
        let sizes = self.sizes(l1.dims(), l2.dims(), l3.dims())?;
        let x = contiguous(self.name(), s1, l1)?;
        let kernel = contiguous(self.name(), s2, l2)?;
        let bias = contiguous(self.name(), s3, l3)?;
        let Sizes {
            streams,
            frames,
            inputs,
            outputs,
        } = sizes;
        let matrix = PackedMatrix::new(kernel, bias);
        let product = TapProduct {
            matrix: &matrix,
            taps: self.taps,
            dilation: self.dilation,
            direction: Direction::Past,
            finish: if self.activation == Activation::Relu {
                Finish::Relu
            } else {
                Finish::Plain
            },
        };
        let mut y = vec![0.0; streams * frames * outputs];
        let parts = thread_ranges(streams * frames);
        let tasks = parts.iter().cloned().zip(split_rows(&mut y, &parts, outputs)).collect();
        parallel_map(tasks, |(range, y): (Range<usize>, &mut [f32])| {
            let mut rest = &mut *y;
            for (stream, part) in sizes.parts(range) {
                let (piece, after) = rest.split_at_mut(part.len() * outputs);
                let rows = StridedRows {
                    values: &x[stream * frames * inputs..][..frames * inputs],
                    stride: inputs,
                    width: inputs,
                };
                product.run(rows, frames, part, piece);
                rest = after;
            }
            if self.activation == Activation::Tanh {
                dispatch_loop(Squash, y);
            }
        });
        let (b, t) = (l1.dims()[0], l1.dims()[1]);
        Ok((CpuStorage::F32(y), (b, t, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = self.sizes(x.dims(), kernel.dims(), bias.dims())?;
        let Sizes { inputs, outputs, .. } = sizes;
        let (grad_res, stride) = (grad_res.contiguous()?, padded(outputs));
        let grads = borrow(&grad_res)?;
        let laid_out;
        let dz: &[f32] = if self.activation == Activation::Identity && stride == outputs {
            &grads
        } else {
            laid_out = self.sum_gradients(&borrow(res)?, &grads, outputs);
            &laid_out
        };
        let device = x.device();
        let dx = if x.track_op() {
            let dx = self.input_gradient(sizes, &borrow(kernel)?, dz);
            Some(Tensor::from_vec(dx, x.shape(), device)?)
        } else {
            None
        };
        let mut sums = self.weight_gradient(sizes, &borrow(x)?, dz);
        let mut db = sums.split_off(self.taps * inputs * stride);
        db.truncate(outputs);
        if stride != outputs {
            sums = sums
                .chunks_exact(stride)
                .flat_map(|row| &row[..outputs])
                .copied()
                .collect();
        }
        Ok((
            dx,
            Some(Tensor::from_vec(sums, kernel.shape(), device)?),
            Some(Tensor::from_vec(db, bias.shape(), device)?),
        ))
    }
}
