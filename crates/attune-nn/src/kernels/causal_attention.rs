//! Causal windowed attention of all heads in one op: rotation, scores, mask, softmax and values, forward and backward.
//!
//! Queries are processed in blocks that fit the cache, each against the keys within its reach. No (t, t) matrix is
//! stored: backward recomputes the weights of a block from queries and keys (Dao et al. 2022).

use super::exponential::exp;
use super::matmul::{View, add_product};
use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::reduce::{maximum, sum};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;
use std::sync::Arc;

/// Queries of a block.
const BLOCK: usize = 64;

/// How far queries and keys are transposed at each place (Su et al. 2021): cosines and sines (t, width of a head / 2).
#[derive(Debug, Default)]
pub struct RotationTable {
    /// Cosines.
    pub cos: Vec<f32>,
    /// Sines.
    pub sin: Vec<f32>,
}

/// softmax(q·kᵀ/√d)·v for each head, over the last `context` frames: q, k and v stand side by side in each row.
///
/// Argument (b, t, 3w), result (b, t, w), where w = heads · d.
#[derive(Debug, Clone)]
pub struct CausalAttention {
    /// Heads.
    pub heads: usize,
    /// Frames that a query attends to, itself included.
    pub context: usize,
    /// Rotates queries and keys; none: no position encoding.
    pub rotations: Option<Arc<RotationTable>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Streams side by side.
    pub(super) streams: usize,
    /// Frames of each.
    pub(super) frames: usize,
    /// Features of all heads.
    pub(super) width: usize,
    /// Features of one.
    head: usize,
}

/// Queries (over √d), keys and values of one head of one stream, (t, d) each: transposed.
struct Head {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

/// Rotates one row by the angles of its position; `sign` −1 rotates it back.
#[inline(always)]
fn rotate_row((row, cos, sin, sign): (&mut [f32], &[f32], &[f32], f32)) {
    let (first, second) = row.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
        let sin = sign * sin;
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}
simd_loop!(RotateRow, rotate_row((&mut [f32], &[f32], &[f32], f32)));

/// Scores of a row to weights: softmax over the keys seen, 0 for the others.
#[inline(always)]
fn softmax_row((row, seen): (&mut [f32], Range<usize>)) {
    let end = row.len();
    let weights = &mut row[seen.clone()];
    let top = maximum(weights);
    for weight in &mut *weights {
        *weight = exp(*weight - top);
    }
    let factor = 1.0 / sum(weights, |weight| weight);
    for weight in weights {
        *weight *= factor;
    }
    row[..seen.start].fill(0.0);
    row[seen.end..end].fill(0.0);
}
simd_loop!(SoftmaxRow, softmax_row((&mut [f32], Range<usize>)));

/// ∂L/∂score = w · (∂L/∂w − Σ w·∂L/∂w), in place of ∂L/∂w.
#[inline(always)]
fn score_gradients((weights, grads, mean): (&[f32], &mut [f32], f32)) {
    for (grad, weight) in grads.iter_mut().zip(weights) {
        *grad = weight * (*grad - mean);
    }
}
simd_loop!(ScoreGradients, score_gradients((&[f32], &mut [f32], f32)));

impl CausalAttention {
    pub(super) fn sizes(&self, dims: &[usize]) -> Result<Sizes> {
        let &[streams, frames, three] = dims else {
            bail!("causal_attention: {dims:?} is not (b, t, 3w)");
        };
        let width = three / 3;
        if !three.is_multiple_of(3) || self.heads == 0 || !width.is_multiple_of(self.heads) || self.context == 0 {
            bail!("causal_attention: {dims:?} for {self:?}");
        }
        let head = width / self.heads;
        if let Some(rotations) = &self.rotations
            && (!head.is_multiple_of(2)
                || rotations.cos.len() < frames * head / 2
                || rotations.sin.len() != rotations.cos.len())
        {
            bail!("causal_attention: {dims:?} has more places than the rotations");
        }
        Ok(Sizes {
            streams,
            frames,
            width,
            head,
        })
    }

    /// Rotates all rows of one head; `sign` −1 rotates them back.
    fn rotate(&self, rows: &mut [f32], head: usize, sign: f32) {
        if let Some(rotations) = &self.rotations {
            let half = head / 2;
            let angles = rotations.cos.chunks_exact(half).zip(rotations.sin.chunks_exact(half));
            for (row, (cos, sin)) in rows.chunks_exact_mut(head).zip(angles) {
                dispatch_loop(RotateRow, (row, cos, sin, sign));
            }
        }
    }

    /// Takes one head out of the rows (t, 3w) of a stream.
    fn head(&self, rows: &[f32], number: usize, sizes: Sizes) -> Head {
        let Sizes { width, head, .. } = sizes;
        let part = |part: usize| -> Vec<f32> {
            let mut out = vec![0.0; rows.len() / (3 * width) * head];
            for (out, row) in out.chunks_exact_mut(head).zip(rows.chunks_exact(3 * width)) {
                out.copy_from_slice(&row[part * width + number * head..][..head]);
            }
            out
        };
        let (mut q, mut k, v) = (part(0), part(1), part(2));
        let scale = 1.0 / (head as f32).sqrt();
        for q in &mut q {
            *q *= scale;
        }
        self.rotate(&mut q, head, 1.0);
        self.rotate(&mut k, head, 1.0);
        Head { q, k, v }
    }

    /// The keys that any of the queries sees.
    fn keys(&self, queries: &Range<usize>) -> Range<usize> {
        (queries.start + 1).saturating_sub(self.context)..queries.end
    }

    /// Weights of a block of queries over its keys (queries, keys), into `weights`.
    fn weigh(&self, head: &Head, width: usize, queries: &Range<usize>, weights: &mut Vec<f32>) {
        let keys = self.keys(queries);
        weights.clear();
        weights.resize(queries.len() * keys.len(), 0.0);
        add_product(
            (weights, View::row_major(queries.len(), keys.len())),
            (&head.q, block_of(width, queries)),
            (&head.k, block_of(width, &keys).transposed()),
        );
        for (query, row) in queries.clone().zip(weights.chunks_exact_mut(keys.len())) {
            let first = (query + 1).saturating_sub(self.context);
            dispatch_loop(SoftmaxRow, (row, first - keys.start..query + 1 - keys.start));
        }
    }

    /// Attention weights of every query over every key (b, heads, t, t).
    ///
    /// # Errors
    /// If the shape does not match the op.
    pub fn weights(&self, projected: &Tensor) -> Result<Tensor> {
        let projected = projected.contiguous()?;
        let sizes = self.sizes(projected.dims())?;
        let Sizes {
            streams,
            frames: t,
            width,
            ..
        } = sizes;
        let rows = borrow(&projected)?;
        let (mut all, mut block) = (vec![0.0; streams * self.heads * t * t], Vec::new());
        for (place, all) in all.chunks_exact_mut(t * t).enumerate() {
            let (stream, number) = (place / self.heads, place % self.heads);
            let head = self.head(&rows[stream * t * 3 * width..][..t * 3 * width], number, sizes);
            for queries in blocks(t) {
                let keys = self.keys(&queries);
                self.weigh(&head, sizes.head, &queries, &mut block);
                for (query, row) in queries.zip(block.chunks_exact(keys.len())) {
                    all[query * t..][keys.clone()].copy_from_slice(row);
                }
            }
        }
        Tensor::from_vec(all, (streams, self.heads, t, t), projected.device())
    }

    /// One stream: its rows (t, 3w) to what is mixed (t, w), zeros at first.
    pub(super) fn forward(&self, rows: &[f32], mixed: &mut [f32], sizes: Sizes) {
        let mut weights = Vec::new();
        for number in 0..self.heads {
            let head = self.head(rows, number, sizes);
            for queries in blocks(sizes.frames) {
                self.weigh(&head, sizes.head, &queries, &mut weights);
                let keys = self.keys(&queries);
                add_product(
                    (mixed, head_of(sizes, number, &queries)),
                    (&weights, View::row_major(queries.len(), keys.len())),
                    (&head.v, block_of(sizes.head, &keys)),
                );
            }
        }
    }

    /// One stream: its rows, what was mixed, the gradient by that, and where the gradient by the rows goes.
    pub(super) fn backward(&self, rows: &[f32], mixed: &[f32], grads: &[f32], into: &mut [f32], sizes: Sizes) {
        let Sizes {
            frames, width, head, ..
        } = sizes;
        let (mut weights, mut slopes) = (Vec::new(), Vec::new());
        for number in 0..self.heads {
            let of_stream = &self.head(rows, number, sizes);
            let Head { q, k, v } = of_stream;
            let mut sums = [(); 3].map(|()| vec![0.0; frames * head]); // by q, k, v
            let [dq, dk, dv] = &mut sums;
            for queries in blocks(frames) {
                let of_head = head_of(sizes, number, &queries);
                let keys = self.keys(&queries);
                let block = View::row_major(queries.len(), keys.len());
                let (query, key) = (block_of(head, &queries), block_of(head, &keys));
                self.weigh(of_stream, head, &queries, &mut weights);
                slopes.clear();
                slopes.resize(weights.len(), 0.0);
                add_product((&mut slopes, block), (grads, of_head), (v, key.transposed()));
                let rows = weights
                    .chunks_exact(keys.len())
                    .zip(slopes.chunks_exact_mut(keys.len()));
                for (query, (weights, slopes)) in queries.clone().zip(rows) {
                    let of = query * width + number * head..query * width + (number + 1) * head;
                    let mean: f32 = grads[of.clone()].iter().zip(&mixed[of]).map(|(g, m)| g * m).sum();
                    dispatch_loop(ScoreGradients, (weights, slopes, mean));
                }
                add_product((dq, query), (&slopes, block), (k, key));
                add_product((dk, key), (&slopes, block.transposed()), (q, query));
                add_product((dv, key), (&weights, block.transposed()), (grads, of_head));
            }
            self.rotate(dq, head, -1.0);
            self.rotate(dk, head, -1.0);
            let scale = 1.0 / (head as f32).sqrt();
            for (part, (sums, scale)) in sums.iter().zip([scale, 1.0, 1.0]).enumerate() {
                let rows = into.chunks_exact_mut(3 * width).zip(sums.chunks_exact(head));
                for (into, sums) in rows {
                    let into = &mut into[part * width + number * head..][..head];
                    for (into, sum) in into.iter_mut().zip(sums) {
                        *into = sum * scale;
                    }
                }
            }
        }
    }
}

/// Blocks of queries.
fn blocks(frames: usize) -> impl Iterator<Item = Range<usize>> {
    (0..frames)
        .step_by(BLOCK)
        .map(move |first| first..(first + BLOCK).min(frames))
}

/// Some frames of one head's (t, d).
fn block_of(width: usize, frames: &Range<usize>) -> View {
    View {
        offset: frames.start * width,
        ..View::row_major(frames.len(), width)
    }
}

/// Some frames of one head in rows of all heads (t, w).
fn head_of(sizes: Sizes, number: usize, frames: &Range<usize>) -> View {
    View {
        offset: frames.start * sizes.width + number * sizes.head,
        rows: frames.len(),
        cols: sizes.head,
        row_stride: sizes.width,
        col_stride: 1,
    }
}

impl CustomOp1 for CausalAttention {
    fn name(&self) -> &'static str {
        "causal_attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let sizes = self.sizes(layout.dims())?;
        let Sizes {
            streams,
            frames: t,
            width: w,
            ..
        } = sizes;
        let rows = contiguous(self.name(), storage, layout)?;
        let mut mixed = vec![0.0; streams * t * w];
        let parts = thread_ranges(streams);
        let tasks = parts
            .iter()
            .cloned()
            .zip(split_rows(&mut mixed, &parts, t * w))
            .collect();
        parallel_map(tasks, |(part, mixed): (Range<usize>, &mut [f32])| {
            for (stream, mixed) in part.zip(mixed.chunks_exact_mut(t * w)) {
                self.forward(&rows[stream * t * 3 * w..][..t * 3 * w], mixed, sizes);
            }
        });
        Ok((CpuStorage::F32(mixed), (streams, t, w).into()))
    }

    fn bwd(&self, projected: &Tensor, res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let sizes = self.sizes(projected.dims())?;
        let Sizes {
            streams,
            frames: t,
            width: w,
            ..
        } = sizes;
        let grad_res = grad_res.contiguous()?;
        let (rows, mixed, grads) = (borrow(projected)?, borrow(res)?, borrow(&grad_res)?);
        let (rows, mixed, grads): (&[f32], &[f32], &[f32]) = (&rows, &mixed, &grads);
        let mut into = vec![0.0; streams * t * 3 * w];
        let parts = thread_ranges(streams);
        let tasks = parts
            .iter()
            .cloned()
            .zip(split_rows(&mut into, &parts, t * 3 * w))
            .collect();
        parallel_map(tasks, |(part, into): (Range<usize>, &mut [f32])| {
            for (stream, into) in part.zip(into.chunks_exact_mut(t * 3 * w)) {
                let of = |width: usize| stream * t * width..(stream + 1) * t * width;
                self.backward(&rows[of(3 * w)], &mixed[of(w)], &grads[of(w)], into, sizes);
            }
        });
        Ok(Some(Tensor::from_vec(into, projected.shape(), projected.device())?))
    }
}
