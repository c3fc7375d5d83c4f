//! Layers of sequence models for the CPU, each in two forms: one that trains on whole sequences, one that streams with
//! explicit state.
//!
//! In: tensors (b, t, c), contiguous f32; or blocks of frames. Out: the same shape family. Thread: any; a stream stays on
//! the thread that owns its state.
//!
//! ```text
//!  weights::WeightStore ── from a seed, or from a file
//!        │ root(), pp("name")
//!        ▼
//!  layers: causal_conv  lstm_cell  rnn_cell  multihead  linear  norm  statistics  evidence  score  …
//!        │                                              │
//!        │ forward(x), (b, t, c), with gradients        │ pack(precision)
//!        ▼                                              ▼
//!  kernels: custom ops of candle, forward         streaming: PackedConv, PackedLstm, … (weights, immutable)
//!  and backward by hand (convolution,               step(&block, &mut state, &mut out), any number of frames
//!  lstm_sequence, attention_block, …)                   │
//!        │                                              │
//!        └────────► kernels: packed_matrix, attend, exponential, simd (AVX-512, AVX2, NEON) ◄────────┘
//! ```
//!
//! A layer's `forward` takes a batch of whole sequences, each from its first frame on. Its `pack` returns the type in
//! [`streaming`]: weights in the order in which the processor reads them, and a state that the caller owns. Dropping the
//! state and calling `initial_state` is a reset. Files and live audio are both streams; tests hold both forms together.
//!
//! # Example
//! A causal convolution over a whole sequence, and frame by frame with a state:
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
//! let frames: Vec<f32> = (0..20).map(|n| (n as f32).sin()).collect(); // 10 frames of 2 features
//!
//! // The whole sequence at once, with a gradient.
//! let x = Tensor::from_slice(&frames, (1, 10, 2), &Device::Cpu)?;
//! let whole: Vec<f32> = layer.forward(&x, Activation::Relu)?.flatten_all()?.to_vec1()?;
//!
//! // As a stream, in blocks: how it is cut changes no bit.
//! let packed = layer.pack(Precision::F32)?;
//! let stream = |frames_per_block: usize| {
//!     let (mut state, mut input, mut output) = (packed.initial_state(), FrameBuf::new(2), FrameBuf::new(4));
//!     let mut all = Vec::new();
//!     for block in frames.chunks(2 * frames_per_block) {
//!         input.load(block);
//!         packed.step(&input, &mut state, Finish::Relu, &mut output);
//!         (0..output.frames()).for_each(|frame| all.extend_from_slice(output.row(frame)));
//!     }
//!     all
//! };
//! let (once, twice) = (stream(10), stream(6)); // 10 frames; 6 frames, then 4
//! assert_eq!(once, twice);
//! assert!(whole.iter().zip(&once).all(|(whole, streamed)| (whole - streamed).abs() < 1e-6));
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! # Why not candle's own layers
//! candle 0.11 computes some gradients wrongly on the CPU (conv1d's weights, `Linear` on a transposed input) and drops
//! others silently (`softmax_last_dim`, `layer_norm`); an unrolled LSTM costs O(t²). Everything here is built from 2-D
//! products over contiguous data and from ops with a hand-written backward; [`gradcheck`] checks each against central
//! differences. candle stays the tensor library and the autodiff.
//!
//! Where to go next: [`causal_conv`], [`lstm_cell`] and [`multihead`] are layers, [`kernels`] the arithmetic beneath them,
//! [`weights`] names and initialises parameters; the crate `attune-model` builds networks from all of these.

pub mod additive_attention;
pub mod attention;
pub mod bidirectional;
pub mod causal_conv;
pub mod context_attention;
pub mod conv2d;
pub mod evidence;
pub mod gated_conv;
pub mod gradcheck;
pub mod grid_conv;
pub mod kernels;
pub mod linear;
pub mod lstm_cell;
pub mod moving_average;
pub mod multihead;
pub mod norm;
pub mod positional;
pub mod recurrent;
pub mod rnn_cell;
pub mod score;
pub mod statistics;
pub mod streaming;
pub mod transformer;
pub mod weights;

use kernels::activation::Dropout;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Training or inference. Training draws dropout masks and normalises by batch statistics; inference does neither.
#[derive(Debug)]
pub enum Pass<'a> {
    /// Inference.
    Infer,
    /// Training; all randomness comes from this generator.
    Train(&'a mut ChaCha8Rng),
}

impl Pass<'_> {
    /// In training, sets a share `rate` of the values to 0 and scales up the others; the identity in inference
    /// (Srivastava et al. 2014).
    pub fn dropout(&mut self, x: &candle_core::Tensor, rate: f32) -> candle_core::Result<candle_core::Tensor> {
        match self.mask(rate) {
            Some(dropout) => x.contiguous()?.apply_op1(dropout),
            None => Ok(x.clone()),
        }
    }

    /// A new mask for an op that applies dropout itself; none in inference.
    pub fn mask(&mut self, rate: f32) -> Option<Dropout> {
        match self {
            Pass::Train(rng) if rate > 0.0 => Some(Dropout {
                rate,
                seed: rng.random(),
            }),
            _ => None,
        }
    }

    /// Whether this is a training pass.
    pub(crate) fn is_training(&self) -> bool {
        matches!(self, Pass::Train(_))
    }
}
