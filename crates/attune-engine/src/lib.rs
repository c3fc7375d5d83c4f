//! The worker thread: samples in, snapshots out.
//!
//! In: commands, and samples through the ring. Out: snapshots (newest wins) and events (each counts).
//! Thread: owns the worker; its handle lives on the caller's.
//!
//! `pipeline.rs` is the way of the data without a thread; `worker.rs` feeds it from a source as samples come and keeps
//! the source open (`control.rs`, `opening.rs`); `board.rs` draws the snapshots.

mod board;
mod command;
mod control;
mod event;
pub mod explain;
mod handle;
mod health;
mod level;
mod listening;
pub mod offline;
mod opening;
mod outbox;
pub mod picture;
mod pipeline;
pub mod smoothing;
mod snapshot;
pub mod table;
mod track;
mod watch;
mod worker;

pub use command::{Command, SourceRequest};
pub use control::{OpenSource, SourceControl, SourceOpener, system_sources};
pub use event::{Event, ResetCause};
pub use handle::{Engine, EngineConfig, EngineError, EngineHandle, WorkerGuard};
pub use level::Level;
pub use pipeline::{EngineFault, HopResult, PIECE_SECONDS, Pipeline, PipelineError};
pub use snapshot::{
    AttentionSnapshot, Begins, Column, EngineSnapshot, Health, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_ENGINES, MAX_HEADS,
    MAX_LAYERS, RECENT_COLUMNS, Snapshot, Transport,
};
