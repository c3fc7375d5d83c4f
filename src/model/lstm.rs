//! Stacked long short-term memory.

use super::body::{Body, BodyOutput};
use crate::nn::Pass;
use crate::nn::lstm_cell::{Lstm, LstmState};
use crate::nn::weights::Weights;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of an [`LstmStack`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LstmShape {
    /// Features in.
    pub inputs: usize,
    /// Hidden units of each layer.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Share of features silenced in training between layers.
    pub dropout: f32,
}

/// Layers of LSTM, each reading the one below.
#[derive(Debug)]
pub struct LstmStack {
    layers: Vec<Lstm>,
    shape: LstmShape,
}

impl LstmStack {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: LstmShape) -> Result<Self> {
        let layers = (0..shape.layers)
            .map(|layer| {
                let inputs = if layer == 0 { shape.inputs } else { shape.hidden };
                Lstm::new(weights.at(layer), inputs, shape.hidden)
            })
            .collect::<Result<_>>()?;
        Ok(Self { layers, shape })
    }
}

impl Body for LstmStack {
    type State = Vec<LstmState>;

    fn initial_state(&self, streams: usize) -> Result<Self::State> {
        self.layers.iter().map(|layer| layer.initial_state(streams)).collect()
    }

    fn forward(&self, x: &Tensor, state: &mut Self::State, pass: &mut Pass<'_>) -> Result<BodyOutput> {
        let mut x = x.clone();
        let mut taps = Vec::with_capacity(self.layers.len());
        for (layer, state) in self.layers.iter().zip(state) {
            let hidden = layer.forward(&x, state)?.hidden;
            x = pass.dropout(&hidden, self.shape.dropout)?;
            taps.push(hidden);
        }
        Ok(BodyOutput { taps, maps: Vec::new() })
    }

    fn tap_features(&self) -> usize {
        self.shape.hidden * self.shape.layers
    }

    fn context_frames(&self) -> Option<usize> {
        None
    }
}
