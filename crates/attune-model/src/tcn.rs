//! Temporal convolutional network (Bai, Kolter & Koltun 2018): causal, dilated, residual, weight-normalised.
//!
//! In: frames of features. Out: those of each block. Thread: any.

use super::body::{Body, PackedBody};
use attune_nn::Pass;
use attune_nn::causal_conv::{CausalConv, ConvShape};
use attune_nn::kernels::convolution::Activation;
use attune_nn::kernels::packed_matrix::{Finish, Precision};
use attune_nn::kernels::residual::ResidualRelu;
use attune_nn::norm::BatchNorm;
use attune_nn::streaming::conv::PackedConv;
use attune_nn::streaming::frame_buf::{FrameBuf, History};
use attune_nn::weights::Weights;
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
    /// Whether each convolution is batch-normalised before its ReLU.
    #[serde(default)]
    pub normalized: bool,
}

impl TcnShape {
    /// Frames that one answer can depend on: 1 + Σ 2·(taps − 1)·dilation.
    ///
    /// ```
    /// use attune_model::tcn::TcnShape;
    /// let shape = TcnShape { width: 8, taps: 3, dilations: vec![1, 2, 4], dropout: 0.0, normalized: false };
    /// assert_eq!(shape.receptive_field(), 29);
    /// ```
    pub fn receptive_field(&self) -> usize {
        1 + 2 * (self.taps - 1) * self.dilations.iter().sum::<usize>()
    }
}

/// Blocks x ← ReLU(x + F(x)) with F two dilated convolutions, ReLU after each.
#[derive(Debug)]
pub struct Tcn {
    blocks: Vec<[Branch; 2]>,
    shape: TcnShape,
}

/// One convolution of a block, with what follows it.
#[derive(Debug)]
struct Branch {
    conv: CausalConv,
    norm: Option<BatchNorm>,
}

impl Branch {
    fn new(mut weights: Weights<'_>, shape: ConvShape, gain: f32, normalized: bool) -> Result<Self> {
        let norm = if normalized {
            Some(BatchNorm::new(weights.pp("norm"), shape.outputs)?)
        } else {
            None
        };
        Ok(Self {
            conv: CausalConv::new(weights, shape, gain)?,
            norm,
        })
    }

    fn pack(&self, precision: Precision) -> Result<PackedConv> {
        match &self.norm {
            Some(norm) => self.conv.pack_fused(Some(&norm.pack()?), precision),
            None => self.conv.pack_fused(None, precision),
        }
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>, dropout: f32) -> Result<Tensor> {
        let y = match &self.norm {
            Some(norm) => norm.forward_relu(&self.conv.forward(x, Activation::Identity)?, pass)?,
            None => self.conv.forward(x, Activation::Relu)?,
        };
        pass.dropout(&y, dropout)
    }
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
            let mut block = weights.pp(number);
            blocks.push([
                Branch::new(block.pp("first"), conv, std::f32::consts::SQRT_2, shape.normalized)?,
                Branch::new(block.pp("second"), conv, BRANCH_GAIN, shape.normalized)?,
            ]);
        }
        Ok(Self { blocks, shape })
    }
}

impl Body for Tcn {
    type Packed = PackedTcn;

    fn pack(&self, precision: Precision) -> Result<PackedTcn> {
        let blocks = self
            .blocks
            .iter()
            .map(|[first, second]| Ok([first.pack(precision)?, second.pack(precision)?]));
        Ok(PackedTcn {
            blocks: blocks.collect::<Result<_>>()?,
            width: self.shape.width,
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Vec<Tensor>> {
        let mut x = x.clone();
        let mut taps = Vec::with_capacity(self.blocks.len());
        for [first, second] in &self.blocks {
            let y = first.forward(&x, pass, self.shape.dropout)?;
            let y = second.forward(&y, pass, self.shape.dropout)?;
            x = x.apply_op2(&y, ResidualRelu)?;
            taps.push(x.clone());
        }
        Ok(taps)
    }

    fn taps(&self) -> Vec<usize> {
        vec![self.shape.width; self.blocks.len()]
    }

    fn context_frames(&self) -> Option<usize> {
        Some(self.shape.receptive_field())
    }
}

/// A [`Tcn`] for streams.
#[derive(Debug)]
pub struct PackedTcn {
    blocks: Vec<[PackedConv; 2]>,
    width: usize,
}

/// What a stream remembers of each convolution, and room for what is between the two of a block.
#[derive(Debug, Clone)]
pub struct TcnState {
    blocks: Vec<[History; 2]>,
    between: FrameBuf,
}

impl PackedBody for PackedTcn {
    type State = TcnState;

    fn initial_state(&self) -> TcnState {
        let blocks = self.blocks.iter();
        TcnState {
            blocks: blocks
                .map(|block| block.each_ref().map(PackedConv::initial_state))
                .collect(),
            between: FrameBuf::new(self.width),
        }
    }

    fn step(&self, rows: &mut [FrameBuf], state: &mut TcnState) {
        let between = &mut state.between;
        for (number, ([first, second], [first_state, second_state])) in
            self.blocks.iter().zip(&mut state.blocks).enumerate()
        {
            let (before, after) = rows.split_at_mut(number + 1);
            let x = &before[number];
            first.step(x, first_state, Finish::Relu, between);
            second.step(between, second_state, Finish::ReluAddRelu(x.values()), &mut after[0]);
        }
    }
}
