//! A whole sequence through one layer of plain recurrence, with backward through time by hand.

use super::exponential::tanh;
use super::packed_matrix::PackedMatrix;
use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::recurrence::{self, Sizes};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

/// Elman 1990: h_t = tanh(x_t·W + b + h_{t−1}·U), what PyTorch calls `nn.RNN`.
///
/// Arguments: x (b, t, i), W with b as its last row (i + 1, h), and U (h, h). Before the first frame h is zeros. Result
/// h (b, t, h): all that backward needs.
#[derive(Debug, Clone, Copy)]
pub struct RnnSequence;

#[inline(always)]
fn squash((z, hidden): (&[f32], &mut [f32])) {
    for (hidden, z) in hidden.iter_mut().zip(z) {
        *hidden = tanh(*z);
    }
}
simd_loop!(Squash, squash((&[f32], &mut [f32])));

/// The gradient by z: h, that by h from outside and from the frame after, and where it goes.
type FrameBack<'a> = (&'a [f32], &'a [f32], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn frame_backward((hidden, grads, later, dz): FrameBack<'_>) {
    let into = grads.iter().zip(later);
    for ((dz, h), (grad, later)) in dz.iter_mut().zip(hidden).zip(into) {
        *dz = (grad + later) * (1.0 - h * h);
    }
}
simd_loop!(FrameBackward, frame_backward(FrameBack<'_>));

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
        let sizes = Sizes::of(self.name(), l1.dims(), l2.dims(), l3.dims(), 1)?;
        let (b, t, i, h) = (sizes.streams, sizes.frames, sizes.inputs, sizes.hidden);
        let x = contiguous(self.name(), s1, l1)?;
        let (weights, bias) = contiguous(self.name(), s2, l2)?.split_at(i * h);
        let input = PackedMatrix::new(weights, bias);
        let recurrent = PackedMatrix::new(contiguous(self.name(), s3, l3)?, &vec![0.0; h]);
        let mut hidden = vec![0.0; b * t * h];
        let parts = thread_ranges(b);
        let pieces = split_rows(&mut hidden, &parts, t * h);
        parallel_map(parts.iter().cloned().zip(pieces).collect(), |(part, hidden)| {
            let x = &x[part.start * t * i..part.end * t * i];
            recurrence::forward(sizes, x, [&input, &recurrent], hidden, |_, z, hidden| {
                dispatch_loop(Squash, (z, hidden));
            });
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
        let sizes = Sizes::of(self.name(), x.dims(), input.dims(), recurrent.dims(), 1)?;
        let grad_res = grad_res.contiguous()?;
        let (grads, hidden) = (borrow(&grad_res)?, borrow(res)?);
        let (grads, hidden): (&[f32], &[f32]) = (&grads, &hidden);
        let (t, h) = (sizes.frames, sizes.hidden);
        recurrence::gradients(sizes, [x, input, recurrent, res], |part, transposed, dz| {
            let of = part.start * t * h..part.end * t * h;
            let (grads, hidden) = (&grads[of.clone()], &hidden[of]);
            recurrence::backward(sizes, grads, transposed, dz, |place, grads, later, dz| {
                dispatch_loop(FrameBackward, (&hidden[place.row * h..][..h], grads, later, dz));
            });
        })
    }
}
