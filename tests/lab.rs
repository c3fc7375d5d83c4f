//! The lab: each experiment at small size, by something that would fail if it were faked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

#[path = "lab/arena.rs"]
mod arena;
#[path = "lab/depth.rs"]
mod depth;
#[path = "lab/heads.rs"]
mod heads;
#[path = "lab/hierarchy.rs"]
mod hierarchy;
#[path = "lab/limits.rs"]
mod limits;
#[path = "lab/memory.rs"]
mod memory;
#[path = "lab/position.rs"]
mod position;
#[path = "lab/scores.rs"]
mod scores;
#[path = "lab/stage.rs"]
mod stage;
