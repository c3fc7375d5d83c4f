//! Files, features, resampling and playback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod corpus;
mod decode;
mod foreign;
mod front_end;
mod gapless;
mod golden_features;
mod lengths;
mod ogg;
mod playback;
mod polarity;
mod rate_parity;
mod resample;
