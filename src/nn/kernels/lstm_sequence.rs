//! A whole sequence through one LSTM layer, with backward through time by hand.
//!
//! candle unrolls a recurrence into one graph node per slice, and the gradient of each slice costs the whole tensor:
//! O(t²). This op is one node.

use super::exponential::{sigmoid, tanh};
use super::feed_forward::add_products;
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::shares::{cut, each, shares, total};
use super::widest::{wide, widest_of};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;
use std::sync::OnceLock;

/// What is kept of each frame for backward, each part as wide as the layer: cell, input gate, forget gate, candidate,
/// output gate.
const KEPT: usize = 5;

/// Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), in PyTorch's order of gates:
///
/// i = σ(zᵢ), f = σ(z_f), g = tanh(z_g), o = σ(z_o) where z = x·W_x + b + h₋·W_h; c = f·c₋ + i·g; h = o·tanh(c).
///
/// Arguments: x (b, t, i), W_x with b as its last row (i + 1, 4h), and W_h (h, 4h). Before the first frame h and c are
/// zeros. Result h (b, t, h). The value is one run's: it keeps the cells and gates of its forward for its backward.
#[derive(Debug, Default)]
pub struct LstmSequence {
    kept: OnceLock<Vec<f32>>,
}

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
            (&[streams, frames, inputs], &[rows, four], &[hidden, also_four])
                if rows == inputs + 1 && four == 4 * hidden && also_four == four =>
            {
                Ok(Self {
                    streams,
                    frames,
                    inputs,
                    hidden,
                })
            }
            _ => bail!("lstm_sequence: {x:?}, {input:?} and {recurrent:?} do not go together"),
        }
    }
}

/// Frames whose inputs are projected at once: what comes of them stays in the cache until the recurrence takes it.
const AHEAD: usize = 16;

/// One frame of one stream: sums z (4h), the cell before, where h goes, where cell and gates go (5h).
type Frame<'a> = (&'a [f32], &'a mut [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn frame_forward((z, cell, hidden, kept): Frame<'_>) {
    let h = cell.len();
    let (cells, gates) = kept.split_at_mut(h);
    for part in [0, 1, 3] {
        for (gate, z) in gates[part * h..][..h].iter_mut().zip(&z[part * h..][..h]) {
            *gate = sigmoid(*z);
        }
    }
    for (gate, z) in gates[2 * h..3 * h].iter_mut().zip(&z[2 * h..3 * h]) {
        *gate = tanh(*z);
    }
    let (i, rest) = gates.split_at(h);
    let (f, rest) = rest.split_at(h);
    let (g, o) = rest.split_at(h);
    for (((cell, i), f), g) in cell.iter_mut().zip(i).zip(f).zip(g) {
        *cell = f * *cell + i * g;
    }
    cells.copy_from_slice(cell);
    for ((hidden, o), cell) in hidden.iter_mut().zip(o).zip(cell) {
        *hidden = o * tanh(*cell);
    }
}
wide!(FrameForward, frame_forward(Frame<'_>));

/// One frame of one stream, backwards: what was kept (5h), the cell before, the gradient by h from outside and from the
/// frame after, the gradient by the cell (which becomes that of the cell before), where the gradient by z goes (4h).
type FrameBack<'a> = (&'a [f32], &'a [f32], &'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn frame_backward((kept, before, grads, later, dc, dz): FrameBack<'_>) {
    let h = dc.len();
    let [c, i, f, g, o] = [0, 1, 2, 3, 4].map(|part| &kept[part * h..][..h]);
    let (di, rest) = dz.split_at_mut(h);
    let (df, rest) = rest.split_at_mut(h);
    let (dg, d_o) = rest.split_at_mut(h);
    let (before, grads, later) = (&before[..h], &grads[..h], &later[..h]);
    let (dg, d_o) = (&mut dg[..h], &mut d_o[..h]);
    for k in 0..h {
        let squashed = tanh(c[k]);
        let into_h = grads[k] + later[k];
        let into_c = dc[k] + into_h * o[k] * (1.0 - squashed * squashed);
        di[k] = into_c * g[k] * i[k] * (1.0 - i[k]);
        df[k] = into_c * before[k] * f[k] * (1.0 - f[k]);
        dg[k] = into_c * i[k] * (1.0 - g[k] * g[k]);
        d_o[k] = into_h * squashed * o[k] * (1.0 - o[k]);
        dc[k] = into_c * f[k];
    }
}
wide!(FrameBackward, frame_backward(FrameBack<'_>));

/// Streams of one thread through all frames: `x` (n, t, i) to `hidden` (n, t, h) and `kept` (n, t, 5h).
fn forward(sizes: Sizes, x: &[f32], [input, recurrent]: [&PackedMatrix; 2], hidden: &mut [f32], kept: &mut [f32]) {
    let (t, i, h) = (sizes.frames, sizes.inputs, sizes.hidden);
    let (n, stride) = (hidden.len() / (t * h), padded(4 * h));
    let mut ahead = vec![0.0; AHEAD * n * stride]; // (frames, n, padded 4h)
    let mut cells = vec![0.0; n * h];
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
            let streams = z.chunks_exact(stride).zip(cells.chunks_exact_mut(h));
            for (stream, (z, cell)) in streams.enumerate() {
                let row = stream * t + frame;
                let (hidden, kept) = (&mut hidden[row * h..][..h], &mut kept[row * KEPT * h..][..KEPT * h]);
                widest_of(FrameForward, (&z[..4 * h], cell, hidden, kept));
            }
        }
    }
}

/// Streams of one thread backwards: `grads` (n, t, h) to `dz` (n, t, padded 4h).
fn backward(sizes: Sizes, kept: &[f32], grads: &[f32], turned: &PackedMatrix, dz: &mut [f32]) {
    let (t, h) = (sizes.frames, sizes.hidden);
    let (n, stride, into) = (grads.len() / (t * h), padded(4 * h), padded(h));
    let mut dh = vec![0.0; n * into]; // from the frame after
    let mut dc = vec![0.0; n * h];
    let nothing = vec![0.0; h];
    for frame in (0..t).rev() {
        for (stream, (dh, dc)) in dh.chunks_exact(into).zip(dc.chunks_exact_mut(h)).enumerate() {
            let row = stream * t + frame;
            let before = match frame {
                0 => nothing.as_slice(),
                _ => &kept[(row - 1) * KEPT * h..][..h],
            };
            let (kept, grads) = (&kept[row * KEPT * h..][..KEPT * h], &grads[row * h..][..h]);
            let dz = &mut dz[row * stride..][..4 * h];
            widest_of(FrameBackward, (kept, before, grads, &dh[..h], dc, dz));
        }
        let dz = &*dz;
        let after = |stream: usize, _| &dz[(stream * t + frame) * stride..][..4 * h];
        turned.multiply(1, after, (Start::Bias, Finish::Plain), &mut dh);
    }
}

/// Gradients of one thread's streams: by W_x and b, then by W_h, rows padded. `x` (n, t, i), `hidden` (n, t, h), `dz`
/// (n, t, padded 4h).
fn weight_gradients(sizes: Sizes, x: &[f32], hidden: &[f32], dz: &[f32]) -> Vec<f32> {
    let (t, i, h, stride) = (sizes.frames, sizes.inputs, sizes.hidden, padded(4 * sizes.hidden));
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
pub(super) fn unpadded(rows: &[f32], width: usize) -> Vec<f32> {
    let stride = padded(width);
    rows.chunks_exact(stride)
        .flat_map(|row| &row[..width])
        .copied()
        .collect()
}

impl CustomOp3 for LstmSequence {
    fn name(&self) -> &'static str {
        "lstm_sequence"
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
        let (weights, bias) = contiguous(self.name(), s2, l2)?.split_at(i * 4 * h);
        let input = PackedMatrix::new(weights, bias);
        let recurrent = PackedMatrix::new(contiguous(self.name(), s3, l3)?, &vec![0.0; 4 * h]);
        let (mut hidden, mut kept) = (vec![0.0; b * t * h], vec![0.0; b * t * KEPT * h]);
        let parts = shares(b);
        let pieces = cut(&mut hidden, &parts, t * h)
            .into_iter()
            .zip(cut(&mut kept, &parts, t * KEPT * h));
        each(parts.iter().cloned().zip(pieces).collect(), |(part, (hidden, kept))| {
            let x = &x[part.start * t * i..part.end * t * i];
            forward(sizes, x, [&input, &recurrent], hidden, kept);
        });
        if self.kept.set(kept).is_err() {
            bail!("lstm_sequence: the value was used for another sequence");
        }
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
        let stride = padded(4 * h);
        let Some(kept) = self.kept.get() else {
            bail!("lstm_sequence: backward before forward");
        };
        let turned = PackedMatrix::transposed(&borrow(recurrent)?, 4 * h);
        let input_turned = PackedMatrix::transposed(&borrow(input)?[..i * 4 * h], 4 * h);
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
            backward(sizes, &kept[of(KEPT * h)], &grads[of(h)], &turned, &mut dz);
            if asked {
                let row = |row: usize| &dz[row * stride..][..4 * h];
                input_turned.multiply_rows(row, &mut Vec::new(), dx);
            }
            weight_gradients(sizes, &values[of(i)], &hidden[of(h)], &dz)
        }));
        let (by_input, by_recurrent) = sums.split_at((i + 1) * stride);
        let device = res.device();
        let dx = asked.then(|| Tensor::from_vec(dx, x.shape(), device));
        Ok((
            dx.transpose()?,
            Some(Tensor::from_vec(unpadded(by_input, 4 * h), input.shape(), device)?),
            Some(Tensor::from_vec(
                unpadded(by_recurrent, 4 * h),
                recurrent.shape(),
                device,
            )?),
        ))
    }
}
