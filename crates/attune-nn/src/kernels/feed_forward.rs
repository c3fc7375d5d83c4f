//! The second half of an encoder layer in one op: normalisation, two dense layers, dropout and the way around them.
//!
//! Rows are taken in blocks whose every intermediate stays in the cache; backward computes them once more instead of
//! reading them back from memory.

use super::activation::{Dropout, gelu_backward, gelu_forward};
use super::layer_norm::{normalize_backward, normalize_rows};
use super::outer_sum::{StridedRows, add_outer};
use super::packed_matrix::{Finish, PackedMatrix, Start, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// Rows of a block.
const BLOCK: usize = 64;

/// y = x + D(gelu(LN(x)·W₁ + b₁)·W₂ + b₂) (Vaswani et al. 2017, normalised first as in Xiong et al. 2020).
///
/// Arguments: x (…, w), and all parameters in one row: scale (w) and shift (w) of LN, W₁ (w, feed), b₁ (feed),
/// W₂ (feed, w), b₂ (w). Result as x.
#[derive(Debug, Clone, Copy)]
pub struct FeedForward {
    /// Features of a row.
    pub width: usize,
    /// Features in the middle.
    pub feed: usize,
    /// ε of the normalisation.
    pub epsilon: f32,
    /// D; none: no dropout.
    pub dropout: Option<Dropout>,
}

/// The parameters where they lie.
struct Parts<'a> {
    scale: &'a [f32],
    shift: &'a [f32],
    widen: (&'a [f32], &'a [f32]),
    narrow: (&'a [f32], &'a [f32]),
}

impl FeedForward {
    fn check(&self, x: &[usize], parameters: &[usize]) -> Result<()> {
        let wanted = 3 * self.width + self.feed + 2 * self.width * self.feed;
        if x.last() == Some(&self.width) && parameters == [wanted] {
            Ok(())
        } else {
            bail!("feed_forward: {x:?} and {parameters:?} do not match for {self:?}")
        }
    }

    fn parts<'a>(&self, parameters: &'a [f32]) -> Parts<'a> {
        let (scale, rest) = parameters.split_at(self.width);
        let (shift, rest) = rest.split_at(self.width);
        let (first, rest) = rest.split_at(self.width * self.feed);
        let (first_bias, rest) = rest.split_at(self.feed);
        let (second, second_bias) = rest.split_at(self.feed * self.width);
        Parts {
            scale,
            shift,
            widen: (first, first_bias),
            narrow: (second, second_bias),
        }
    }

    /// Masks rows of y − x, the first of which is row `first` of all.
    fn apply_mask(&self, first: usize, rows: &mut [f32]) {
        if let Some(dropout) = self.dropout {
            dropout.mask(first * self.width, rows);
        }
    }

    fn forward(&self, x: &[f32], parts: &Parts<'_>, matrices: [&PackedMatrix; 2], first: usize, y: &mut [f32]) {
        let (w, f, stride) = (self.width, self.feed, padded(self.feed));
        let (mut normed, mut wide) = (vec![0.0; BLOCK * w], vec![0.0; BLOCK * stride]);
        let mut activated = wide.clone();
        let mut scratch = Vec::new();
        for (block, (x, y)) in x.chunks(BLOCK * w).zip(y.chunks_mut(BLOCK * w)).enumerate() {
            let rows = x.len() / w;
            let (normed, wide) = (&mut normed[..rows * w], &mut wide[..rows * stride]);
            let activated = &mut activated[..rows * stride];
            normalize_rows(x, (parts.scale, parts.shift), self.epsilon, normed);
            let ends = (Start::Bias, Finish::Plain);
            matrices[0].multiply(1, |row, _| &normed[row * w..][..w], ends, wide);
            gelu_forward(wide, activated);
            matrices[1].multiply_rows(|row| &activated[row * stride..][..f], &mut scratch, y);
            self.apply_mask(first + block * BLOCK, y);
            for (y, x) in y.iter_mut().zip(x) {
                *y += x;
            }
        }
    }

    /// Rows of one thread backwards; gives the gradient by the parameters, matrices padded.
    fn backward(&self, x: &[f32], grads: &[f32], parts: &Parts<'_>, first: usize, dx: &mut [f32]) -> Vec<Vec<f32>> {
        let (w, f) = (self.width, self.feed);
        let (wide_stride, stride) = (padded(f), padded(w));
        let widen = PackedMatrix::new(parts.widen.0, parts.widen.1);
        let widen_transposed = PackedMatrix::transposed(parts.widen.0, f);
        let narrow_transposed = PackedMatrix::transposed(parts.narrow.0, w);
        let mut sums = [w, w, w * wide_stride, wide_stride, f * stride, stride].map(|count| vec![0.0; count]);
        let [dscale, dshift, d_widen, d_widen_bias, d_narrow, d_narrow_bias] = &mut sums;
        let (mut normed, mut dnormed) = (vec![0.0; BLOCK * w], vec![0.0; BLOCK * w]);
        let [mut wide, mut activated, mut dwide] = [(); 3].map(|()| vec![0.0; BLOCK * wide_stride]);
        let (mut masked, mut dy, mut scratch) = (vec![0.0; BLOCK * w], vec![0.0; BLOCK * stride], Vec::new());
        let ends = (Start::Bias, Finish::Plain);
        let blocks = x
            .chunks(BLOCK * w)
            .zip(grads.chunks(BLOCK * w))
            .zip(dx.chunks_mut(BLOCK * w));
        for (block, ((x, grads), dx)) in blocks.enumerate() {
            let rows = x.len() / w;
            let (normed, dnormed) = (&mut normed[..rows * w], &mut dnormed[..rows * w]);
            let [wide, activated, dwide] =
                [&mut wide, &mut activated, &mut dwide].map(|all| &mut all[..rows * wide_stride]);
            // Once more what forward had.
            normalize_rows(x, (parts.scale, parts.shift), self.epsilon, normed);
            widen.multiply(1, |row, _| &normed[row * w..][..w], ends, wide);
            gelu_forward(wide, activated);
            // Through the second layer.
            let masked = &mut masked[..rows * w];
            masked.copy_from_slice(grads);
            self.apply_mask(first + block * BLOCK, masked);
            for (dy, masked) in dy.chunks_exact_mut(stride).zip(masked.chunks_exact(w)) {
                dy[..w].copy_from_slice(masked);
            }
            add_products(
                activated,
                wide_stride,
                f,
                &dy[..rows * stride],
                stride,
                rows,
                d_narrow,
                d_narrow_bias,
            );
            narrow_transposed.multiply(1, |row, _| &dy[row * stride..][..w], ends, dwide);
            // Through the first.
            gelu_backward(wide, dwide);
            add_products(normed, w, w, dwide, wide_stride, rows, d_widen, d_widen_bias);
            widen_transposed.multiply_rows(|row| &dwide[row * wide_stride..][..f], &mut scratch, dnormed);
            normalize_backward(x, (parts.scale, self.epsilon), dnormed, dx, (dscale, dshift));
            for (dx, grad) in dx.iter_mut().zip(grads) {
                *dx += grad;
            }
        }
        sums.into()
    }
}

/// sums += xᵀ · grads and bias += Σ grads over `rows` rows; gradients at a padded stride.
#[allow(clippy::too_many_arguments, reason = "two matrices with their strides, and two sums")]
pub(super) fn add_products(
    x: &[f32],
    x_stride: usize,
    width: usize,
    grads: &[f32],
    stride: usize,
    rows: usize,
    sums: &mut [f32],
    bias: &mut [f32],
) {
    let of = |values, stride, width| StridedRows { values, stride, width };
    add_outer(of(x, x_stride, width), of(grads, stride, stride), rows, sums);
    for row in grads.chunks_exact(stride).take(rows) {
        for (bias, grad) in bias.iter_mut().zip(row) {
            *bias += grad;
        }
    }
}

/// One row of parameters from parts whose rows are padded to whole registers.
pub(super) fn joined(parts: &[(Vec<f32>, usize)]) -> Vec<f32> {
    let rows = |(values, width): &(Vec<f32>, usize)| {
        let (width, stride) = (*width, padded(*width).min(values.len()));
        let rows = values
            .chunks_exact(stride)
            .flat_map(move |row| row[..width].iter().copied());
        rows.collect::<Vec<_>>()
    };
    parts.iter().flat_map(rows).collect()
}

impl CustomOp2 for FeedForward {
    fn name(&self) -> &'static str {
        "feed_forward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.check(l1.dims(), l2.dims())?;
        let x = contiguous(self.name(), s1, l1)?;
        let parts = self.parts(contiguous(self.name(), s2, l2)?);
        let widen = PackedMatrix::new(parts.widen.0, parts.widen.1);
        let narrow = PackedMatrix::new(parts.narrow.0, parts.narrow.1);
        let (w, mut y) = (self.width, vec![0.0; x.len()]);
        let ranges = thread_ranges(x.len() / w);
        let tasks = ranges.iter().cloned().zip(split_rows(&mut y, &ranges, w)).collect();
        parallel_map(tasks, |(rows, y): (Range<usize>, &mut [f32])| {
            self.forward(
                &x[rows.start * w..rows.end * w],
                &parts,
                [&widen, &narrow],
                rows.start,
                y,
            );
        });
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad_res = grad_res.contiguous()?;
        let (values, weights, grads) = (borrow(x)?, borrow(parameters)?, borrow(&grad_res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let parts = self.parts(&weights);
        let (w, mut dx) = (self.width, vec![0.0; values.len()]);
        let ranges = thread_ranges(values.len() / w);
        let tasks = ranges.iter().cloned().zip(split_rows(&mut dx, &ranges, w)).collect();
        let sums = parallel_map(tasks, |(rows, dx): (Range<usize>, &mut [f32])| {
            let of = rows.start * w..rows.end * w;
            let sums = self.backward(&values[of.clone()], &grads[of], &parts, rows.start, dx);
            let widths = [w, w, self.feed, self.feed, w, w];
            joined(&sums.into_iter().zip(widths).collect::<Vec<_>>())
        });
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(sum_in_order(sums), parameters.shape(), device)?),
        ))
    }
}
