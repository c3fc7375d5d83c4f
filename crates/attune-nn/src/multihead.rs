//! Causal windowed multi-head self-attention, and the encoder layer around it
//! (Vaswani et al. 2017).

use super::Pass;
use super::kernels::attention_block::AttentionBlock;
use super::kernels::causal_attention::CausalAttention;
use super::kernels::feed_forward::FeedForward;
use super::kernels::packed_matrix::Precision;
use super::linear::Linear;
use super::norm::{EPSILON, LayerNorm};
use super::positional::Rotary;
use super::streaming::attention::{PackedEncoderLayer, PackedMultiHead};
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// softmax(q·kᵀ/√d)·v for each head, over the last `context` frames.
#[derive(Debug, Clone)]
pub struct MultiHead {
    project: Linear,
    output: Linear,
    rotary: Option<Rotary>,
    heads: usize,
    context: usize,
}

/// Shape of a [`MultiHead`].
#[derive(Debug, Clone, Copy)]
pub struct AttentionShape {
    /// Features of a frame; divides by `heads`.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Frames that a query attends to, itself included.
    pub context: usize,
    /// Whether queries and keys are rotated by their position.
    pub rotary: bool,
}

impl MultiHead {
    /// Weights from the branch `weights`.
    pub fn new(mut weights: Weights<'_>, shape: AttentionShape) -> Result<Self> {
        Ok(Self {
            project: Linear::new(weights.pp("project"), shape.width, 3 * shape.width, 1.0)?,
            output: Linear::new(weights.pp("output"), shape.width, shape.width, 1.0)?,
            rotary: shape.rotary.then(|| Rotary::new(shape.width / shape.heads)),
            heads: shape.heads,
            context: shape.context,
        })
    }

    /// The streaming form, weights stored in `precision`.
    pub fn pack(&self, precision: Precision) -> Result<PackedMultiHead> {
        Ok(PackedMultiHead {
            project: self.project.pack(precision)?,
            output: self.output.pack(precision)?,
            heads: self.heads,
            context: self.context,
        })
    }

    /// (b, t, width) → the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let projected = self.project.forward(x)?;
        let mixed = projected.apply_op1(self.op(x.dim(1)?))?;
        self.output.forward(&mixed)
    }

    /// Attention weights of every query over every key (b, heads, t, t), for pictures of whole clips.
    pub fn weights(&self, x: &Tensor) -> Result<Tensor> {
        self.op(x.dim(1)?).weights(&self.project.forward(x)?)
    }

    fn op(&self, frames: usize) -> CausalAttention {
        CausalAttention {
            heads: self.heads,
            context: self.context,
            rotations: self.rotary.as_ref().map(|rotary| rotary.table(frames)),
        }
    }
}

/// One encoder layer, normalised first (Xiong et al. 2020): x + attention(norm(x)), then x + feed-forward(norm(x)).
#[derive(Debug, Clone)]
pub struct EncoderLayer {
    attention: MultiHead,
    norm_attention: LayerNorm,
    norm_feed: LayerNorm,
    widen: Linear,
    narrow: Linear,
    feed: usize,
    dropout: f32,
}

impl EncoderLayer {
    /// `feed`: width of the feed-forward layer.
    pub fn new(mut weights: Weights<'_>, shape: AttentionShape, feed: usize, dropout: f32) -> Result<Self> {
        Ok(Self {
            attention: MultiHead::new(weights.pp("attention"), shape)?,
            norm_attention: LayerNorm::new(weights.pp("norm_attention"), shape.width)?,
            norm_feed: LayerNorm::new(weights.pp("norm_feed"), shape.width)?,
            widen: Linear::new(weights.pp("widen"), shape.width, feed, 1.0)?,
            narrow: Linear::new(weights.pp("narrow"), feed, shape.width, 1.0)?,
            feed,
            dropout,
        })
    }

    /// The streaming form, weights stored in `precision`.
    pub fn pack(&self, precision: Precision) -> Result<PackedEncoderLayer> {
        Ok(PackedEncoderLayer {
            attention: self.attention.pack(precision)?,
            norm_attention: self.norm_attention.pack()?,
            norm_feed: self.norm_feed.pack()?,
            widen: self.widen.pack(precision)?,
            narrow: self.narrow.pack(precision)?,
        })
    }

    /// (b, t, width) → the same.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let attention = self.attention.op(x.dim(1)?);
        let attend = AttentionBlock::new(attention, EPSILON as f32, pass.mask(self.dropout));
        let feed = FeedForward {
            width: x.dim(2)?,
            feed: self.feed,
            epsilon: EPSILON as f32,
            dropout: pass.mask(self.dropout),
        };
        let of_attention = in_one_row(&self.norm_attention, &self.attention.project, &self.attention.output)?;
        let of_feed = in_one_row(&self.norm_feed, &self.widen, &self.narrow)?;
        x.contiguous()?
            .apply_op2(&of_attention, attend)?
            .apply_op2(&of_feed, feed)
    }
}

/// All parameters of half a layer in one row, as its op expects them.
fn in_one_row(norm: &LayerNorm, first: &Linear, second: &Linear) -> Result<Tensor> {
    let parameters = [norm.parameters(), first.parameters(), second.parameters()];
    let rows = parameters.iter().flatten().map(|parameter| parameter.flatten_all());
    Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)
}
