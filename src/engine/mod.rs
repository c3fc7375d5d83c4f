//! The worker thread: samples in, snapshots out.
//!
//! In: commands, and samples through the ring. Out: snapshots (newest wins) and events (each counts).
//! Thread: owns the worker; its handle lives on the caller's.

mod command;
mod event;
mod snapshot;

pub use command::{Command, SourceRequest};
pub use event::{Event, ResetCause};
pub use snapshot::{
    AttentionSnapshot, Column, EngineSnapshot, Health, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_ENGINES, MAX_HEADS,
    MAX_LAYERS, RECENT_COLUMNS, Snapshot, Transport,
};
