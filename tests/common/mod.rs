//! What several test binaries need.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod audio_server;
pub(crate) mod fake_models;
pub(crate) mod media;
