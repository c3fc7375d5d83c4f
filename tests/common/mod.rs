//! What several test binaries need.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod audio_server;
pub(crate) mod fake_models;
#[cfg(target_os = "linux")]
pub(crate) mod held;
pub(crate) mod media;
