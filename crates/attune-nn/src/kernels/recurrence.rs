//! Shared by the ops over a whole recurrence: sizes, the loops forward and backward in time, gradients by the weights.
//!
//! All have the arguments x (b, t, i), W with its bias b as last row (i + 1, g·h), and U (h, g·h), and give h (b, t,
//! h): the sums of a frame are z_t = x_t·W + b + h_{t−1}·U, g for each hidden unit, and only what becomes of z differs.
//! Before the first frame h is zeros.

use super::borrow;
use super::denormals::flush;
use super::feed_forward::add_products;
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use candle_core::{Result, Tensor, bail};
use std::ops::Range;

/// Frames whose inputs are projected at once: the projections stay in the cache until the recurrence reads them.
const AHEAD: usize = 16;

#[inline(always)]
fn flush_all(gradients: &mut [f32]) {
    for gradient in gradients {
        *gradient = flush(*gradient);
    }
}
simd_loop!(FlushAll, flush_all(&mut [f32]));

/// Sizes of one op's arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) streams: usize,
    pub(super) frames: usize,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    /// Sums of a frame: g·h.
    pub(super) sums: usize,
}

impl Sizes {
    /// Of an op with `gates` sums for each hidden unit.
    pub(super) fn of(name: &str, x: &[usize], input: &[usize], recurrent: &[usize], gates: usize) -> Result<Self> {
        match (x, input, recurrent) {
            (&[streams, frames, inputs], &[rows, sums], &[hidden, also_sums])
                if rows == inputs + 1 && sums == gates * hidden && also_sums == sums =>
            {
                Ok(Self {
                    streams,
                    frames,
                    inputs,
                    hidden,
                    sums,
                })
            }
            _ => bail!("{name}: {x:?}, {input:?} and {recurrent:?} do not match"),
        }
    }
}

/// A frame of a stream, among those of one thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) stream: usize,
    pub(super) frame: usize,
    /// Of (streams, frames) laid out one after the other.
    pub(super) row: usize,
}

/// Streams of one thread through all frames: `x` (n, t, i) to `hidden` (n, t, h). `cell` makes of a frame's z its h.
pub(super) fn forward(
    sizes: Sizes,
    x: &[f32],
    [input, recurrent]: [&PackedMatrix; 2],
    hidden: &mut [f32],
    mut cell: impl FnMut(Place, &[f32], &mut [f32]),
) {
    let Sizes {
        frames: t,
        inputs: i,
        hidden: h,
        sums,
        ..
    } = sizes;
    let (n, stride) = (hidden.len() / (t * h), padded(sums));
    let mut ahead = vec![0.0; AHEAD * n * stride]; // (frames, n, padded sums)
    for first in (0..t).step_by(AHEAD) {
        let frames = first..(first + AHEAD).min(t);
        let ahead = &mut ahead[..frames.len() * n * stride];
        let row = |row: usize, _| &x[(row % n * t + first + row / n) * i..][..i];
        input.multiply(1, row, (Start::Bias, Finish::Plain), ahead);
        for (frame, z) in frames.zip(ahead.chunks_exact_mut(n * stride)) {
            if frame > 0 {
                let before = |stream: usize, _| &hidden[(stream * t + frame - 1) * h..][..h];
                recurrent.multiply(1, before, (Start::Output, Finish::Plain), z);
            }
            for (stream, z) in z.chunks_exact(stride).enumerate() {
                let row = stream * t + frame;
                cell(Place { stream, frame, row }, &z[..sums], &mut hidden[row * h..][..h]);
            }
        }
    }
}

/// Streams of one thread backwards: `grads` by h (n, t, h) to those by z, `dz` (n, t, padded sums). `cell` maps a
/// frame's gradients by h, from outside and from the frame after, to the gradient by its z.
pub(super) fn backward(
    sizes: Sizes,
    grads: &[f32],
    transposed: &PackedMatrix,
    dz: &mut [f32],
    mut cell: impl FnMut(Place, &[f32], &[f32], &mut [f32]),
) {
    let (t, h) = (sizes.frames, sizes.hidden);
    let (stride, into) = (padded(sizes.sums), padded(h));
    let mut later = vec![0.0; grads.len() / (t * h) * into]; // from the frame after
    for frame in (0..t).rev() {
        for (stream, later) in later.chunks_exact(into).enumerate() {
            let row = stream * t + frame;
            let place = Place { stream, frame, row };
            let dz = &mut dz[row * stride..][..sizes.sums];
            cell(place, &grads[row * h..][..h], &later[..h], dz);
        }
        let dz = &*dz;
        let after = |stream: usize, _| &dz[(stream * t + frame) * stride..][..sizes.sums];
        transposed.multiply(1, after, (Start::Bias, Finish::Plain), &mut later);
        dispatch_loop(FlushAll, &mut later);
    }
}

/// The gradients by x (if it is tracked), by W with b, and by U. `back` computes the gradient by z of a thread's
/// streams from Uᵀ.
pub(super) fn gradients(
    sizes: Sizes,
    [x, input, recurrent, hidden]: [&Tensor; 4],
    back: impl Fn(Range<usize>, &PackedMatrix, &mut [f32]) + Sync,
) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
    let Sizes {
        streams,
        frames: t,
        inputs: i,
        hidden: h,
        sums,
    } = sizes;
    let stride = padded(sums);
    let transposed = PackedMatrix::transposed(&borrow(recurrent)?, sums);
    let input_transposed = PackedMatrix::transposed(&borrow(input)?[..i * sums], sums);
    let (values, states) = (borrow(x)?, borrow(hidden)?);
    let (values, states): (&[f32], &[f32]) = (&values, &states);
    let tracked = x.track_op();
    let mut dx = vec![0.0; values.len()];
    let parts = thread_ranges(streams);
    let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, t * i)).collect();
    let by_weights = sum_in_order(parallel_map(tasks, |(part, dx): (Range<usize>, &mut [f32])| {
        let of = |width: usize| part.start * t * width..part.end * t * width;
        let mut dz = vec![0.0; part.len() * t * stride];
        back(part.clone(), &transposed, &mut dz);
        if tracked {
            let row = |row: usize| &dz[row * stride..][..sums];
            input_transposed.multiply_rows(row, &mut Vec::new(), dx);
        }
        weight_gradients(sizes, &values[of(i)], &states[of(h)], &dz)
    }));
    let (by_input, by_recurrent) = by_weights.split_at((i + 1) * stride);
    let device = hidden.device();
    let dx = tracked.then(|| Tensor::from_vec(dx, x.shape(), device));
    Ok((
        dx.transpose()?,
        Some(Tensor::from_vec(unpadded(by_input, sums), input.shape(), device)?),
        Some(Tensor::from_vec(
            unpadded(by_recurrent, sums),
            recurrent.shape(),
            device,
        )?),
    ))
}

/// Gradients of one thread's streams: by W and b, then by U, rows padded. `x` (n, t, i), `hidden` (n, t, h), `dz` (n,
/// t, padded sums).
fn weight_gradients(sizes: Sizes, x: &[f32], hidden: &[f32], dz: &[f32]) -> Vec<f32> {
    let (t, i, h, stride) = (sizes.frames, sizes.inputs, sizes.hidden, padded(sizes.sums));
    let mut sums = vec![0.0; (i + 1 + h) * stride];
    let (by_input, rest) = sums.split_at_mut(i * stride);
    let (by_bias, by_recurrent) = rest.split_at_mut(stride);
    let rows = |values, stride, width| StridedRows { values, stride, width };
    add_products(x, i, i, dz, stride, dz.len() / stride, by_input, by_bias);
    for (hidden, dz) in hidden.chunks_exact(t * h).zip(dz.chunks_exact(t * stride)) {
        let later = rows(&dz[stride..], stride, stride);
        add_outer(rows(hidden, h, h), later, t - 1, by_recurrent);
    }
    sums
}

/// Cuts padded rows to `width`.
fn unpadded(rows: &[f32], width: usize) -> Vec<f32> {
    let stride = padded(width);
    rows.chunks_exact(stride)
        .flat_map(|row| &row[..width])
        .copied()
        .collect()
}
