//! Causal, windowed Transformer encoder (Vaswani et al. 2017) with rotary positions and cached keys and values.

use super::body::{Body, MapShape, PackedBody};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::multihead::{AttentionShape, EncoderLayer};
use attune_nn::positional::{Rotary, Rotations};
use attune_nn::streaming::attention::{EncoderState, PackedEncoderLayer};
use attune_nn::streaming::frame_buf::{FrameBuf, MAX_BLOCK};
use attune_nn::weights::Weights;
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
pub(crate) struct Encoder {
    layers: Vec<EncoderLayer>,
    shape: EncoderShape,
}

impl Encoder {
    /// Weights are taken from below `weights`.
    pub(crate) fn new(mut weights: Weights<'_>, shape: EncoderShape) -> Result<Self> {
        let attention = AttentionShape {
            width: shape.width,
            heads: shape.heads,
            context: shape.context,
            rotary: true,
        };
        let layers = (0..shape.layers)
            .map(|layer| EncoderLayer::new(weights.pp(layer), attention, shape.feed, shape.dropout))
            .collect::<Result<_>>()?;
        Ok(Self { layers, shape })
    }
}

impl Body for Encoder {
    type Packed = PackedEncoder;

    fn pack(&self, precision: Precision) -> Result<PackedEncoder> {
        Ok(PackedEncoder {
            layers: self
                .layers
                .iter()
                .map(|layer| layer.pack(precision))
                .collect::<Result<_>>()?,
            rotary: Rotary::new(self.shape.width / self.shape.heads),
            maps: MapShape {
                layers: self.layers.len(),
                heads: self.shape.heads,
                context: self.shape.context,
            },
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Vec<Tensor>> {
        let mut x = x.clone();
        let mut taps = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            x = layer.forward(&x, pass)?;
            taps.push(x.clone());
        }
        Ok(taps)
    }

    fn taps(&self) -> Vec<usize> {
        vec![self.shape.width; self.shape.layers]
    }

    fn context_frames(&self) -> Option<usize> {
        Some(1 + self.shape.layers * (self.shape.context - 1))
    }
}

/// An [`Encoder`] for streams.
#[derive(Debug)]
pub(crate) struct PackedEncoder {
    layers: Vec<PackedEncoderLayer>,
    rotary: Rotary,
    maps: MapShape,
}

/// What a stream remembers of each layer, and how many frames went by.
#[derive(Debug, Clone)]
pub(crate) struct EncoderStates {
    layers: Vec<EncoderState>,
    rotations: Rotations,
    frames: u64,
}

impl PackedBody for PackedEncoder {
    type State = EncoderStates;

    fn initial_state(&self) -> EncoderStates {
        EncoderStates {
            layers: self.layers.iter().map(PackedEncoderLayer::initial_state).collect(),
            rotations: Rotations::new(&self.rotary, MAX_BLOCK),
            frames: 0,
        }
    }

    fn step(&self, rows: &mut [FrameBuf], state: &mut EncoderStates) {
        let frames = rows[0].frames();
        state.rotations.set(&self.rotary, state.frames, frames);
        state.frames += frames as u64;
        for (number, (layer, of_layer)) in self.layers.iter().zip(&mut state.layers).enumerate() {
            let (before, after) = rows.split_at_mut(number + 1);
            layer.step(&before[number], &state.rotations, of_layer, &mut after[0]);
        }
    }

    fn maps(&self) -> MapShape {
        self.maps
    }

    fn reach(state: &EncoderStates) -> usize {
        state.layers.first().map_or(0, |layer| layer.attention.reach())
    }

    fn newest_weights(state: &EncoderStates, count: usize, into: &mut Vec<f32>) {
        for layer in &state.layers {
            layer.attention.newest_weights(count, into);
        }
    }

    fn ablate_head(state: &mut EncoderStates, layer: usize, head: usize) -> bool {
        state
            .layers
            .get_mut(layer)
            .is_some_and(|layer| layer.attention.ablate_head(head))
    }
}
