//! Starts the engine; the handle keeps it running.
//!
//! In: models and settings. Out: the three channel ends. Thread: the caller's.

use super::control::{SourceOpener, system_sources};
use super::outbox::Outbox;
use super::pipeline::{Pipeline, PipelineError};
use super::snapshot_writer::SnapshotWriter;
use super::worker::{Worker, WorkerParts};
use super::{Command, Event, Snapshot};
use crate::smoothing::SmoothingConfig;
use attune_audio::clock::Clock;
use attune_model::ModelSet;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Commands and events that may wait in their queues.
const COMMANDS: usize = 64;
const EVENTS: usize = 256;

/// What the engine needs to start.
#[derive(Clone)]
pub struct EngineConfig {
    /// The models, which run side by side.
    pub models: ModelSet,
    /// Smoothing and decision.
    pub smoothing: SmoothingConfig,
    /// Places of the models that are off until they are switched on.
    pub off: Vec<usize>,
    /// How sources are opened.
    pub sources: SourceOpener,
}

impl EngineConfig {
    /// Real devices with buffers of 10 ms, and files played through the speakers.
    pub fn new(models: ModelSet, smoothing: SmoothingConfig) -> Self {
        Self {
            models,
            smoothing,
            off: Vec::new(),
            sources: system_sources(10, true),
        }
    }
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The models or the settings do not fit.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The system gives no thread.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// The engine's three channels. Dropping it ends the worker and waits for it.
pub struct EngineHandle {
    /// Commands; none is lost.
    pub commands: Sender<Command>,
    /// Events; none is lost: an engine whose events nobody reads stops reading samples after some hundreds.
    pub events: Receiver<Event>,
    /// The newest snapshot.
    pub snapshots: triple_buffer::Output<Snapshot>,
    /// Ends the worker when it is dropped.
    pub worker: WorkerGuard,
}

/// Ends the worker when it is dropped, and waits for it.
pub struct WorkerGuard {
    stop: Arc<AtomicBool>,
    wake: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the worker.
pub struct Engine;

impl Engine {
    /// Starts the worker thread. It calls `notify` after each snapshot and event, from its own thread.
    pub fn start(config: EngineConfig, notify: impl Fn() + Send + 'static) -> Result<EngineHandle, EngineError> {
        Self::start_on(Clock::default(), config, notify)
    }

    /// The same, with waits measured by `clock`.
    pub fn start_on(
        clock: Clock,
        config: EngineConfig,
        notify: impl Fn() + Send + 'static,
    ) -> Result<EngineHandle, EngineError> {
        // What cannot work is refused here, not when the first source opens.
        Pipeline::new(&config.models, config.models.front_end.rate, config.smoothing)?;
        let (commands, received) = bounded(COMMANDS);
        let (sender, events) = bounded(EVENTS);
        let (writer, snapshots) = SnapshotWriter::new(&config.models);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let failures = sender.clone();
        let run = move || {
            let parts = WorkerParts {
                clock,
                config,
                commands: received,
                outbox: Outbox::new(sender),
                writer,
                stop: stopped,
                notify: &notify,
            };
            let worker = AssertUnwindSafe(|| Worker::new(parts).run());
            if let Err(panic) = catch_unwind(worker) {
                let message = super::model_runner::panic_message(&*panic);
                tracing::error!("the engine's worker panicked: {message}");
                // The queue may be full and its reader gone: the log has it then.
                let _ = failures.try_send(Event::Stopped { message });
                notify();
            }
        };
        let thread = std::thread::Builder::new()
            .name("attune-engine".to_owned())
            .spawn(run)?;
        let worker = WorkerGuard {
            stop,
            wake: commands.clone(),
            thread: Some(thread),
        };
        Ok(EngineHandle {
            commands,
            events,
            snapshots,
            worker,
        })
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Only to wake it: if the queue is full it is awake.
        let _ = self.wake.try_send(Command::Shutdown);
        if let Some(thread) = self.thread.take() {
            // Its panics were caught and reported.
            let _ = thread.join();
        }
    }
}
