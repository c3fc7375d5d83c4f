//! A whole sequence through one layer of plain recurrence, with backward through time by hand.

use super::exponential::tanh;
use super::feed_forward::add_products;
use super::lstm_sequence::unpadded;
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::shares::{cut, each, shares, total};
use super::widest::{wide, widest_of};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Elman 1990: h_t = tanh(x_t·W + b + h_{t−1}·U), what PyTorch calls `nn.RNN`.
///
/// Arguments: x (b, t, i), W with b as its last row (i + 1, h), and U (h, h). Before the first frame h is zeros. Result h
/// (b, t, h): all that backward needs.
#[derive(Debug, Clone, Copy)]
pub struct RnnSequence;

#[derive(Debug, Clone, Copy)]
struct Sizes {
    streams: usize,
    frames: usize,
    inputs: usize,
    hidden: usize,
}

impl Sizes {
    fn of(x: &[usize], input: &[usize], recurrent: &[usize]) -> Result<Self> {
        match (x, input, recurrent) {
            (&[streams, frames, inputs], &[rows, hidden], &[from, to])
                if rows == inputs + 1 && from == hidden && to == hidden =>
            {
                Ok(Self {
                    streams,
                    frames,
                    inputs,
                    hidden,
                })
            }
            _ => bail!("rnn_sequence: {x:?}, {input:?} and {recurrent:?} do not go together"),
        }
    }
}

/// Frames whose inputs are projected at once: what comes of them stays in the cache until the recurrence takes it.
const AHEAD: usize = 16;

#[inline(always)]
fn squash((z, hidden): (&[f32], &mut [f32])) {
    for (hidden, z) in hidden.iter_mut().zip(z) {
        *hidden = tanh(*z);
    }
}
wide!(Squash, squash((&[f32], &mut [f32])));

/// The gradient by z: h, that by h from outside and from the frame after, and where it goes.
type FrameBack<'a> = (&'a [f32], &'a [f32], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn frame_backward((hidden, grads, later, dz): FrameBack<'_>) {
    let into = grads.iter().zip(later);
    for ((dz, h), (grad, later)) in dz.iter_mut().zip(hidden).zip(into) {
        *dz = (grad + later) * (1.0 - h * h);
    }
}
wide!(FrameBackward, frame_backward(FrameBack<'_>));

/// Streams of one thread through all frames: `x` (n, t, i) to `hidden` (n, t, h).
fn forward(sizes: Sizes, x: &[f32], [input, recurrent]: [&PackedMatrix; 2], hidden: &mut [f32]) {
    let (t, i, h) = (sizes.frames, sizes.inputs, sizes.hidden);
    let (n, stride) = (hidden.len() / (t * h), padded(h));
    let mut ahead = vec![0.0; AHEAD * n * stride]; // (frames, n, padded h)
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
                widest_of(Squash, (&z[..h], &mut hidden[(stream * t + frame) * h..][..h]));
            }
        }
    }
}

/// Streams of one thread backwards: `hidden` and `grads` (n, t, h) to `dz` (n, t, padded h).
fn backward(sizes: Sizes, hidden: &[f32], grads: &[f32], turned: &PackedMatrix, dz: &mut [f32]) {
    let (t, h, stride) = (sizes.frames, sizes.hidden, padded(sizes.hidden));
    let mut later = vec![0.0; grads.len() / (t * h) * stride]; // from the frame after
    for frame in (0..t).rev() {
        for (stream, later) in later.chunks_exact(stride).enumerate() {
            let row = stream * t + frame;
            let (hidden, grads) = (&hidden[row * h..][..h], &grads[row * h..][..h]);
            let dz = &mut dz[row * stride..][..h];
            widest_of(FrameBackward, (hidden, grads, &later[..h], dz));
        }
        let dz = &*dz;
        let after = |stream: usize, _| &dz[(stream * t + frame) * stride..][..h];
        turned.multiply(1, after, (Start::Bias, Finish::Plain), &mut later);
    }
}

/// Gradients of one thread's streams: by W and b, then by U, rows padded. `x` (n, t, i), `hidden` (n, t, h), `dz` (n, t,
/// padded h).
fn weight_gradients(sizes: Sizes, x: &[f32], hidden: &[f32], dz: &[f32]) -> Vec<f32> {
    let (t, i, h, stride) = (sizes.frames, sizes.inputs, sizes.hidden, padded(sizes.hidden));
    let mut sums = vec![0.0; (i + 1 + h) * stride];
    let (by_input, rest) = sums.split_at_mut(i * stride);
    let (by_bias, by_recurrent) = rest.split_at_mut(stride);
    add_products(x, i, i, dz, stride, dz.len() / stride, by_input, by_bias);
    for (hidden, dz) in hidden.chunks_exact(t * h).zip(dz.chunks_exact(t * stride)) {
        let rows = |values, stride, width| StridedRows { values, stride, width };
        let later = rows(&dz[stride..], stride, stride);
        add_outer(rows(hidden, h, h), later, t - 1, by_recurrent);
    }
    sums
}

impl CustomOp3 for RnnSequence {
    fn name(&self) -> &'static str {
        "rnn_sequence"
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
        let sizes = Sizes::of(l1.dims(), l2.dims(), l3.dims())?;
        let (b, t, i, h) = (sizes.streams, sizes.frames, sizes.inputs, sizes.hidden);
        let x = contiguous(self.name(), s1, l1)?;
        let (weights, bias) = contiguous(self.name(), s2, l2)?.split_at(i * h);
        let input = PackedMatrix::new(weights, bias);
        let recurrent = PackedMatrix::new(contiguous(self.name(), s3, l3)?, &vec![0.0; h]);
        let mut hidden = vec![0.0; b * t * h];
        let parts = shares(b);
        let pieces = cut(&mut hidden, &parts, t * h);
        each(parts.iter().cloned().zip(pieces).collect(), |(part, hidden)| {
            let x = &x[part.start * t * i..part.end * t * i];
            forward(sizes, x, [&input, &recurrent], hidden);
        });
        Ok((CpuStorage::F32(hidden), (b, t, h).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        input: &Tensor,
        recurrent: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(x.dims(), input.dims(), recurrent.dims())?;
        let (b, t, i, h) = (sizes.streams, sizes.frames, sizes.inputs, sizes.hidden);
        let stride = padded(h);
        let turned = PackedMatrix::transposed(&borrow(recurrent)?, h);
        let input_turned = PackedMatrix::transposed(&borrow(input)?[..i * h], h);
        let grad_res = grad_res.contiguous()?;
        let (values, grads, hidden) = (borrow(x)?, borrow(&grad_res)?, borrow(res)?);
        let (values, grads, hidden): (&[f32], &[f32], &[f32]) = (&values, &grads, &hidden);
        let asked = x.track_op();
        let mut dx = vec![0.0; values.len()];
        let parts = shares(b);
        let tasks = parts.iter().cloned().zip(cut(&mut dx, &parts, t * i)).collect();
        let sums = total(each(tasks, |(part, dx): (Range<usize>, &mut [f32])| {
            let of = |width: usize| part.start * t * width..part.end * t * width;
            let mut dz = vec![0.0; part.len() * t * stride];
            backward(sizes, &hidden[of(h)], &grads[of(h)], &turned, &mut dz);
            if asked {
                let row = |row: usize| &dz[row * stride..][..h];
                input_turned.multiply_rows(row, &mut Vec::new(), dx);
            }
            weight_gradients(sizes, &values[of(i)], &hidden[of(h)], &dz)
        }));
        let (by_input, by_recurrent) = sums.split_at((i + 1) * stride);
        let device = res.device();
        let dx = asked.then(|| Tensor::from_vec(dx, x.shape(), device));
        Ok((
            dx.transpose()?,
            Some(Tensor::from_vec(unpadded(by_input, h), input.shape(), device)?),
            Some(Tensor::from_vec(unpadded(by_recurrent, h), recurrent.shape(), device)?),
        ))
    }
}
