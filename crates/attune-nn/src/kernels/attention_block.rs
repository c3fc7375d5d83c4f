//! The first half of an encoder layer in one op: normalisation, projection, attention, output, dropout and the way
//! around them.

use super::activation::Dropout;
use super::causal_attention::CausalAttention;
use super::feed_forward::{add_products, joined};
use super::layer_norm::{normalize_backward, normalize_rows};
use super::packed_matrix::{PackedMatrix, padded};
use super::parallel::{parallel_map, split_rows, sum_in_order, thread_ranges};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;
use std::sync::OnceLock;

/// y = x + D(attention(LN(x)·W_p + b_p)·W_o + b_o), with the attention of [`CausalAttention`].
///
/// Arguments: x (b, t, w), and all parameters in one row: scale (w) and shift (w) of LN, W_p (w, 3w), b_p (3w),
/// W_o (w, w), b_o (w). Result as x. A value serves one run: forward saves projections and mixtures for backward.
#[derive(Debug)]
pub struct AttentionBlock {
    /// Heads, context and rotations.
    pub attention: CausalAttention,
    /// ε of the normalisation.
    pub epsilon: f32,
    /// D; none: no dropout.
    pub dropout: Option<Dropout>,
    /// Projections (b, t, 3w) and mixtures (b, t, w).
    saved: OnceLock<(Vec<f32>, Vec<f32>)>,
}

/// The parameters where they lie.
struct Parts<'a> {
    scale: &'a [f32],
    shift: &'a [f32],
    project: (&'a [f32], &'a [f32]),
    output: (&'a [f32], &'a [f32]),
}

fn parts(parameters: &[f32], w: usize) -> Parts<'_> {
    let (scale, rest) = parameters.split_at(w);
    let (shift, rest) = rest.split_at(w);
    let (project, rest) = rest.split_at(3 * w * w);
    let (project_bias, rest) = rest.split_at(3 * w);
    let (output, output_bias) = rest.split_at(w * w);
    Parts {
        scale,
        shift,
        project: (project, project_bias),
        output: (output, output_bias),
    }
}

impl AttentionBlock {
    /// For one run.
    pub fn new(attention: CausalAttention, epsilon: f32, dropout: Option<Dropout>) -> Self {
        Self {
            attention,
            epsilon,
            dropout,
            saved: OnceLock::new(),
        }
    }

    /// Streams, frames and features of a row.
    fn sizes(&self, x: &[usize], parameters: &[usize]) -> Result<(usize, usize, usize)> {
        match x {
            &[b, t, w] if parameters == [6 * w + 4 * w * w] => {
                self.attention.sizes(&[b, t, 3 * w])?;
                Ok((b, t, w))
            }
            _ => bail!("attention_block: {x:?} and {parameters:?} do not match"),
        }
    }

    /// Masks the rows of one stream of y − x.
    fn apply_mask(&self, stream: usize, rows: &mut [f32]) {
        if let Some(dropout) = self.dropout {
            dropout.mask(stream * rows.len(), rows);
        }
    }

    /// One stream backwards: x, what was saved of it, the gradient, where that by x goes, sums by the parameters.
    fn backward(
        &self,
        (x, projected, mixed): (&[f32], &[f32], &[f32]),
        (stream, grads): (usize, &[f32]),
        parts: &Parts<'_>,
        transposed: [&PackedMatrix; 2],
        dx: &mut [f32],
        sums: &mut [Vec<f32>; 6],
    ) -> Result<()> {
        let w = parts.scale.len();
        let frames = x.len() / w;
        let (stride, wide) = (padded(w), padded(3 * w));
        let [dscale, dshift, d_project, d_project_bias, d_output, d_output_bias] = sums;
        let mut scratch = Vec::new();
        let mut masked = grads.to_vec();
        self.apply_mask(stream, &mut masked);
        let dy = with_stride(&masked, w, stride);
        add_products(mixed, w, w, &dy, stride, frames, d_output, d_output_bias);
        let mut dmixed = vec![0.0; frames * w];
        transposed[1].multiply_rows(|row| &dy[row * stride..][..w], &mut scratch, &mut dmixed);
        let mut dprojected = vec![0.0; frames * 3 * w];
        let sizes = self.attention.sizes(&[1, frames, 3 * w])?;
        self.attention
            .backward(projected, mixed, &dmixed, &mut dprojected, sizes);
        let mut normed = vec![0.0; frames * w];
        normalize_rows(x, (parts.scale, parts.shift), self.epsilon, &mut normed);
        let dprojected = with_stride(&dprojected, 3 * w, wide);
        add_products(&normed, w, w, &dprojected, wide, frames, d_project, d_project_bias);
        let dnormed = &mut normed;
        transposed[0].multiply_rows(|row| &dprojected[row * wide..][..3 * w], &mut scratch, dnormed);
        normalize_backward(x, (parts.scale, self.epsilon), dnormed, dx, (dscale, dshift));
        for (dx, grad) in dx.iter_mut().zip(grads) {
            *dx += grad;
        }
        Ok(())
    }
}

/// Rows of `width` at a greater stride, zeros between.
fn with_stride(rows: &[f32], width: usize, stride: usize) -> Vec<f32> {
    if width == stride {
        return rows.to_vec();
    }
    let mut out = vec![0.0; rows.len() / width * stride];
    for (out, row) in out.chunks_exact_mut(stride).zip(rows.chunks_exact(width)) {
        out[..width].copy_from_slice(row);
    }
    out
}

impl CustomOp2 for AttentionBlock {
    fn name(&self) -> &'static str {
        "attention_block"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, t, w) = self.sizes(l1.dims(), l2.dims())?;
        let sizes = self.attention.sizes(&[b, t, 3 * w])?;
        let x = contiguous(self.name(), s1, l1)?;
        let parts = parts(contiguous(self.name(), s2, l2)?, w);
        let project = PackedMatrix::new(parts.project.0, parts.project.1);
        let output = PackedMatrix::new(parts.output.0, parts.output.1);
        let (mut projected, mut mixed) = (vec![0.0; b * t * 3 * w], vec![0.0; b * t * w]);
        let mut y = vec![0.0; b * t * w];
        let ranges = thread_ranges(b);
        let pieces = split_rows(&mut projected, &ranges, t * 3 * w)
            .into_iter()
            .zip(split_rows(&mut mixed, &ranges, t * w))
            .zip(split_rows(&mut y, &ranges, t * w));
        let tasks = ranges.iter().cloned().zip(pieces).collect();
        parallel_map(tasks, |(streams, ((projected, mixed), y))| {
            let (mut normed, mut scratch) = (vec![0.0; t * w], Vec::new());
            let rows = projected
                .chunks_exact_mut(t * 3 * w)
                .zip(mixed.chunks_exact_mut(t * w))
                .zip(y.chunks_exact_mut(t * w));
            for (stream, ((projected, mixed), y)) in Range::zip(streams, rows) {
                let x = &x[stream * t * w..][..t * w];
                normalize_rows(x, (parts.scale, parts.shift), self.epsilon, &mut normed);
                project.multiply_rows(|row| &normed[row * w..][..w], &mut scratch, projected);
                self.attention.forward(projected, mixed, sizes);
                output.multiply_rows(|row| &mixed[row * w..][..w], &mut scratch, y);
                self.apply_mask(stream, y);
                for (y, x) in y.iter_mut().zip(x) {
                    *y += x;
                }
            }
        });
        if self.saved.set((projected, mixed)).is_err() {
            bail!("attention_block: the value was used for another clip");
        }
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (b, t, w) = self.sizes(x.dims(), parameters.dims())?;
        let Some((projected, mixed)) = self.saved.get() else {
            bail!("attention_block: backward before forward");
        };
        let grad_res = grad_res.contiguous()?;
        let (values, weights, grads) = (borrow(x)?, borrow(parameters)?, borrow(&grad_res)?);
        let (values, grads): (&[f32], &[f32]) = (&values, &grads);
        let parts = parts(&weights, w);
        let project = PackedMatrix::transposed(parts.project.0, 3 * w);
        let output = PackedMatrix::transposed(parts.output.0, w);
        let mut dx = vec![0.0; b * t * w];
        let ranges = thread_ranges(b);
        let tasks = ranges
            .iter()
            .cloned()
            .zip(split_rows(&mut dx, &ranges, t * w))
            .collect();
        let sums = parallel_map(tasks, |(streams, dx): (Range<usize>, &mut [f32])| {
            let (stride, wide) = (padded(w), padded(3 * w));
            let mut sums = [w, w, w * wide, wide, w * stride, stride].map(|count| vec![0.0; count]);
            for (stream, dx) in streams.zip(dx.chunks_exact_mut(t * w)) {
                let of = |width: usize| stream * t * width..(stream + 1) * t * width;
                let saved = (&values[of(w)], &projected[of(3 * w)], &mixed[of(w)]);
                self.backward(
                    saved,
                    (stream, &grads[of(w)]),
                    &parts,
                    [&project, &output],
                    dx,
                    &mut sums,
                )?;
            }
            let widths = [w, w, 3 * w, 3 * w, w, w];
            Ok(joined(&sums.into_iter().zip(widths).collect::<Vec<_>>()))
        });
        let sums = sum_in_order(sums.into_iter().collect::<Result<_>>()?);
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(sums, parameters.shape(), device)?),
        ))
    }
}
