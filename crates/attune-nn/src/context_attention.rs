//! Attention pooling with a learned context vector in place of a query (Yang et al. 2016, eqs 5–7 and 8–10).
//!
//! In: features (b, t, c). Out: attention weights (b, 1, t). Thread: any.

use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::Linear;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// u_t = tanh(W·h_t + b), α = softmax(u_t·u), s = Σ α_t·h_t.
#[derive(Debug, Clone)]
pub struct ContextAttention {
    hidden: Linear,
    /// u, (width, 1).
    context: Tensor,
}

impl ContextAttention {
    /// Over `inputs` features, through `width` hidden units.
    pub fn new(mut weights: Weights<'_>, inputs: usize, width: usize) -> Result<Self> {
        let init = Init::KaimingUniform {
            fan_in: width,
            gain: 1.0,
        };
        Ok(Self {
            hidden: Linear::new(weights.pp("hidden"), inputs, width, 1.0)?,
            context: weights.param("context", &[width, 1], init)?,
        })
    }

    /// Whole sequences (b, t, inputs): α (b, 1, t); each row sums to 1.
    pub fn weights(&self, h: &Tensor) -> Result<Tensor> {
        let (b, t, _) = h.dims3()?;
        let u = self.hidden.forward(h)?.tanh()?;
        let width = u.dim(2)?;
        let scores = u.reshape((b * t, width))?.matmul(&self.context)?.reshape((b, 1, t))?;
        // One query at the end attends to every frame.
        scores.apply_op1(WindowedSoftmax::latest(1, t, t))
    }
}
