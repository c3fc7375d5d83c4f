//! Softmax over the keys that a query may see: not the future, not beyond the context.

use super::exponential::exp;
use super::reduce::{maximum, sum};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

/// Rows of scores (…, queries, keys) to weights of the same shape: softmax over keys j with 0 ≤ p − j < context, where
/// p is the query's own place among the keys; 0 elsewhere.
///
/// Whether a key is seen depends on places only, never on how frames were cut into calls: a cache may hold more keys
/// than the context, and they make no difference.
#[derive(Debug, Clone)]
pub struct WindowedSoftmax {
    /// The place of each query among the keys.
    pub places: Vec<usize>,
    /// How many keys a query sees, itself included.
    pub context: usize,
}

/// Scores that are seen, and where their weights go.
#[inline(always)]
fn softmax((scores, weights): (&[f32], &mut [f32])) {
    let top = maximum(scores);
    for (weight, score) in weights.iter_mut().zip(scores) {
        *weight = exp(score - top);
    }
    let factor = 1.0 / sum(weights, |weight| weight);
    for weight in weights {
        *weight *= factor;
    }
}
simd_loop!(Softmax, softmax((&[f32], &mut [f32])));

impl WindowedSoftmax {
    /// For queries that are the last ones of `keys`.
    pub fn latest(queries: usize, keys: usize, context: usize) -> Self {
        Self {
            places: (keys - queries..keys).collect(),
            context,
        }
    }

    /// Keys seen from a place.
    fn visible(&self, place: usize) -> std::ops::Range<usize> {
        (place + 1).saturating_sub(self.context)..place + 1
    }

    fn sizes(&self, dims: &[usize]) -> Result<usize> {
        match dims {
            [.., queries, keys] if *queries == self.places.len() && self.places.iter().all(|place| place < keys) => {
                Ok(*keys)
            }
            _ => bail!("windowed_softmax: scores {dims:?} for queries at {:?}", self.places),
        }
    }
}

impl CustomOp1 for WindowedSoftmax {
    fn name(&self) -> &'static str {
        "windowed_softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let keys = self.sizes(layout.dims())?;
        let scores = contiguous(self.name(), storage, layout)?;
        let mut out = vec![0.0; scores.len()];
        let rows = scores.chunks_exact(keys).zip(out.chunks_exact_mut(keys));
        for ((scores, out), &place) in rows.zip(self.places.iter().cycle()) {
            let (scores, out) = (&scores[self.visible(place)], &mut out[self.visible(place)]);
            dispatch_loop(Softmax, (scores, out));
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// ∂L/∂s = w · (g − Σ w·g), row by row.
    fn bwd(&self, _arg: &Tensor, res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let keys = self.sizes(res.dims())?;
        let weights = borrow(res)?;
        let mut grads = super::values(grad_res)?;
        let rows = weights.chunks_exact(keys).zip(grads.chunks_exact_mut(keys));
        for (weights, grads) in rows {
            let mean: f32 = weights.iter().zip(&*grads).map(|(w, g)| w * g).sum();
            for (grad, weight) in grads.iter_mut().zip(weights) {
                *grad = weight * (*grad - mean);
            }
        }
        Ok(Some(Tensor::from_vec(grads, res.shape(), res.device())?))
    }
}
