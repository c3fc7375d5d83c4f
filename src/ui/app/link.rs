//! What ties the window to an engine.
//!
//! In: an engine's handle. Out: the ends of its channels. Thread: window.

use attune_engine::{Command, EngineHandle, Event, Snapshot, WorkerGuard};
use crossbeam_channel::{Receiver, Sender};

/// The ends of the engine's channels that the window holds.
pub struct EngineLink {
    /// Commands to the engine.
    pub commands: Sender<Command>,
    /// What happened.
    pub events: Receiver<Event>,
    /// The newest picture.
    pub snapshots: triple_buffer::Output<Snapshot>,
    /// Ends the worker with the window; `None` where a test feeds the channels.
    pub worker: Option<WorkerGuard>,
}

impl From<EngineHandle> for EngineLink {
    fn from(handle: EngineHandle) -> Self {
        Self {
            commands: handle.commands,
            events: handle.events,
            snapshots: handle.snapshots,
            worker: Some(handle.worker),
        }
    }
}
