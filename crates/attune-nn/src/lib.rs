//! Layers in two forms: one that trains and one that streams.
//!
//! ```text
//!            ┌─► forward: whole sequences, with gradients           (kernels, as candle custom ops)
//!  weights ──┤
//!            └─► pack ─► streaming: any number of frames at a time  (state held by the caller, no allocation)
//! ```
//!
//! In: tensors (b, t, c), contiguous. Out: the same kind. Thread: any; a stream stays on one thread.
//!
//! A layer's `forward` processes whole sequences side by side, each from its first frame, and has a gradient. Its
//! `pack` returns the form in [`streaming`]: weights laid out for the processor, and a state that the caller holds.
//! Files and live audio both use it; tests hold the two forms together.
//!
//! candle 0.11 computes some gradients wrongly on the CPU (conv1d's weights, `Linear` on a transposed input) and drops
//! others silently (`softmax_last_dim`, `layer_norm`). Everything here is built from 2-D products over contiguous data
//! and from ops of our own; `gradcheck` compares each with numerical differences.
//!
//! ```
//! use attune_nn::causal_conv::{CausalConv, ConvShape};
//! use attune_nn::kernels::convolution::Activation;
//! use attune_nn::kernels::packed_matrix::{Finish, Precision};
//! use attune_nn::streaming::frame_buf::FrameBuf;
//! use attune_nn::weights::WeightStore;
//! use candle_core::{Device, Tensor};
//!
//! let shape = ConvShape { inputs: 2, outputs: 4, taps: 3, dilation: 2 };
//! let layer = CausalConv::new(WeightStore::random(1).root(), shape, 1.0)?;
//! let frames = [0.1_f32, 0.2, 0.3, 0.4, 0.5, 0.6]; // (time, inputs): three frames
//!
//! // The whole sequence at once, with a gradient …
//! let x = Tensor::from_slice(&frames, (1, 3, 2), &Device::Cpu)?;
//! let whole = layer.forward(&x, Activation::Relu)?.squeeze(0)?.to_vec2::<f32>()?;
//!
//! // … and frame by frame, with a state.
//! let packed = layer.pack(Precision::F32)?;
//! let mut state = packed.initial_state();
//! let (mut input, mut output) = (FrameBuf::new(2), FrameBuf::new(4));
//! for (frame, expected) in frames.chunks(2).zip(&whole) {
//!     input.load(frame);
//!     packed.step(&input, &mut state, Finish::Relu, &mut output);
//!     for (value, expected) in output.row(0).iter().zip(expected) {
//!         assert!((value - expected).abs() < 1e-6);
//!     }
//! }
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! Where to go next: [`causal_conv`], [`lstm_cell`] and [`multihead`] are layers, [`kernels`] the arithmetic beneath
//! them, [`weights`] names and initialises parameters, [`gradcheck`] is the test that every op passes.

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
    pub(crate) fn is_training(&self) -> bool {
        matches!(self, Pass::Train(_))
    }
}
