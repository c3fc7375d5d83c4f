//! Streaming form of the layers: weights packed once, state in rings, no allocation per step.
//!
//! In: [`frame_buf::FrameBuf`], at most [`frame_buf::MAX_BLOCK`] frames. Out: the same. Thread: the owner of the state.
//!
//! The layers one level up train on whole sequences; their `pack` returns the types here. `tests/engine/streaming_models.rs`
//! checks that both compute the same, for every layer and every network. Each frame is computed on its own, with sums
//! in a fixed order: cutting a stream into other blocks changes no bit.

pub mod affine;
pub mod attention;
pub mod attentive;
pub mod conv;
pub mod evidence;
pub mod frame_buf;
pub mod gated;
pub mod lstm;
pub mod moments;
pub mod norm;
pub mod rnn;
pub mod scored;
