//! Layers and kernels: golden values of other libraries, gradients, streaming against whole sequences.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod golden_layers;
mod gradients;
mod streaming_kernels;
mod training_kernels;
