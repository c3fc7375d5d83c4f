//! Running mean and mean square of every feature, exponentially forgotten, read off at chosen frames.

use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// m_n = m_{n−1} + α_n (x_n − m_{n−1}), and the same for x². The weights α make it a plain mean of all frames at first
/// and an exponential one later (see [`super::super::statistics`]).
///
/// Argument x (b, t, c); both moments are 0 before the first frame. Result (b, p, 2c): mean and mean square at each of
/// the `read` frames.
#[derive(Debug, Clone)]
pub struct RunningMoments {
    /// α of each frame.
    pub weights: Vec<f32>,
    /// Frames at which the moments are read off, ascending.
    pub read: Vec<usize>,
}

/// A frame, α, the moments (2c).
type Frame<'a> = (&'a [f32], f32, &'a mut [f32]);

#[inline(always)]
fn follow((x, alpha, moments): Frame<'_>) {
    let (means, squares) = moments.split_at_mut(x.len());
    for ((mean, square), x) in means.iter_mut().zip(squares).zip(x) {
        *mean += alpha * (x - *mean);
        *square += alpha * (x * x - *square);
    }
}
simd_loop!(Follow, follow(Frame<'_>));

/// A frame, α, the gradient by the moments (2c) of this frame, which becomes that of the frame before, and where the
/// gradient by the frame goes.
type FrameBack<'a> = (&'a [f32], f32, &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn back((x, alpha, into, dx): FrameBack<'_>) {
    let (means, squares) = into.split_at_mut(x.len());
    for (((dx, x), mean), square) in dx.iter_mut().zip(x).zip(means).zip(squares) {
        *dx = alpha * (*mean + 2.0 * x * *square);
        *mean *= 1.0 - alpha;
        *square *= 1.0 - alpha;
    }
}
simd_loop!(Back, back(FrameBack<'_>));

impl RunningMoments {
    fn sizes(&self, x: &[usize]) -> Result<(usize, usize, usize)> {
        match x {
            &[b, t, c] if t == self.weights.len() && self.read.iter().all(|&n| n < t) => Ok((b, t, c)),
            _ => bail!("running_moments: {x:?} for {} weights", self.weights.len()),
        }
    }
}

impl CustomOp1 for RunningMoments {
    fn name(&self) -> &'static str {
        "running_moments"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, t, c) = self.sizes(layout.dims())?;
        let (x, p) = (contiguous(self.name(), storage, layout)?, self.read.len());
        let mut out = vec![0.0; b * p * 2 * c];
        let parts = thread_ranges(b);
        let tasks = parts
            .iter()
            .cloned()
            .zip(split_rows(&mut out, &parts, p * 2 * c))
            .collect();
        parallel_map(tasks, |(streams, out): (Range<usize>, &mut [f32])| {
            let x = &x[streams.start * t * c..streams.end * t * c];
            let mut out = out.chunks_exact_mut(2 * c);
            for x in x.chunks_exact(t * c) {
                let mut moments = vec![0.0; 2 * c];
                let mut read = self.read.iter().peekable();
                for (frame, (x, &alpha)) in x.chunks_exact(c).zip(&self.weights).enumerate() {
                    dispatch_loop(Follow, (x, alpha, &mut moments));
                    if read.next_if_eq(&&frame).is_some()
                        && let Some(out) = out.next()
                    {
                        out.copy_from_slice(&moments);
                    }
                }
            }
        });
        Ok((CpuStorage::F32(out), (b, p, 2 * c).into()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let (b, t, c) = self.sizes(x.dims())?;
        let p = self.read.len();
        let grad_res = grad_res.contiguous()?;
        let (values, grads) = (borrow(x)?, borrow(&grad_res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let mut dx = vec![0.0; b * t * c];
        let parts = thread_ranges(b);
        let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, t * c)).collect();
        parallel_map(tasks, |(streams, dx): (Range<usize>, &mut [f32])| {
            for (stream, dx) in streams.zip(dx.chunks_exact_mut(t * c)) {
                let x = &values[stream * t * c..][..t * c];
                let grads = grads[stream * p * 2 * c..][..p * 2 * c].chunks_exact(2 * c);
                // Gradient that flows into both moments from all later frames.
                let mut into = vec![0.0; 2 * c];
                let mut read = self.read.iter().zip(grads).rev().peekable();
                for (frame, &alpha) in self.weights.iter().enumerate().rev() {
                    if let Some((_, grad)) = read.next_if(|(at, _)| **at == frame) {
                        for (into, grad) in into.iter_mut().zip(grad) {
                            *into += grad;
                        }
                    }
                    let row = frame * c..(frame + 1) * c;
                    dispatch_loop(Back, (&x[row.clone()], alpha, &mut into, &mut dx[row]));
                }
            }
        });
        Ok(Some(Tensor::from_vec(dx, (b, t, c), x.device())?))
    }
}
