//! The worker thread: samples in, snapshots out.
//!
//! In: commands, and samples through the ring. Out: snapshots (newest wins) and events (each counts).
//! Thread: owns the worker; its handle lives on the caller's.
//!
//! `pipeline.rs` is the way of the data without a thread; `worker.rs` feeds it from a source as samples come and keeps
//! the source open (`control.rs`, `opening.rs`); `snapshot_writer.rs` writes the snapshots.

mod command;
mod control;
mod event;
pub mod explain;
pub mod files;
mod handle;
mod health;
mod hop;
mod level;
mod model_runner;
pub mod offline;
mod opening;
mod outbox;
pub mod page;
pub mod picture;
mod pipeline;
pub mod smoothing;
mod snapshot;
mod snapshot_writer;
mod source_reader;
pub mod table;
mod watch;
mod worker;

pub use command::{Command, SourceRequest};
pub use control::{OpenSource, SourceControl, SourceOpener, system_sources};
pub use event::{Event, ResetCause};
pub use handle::{Engine, EngineConfig, EngineError, EngineHandle, WorkerGuard};
pub use hop::{HopResult, Logits};
pub use level::Level;
pub use model_runner::{FaultCause, ModelFault};
pub use pipeline::{PIECE_SECONDS, Pipeline, PipelineError};
pub use smoothing::StateReset;
pub use snapshot::{
    AttentionSnapshot, Column, Health, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_HEADS, MAX_LAYERS, MAX_MODELS,
    ModelSnapshot, RECENT_COLUMNS, Snapshot, Transport,
};
