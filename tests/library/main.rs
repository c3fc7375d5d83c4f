//! Files and libraries: exports that other tools read back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod export;
mod export_paths;
#[cfg(unix)]
mod scan;
mod start;
mod tools;
