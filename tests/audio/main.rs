//! Files, features, resampling and playback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod decode;
mod front_end;
mod golden_features;
mod playback;
mod rate_parity;
mod resample;
