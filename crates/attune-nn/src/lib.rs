//! Layers, in the form that learns and in the form that streams.
//!
//! In: tensors (b, t, c), contiguous. Out: the same shape family. Thread: any; streaming keeps to one.
//!
//! A layer's `forward` takes whole sequences side by side, each from its first frame on, and has a gradient. Its `pack`
//! gives the form in [`streaming`]: weights laid out for the processor, what a stream remembers in a value that the
//! caller holds, any number of frames at a time. Files and live sound are both streams; tests hold the two forms
//! together.
//!
//! candle 0.11 computes some gradients wrongly on the CPU (conv1d's weights, `Linear` on a transposed input) and drops
//! others silently (`softmax_last_dim`, `layer_norm`). Everything here is built from 2-D products over contiguous data
//! and from ops of our own; `gradcheck` proves each against differences.

pub mod bidirectional;
pub mod causal_conv;
pub mod context_attention;
pub mod gradcheck;
pub mod kernels;
pub mod linear;
pub mod lstm_cell;
pub mod multihead;
pub mod norm;
pub mod positional;
pub mod recurrent;
pub mod rnn_cell;
pub mod score;
pub mod statistics;
pub mod streaming;
pub mod weights;

use kernels::activation::Dropout;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Whether a pass learns. Training draws dropout masks and normalises by the batch; inference does neither.
#[derive(Debug)]
pub enum Pass<'a> {
    /// Answers only.
    Infer,
    /// Learns; all that is random comes from this generator.
    Train(&'a mut ChaCha8Rng),
}

impl Pass<'_> {
    /// Sets a share `rate` of the values to 0 and scales the others up, in training; nothing in inference
    /// (Srivastava et al. 2014).
    pub fn dropout(&mut self, x: &candle_core::Tensor, rate: f32) -> candle_core::Result<candle_core::Tensor> {
        match self.mask(rate) {
            Some(dropout) => x.contiguous()?.apply_op1(dropout),
            None => Ok(x.clone()),
        }
    }

    /// A fresh mask for an op that silences by itself; none in inference.
    pub fn mask(&mut self, rate: f32) -> Option<Dropout> {
        match self {
            Pass::Train(rng) if rate > 0.0 => Some(Dropout {
                rate,
                seed: rng.random(),
            }),
            _ => None,
        }
    }

    /// Whether this pass learns.
    pub fn is_training(&self) -> bool {
        matches!(self, Pass::Train(_))
    }
}
