//! A whole sequence through one LSTM layer, with backward through time by hand.
//!
//! candle unrolls a recurrence into one graph node per slice, and the gradient of each slice costs the whole tensor:
//! O(t²). This op is one node.

use super::exponential::{sigmoid, tanh};
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::shares::{cut, each, shares, total};
use super::widest::{wide, widest_of};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;
use std::sync::OnceLock;

/// What is kept of each frame for backward, each part as wide as the layer: cell, input gate, forget gate, candidate,
/// output gate.
const KEPT: usize = 5;

/// Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), in PyTorch's order of gates:
///
/// i = σ(zᵢ), f = σ(z_f), g = tanh(z_g), o = σ(z_o) where z = x·W_x + b + h₋·W_h; c = f·c₋ + i·g; h = o·tanh(c).
///
/// Arguments: the projected input x·W_x + b (b, t, 4h) and W_h (h, 4h). Before the first frame h and c are zeros. Result
/// h (b, t, h). The value is one run's: it keeps the cells and gates of its forward for its backward.
#[derive(Debug, Default)]
pub struct LstmSequence {
    kept: OnceLock<Vec<f32>>,
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    streams: usize,
    frames: usize,
    hidden: usize,
}

impl Sizes {
    fn of(gates: &[usize], recurrent: &[usize]) -> Result<Self> {
        match (gates, recurrent) {
            (&[streams, frames, four], &[hidden, also_four]) if four == 4 * hidden && also_four == four => Ok(Self {
                streams,
                frames,
                hidden,
            }),
            _ => bail!("lstm_sequence: {gates:?} and {recurrent:?} do not go together"),
        }
    }
}

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

/// Streams of one thread through all frames: `gates` (n, t, 4h) to `hidden` (n, t, h) and `kept` (n, t, 5h).
fn forward(sizes: Sizes, gates: &[f32], recurrent: &PackedMatrix, hidden: &mut [f32], kept: &mut [f32]) {
    let (t, h) = (sizes.frames, sizes.hidden);
    let (n, stride) = (hidden.len() / (t * h), padded(4 * h));
    let mut z = vec![0.0; n * stride];
    let mut cells = vec![0.0; n * h];
    for frame in 0..t {
        for (stream, z) in z.chunks_exact_mut(stride).enumerate() {
            z[..4 * h].copy_from_slice(&gates[(stream * t + frame) * 4 * h..][..4 * h]);
        }
        if frame > 0 {
            let before = |stream: usize, _| &hidden[(stream * t + frame - 1) * h..][..h];
            recurrent.multiply(1, before, (Start::Output, Finish::Plain), &mut z);
        }
        let streams = z.chunks_exact(stride).zip(cells.chunks_exact_mut(h));
        for (stream, (z, cell)) in streams.enumerate() {
            let row = stream * t + frame;
            let (hidden, kept) = (&mut hidden[row * h..][..h], &mut kept[row * KEPT * h..][..KEPT * h]);
            widest_of(FrameForward, (&z[..4 * h], cell, hidden, kept));
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

/// Gradient by W_h, rows padded: Σ of h₋ᵀ · dz.
fn weight_gradient(sizes: Sizes, hidden: &[f32], dz: &[f32], streams: Range<usize>) -> Vec<f32> {
    let (t, h, stride) = (sizes.frames, sizes.hidden, padded(4 * sizes.hidden));
    let mut sums = vec![0.0; h * stride];
    for stream in streams {
        let before = StridedRows {
            values: &hidden[stream * t * h..],
            stride: h,
            width: h,
        };
        let grads = StridedRows {
            values: &dz[(stream * t * stride + stride).min(dz.len())..],
            stride,
            width: stride,
        };
        add_outer(before, grads, t - 1, &mut sums);
    }
    sums
}

/// Cuts padded rows to `width`.
fn unpadded(rows: Vec<f32>, width: usize) -> Vec<f32> {
    let stride = padded(width);
    if stride == width {
        return rows;
    }
    rows.chunks_exact(stride)
        .flat_map(|row| &row[..width])
        .copied()
        .collect()
}

impl CustomOp2 for LstmSequence {
    fn name(&self) -> &'static str {
        "lstm_sequence"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(l1.dims(), l2.dims())?;
        let (b, t, h) = (sizes.streams, sizes.frames, sizes.hidden);
        let gates = contiguous(self.name(), s1, l1)?;
        let recurrent = PackedMatrix::new(contiguous(self.name(), s2, l2)?, &vec![0.0; 4 * h]);
        let (mut hidden, mut kept) = (vec![0.0; b * t * h], vec![0.0; b * t * KEPT * h]);
        let parts = shares(b);
        let pieces = cut(&mut hidden, &parts, t * h)
            .into_iter()
            .zip(cut(&mut kept, &parts, t * KEPT * h));
        each(parts.iter().cloned().zip(pieces).collect(), |(part, (hidden, kept))| {
            let gates = &gates[part.start * t * 4 * h..part.end * t * 4 * h];
            forward(sizes, gates, &recurrent, hidden, kept);
        });
        if self.kept.set(kept).is_err() {
            bail!("lstm_sequence: the value was used for another sequence");
        }
        Ok((CpuStorage::F32(hidden), (b, t, h).into()))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        recurrent: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(gates.dims(), recurrent.dims())?;
        let (b, t, h) = (sizes.streams, sizes.frames, sizes.hidden);
        let stride = padded(4 * h);
        let Some(kept) = self.kept.get() else {
            bail!("lstm_sequence: backward before forward");
        };
        let turned = PackedMatrix::transposed(&borrow(recurrent)?, 4 * h);
        let grad_res = grad_res.contiguous()?;
        let (grads, hidden) = (borrow(&grad_res)?, borrow(res)?);
        let (grads, hidden): (&[f32], &[f32]) = (&grads, &hidden);
        let mut dz = vec![0.0; b * t * stride];
        let parts = shares(b);
        let tasks = parts.iter().cloned().zip(cut(&mut dz, &parts, t * stride)).collect();
        each(tasks, |(part, dz): (Range<usize>, &mut [f32])| {
            let kept = &kept[part.start * t * KEPT * h..part.end * t * KEPT * h];
            let grads = &grads[part.start * t * h..part.end * t * h];
            backward(sizes, kept, grads, &turned, dz);
        });
        let dw = total(each(parts, |part| weight_gradient(sizes, hidden, &dz, part)));
        let device = res.device();
        Ok((
            Some(Tensor::from_vec(unpadded(dz, 4 * h), (b, t, 4 * h), device)?),
            Some(Tensor::from_vec(unpadded(dw, 4 * h), (h, 4 * h), device)?),
        ))
    }
}
