//! A bidirectional recurrent layer (Schuster & Paliwal 1997). For whole files only: the first output depends on the
//! last frame.
//!
//! In: features (b, t, c). Out: hidden states (b, t, 2h). Thread: any.

use super::recurrent::Recurrent;
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// Two layers of the same kind, one forward and one backward in time; h_t = [h→_t; h←_t].
#[derive(Debug, Clone)]
pub struct Bidirectional<L> {
    forward: L,
    backward: L,
}

impl<L: Recurrent> Bidirectional<L> {
    /// `inputs` features in, twice `hidden` out.
    pub fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        Ok(Self {
            forward: L::new(weights.pp("ahead"), inputs, hidden)?,
            backward: L::new(weights.pp("back"), inputs, hidden)?,
        })
    }

    /// (b, t, inputs) → (b, t, 2·hidden).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let backward = reversed(&self.backward.forward(&reversed(x)?)?)?;
        Tensor::cat(&[self.forward.forward(x)?, backward], 2)
    }
}

/// The frames of each sequence (b, t, c), the last one first.
fn reversed(x: &Tensor) -> Result<Tensor> {
    let frames = x.dim(1)? as u32;
    let order: Vec<u32> = (0..frames).rev().collect();
    x.contiguous()?
        .index_select(&Tensor::from_vec(order, frames as usize, x.device())?, 1)
}
