//! A recurrent layer that reads a sequence both ways (Schuster & Paliwal 1997). For whole files only: the first frame
//! knows the last.

use super::recurrent::Recurrent;
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// Two layers of the same kind, one over the frames as they are, one over them turned around; h_t = [h→_t; h←_t].
#[derive(Debug, Clone)]
pub struct Bidirectional<L> {
    ahead: L,
    back: L,
}

impl<L: Recurrent> Bidirectional<L> {
    /// `inputs` features in, twice `hidden` out.
    pub fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        Ok(Self {
            ahead: L::new(weights.pp("ahead"), inputs, hidden)?,
            back: L::new(weights.pp("back"), inputs, hidden)?,
        })
    }

    /// (b, t, inputs) → (b, t, 2·hidden).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let back = turned(&self.back.forward(&turned(x)?)?)?;
        Tensor::cat(&[self.ahead.forward(x)?, back], 2)
    }
}

/// The frames of each sequence (b, t, c), the last one first.
fn turned(x: &Tensor) -> Result<Tensor> {
    let frames = x.dim(1)? as u32;
    let order: Vec<u32> = (0..frames).rev().collect();
    x.contiguous()?
        .index_select(&Tensor::from_vec(order, frames as usize, x.device())?, 1)
}
