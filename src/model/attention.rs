//! Causal, windowed Transformer encoder (Vaswani et al. 2017) with rotary positions and cached keys and values.

use super::body::{Body, BodyOutput};
use crate::nn::Pass;
use crate::nn::multihead::{AttentionShape, EncoderLayer, KeyValueCache};
use crate::nn::weights::Weights;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of an [`Encoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderShape {
    /// Features of a frame.
    pub width: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub feed: usize,
    /// Layers.
    pub layers: usize,
    /// Frames that a query sees, itself included.
    pub context: usize,
    /// Share of features silenced in training in each branch.
    pub dropout: f32,
}

/// Encoder layers, each reading the one below.
#[derive(Debug)]
pub struct Encoder {
    layers: Vec<EncoderLayer>,
    shape: EncoderShape,
}

impl Encoder {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: EncoderShape) -> Result<Self> {
        let attention = AttentionShape {
            width: shape.width,
            heads: shape.heads,
            context: shape.context,
            rotary: true,
        };
        let layers = (0..shape.layers)
            .map(|layer| EncoderLayer::new(weights.at(layer), attention, shape.feed, shape.dropout))
            .collect::<Result<_>>()?;
        Ok(Self { layers, shape })
    }
}

impl Body for Encoder {
    type State = Vec<KeyValueCache>;

    fn initial_state(&self, streams: usize) -> Result<Self::State> {
        self.layers.iter().map(|layer| layer.initial_cache(streams)).collect()
    }

    fn forward(&self, x: &Tensor, state: &mut Self::State, pass: &mut Pass<'_>) -> Result<BodyOutput> {
        let mut x = x.clone();
        let (mut taps, mut maps) = (Vec::new(), Vec::new());
        for (layer, cache) in self.layers.iter().zip(state) {
            let (out, weights) = layer.forward(&x, cache, pass)?;
            taps.push(out.clone());
            maps.push(weights);
            x = out;
        }
        Ok(BodyOutput { taps, maps })
    }

    fn tap_features(&self) -> usize {
        self.shape.width * self.shape.layers
    }

    fn context_frames(&self) -> Option<usize> {
        Some(1 + self.shape.layers * (self.shape.context - 1))
    }
}
