//! Masked 2-D convolution over a grid of target by source, and the maximum over the source that reads it (pervasive
//! attention; Elbayad, Besacier & Verbeek 2018).
//!
//! In: a grid (b, u, s, c): a row for each target token, a column for each source step. Out: another; or a row of
//! features for each token, with its alignment. Thread: any.

use super::Pass;
use super::attention::Visible;
use super::causal_conv::{CausalConv, ConvShape};
use super::kernels::convolution::Activation;
use super::linear::{Linear, sigmoid};
use super::norm::LayerNorm;
use super::weights::Weights;
use candle_core::{D, DType, Result, Tensor};

/// Shape of a [`GridConv`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridConvShape {
    /// Features of a cell.
    pub width: usize,
    /// Rows of the kernel: the token's own and those before it, never one after it.
    pub rows: usize,
    /// Columns of the kernel, an odd number if it looks ahead.
    pub columns: usize,
    /// Whether half of the columns lie after the cell; otherwise all others lie before it.
    pub looks_ahead: bool,
}

/// A residual layer: x + W·relu(norm(x) ⊛ kernel), the kernel masked so that no later row is seen.
#[derive(Debug, Clone)]
pub struct GridConv {
    norm: LayerNorm,
    /// Along the source, over the rows of the kernel side by side.
    conv: CausalConv,
    narrow: Linear,
    shape: GridConvShape,
}

impl GridConv {
    /// Weights from the branch `weights`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, shape: GridConvShape) -> Result<Self> {
        let conv = ConvShape {
            inputs: shape.rows * shape.width,
            outputs: shape.width,
            taps: shape.columns,
            dilation: 1,
        };
        Ok(Self {
            norm: LayerNorm::new(weights.pp("norm"), shape.width)?,
            conv: CausalConv::new(weights.pp("conv"), conv, std::f32::consts::SQRT_2)?,
            narrow: Linear::new(weights.pp("narrow"), shape.width, shape.width, 1.0)?,
            shape,
        })
    }

    /// A grid (b, u, s, width) of all tokens → the same shape.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, dropout: f32, pass: &mut Pass<'_>) -> Result<Tensor> {
        let (b, u, s, c) = x.dims4()?;
        let normed = self.norm.forward(x)?;
        let before = Tensor::zeros((b, self.shape.rows - 1, s, c), DType::F32, x.device())?;
        let stacked = self.stacked(&Tensor::cat(&[&before, &normed], 1)?, u)?;
        self.add(x, &stacked, dropout, pass)
    }

    /// One more row (b, 1, s, width) of a grid whose last rows `before` holds, oldest first: normalised inputs of this
    /// layer, as this function left them there. Empty before the first row.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn row(&self, x: &Tensor, before: &mut Vec<Tensor>) -> Result<Tensor> {
        let normed = self.norm.forward(x)?;
        while before.len() + 1 < self.shape.rows {
            before.insert(0, normed.zeros_like()?);
        }
        before.push(normed);
        let stacked = self.stacked(&Tensor::cat(before, 1)?, 1)?;
        before.remove(0);
        self.add(x, &stacked, 0.0, &mut Pass::Infer)
    }

    /// Rows (b, rows − 1 + u, s, c) → those that each of the last u tokens sees, side by side: (b·u, s, rows·c).
    fn stacked(&self, rows: &Tensor, u: usize) -> Result<Tensor> {
        let (b, _, s, c) = rows.dims4()?;
        let shifted: Vec<Tensor> = (0..self.shape.rows)
            .map(|from| rows.narrow(1, from, u))
            .collect::<Result<_>>()?;
        Tensor::cat(&shifted, D::Minus1)?.reshape((b * u, s, self.shape.rows * c))
    }

    fn add(&self, x: &Tensor, stacked: &Tensor, dropout: f32, pass: &mut Pass<'_>) -> Result<Tensor> {
        let s = stacked.dim(1)?;
        let hidden = if self.shape.looks_ahead {
            let ahead = self.shape.columns / 2;
            let padded = stacked.pad_with_zeros(1, 0, ahead)?;
            self.conv.forward(&padded, Activation::Relu)?.narrow(1, ahead, s)?
        } else {
            self.conv.forward(stacked, Activation::Relu)?
        };
        let branch = self.narrow.forward(&hidden)?.reshape(x.shape())?;
        x + pass.dropout(&branch, dropout)?
    }
}

/// Lower than any feature: what a token must not see does not win the maximum.
const HIDDEN: f64 = -1e9;

/// Gated maximum: of a·σ(g), both from the cell's features, the highest along the source for each feature.
#[derive(Debug, Clone)]
pub struct GatedMax {
    value: Linear,
    gate: Linear,
}

impl GatedMax {
    /// `width` features in and out.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, width: usize) -> Result<Self> {
        Ok(Self {
            value: Linear::new(weights.pp("value"), width, width, 1.0)?,
            gate: Linear::new(weights.pp("gate"), width, width, 1.0)?,
        })
    }

    /// A grid (b, u, s, width) → a row of features for each token (b, u, width), and its alignment (b, u, s): the share
    /// of the features whose maximum lies in each column. Tokens see the columns that are visible to them. The
    /// alignment has no gradient; the third result, the mean of the gated features of each cell (b, u, s), has.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, visible: &Visible) -> Result<(Tensor, Tensor, Tensor)> {
        let (_, u, s, width) = x.dims4()?;
        let gated = (self.value.forward(x)? * sigmoid(&self.gate.forward(x)?)?)?;
        let hidden: Vec<f32> = (0..u)
            .flat_map(|token| {
                let seen = visible.keys(token);
                (0..s).map(move |column| if seen.contains(&column) { 0.0 } else { HIDDEN as f32 })
            })
            .collect();
        let hidden = Tensor::from_vec(hidden, (1, u, s, 1), x.device())?;
        let seen = gated.broadcast_add(&hidden)?;
        let best = seen.detach().transpose(2, 3)?.contiguous()?.argmax(D::Minus1)?; // (b, u, width)
        let pooled = seen.gather(&best.unsqueeze(2)?.contiguous()?, 2)?.squeeze(2)?;
        let columns = Tensor::arange(0, s as u32, x.device())?.reshape((1, 1, s, 1))?;
        let hits = columns.broadcast_eq(&best.unsqueeze(2)?)?.to_dtype(DType::F32)?;
        Ok((pooled, (hits.sum(D::Minus1)? / width as f64)?, gated.mean(D::Minus1)?))
    }
}
