//! The layers of `nn/` as streams run them: weights packed once, memories in rings, nothing allocated per step.
//!
//! In: [`frame_buf::FrameBuf`], at most [`frame_buf::MAX_BLOCK`] frames. Out: the same. Thread: the one that holds the memory.
//!
//! The layers one level up learn from whole sequences; each has a `pack` that gives the form here. That both compute
//! the same is tested for every layer and every network (`tests/streaming_models.rs`). Each frame is computed by
//! itself, in the same order of sums: how frames are cut into blocks changes no bit.

pub mod affine;
pub mod attention;
pub mod attentive;
pub mod conv;
pub mod frame_buf;
pub mod lstm;
pub mod moments;
pub mod norm;
pub mod rnn;
pub mod scored;
