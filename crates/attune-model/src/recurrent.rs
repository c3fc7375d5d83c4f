//! Layers of recurrence, each reading the one below: what [`Lstm`](super::lstm) and [`Rnn`](super::rnn) stacks share.

use super::body::{Body, PackedBody};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::recurrent::{PackedRecurrent, Recurrent, UnitActivations};
use attune_nn::streaming::frame_buf::FrameBuf;
use attune_nn::weights::Weights;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of a [`Stack`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentShape {
    /// Features in.
    pub inputs: usize,
    /// Hidden units of each layer.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Share of features silenced in training between layers.
    pub dropout: f32,
}

/// Layers, each reading the one below; all are pooled.
#[derive(Debug)]
pub(crate) struct Stack<L> {
    layers: Vec<L>,
    shape: RecurrentShape,
}

impl<L: Recurrent> Stack<L> {
    /// Weights are taken from below `weights`.
    pub(crate) fn new(mut weights: Weights<'_>, shape: RecurrentShape) -> Result<Self> {
        let layers = (0..shape.layers)
            .map(|layer| {
                let inputs = if layer == 0 { shape.inputs } else { shape.hidden };
                L::new(weights.pp(layer), inputs, shape.hidden)
            })
            .collect::<Result<_>>()?;
        Ok(Self { layers, shape })
    }
}

impl<L: Recurrent> Body for Stack<L> {
    type Packed = PackedStack<L::Packed>;

    fn pack(&self, precision: Precision) -> Result<Self::Packed> {
        let layers = self
            .layers
            .iter()
            .map(|layer| layer.pack(precision))
            .collect::<Result<_>>()?;
        Ok(PackedStack { layers })
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

/// A [`Stack`] for streams.
#[derive(Debug)]
pub(crate) struct PackedStack<P> {
    layers: Vec<P>,
}

impl<P: PackedRecurrent> PackedBody for PackedStack<P> {
    type State = Vec<P::State>;

    fn initial_state(&self) -> Vec<P::State> {
        self.layers.iter().map(P::initial_state).collect()
    }

    fn step(&self, rows: &mut [FrameBuf], state: &mut Vec<P::State>) {
        for (number, (layer, state)) in self.layers.iter().zip(state).enumerate() {
            let (before, after) = rows.split_at_mut(number + 1);
            layer.step(&before[number], state, &mut after[0]);
        }
    }

    fn newest_units(state: &Vec<P::State>, into: &mut UnitActivations) -> bool {
        state.last().is_some_and(|last| P::newest_units(last, into))
    }
}
