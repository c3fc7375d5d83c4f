//! Additive scores (Bahdanau, Cho & Bengio 2015, appendix A.1.2).

use crate::linear::Linear;
use crate::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// vᵀ·tanh(W·[s; h] + b), W in its two halves.
#[derive(Debug, Clone)]
pub struct AdditiveScore {
    /// Of s (queries, width), with b.
    pub(super) of_query: Linear,
    /// Of h (keys, width).
    pub(super) of_key: Tensor,
    /// v (width, 1).
    pub(super) vector: Tensor,
}

impl AdditiveScore {
    /// Queries s of `queries` features, frames h of `keys`, through `width` hidden units.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, queries: usize, keys: usize, width: usize) -> Result<Self> {
        let scaled = |fan_in| Init::KaimingUniform { fan_in, gain: 1.0 };
        Ok(Self {
            of_query: Linear::new(weights.pp("of_query"), queries, width, 1.0)?,
            of_key: weights.param("of_key", &[keys, width], scaled(keys))?,
            vector: weights.param("vector", &[width, 1], scaled(width))?,
        })
    }

    /// What the score needs of frames h (b, t, keys), whatever the queries: (b, t, width).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn keys(&self, h: &Tensor) -> Result<Tensor> {
        let (b, t, features) = h.dims3()?;
        let keys = h.contiguous()?.reshape((b * t, features))?.matmul(&self.of_key)?;
        keys.reshape((b, t, self.of_key.dim(1)?))
    }

    /// Scores (b, p, t) of queries s (b, p, queries) with these keys.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, s: &Tensor, keys: &Tensor) -> Result<Tensor> {
        let ((b, t, width), p) = (keys.dims3()?, s.dim(1)?);
        let query = self.of_query.forward(s)?.unsqueeze(2)?; // (b, p, 1, width)
        let hidden = query.broadcast_add(&keys.unsqueeze(1)?)?.tanh()?;
        let hidden = hidden.reshape((b * p * t, width))?;
        hidden.matmul(&self.vector)?.reshape((b, p, t))
    }
}
