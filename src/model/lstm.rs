//! Stacked long short-term memory.

use super::body::{Body, PackedBody};
use crate::nn::Pass;
use crate::nn::kernels::packed_matrix::Precision;
use crate::nn::lstm_cell::Lstm;
use crate::nn::streaming::lstm::{LstmMemory, PackedLstm};
use crate::nn::streaming::rows::Rows;
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
    type Packed = PackedLstmStack;

    fn pack(&self, precision: Precision) -> Result<PackedLstmStack> {
        let layers = self
            .layers
            .iter()
            .map(|layer| layer.pack(precision))
            .collect::<Result<_>>()?;
        Ok(PackedLstmStack { layers })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Vec<Tensor>> {
        let mut x = x.clone();
        let mut taps = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let hidden = layer.forward(&x)?;
            x = pass.dropout(&hidden, self.shape.dropout)?;
            taps.push(hidden);
        }
        Ok(taps)
    }

    fn taps(&self) -> Vec<usize> {
        vec![self.shape.hidden; self.shape.layers]
    }

    fn context_frames(&self) -> Option<usize> {
        None
    }
}

/// An [`LstmStack`] for streams.
#[derive(Debug)]
pub struct PackedLstmStack {
    layers: Vec<PackedLstm>,
}

impl PackedBody for PackedLstmStack {
    type Memory = Vec<LstmMemory>;

    fn initial_memory(&self) -> Vec<LstmMemory> {
        self.layers.iter().map(PackedLstm::initial_memory).collect()
    }

    fn step(&self, rows: &mut [Rows], memory: &mut Vec<LstmMemory>) {
        for (number, (layer, memory)) in self.layers.iter().zip(memory).enumerate() {
            let (before, after) = rows.split_at_mut(number + 1);
            layer.step(&before[number], memory, &mut after[0]);
        }
    }
}
