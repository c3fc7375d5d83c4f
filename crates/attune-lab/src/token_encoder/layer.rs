//! An encoder layer whose residual connections and normalisation can be left out.

use attune_nn::linear::Linear;
use attune_nn::multihead::{AttentionShape, MultiHead};
use attune_nn::norm::LayerNorm;
use attune_nn::weights::Weights;
use candle_core::{Result, Tensor};

/// Width of the feed-forward layer, as a multiple of the layer's.
const FEED: usize = 2;

/// Shape of an [`TokenEncoderLayer`].
#[derive(Debug, Clone, Copy)]
pub struct LayerShape {
    /// Features.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Whether queries and keys are rotated by their position.
    pub rotary: bool,
    /// Whether each half is added to its input.
    pub residual: bool,
    /// Whether each half normalises its input.
    pub normalized: bool,
}

/// y = x + A(N(x)), then y + F(N(y)): causal attention, and two dense layers with a GELU between.
/// Without `residual` the sums are A and F alone, without `normalized` N(x) = x. With both it is
/// [`EncoderLayer`](attune_nn::multihead::EncoderLayer), with the same names of weights.
#[derive(Debug)]
pub struct TokenEncoderLayer {
    attention: MultiHead,
    norms: Option<[LayerNorm; 2]>,
    widen: Linear,
    narrow: Linear,
    residual: bool,
}

impl TokenEncoderLayer {
    /// Weights are taken from below `weights`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, shape: LayerShape) -> Result<Self> {
        let attention = AttentionShape {
            width: shape.width,
            heads: shape.heads,
            context: usize::MAX,
            rotary: shape.rotary,
        };
        let attention = MultiHead::new(weights.pp("attention"), attention)?;
        let norms = if shape.normalized {
            let of_attention = LayerNorm::new(weights.pp("norm_attention"), shape.width)?;
            Some([of_attention, LayerNorm::new(weights.pp("norm_feed"), shape.width)?])
        } else {
            None
        };
        Ok(Self {
            attention,
            norms,
            widen: Linear::new(weights.pp("widen"), shape.width, FEED * shape.width, 1.0)?,
            narrow: Linear::new(weights.pp("narrow"), FEED * shape.width, shape.width, 1.0)?,
            residual: shape.residual,
        })
    }

    /// (b, t, width) → the same.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let attended = self.attention.forward(&self.normalized(x, 0)?)?;
        let x = self.add_residual(x, attended)?;
        let widened = self.widen.forward(&self.normalized(&x, 1)?)?.gelu_erf()?;
        self.add_residual(&x, self.narrow.forward(&widened)?)
    }

    fn normalized(&self, x: &Tensor, half: usize) -> Result<Tensor> {
        match &self.norms {
            Some(norms) => norms[half].forward(x),
            None => Ok(x.clone()),
        }
    }

    fn add_residual(&self, x: &Tensor, branch: Tensor) -> Result<Tensor> {
        if self.residual { x + branch } else { Ok(branch) }
    }
}
