//! Batch normalisation in training, in one op.

use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Mean and variance of each feature over all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMoments {
    /// Means.
    pub mean: Vec<f32>,
    /// Variances, divided by the number of rows.
    pub variance: Vec<f32>,
}

/// Rows, an offset to subtract first, sums, sums of squares.
type Sums<'a> = (&'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);

#[inline(always)]
fn add_up((x, off, sums, squares): Sums<'_>) {
    for x in x.chunks_exact(off.len()) {
        let into = sums.iter_mut().zip(squares.iter_mut());
        for ((sum, square), (x, off)) in into.zip(x.iter().zip(off)) {
            let centred = x - off;
            *sum += centred;
            *square += centred * centred;
        }
    }
}
simd_loop!(AddUp, add_up(Sums<'_>));

impl ColumnMoments {
    /// Of x (…, features), contiguous.
    pub fn of(x: &Tensor) -> Result<Self> {
        let width = x.dim(candle_core::D::Minus1)?;
        let values = borrow(x)?;
        let values: &[f32] = &values;
        let rows = values.len() / width;
        if rows == 0 {
            bail!("batch_normalization: no rows");
        }
        // Subtracting the first row keeps squares small where a mean is far from 0.
        let off = &values[..width];
        let sums = sum_in_order(parallel_map(thread_ranges(rows), |rows| {
            let mut sums = vec![0.0; 2 * width];
            let (sum, square) = sums.split_at_mut(width);
            dispatch_loop(AddUp, (&values[rows.start * width..rows.end * width], off, sum, square));
            sums
        }));
        let count = rows as f32;
        let each = sums[..width].iter().zip(&sums[width..]).zip(off);
        let (mean, variance) = each
            .map(|((sum, square), off)| {
                let mean = sum / count;
                (off + mean, (square / count - mean * mean).max(0.0))
            })
            .unzip();
        Ok(Self { mean, variance })
    }
}

/// y = scale · (x − μ)/√(σ² + ε) + shift, moments over all rows of the batch (Ioffe & Szegedy 2015), and optionally
/// ReLU. The gradient flows through the moments too.
///
/// Arguments: x (…, f), scale (f), shift (f). Result as x.
#[derive(Debug, Clone)]
pub struct BatchNormalization {
    /// [`ColumnMoments::of`] x.
    pub moments: ColumnMoments,
    /// ε.
    pub epsilon: f32,
    /// Whether max(0, ·) follows.
    pub relu: bool,
}

/// Rows, factor and offset of each feature, whether ReLU follows, where the result goes.
type NormArgs<'a> = (&'a [f32], &'a [f32], &'a [f32], bool, &'a mut [f32]);

#[inline(always)]
fn normalize((x, factors, offsets, relu, y): NormArgs<'_>) {
    for (x, y) in x.chunks_exact(factors.len()).zip(y.chunks_exact_mut(factors.len())) {
        for ((y, x), (factor, offset)) in y.iter_mut().zip(x).zip(factors.iter().zip(offsets)) {
            let normed = x * factor + offset;
            *y = if relu && normed < 0.0 { 0.0 } else { normed };
        }
    }
}
simd_loop!(Normalize, normalize(NormArgs<'_>));

/// Rows, means, 1/σ, results (with ReLU) or nothing, gradients, sums by scale, sums by shift.
type BackwardArgs<'a> = (
    &'a [f32],
    &'a [f32],
    &'a [f32],
    &'a [f32],
    &'a [f32],
    &'a mut [f32],
    &'a mut [f32],
);

#[inline(always)]
fn backward_rows((x, means, factors, results, grads, dscale, dshift): BackwardArgs<'_>) {
    let width = means.len();
    for (row, (x, grads)) in x.chunks_exact(width).zip(grads.chunks_exact(width)).enumerate() {
        let moments = means.iter().zip(factors);
        let sums = dscale.iter_mut().zip(dshift.iter_mut());
        let all = sums.zip(x.iter().zip(grads)).zip(moments);
        if let Some(results) = results.get(row * width..(row + 1) * width) {
            for ((((dscale, dshift), (x, grad)), (mean, factor)), y) in all.zip(results) {
                let grad = if *y > 0.0 { *grad } else { 0.0 };
                *dscale += grad * (x - mean) * factor;
                *dshift += grad;
            }
        } else {
            for (((dscale, dshift), (x, grad)), (mean, factor)) in all {
                *dscale += grad * (x - mean) * factor;
                *dshift += grad;
            }
        }
    }
}
simd_loop!(BackwardRows, backward_rows(BackwardArgs<'_>));

/// Rows, results (with ReLU) or nothing, gradients, and for each feature a, b, c of dx = a·g + b·x + c.
type Back<'a> = (&'a [f32], &'a [f32], &'a [f32], [&'a [f32]; 3], &'a mut [f32]);

#[inline(always)]
fn back((x, results, grads, [a, b, c], dx): Back<'_>) {
    let width = a.len();
    let rows = x.chunks_exact(width).zip(grads.chunks_exact(width));
    for (row, ((x, grads), dx)) in rows.zip(dx.chunks_exact_mut(width)).enumerate() {
        let all = dx.iter_mut().zip(x.iter().zip(grads)).zip(a.iter().zip(b).zip(c));
        if let Some(results) = results.get(row * width..(row + 1) * width) {
            for (((dx, (x, grad)), ((a, b), c)), y) in all.zip(results) {
                let grad = if *y > 0.0 { *grad } else { 0.0 };
                *dx = a * grad + b * x + c;
            }
        } else {
            for ((dx, (x, grad)), ((a, b), c)) in all {
                *dx = a * grad + b * x + c;
            }
        }
    }
}
simd_loop!(Back3, back(Back<'_>));

impl BatchNormalization {
    fn width(&self, x: &[usize], scale: &[usize], shift: &[usize]) -> Result<usize> {
        let moments = self.moments.mean.len();
        match (x, scale, shift) {
            (&[.., width], &[a], &[b]) if a == width && b == width && moments == width && width > 0 => Ok(width),
            _ => bail!("batch_normalization: {x:?}, {scale:?}, {shift:?} and {moments} moments do not match"),
        }
    }

    /// 1/√(σ² + ε).
    fn factors(&self) -> Vec<f32> {
        let variance = self.moments.variance.iter();
        variance
            .map(|variance| 1.0 / (variance + self.epsilon).sqrt())
            .collect()
    }
}

impl CustomOp3 for BatchNormalization {
    fn name(&self) -> &'static str {
        "batch_normalization"
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
        let width = self.width(l1.dims(), l2.dims(), l3.dims())?;
        let x = contiguous(self.name(), s1, l1)?;
        let scale = contiguous(self.name(), s2, l2)?;
        let shift = contiguous(self.name(), s3, l3)?;
        let factors: Vec<f32> = self.factors().iter().zip(scale).map(|(f, s)| f * s).collect();
        let terms = shift.iter().zip(&self.moments.mean).zip(&factors);
        let offsets: Vec<f32> = terms.map(|((shift, mean), factor)| shift - mean * factor).collect();
        let mut y = vec![0.0; x.len()];
        let parts = thread_ranges(x.len() / width);
        let tasks = parts.iter().cloned().zip(split_rows(&mut y, &parts, width)).collect();
        parallel_map(tasks, |(rows, y): (Range<usize>, &mut [f32])| {
            let x = &x[rows.start * width..rows.end * width];
            dispatch_loop(Normalize, (x, &factors, &offsets, self.relu, y));
        });
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    /// With n = (x − μ)/σ over m rows: dx = scale/σ · (g − mean(g) − n · mean(g·n)).
    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = self.width(x.dims(), scale.dims(), shift.dims())?;
        let grad_res = grad_res.contiguous()?;
        let (values, gains, grads, results) = (borrow(x)?, borrow(scale)?, borrow(&grad_res)?, borrow(res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let results: &[f32] = if self.relu { &results } else { &[] };
        let of = |rows: &Range<usize>| rows.start * width..rows.end * width;
        // Without ReLU the results are not needed.
        let seen = |rows: &Range<usize>| if self.relu { of(rows) } else { 0..0 };
        let (means, factors) = (&self.moments.mean, self.factors());
        let parts = thread_ranges(values.len() / width);
        let sums = sum_in_order(parallel_map(parts.clone(), |rows| {
            let mut sums = vec![0.0; 2 * width];
            let (dscale, dshift) = sums.split_at_mut(width);
            let (x, g) = (&values[of(&rows)], &grads[of(&rows)]);
            dispatch_loop(
                BackwardRows,
                (x, means, &factors, &results[seen(&rows)], g, dscale, dshift),
            );
            sums
        }));
        let (dscale, dshift) = sums.split_at(width);
        let device = x.device();
        let dx = if x.track_op() {
            let count = (values.len() / width) as f32;
            let (mut a, mut b, mut c) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
            for i in 0..width {
                a[i] = gains[i] * factors[i];
                b[i] = -a[i] * factors[i] * dscale[i] / count;
                c[i] = -a[i] * dshift[i] / count - b[i] * means[i];
            }
            let mut dx = vec![0.0; values.len()];
            let tasks = parts.iter().cloned().zip(split_rows(&mut dx, &parts, width)).collect();
            parallel_map(tasks, |(rows, dx): (Range<usize>, &mut [f32])| {
                let (x, g) = (&values[of(&rows)], &grads[of(&rows)]);
                dispatch_loop(Back3, (x, &results[seen(&rows)], g, [&a, &b, &c], dx));
            });
            Some(Tensor::from_vec(dx, x.shape(), device)?)
        } else {
            None
        };
        Ok((
            dx,
            Some(Tensor::from_slice(dscale, width, device)?),
            Some(Tensor::from_slice(dshift, width, device)?),
        ))
    }
}
