//! Additive attention (Bahdanau, Cho & Bengio 2015, §3.1 and appendix A.1.2).
//!
//! In: a query (b, q) and a memory (b, s, k). Out: weights (b, s) and the context vector (b, k). Thread: any.

use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::Linear;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// e_j = vᵀ·tanh(W·s + U·h_j), α = softmax(e), c = Σ α_j·h_j.
#[derive(Debug, Clone)]
pub struct AdditiveAttention {
    /// W, with the bias of both.
    query: Linear,
    /// U, (k, width).
    key: Tensor,
    /// v, (width, 1).
    score: Tensor,
}

/// A memory, and its keys U·h_j, which are computed once.
#[derive(Debug, Clone)]
pub struct Keys {
    /// h, (b, s, k).
    pub memory: Tensor,
    /// (b, s, width).
    projected: Tensor,
}

impl AdditiveAttention {
    /// Queries of `queries` features, a memory of `keys` features, through `width` hidden units.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, queries: usize, keys: usize, width: usize) -> Result<Self> {
        let init = |fan_in| Init::KaimingUniform { fan_in, gain: 1.0 };
        Ok(Self {
            query: Linear::new(weights.pp("query"), queries, width, 1.0)?,
            key: weights.param("key", &[keys, width], init(keys))?,
            score: weights.param("score", &[width, 1], init(width))?,
        })
    }

    /// The keys of a memory (b, s, k).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn keys(&self, memory: &Tensor) -> Result<Keys> {
        let (b, s, inputs) = memory.dims3()?;
        let memory = memory.contiguous()?;
        let projected = memory.reshape((b * s, inputs))?.matmul(&self.key)?;
        Ok(Keys {
            projected: projected.reshape((b, s, projected.dim(1)?))?,
            memory,
        })
    }

    /// Weights (b, s) of a query (b, q), which sum to 1, and the context vector (b, k).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, query: &Tensor, keys: &Keys) -> Result<(Tensor, Tensor)> {
        let (b, s, width) = keys.projected.dims3()?;
        let query = self.query.forward(query)?.unsqueeze(1)?;
        let hidden = keys.projected.broadcast_add(&query)?.tanh()?;
        let scores = hidden
            .reshape((b * s, width))?
            .matmul(&self.score)?
            .reshape((b, 1, s))?;
        let weights = scores.apply_op1(WindowedSoftmax::latest(1, s, s))?;
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
            projected: self.projected.index_select(rows, 0)?,
        })
    }
}
