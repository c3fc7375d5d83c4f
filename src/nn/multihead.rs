//! Causal windowed multi-head self-attention with cached keys and values, and the encoder layer around it
//! (Vaswani et al. 2017).

use super::Pass;
use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::Linear;
use super::norm::LayerNorm;
use super::positional::Rotary;
use super::weights::Weights;
use candle_core::{DType, Device, Result, Tensor};

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
    /// Frames that a query sees, itself included.
    pub context: usize,
    /// Whether queries and keys are rotated by their place.
    pub rotary: bool,
}

/// Keys and values of the last `context − 1` frames, (b, heads, ≤ context − 1, width/heads) each, and how many frames
/// went by.
#[derive(Debug, Clone)]
pub struct KeyValueCache {
    keys: Tensor,
    values: Tensor,
    frames: u64,
}

impl MultiHead {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: AttentionShape) -> Result<Self> {
        Ok(Self {
            project: Linear::new(weights.at("project"), shape.width, 3 * shape.width, 1.0)?,
            output: Linear::new(weights.at("output"), shape.width, shape.width, 1.0)?,
            rotary: shape.rotary.then(|| Rotary::new(shape.width / shape.heads)),
            heads: shape.heads,
            context: shape.context,
        })
    }

    /// An empty cache.
    pub fn initial_cache(&self, streams: usize, width: usize) -> Result<KeyValueCache> {
        let empty = Tensor::zeros((streams, self.heads, 0, width / self.heads), DType::F32, &Device::Cpu)?;
        Ok(KeyValueCache {
            keys: empty.clone(),
            values: empty,
            frames: 0,
        })
    }

    /// (b, t, width) → (b, t, width), and the weights (b, heads, t, keys): the last key is the newest frame.
    pub fn forward(&self, x: &Tensor, cache: &mut KeyValueCache) -> Result<(Tensor, Tensor)> {
        let (b, t, width) = x.dims3()?;
        let d = width / self.heads;
        let parts = self
            .project
            .forward(x)?
            .reshape((b, t, 3, self.heads, d))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()?;
        let (mut q, mut k, v) = (parts.get(0)?, parts.get(1)?, parts.get(2)?); // (b, h, t, d)
        if let Some(rotary) = &self.rotary {
            q = rotary.rotate(&q, cache.frames)?;
            k = rotary.rotate(&k, cache.frames)?;
        }
        let keys = Tensor::cat(&[&cache.keys, &k], 2)?;
        let values = Tensor::cat(&[&cache.values, &v], 2)?;
        let seen = keys.dim(2)?;
        let scores = (q.matmul(&keys.transpose(2, 3)?)? * (1.0 / (d as f64).sqrt()))?;
        let weights = scores.apply_op1(WindowedSoftmax::latest(t, seen, self.context))?;
        let mixed = weights
            .matmul(&values)?
            .transpose(1, 2)?
            .contiguous()?
            .reshape((b, t, width))?;
        let kept = seen.min(self.context - 1);
        cache.keys = keys.narrow(2, seen - kept, kept)?.contiguous()?.detach();
        cache.values = values.narrow(2, seen - kept, kept)?.contiguous()?.detach();
        cache.frames += t as u64;
        Ok((self.output.forward(&mixed)?, weights))
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
    dropout: f32,
    width: usize,
}

impl EncoderLayer {
    /// `feed`: width of the feed-forward layer.
    pub fn new(mut weights: Weights<'_>, shape: AttentionShape, feed: usize, dropout: f32) -> Result<Self> {
        Ok(Self {
            attention: MultiHead::new(weights.at("attention"), shape)?,
            norm_attention: LayerNorm::new(weights.at("norm_attention"), shape.width)?,
            norm_feed: LayerNorm::new(weights.at("norm_feed"), shape.width)?,
            widen: Linear::new(weights.at("widen"), shape.width, feed, 1.0)?,
            narrow: Linear::new(weights.at("narrow"), feed, shape.width, 1.0)?,
            dropout,
            width: shape.width,
        })
    }

    /// An empty cache.
    pub fn initial_cache(&self, streams: usize) -> Result<KeyValueCache> {
        self.attention.initial_cache(streams, self.width)
    }

    /// (b, t, width) → the same, and the attention weights (b, heads, t, keys).
    pub fn forward(&self, x: &Tensor, cache: &mut KeyValueCache, pass: &mut Pass<'_>) -> Result<(Tensor, Tensor)> {
        let (attended, weights) = self.attention.forward(&self.norm_attention.forward(x)?, cache)?;
        let x = (x + pass.dropout(&attended, self.dropout)?)?;
        let fed = self.widen.forward(&self.norm_feed.forward(&x)?)?.gelu_erf()?;
        let fed = self.narrow.forward(&fed)?;
        Ok(((&x + pass.dropout(&fed, self.dropout)?)?, weights))
    }
}
