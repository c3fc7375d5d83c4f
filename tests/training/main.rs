//! `attune train`: recipes, checkpoints, and classes of one's own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod familiarity;
mod own_classes;
mod training;
