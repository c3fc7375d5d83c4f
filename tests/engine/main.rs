//! Models on streams: worker, smoothing, resets, and the same bits however a stream is cut.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod after_silence;
mod change;
mod engine;
mod one_answer;
mod sections;
mod smoothing;
mod streaming_models;
mod surprise;
