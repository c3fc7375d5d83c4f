//! Additive attention of one query at a time over a memory whose keys are computed once (Bahdanau, Cho & Bengio 2015,
//! §3.1).
//!
//! In: a query (b, q) and a memory (b, s, k). Out: weights (b, s) and the context vector (b, k). Thread: any.

use super::kernels::windowed_softmax::WindowedSoftmax;
use super::score::AdditiveScore;
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// e_j = score(s, h_j), α = softmax(e), c = Σ α_j·h_j.
#[derive(Debug, Clone)]
pub struct AdditiveAttention(AdditiveScore);

/// A memory, and its keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// h, (b, s, k).
    memory: Tensor,
    /// (b, s, width).
    keys: Tensor,
}

impl AdditiveAttention {
    /// Queries of `queries` features, a memory of `keys` features, through `width` hidden units.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(weights: Weights<'_>, queries: usize, keys: usize, width: usize) -> Result<Self> {
        Ok(Self(AdditiveScore::new(weights, queries, keys, width)?))
    }

    /// A memory (b, s, k) with its keys.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn keys(&self, memory: &Tensor) -> Result<Keys> {
        Ok(Keys {
            keys: self.0.keys(memory)?,
            memory: memory.contiguous()?,
        })
    }

    /// Weights (b, s) of a query (b, q), which sum to 1, and the context vector (b, k).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, query: &Tensor, keys: &Keys) -> Result<(Tensor, Tensor)> {
        let count = keys.memory.dim(1)?;
        let scores = self.0.forward(&query.unsqueeze(1)?, &keys.keys)?;
        // One query after the last key sees them all.
        let weights = scores.apply_op1(WindowedSoftmax::latest(1, count, count))?;
        let context = weights.matmul(&keys.memory)?.squeeze(1)?;
        Ok((weights.squeeze(1)?, context))
    }
}

impl Keys {
    /// These rows of the batch, in this order.
    ///
    /// # Errors
    /// If there is no such row.
    pub fn rows(&self, rows: &Tensor) -> Result<Self> {
        Ok(Self {
            memory: self.memory.index_select(rows, 0)?,
            keys: self.keys.index_select(rows, 0)?,
        })
    }
}
