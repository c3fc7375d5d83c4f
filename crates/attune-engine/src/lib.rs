//! The engine: runs models on a stream and decides what to answer.
//!
//! ```text
//!  commands ─► ┌──────────────────────── worker thread ─────────────────────────┐ ─► events (none is lost)
//!  samples ──► │ front end ─► models ─► smoothing, ensemble, gate ─► decision   │ ─► snapshots (newest wins)
//!              └────────────────────────────────────────────────────────────────┘
//!                offline: the same pipeline over a file, at full speed
//! ```
//!
//! In: commands, and samples through the ring. Out: snapshots and events. Thread: the worker has one of its own; its
//! handle lives on the caller's.
//!
//! ```
//! use attune_engine::{offline, smoothing::SmoothingConfig};
//! use std::ops::ControlFlow;
//! use std::path::Path;
//!
//! let models = attune_model::bundled()?;
//! let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo/demo.mp3"));
//! let config = SmoothingConfig::default();
//! let report = offline::analyze(demo, &models, &config, |_hop| {}, |_progress| ControlFlow::Continue(()))?;
//! let first = report.segments.iter().find_map(|segment| segment.genre.as_deref());
//! assert_eq!(first, Some("classical"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to go next: [`Engine`] starts the worker, [`Pipeline`] is the data path without a thread, [`smoothing`] makes
//! the answer, [`offline`] analyses files, [`explain`] says what an answer rests on.

mod change;
mod command;
mod control;
mod event;
pub mod explain;
pub mod files;
mod handle;
mod handover;
mod health;
mod hop;
mod level;
mod lost_source;
mod model_runner;
pub mod offline;
mod opening;
mod outbox;
pub mod page;
pub mod picture;
mod pipeline;
mod section_list;
pub mod smoothing;
mod snapshot;
mod snapshot_writer;
mod source_reader;
mod surprise;
pub mod table;
pub mod text;
mod watch;
mod worker;

pub use command::{Command, SourceRequest};
pub use control::{OpenSource, SourceControl, SourceOpener, system_sources};
pub use event::{Event, ResetCause};
pub use handle::{Engine, EngineConfig, EngineError, EngineHandle, WorkerGuard};
pub use hop::{HopResult, Logits};
pub use level::Level;
pub use model_runner::{FaultCause, ModelFault};
pub use pipeline::{PIECE_SECONDS, Pipeline, PipelineError, SECTIONS, SURPRISE};
pub use smoothing::StateReset;
pub use snapshot::{
    AttentionSnapshot, Column, EvidenceSnapshot, Health, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_HEADS, MAX_LAYERS,
    MAX_MODELS, ModelSnapshot, RECENT_COLUMNS, SectionMark, Snapshot, SurpriseMark, Transport,
};
