//! The layers of a Transformer that reads whole sequences and writes token by token (Vaswani et al. 2017), normalised
//! before each part (Xiong et al. 2020).
//!
//! In: features (b, t, width), what each position sees. Out: the same shape. Thread: any.

use super::Pass;
use super::attention::{Attention, KeyValues, MultiHeadShape, Visible};
use super::linear::Linear;
use super::norm::LayerNorm;
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// x + A(N(x)), then x + F(N(x)), where each position sees what it is told. The causal one that streams is
/// [`EncoderLayer`](super::multihead::EncoderLayer).
#[derive(Debug, Clone)]
pub struct TransformerEncoderLayer {
    norm: LayerNorm,
    attention: Attention,
    feed: FeedForward,
    dropout: f32,
}

/// x + A(N(x)) over the tokens before, x + A(N(x), memory), x + F(N(x)).
#[derive(Debug, Clone)]
pub struct TransformerDecoderLayer {
    norm_tokens: LayerNorm,
    tokens: Attention,
    norm_source: LayerNorm,
    source: Attention,
    feed: FeedForward,
    dropout: f32,
}

/// x + W₂·gelu(W₁·N(x)).
#[derive(Debug, Clone)]
struct FeedForward {
    norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

impl FeedForward {
    fn new(mut weights: Weights<'_>, width: usize, feed: usize) -> Result<Self> {
        Ok(Self {
            norm: LayerNorm::new(weights.pp("norm"), width)?,
            widen: Linear::new(weights.pp("widen"), width, feed, 1.0)?,
            narrow: Linear::new(weights.pp("narrow"), feed, width, 1.0)?,
        })
    }

    fn forward(&self, x: &Tensor, dropout: f32, pass: &mut Pass<'_>) -> Result<Tensor> {
        let wide = self.widen.forward(&self.norm.forward(x)?)?.gelu_erf()?;
        x + pass.dropout(&self.narrow.forward(&wide)?, dropout)?
    }
}

impl TransformerEncoderLayer {
    /// `feed`: width of the feed-forward layer.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, shape: MultiHeadShape, feed: usize, dropout: f32) -> Result<Self> {
        Ok(Self {
            norm: LayerNorm::new(weights.pp("norm"), shape.width)?,
            attention: Attention::new(weights.pp("attention"), shape)?,
            feed: FeedForward::new(weights.pp("feed"), shape.width, feed)?,
            dropout,
        })
    }

    /// (b, t, width) → the same.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, visible: &Visible, pass: &mut Pass<'_>) -> Result<Tensor> {
        let normed = self.norm.forward(x)?;
        let (attended, _) = self
            .attention
            .forward(&normed, &self.attention.key_values(&normed)?, visible)?;
        let x = (x + pass.dropout(&attended, self.dropout)?)?;
        self.feed.forward(&x, self.dropout, pass)
    }
}

impl TransformerDecoderLayer {
    /// `feed`: width of the feed-forward layer.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, shape: MultiHeadShape, feed: usize, dropout: f32) -> Result<Self> {
        Ok(Self {
            norm_tokens: LayerNorm::new(weights.pp("norm_tokens"), shape.width)?,
            tokens: Attention::new(weights.pp("tokens"), shape)?,
            norm_source: LayerNorm::new(weights.pp("norm_source"), shape.width)?,
            source: Attention::new(weights.pp("source"), shape)?,
            feed: FeedForward::new(weights.pp("feed"), shape.width, feed)?,
            dropout,
        })
    }

    /// Keys and values of what the encoder made, (b, s, width).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn memory(&self, memory: &Tensor) -> Result<KeyValues> {
        self.source.key_values(memory)
    }

    /// Tokens (b, u, width) after those whose keys and values are in `before`, which then holds these too: all at once,
    /// or one at a time. Returns the same shape, and the attention to the memory (b, heads, u, s).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(
        &self,
        x: &Tensor,
        (before, own): (&mut Option<KeyValues>, &Visible),
        (memory, source): (&KeyValues, &Visible),
        pass: &mut Pass<'_>,
    ) -> Result<(Tensor, Tensor)> {
        let normed = self.norm_tokens.forward(x)?;
        let all = KeyValues::and(before.as_ref(), self.tokens.key_values(&normed)?)?;
        let (attended, _) = self.tokens.forward(&normed, &all, own)?;
        *before = Some(all);
        let x = (x + pass.dropout(&attended, self.dropout)?)?;
        let (attended, weights) = self.source.forward(&self.norm_source.forward(&x)?, memory, source)?;
        let x = (x + pass.dropout(&attended, self.dropout)?)?;
        Ok((self.feed.forward(&x, self.dropout, pass)?, weights))
    }
}
