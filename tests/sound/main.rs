//! Capture and the program on a real sound server.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod audio_server;
mod doctor;
mod live_end_to_end;
mod outages;
