//! Files and libraries: exports that other tools read back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "each test binary uses its own part")]
#[path = "../common/media.rs"]
mod media;

mod export;
mod export_paths;
#[cfg(unix)]
mod scan;
mod start;
mod tools;
