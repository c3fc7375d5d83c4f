//! Faults as kinds: what other programs, full disks and strangers' files do to this one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/media.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod media;

mod history;
mod strangers;
mod training;
