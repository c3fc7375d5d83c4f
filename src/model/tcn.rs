//! Temporal convolutional network (Bai, Kolter & Koltun 2018): causal, dilated, residual, weight-normalised.

use super::body::{Body, BodyOutput};
use crate::nn::Pass;
use crate::nn::causal_conv::{CausalConv, ConvContext, ConvShape};
use crate::nn::weights::Weights;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of a [`Tcn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcnShape {
    /// Features of every block.
    pub width: usize,
    /// Kernel length in frames.
    pub taps: usize,
    /// One block of two convolutions for each dilation.
    pub dilations: Vec<usize>,
    /// Share of features silenced in training after each convolution.
    pub dropout: f32,
}

impl TcnShape {
    /// Frames that one answer can depend on: 1 + Σ 2·(taps − 1)·dilation.
    ///
    /// ```
    /// use attune::model::tcn::TcnShape;
    /// let shape = TcnShape { width: 8, taps: 3, dilations: vec![1, 2, 4], dropout: 0.0 };
    /// assert_eq!(shape.receptive_field(), 29);
    /// ```
    pub fn receptive_field(&self) -> usize {
        1 + 2 * (self.taps - 1) * self.dilations.iter().sum::<usize>()
    }
}

/// Blocks x ← ReLU(x + F(x)) with F two dilated convolutions, ReLU after each.
#[derive(Debug)]
pub struct Tcn {
    blocks: Vec<[CausalConv; 2]>,
    shape: TcnShape,
}

/// Share of the gain of the second convolution at the start: the residual path leads at first.
const BRANCH_GAIN: f32 = 0.5;

impl Tcn {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: TcnShape) -> Result<Self> {
        let mut blocks = Vec::with_capacity(shape.dilations.len());
        for (number, &dilation) in shape.dilations.iter().enumerate() {
            let conv = ConvShape {
                inputs: shape.width,
                outputs: shape.width,
                taps: shape.taps,
                dilation,
            };
            let mut block = weights.at(number);
            blocks.push([
                CausalConv::new(block.at("first"), conv, std::f32::consts::SQRT_2)?,
                CausalConv::new(block.at("second"), conv, BRANCH_GAIN)?,
            ]);
        }
        Ok(Self { blocks, shape })
    }
}

impl Body for Tcn {
    type State = Vec<[ConvContext; 2]>;

    fn initial_state(&self, streams: usize) -> Result<Self::State> {
        self.blocks
            .iter()
            .map(|[first, second]| Ok([first.initial_context(streams)?, second.initial_context(streams)?]))
            .collect()
    }

    fn forward(&self, x: &Tensor, state: &mut Self::State, pass: &mut Pass<'_>) -> Result<BodyOutput> {
        let mut x = x.clone();
        let mut taps = Vec::with_capacity(self.blocks.len());
        for ([first, second], [first_context, second_context]) in self.blocks.iter().zip(state) {
            let y = pass.dropout(&first.forward(&x, first_context)?.relu()?, self.shape.dropout)?;
            let y = pass.dropout(&second.forward(&y, second_context)?.relu()?, self.shape.dropout)?;
            x = (x + y)?.relu()?;
            taps.push(x.clone());
        }
        Ok(BodyOutput { taps, maps: Vec::new() })
    }

    fn tap_features(&self) -> usize {
        self.shape.width * self.blocks.len()
    }

    fn context_frames(&self) -> Option<usize> {
        Some(self.shape.receptive_field())
    }
}
