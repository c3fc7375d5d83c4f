//! Mean and mean square of every feature over short windows, one every few frames.

use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Where windows lie: one ends at every `every`-th frame, from frame 0 on, and has `local` frames, or those so far.
///
/// ```
/// use attune_nn::kernels::window_moments::Windows;
/// let windows = Windows { local: 16, every: 4 };
/// assert_eq!(windows.count(128), 32);
/// assert_eq!((windows.frames(0), windows.frames(1), windows.frames(10)), (0..1, 0..5, 25..41));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Frames in a window.
    pub local: usize,
    /// Frames from the end of one window to that of the next.
    pub every: usize,
}

impl Windows {
    /// Windows that end within this many frames.
    pub fn count(&self, frames: usize) -> usize {
        frames.div_ceil(self.every)
    }

    /// The frames in a window.
    pub fn frames(&self, window: usize) -> Range<usize> {
        let end = window * self.every + 1;
        end.saturating_sub(self.local)..end
    }
}

/// Σ x / n and Σ x² / n over the n frames of each window.
///
/// Argument x (b, t, c). Result (b, windows, 2c): mean, mean square.
#[derive(Debug, Clone, Copy)]
pub struct WindowMoments(pub Windows);

/// Frames of a window (n, c), mean and mean square (2c).
#[inline(always)]
fn moments((x, into): (&[f32], &mut [f32])) {
    let width = into.len() / 2;
    let factor = width as f32 / x.len() as f32;
    let (means, squares) = into.split_at_mut(width);
    for x in x.chunks_exact(width) {
        for ((mean, square), x) in means.iter_mut().zip(squares.iter_mut()).zip(x) {
            *mean += x;
            *square += x * x;
        }
    }
    for moment in into {
        *moment *= factor;
    }
}
simd_loop!(Moments, moments((&[f32], &mut [f32])));

/// Frames of a window, its gradient (2c), gradients by the frames.
#[inline(always)]
fn backward_window((x, grads, dx): (&[f32], &[f32], &mut [f32])) {
    let width = grads.len() / 2;
    let factor = width as f32 / x.len() as f32;
    let (by_mean, by_square) = grads.split_at(width);
    for (x, dx) in x.chunks_exact(width).zip(dx.chunks_exact_mut(width)) {
        for ((dx, x), (m, s)) in dx.iter_mut().zip(x).zip(by_mean.iter().zip(by_square)) {
            *dx += factor * (m + 2.0 * x * s);
        }
    }
}
simd_loop!(BackwardWindow, backward_window((&[f32], &[f32], &mut [f32])));

impl CustomOp1 for WindowMoments {
    fn name(&self) -> &'static str {
        "window_moments"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let &[b, t, c] = layout.dims() else {
            bail!("window_moments: {:?} is not (b, t, c)", layout.dims());
        };
        let (x, count) = (contiguous(self.name(), storage, layout)?, self.0.count(t));
        let mut out = vec![0.0; b * count * 2 * c];
        let parts = thread_ranges(b);
        let pieces = split_rows(&mut out, &parts, count * 2 * c);
        parallel_map(
            parts.into_iter().zip(pieces).collect(),
            |(streams, out): (Range<usize>, &mut [f32])| {
                for (stream, out) in streams.zip(out.chunks_exact_mut(count * 2 * c)) {
                    for (window, into) in out.chunks_exact_mut(2 * c).enumerate() {
                        let frames = self.0.frames(window);
                        let x = &x[(stream * t + frames.start) * c..(stream * t + frames.end) * c];
                        dispatch_loop(Moments, (x, into));
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), (b, count, 2 * c).into()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let (b, t, c) = x.dims3()?;
        let count = self.0.count(t);
        let grad_res = grad_res.contiguous()?;
        let (values, grads) = (borrow(x)?, borrow(&grad_res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let mut dx = vec![0.0; b * t * c];
        let parts = thread_ranges(b);
        let pieces = split_rows(&mut dx, &parts, t * c);
        parallel_map(
            parts.into_iter().zip(pieces).collect(),
            |(streams, dx): (Range<usize>, &mut [f32])| {
                for (stream, dx) in streams.zip(dx.chunks_exact_mut(t * c)) {
                    let x = &values[stream * t * c..][..t * c];
                    let grads = &grads[stream * count * 2 * c..][..count * 2 * c];
                    for (window, grads) in grads.chunks_exact(2 * c).enumerate() {
                        let frames = self.0.frames(window);
                        let range = frames.start * c..frames.end * c;
                        dispatch_loop(BackwardWindow, (&x[range.clone()], grads, &mut dx[range]));
                    }
                }
            },
        );
        Ok(Some(Tensor::from_vec(dx, (b, t, c), x.device())?))
    }
}
