//! The lab: each experiment at small size, by something that would fail if it were faked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

#[path = "lab/arena.rs"]
mod arena;
#[path = "lab/hierarchy.rs"]
mod hierarchy;
#[path = "lab/memory.rs"]
mod memory;
#[path = "lab/scores.rs"]
mod scores;
#[path = "lab/stage.rs"]
mod stage;
