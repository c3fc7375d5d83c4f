//! Mean and mean square of every feature, weighted by what attention gives each frame.

use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Σ_t w(p, t) · x(t) and Σ_t w(p, t) · x(t)² (Okabe, Koshinaka & Shinoda 2018).
///
/// Arguments: weights (b, p, t) and x (b, t, f). Result (b, p, 2f): mean, mean square.
#[derive(Debug, Clone, Copy)]
pub struct WeightedMoments;

#[derive(Debug, Clone, Copy)]
struct Sizes {
    streams: usize,
    queries: usize,
    frames: usize,
    width: usize,
}

impl Sizes {
    fn of(weights: &[usize], x: &[usize]) -> Result<Self> {
        match (weights, x) {
            (&[streams, queries, frames], &[b, t, width]) if b == streams && t == frames && width > 0 => Ok(Self {
                streams,
                queries,
                frames,
                width,
            }),
            _ => bail!("weighted_moments: {weights:?} and {x:?} do not match"),
        }
    }
}

/// Weights of one query over all frames, the frames, where mean and mean square go.
type Frames<'a> = (&'a [f32], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn add_frames((weights, x, into): Frames<'_>) {
    let width = into.len() / 2;
    let (means, squares) = into.split_at_mut(width);
    for (weight, x) in weights.iter().zip(x.chunks_exact(width)) {
        if *weight == 0.0 {
            continue; // not seen
        }
        for ((mean, square), x) in means.iter_mut().zip(squares.iter_mut()).zip(x) {
            let weighted = weight * x;
            *mean += weighted;
            *square += weighted * x;
        }
    }
}
simd_loop!(AddFrames, add_frames(Frames<'_>));

/// One query's weights, the frames, its gradient (2f), gradients by the weights and by the frames.
type BackwardArgs<'a> = (&'a [f32], &'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn backward_rows((weights, x, grads, dweights, dx): BackwardArgs<'_>) {
    let width = grads.len() / 2;
    let (by_mean, by_square) = grads.split_at(width);
    let frames = x.chunks_exact(width).zip(dx.chunks_exact_mut(width));
    for ((weight, dweight), (x, dx)) in weights.iter().zip(dweights).zip(frames) {
        let mut sums = [0.0; 16];
        let whole = width / 16 * 16;
        for at in (0..whole).step_by(16) {
            let (x, m, s) = (&x[at..at + 16], &by_mean[at..at + 16], &by_square[at..at + 16]);
            for lane in 0..16 {
                sums[lane] += (m[lane] + s[lane] * x[lane]) * x[lane];
            }
        }
        for at in whole..width {
            sums[0] += (by_mean[at] + by_square[at] * x[at]) * x[at];
        }
        *dweight = sums.iter().sum();
        if *weight != 0.0 {
            for ((dx, x), (m, s)) in dx.iter_mut().zip(x).zip(by_mean.iter().zip(by_square)) {
                *dx += weight * (m + 2.0 * x * s);
            }
        }
    }
}
simd_loop!(BackwardRows, backward_rows(BackwardArgs<'_>));

impl CustomOp2 for WeightedMoments {
    fn name(&self) -> &'static str {
        "weighted_moments"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(l1.dims(), l2.dims())?;
        let (p, t, f) = (sizes.queries, sizes.frames, sizes.width);
        let weights = contiguous(self.name(), s1, l1)?;
        let x = contiguous(self.name(), s2, l2)?;
        let mut out = vec![0.0; sizes.streams * p * 2 * f];
        let parts = thread_ranges(sizes.streams);
        let tasks = parts
            .iter()
            .cloned()
            .zip(split_rows(&mut out, &parts, p * 2 * f))
            .collect();
        parallel_map(tasks, |(streams, out): (Range<usize>, &mut [f32])| {
            for (row, into) in out.chunks_exact_mut(2 * f).enumerate() {
                let stream = streams.start + row / p;
                let weights = &weights[(streams.start * p + row) * t..][..t];
                dispatch_loop(AddFrames, (weights, &x[stream * t * f..][..t * f], into));
            }
        });
        Ok((CpuStorage::F32(out), (sizes.streams, p, 2 * f).into()))
    }

    fn bwd(
        &self,
        weights: &Tensor,
        x: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(weights.dims(), x.dims())?;
        let (p, t, f) = (sizes.queries, sizes.frames, sizes.width);
        let grad_res = grad_res.contiguous()?;
        let (w, values, grads) = (borrow(weights)?, borrow(x)?, borrow(&grad_res)?);
        let (w, values, grads): (&[f32], &[f32], &[f32]) = (&w, &values, &grads);
        let (mut dw, mut dx) = (vec![0.0; w.len()], vec![0.0; values.len()]);
        let parts = thread_ranges(sizes.streams);
        let pieces = split_rows(&mut dw, &parts, p * t)
            .into_iter()
            .zip(split_rows(&mut dx, &parts, t * f));
        parallel_map(parts.iter().cloned().zip(pieces).collect(), |(streams, (dw, dx))| {
            let each = dw.chunks_exact_mut(p * t).zip(dx.chunks_exact_mut(t * f));
            for (stream, (dw, dx)) in streams.zip(each) {
                for (queries, dw) in dw.chunks_exact_mut(t).enumerate() {
                    let row = stream * p + queries;
                    let (w, grads) = (&w[row * t..][..t], &grads[row * 2 * f..][..2 * f]);
                    let x = &values[stream * t * f..][..t * f];
                    dispatch_loop(BackwardRows, (w, x, grads, dw, &mut *dx));
                }
            }
        });
        Ok((
            Some(Tensor::from_vec(dw, weights.shape(), weights.device())?),
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
        ))
    }
}
