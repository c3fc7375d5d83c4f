//! Faults as kinds: what other programs, full disks and strangers' files do to this one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod history;
mod training;
