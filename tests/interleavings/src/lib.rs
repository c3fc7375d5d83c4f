//! The program's own files that threads share things through, compiled with loom's atomics.
//!
//! In: the files under `crates/`, by path, and the source of rtrb and triple_buffer. Out: what the models run. Thread:
//! loom's.

#![allow(
    dead_code,
    missing_docs,
    unused_imports,
    unexpected_cfgs,
    reason = "the files are tested here, and have their users elsewhere"
)]

// The files say where they are from.
extern crate self as attune_audio;
extern crate self as cpal;

/// In the place of `std`'s.
pub(crate) mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    // The count of references is no part of what is checked, and loom's has no `Debug`.
    pub(crate) use std::sync::Arc;
}

#[path = "../../../crates/attune-audio/src/clock.rs"]
pub mod clock;
#[path = "../../../crates/attune-audio/src/ring.rs"]
pub mod ring;
#[path = "../../../crates/attune-audio/src/source/mod.rs"]
pub mod source;
#[path = "../../../crates/attune-audio/src/units.rs"]
pub mod units;

#[path = "../../../crates/attune-audio/src/capture/watchdog.rs"]
mod watchdog;

/// What [`watchdog`] knows of cpal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    DeviceChanged,
    DeviceNotAvailable,
    HostUnavailable,
    PermissionDenied,
    RealtimeDenied,
    StreamInvalidated,
    Xrun,
}

/// The same.
#[derive(Debug)]
pub struct Error(pub ErrorKind);

impl Error {
    pub fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// What error callbacks leave for the owner of a stream.
pub struct Faults(watchdog::Faults);

impl Faults {
    pub fn new() -> (Self, crossbeam_channel::Receiver<Error>) {
        let (faults, fatal) = watchdog::Faults::new();
        (Self(faults), fatal)
    }

    pub fn note(&self, kind: ErrorKind) {
        self.0.note(Error(kind));
    }

    pub fn xruns(&self) -> u64 {
        self.0.xruns.load(sync::Ordering::Relaxed)
    }
}

/// What the reader of a source knows of files.
pub mod playback {
    /// How fast a file is played.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Pace {
        Times(f32),
        FlatOut,
    }
}

pub mod engine;
