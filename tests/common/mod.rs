//! What several test binaries need.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod fake_models;
pub mod media;
