//! Layer normalisation in one op: candle's own drops its gradients, its slow form passes nine times over the values.

use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::reduce::sum;
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// y = scale · (x − μ)/√(σ² + ε) + shift, mean and variance over the last axis (Ba, Kiros & Hinton 2016).
///
/// Arguments: x (…, f), scale (f), shift (f). Result as x.
#[derive(Debug, Clone, Copy)]
pub struct LayerNormalization {
    /// ε.
    pub epsilon: f32,
}

/// Mean, and 1 over the deviation.
#[inline(always)]
fn moments(x: &[f32], epsilon: f32) -> (f32, f32) {
    let count = x.len() as f32;
    let mean = sum(x, |x| x) / count;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Rows, scale, shift, ε, where the result goes.
type NormArgs<'a> = (&'a [f32], &'a [f32], &'a [f32], f32, &'a mut [f32]);

#[inline(always)]
fn normalize((x, scale, shift, epsilon, y): NormArgs<'_>) {
    for (x, y) in x.chunks_exact(scale.len()).zip(y.chunks_exact_mut(scale.len())) {
        let (mean, factor) = moments(x, epsilon);
        for ((y, x), (scale, shift)) in y.iter_mut().zip(x).zip(scale.iter().zip(shift)) {
            *y = (x - mean) * factor * scale + shift;
        }
    }
}
simd_loop!(Normalize, normalize(NormArgs<'_>));

/// Rows, scale, ε, gradients, where the gradient by the rows goes, sums of those by scale and by shift.
type BackwardArgs<'a> = (
    &'a [f32],
    &'a [f32],
    f32,
    &'a [f32],
    &'a mut [f32],
    &'a mut [f32],
    &'a mut [f32],
);

/// With n = (x − μ)/σ and g the gradient times scale: dx = (g − mean(g) − n · mean(g·n)) / σ.
#[inline(always)]
fn backward_rows((x, scale, epsilon, grads, dx, dscale, dshift): BackwardArgs<'_>) {
    let width = scale.len();
    let rows = x.chunks_exact(width).zip(grads.chunks_exact(width));
    for ((x, grads), dx) in rows.zip(dx.chunks_exact_mut(width)) {
        let (mean, factor) = moments(x, epsilon);
        // dx holds n at first.
        for (n, x) in dx.iter_mut().zip(x) {
            *n = (x - mean) * factor;
        }
        let sums = dscale.iter_mut().zip(dshift.iter_mut());
        for (((dscale, dshift), grad), n) in sums.zip(grads).zip(&*dx) {
            *dscale += grad * n;
            *dshift += grad;
        }
        let (mut of_g, mut of_gn) = ([0.0; 16], [0.0; 16]);
        let chunks = width / 16 * 16;
        for at in (0..chunks).step_by(16) {
            let (grads, scale, n) = (&grads[at..at + 16], &scale[at..at + 16], &dx[at..at + 16]);
            for lane in 0..16 {
                let g = grads[lane] * scale[lane];
                of_g[lane] += g;
                of_gn[lane] += g * n[lane];
            }
        }
        for at in chunks..width {
            let g = grads[at] * scale[at];
            of_g[0] += g;
            of_gn[0] += g * dx[at];
        }
        let count = width as f32;
        let (mean_g, mean_gn) = (of_g.iter().sum::<f32>() / count, of_gn.iter().sum::<f32>() / count);
        for ((n, grad), scale) in dx.iter_mut().zip(grads).zip(scale) {
            *n = (grad * scale - mean_g - *n * mean_gn) * factor;
        }
    }
}
simd_loop!(BackwardRows, backward_rows(BackwardArgs<'_>));

/// Rows normalised, on this thread.
pub(super) fn normalize_rows(x: &[f32], (scale, shift): (&[f32], &[f32]), epsilon: f32, y: &mut [f32]) {
    dispatch_loop(Normalize, (x, scale, shift, epsilon, y));
}

/// The gradient by rows into `dx`, and those by scale and shift added to the sums, on this thread.
pub(super) fn normalize_backward(
    x: &[f32],
    (scale, epsilon): (&[f32], f32),
    grads: &[f32],
    dx: &mut [f32],
    (dscale, dshift): (&mut [f32], &mut [f32]),
) {
    dispatch_loop(BackwardRows, (x, scale, epsilon, grads, dx, dscale, dshift));
}

fn width(x: &[usize], scale: &[usize], shift: &[usize]) -> Result<usize> {
    match (x, scale, shift) {
        (&[.., width], &[a], &[b]) if a == width && b == width && width > 0 => Ok(width),
        _ => bail!("layer_normalization: {x:?}, {scale:?} and {shift:?} do not match"),
    }
}

impl CustomOp3 for LayerNormalization {
    fn name(&self) -> &'static str {
        "layer_normalization"
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
        let width = width(l1.dims(), l2.dims(), l3.dims())?;
        let x = contiguous(self.name(), s1, l1)?;
        let scale = contiguous(self.name(), s2, l2)?;
        let shift = contiguous(self.name(), s3, l3)?;
        let mut y = vec![0.0; x.len()];
        let parts = thread_ranges(x.len() / width);
        let tasks = parts.iter().cloned().zip(split_rows(&mut y, &parts, width)).collect();
        parallel_map(tasks, |(rows, y): (Range<usize>, &mut [f32])| {
            let x = &x[rows.start * width..rows.end * width];
            dispatch_loop(Normalize, (x, scale, shift, self.epsilon, y));
        });
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = width(x.dims(), scale.dims(), shift.dims())?;
        let grad_res = grad_res.contiguous()?;
        let (values, factors, grads) = (borrow(x)?, borrow(scale)?, borrow(&grad_res)?);
        let (values, factors, grads): (&[f32], &[f32], &[f32]) = (&values, &factors, &grads);
        let mut dx = vec![0.0; values.len()];
        let parts = thread_ranges(values.len() / width);
        let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, width)).collect();
        let sums = sum_in_order(parallel_map(tasks, |(rows, dx): (Range<usize>, &mut [f32])| {
            let of = rows.start * width..rows.end * width;
            let mut sums = vec![0.0; 2 * width];
            let (dscale, dshift) = sums.split_at_mut(width);
            let arg = (
                &values[of.clone()],
                factors,
                self.epsilon,
                &grads[of],
                dx,
                dscale,
                dshift,
            );
            dispatch_loop(BackwardRows, arg);
            sums
        }));
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_slice(&sums[..width], width, device)?),
            Some(Tensor::from_slice(&sums[width..], width, device)?),
        ))
    }
}
