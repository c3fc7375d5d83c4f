//! A whole sequence through one LSTM layer, with backward through time by hand.
//!
//! candle unrolls a recurrence into one graph node per slice, and the gradient of each slice costs the whole tensor:
//! O(t²). This op is one node.

use super::denormals::flush;
use super::exponential::{sigmoid, tanh};
use super::packed_matrix::PackedMatrix;
use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::recurrence::{self, Sizes};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// What is saved of each frame for backward, each part as wide as the layer: cell, input gate, forget gate, candidate,
/// output gate.
const SAVED: usize = 5;

/// Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), in PyTorch's order of gates:
///
/// i = σ(zᵢ), f = σ(z_f), g = tanh(z_g), o = σ(z_o) where z = x·W_x + b + h₋·W_h; c = f·c₋ + i·g; h = o·tanh(c).
///
/// Arguments: x (b, t, i), W_x with b as its last row (i + 1, 4h), and W_h (h, 4h). Before the first frame h and c are
/// zeros. Result h (b, t, h). A value serves one run: forward saves cells and gates for backward.
#[derive(Debug, Default)]
pub struct LstmSequence {
    saved: OnceLock<Vec<f32>>,
}

/// Sums for each hidden unit.
const GATES: usize = 4;

/// One frame of one stream: sums z (4h), the cell before, where h goes, where cell and gates go (5h).
type Frame<'a> = (&'a [f32], &'a mut [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn frame_forward((z, cell, hidden, saved): Frame<'_>) {
    let h = cell.len();
    let (cells, gates) = saved.split_at_mut(h);
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
simd_loop!(FrameForward, frame_forward(Frame<'_>));

/// One frame of one stream, backwards: what was saved (5h), the cell before, the gradient by h from outside and from
/// the frame after, the gradient by the cell (which becomes that of the cell before), where the gradient by z goes
/// (4h).
type FrameBack<'a> = (&'a [f32], &'a [f32], &'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn frame_backward((saved, before, grads, later, dc, dz): FrameBack<'_>) {
    let h = dc.len();
    let [c, i, f, g, o] = [0, 1, 2, 3, 4].map(|part| &saved[part * h..][..h]);
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
        dc[k] = flush(into_c * f[k]);
    }
}
simd_loop!(FrameBackward, frame_backward(FrameBack<'_>));

/// Streams of one thread through all frames: `x` (n, t, i) to `hidden` (n, t, h) and `saved` (n, t, 5h).
fn forward(sizes: Sizes, x: &[f32], matrices: [&PackedMatrix; 2], hidden: &mut [f32], saved: &mut [f32]) {
    let h = sizes.hidden;
    let mut cells = vec![0.0; hidden.len() / sizes.frames];
    recurrence::forward(sizes, x, matrices, hidden, |place, z, hidden| {
        let cell = &mut cells[place.stream * h..][..h];
        let saved = &mut saved[place.row * SAVED * h..][..SAVED * h];
        dispatch_loop(FrameForward, (z, cell, hidden, saved));
    });
}

/// Streams of one thread backwards: `grads` (n, t, h) to `dz` (n, t, padded 4h).
fn backward(sizes: Sizes, saved: &[f32], grads: &[f32], transposed: &PackedMatrix, dz: &mut [f32]) {
    let h = sizes.hidden;
    let mut dc = vec![0.0; grads.len() / sizes.frames];
    let nothing = vec![0.0; h];
    recurrence::backward(sizes, grads, transposed, dz, |place, grads, later, dz| {
        let before = match place.frame {
            0 => nothing.as_slice(),
            _ => &saved[(place.row - 1) * SAVED * h..][..h],
        };
        let saved = &saved[place.row * SAVED * h..][..SAVED * h];
        let dc = &mut dc[place.stream * h..][..h];
        dispatch_loop(FrameBackward, (saved, before, grads, later, dc, dz));
    });
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
        let sizes = Sizes::of(self.name(), l1.dims(), l2.dims(), l3.dims(), GATES)?;
        let (b, t, i, h) = (sizes.streams, sizes.frames, sizes.inputs, sizes.hidden);
        let x = contiguous(self.name(), s1, l1)?;
        let (weights, bias) = contiguous(self.name(), s2, l2)?.split_at(i * sizes.sums);
        let input = PackedMatrix::new(weights, bias);
        let recurrent = PackedMatrix::new(contiguous(self.name(), s3, l3)?, &vec![0.0; sizes.sums]);
        let (mut hidden, mut saved) = (vec![0.0; b * t * h], vec![0.0; b * t * SAVED * h]);
        let parts = thread_ranges(b);
        let pieces =
            split_rows(&mut hidden, &parts, t * h)
                .into_iter()
                .zip(split_rows(&mut saved, &parts, t * SAVED * h));
        parallel_map(
            parts.iter().cloned().zip(pieces).collect(),
            |(part, (hidden, saved))| {
                let x = &x[part.start * t * i..part.end * t * i];
                forward(sizes, x, [&input, &recurrent], hidden, saved);
            },
        );
        if self.saved.set(saved).is_err() {
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
        let sizes = Sizes::of(self.name(), x.dims(), input.dims(), recurrent.dims(), GATES)?;
        let Some(saved) = self.saved.get() else {
            bail!("lstm_sequence: backward before forward");
        };
        let grad_res = grad_res.contiguous()?;
        let grads = borrow(&grad_res)?;
        let grads: &[f32] = &grads;
        let (t, h) = (sizes.frames, sizes.hidden);
        recurrence::gradients(sizes, [x, input, recurrent, res], |part, transposed, dz| {
            let of = |width: usize| part.start * t * width..part.end * t * width;
            backward(sizes, &saved[of(SAVED * h)], &grads[of(h)], transposed, dz);
        })
    }
}
