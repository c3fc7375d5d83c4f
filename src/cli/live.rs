//! `attune live`: runs the models until it is stopped, and shows the answer as it changes.
//!
//! In: a device or a file. Out: a status on a terminal, lines of text or JSON elsewhere. Thread: main; the engine has
//! its own.

use super::args::LiveArgs;
use super::error::{AppError, Context};
use super::live_screen::{Screen, Standing};
#[cfg(feature = "serve")]
use crate::publisher::Publisher;
use crate::settings::Settings;
use attune_audio::units::Seconds;
use attune_engine::{
    Engine, EngineConfig, EngineHandle, Event, RECENT_COLUMNS, Snapshot, SourceRequest, system_sources,
};
use attune_model::ModelSet;
use crossbeam_channel::{Receiver, TrySendError, bounded, select};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often health is reported.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// Runs until the end of the file, `--seconds`, or Ctrl-C.
pub(super) fn run(args: &LiveArgs, models: ModelSet, settings: &Settings) -> Result<ExitCode, AppError> {
    let request = request(args);
    #[cfg(not(feature = "device"))]
    if matches!(request, SourceRequest::Device { .. }) {
        return super::not_built::refuse("live --source ID", "device");
    }
    let interrupted = interrupts()?;
    let (wake, woken) = bounded(1);
    let notify = move || match wake.try_send(()) {
        // Full: a wake-up is pending anyway. Gone: the receiver has ended.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
    };
    let screen = Screen::new(args.ndjson, &models);
    #[cfg(feature = "serve")]
    let screen = {
        let publisher =
            Publisher::open(&args.publisher, &models).map_err(|error| AppError::failed(error.to_string()))?;
        if let Some(url) = publisher.as_ref().and_then(Publisher::url) {
            crate::note!("Serving on {url} (page), {url}ws, {url}events, {url}answer.txt");
        }
        screen.with_publisher(publisher)
    };
    let config = EngineConfig {
        models,
        smoothing: settings.smoothing,
        off: Vec::new(),
        sources: system_sources(settings.buffer_ms, settings.play_aloud && !args.mute),
    };
    let engine = Engine::start(config, notify).context("the engine cannot start")?;
    let order = attune_engine::Command::Open(request);
    engine.commands.send(order).ok().context("the engine has ended")?;
    let mut session = Session {
        engine,
        screen,
        limit: args.seconds,
        opened: None,
        is_file: false,
        seen: (0, 0),
        health_at: Instant::now(),
        missed: 0,
    };
    let code = loop {
        select! {
            recv(interrupted) -> _ => break ExitCode::SUCCESS,
            recv(woken) -> _ => {}
            default(Duration::from_millis(100)) => {}
        }
        if let Some(code) = session.update()? {
            break code;
        }
    };
    session.close()?;
    Ok(code)
}

/// A channel that receives at Ctrl-C, or when the system asks the program to end.
fn interrupts() -> Result<Receiver<()>, AppError> {
    let (interrupt, interrupted) = bounded(1);
    ctrlc::set_handler(move || {
        // Full: it is pending already.
        let _ = interrupt.try_send(());
    })
    .context("Ctrl-C cannot be watched")?;
    Ok(interrupted)
}

fn request(args: &LiveArgs) -> SourceRequest {
    let id = match &args.source {
        Some(source) if is_file(source) => {
            return SourceRequest::File {
                path: PathBuf::from(source),
                pace: args.pace,
            };
        }
        Some(id) => Some(id),
        None => args.device.as_ref(),
    };
    SourceRequest::Device {
        id: id.cloned(),
        channel: args.channel,
    }
}

/// Whether this names a file: one that exists, or one with the extension of a music file.
fn is_file(source: &str) -> bool {
    let path = std::path::Path::new(source);
    path.is_file() || attune_library::scan::is_sound(path)
}

struct Session {
    engine: EngineHandle,
    screen: Screen,
    limit: Option<f64>,
    opened: Option<Instant>,
    is_file: bool,
    /// Epoch and frames shown so far.
    seen: (u64, u64),
    health_at: Instant,
    missed: u64,
}

impl Session {
    /// Shows what is new; an exit code when it is time to end.
    fn update(&mut self) -> Result<Option<ExitCode>, AppError> {
        // Events first: the snapshot taken after an end holds its last frames.
        let mut end = None;
        while let Ok(event) = self.engine.events.try_recv() {
            if end.is_none() {
                end = self.take(&event)?;
            }
        }
        self.engine.snapshots.update();
        let snapshot = self.engine.snapshots.output_buffer();
        let standing = new_columns(snapshot, &mut self.seen, &mut self.missed);
        let mut reading = self.screen.show(snapshot, standing)?;
        if reading && self.health_at.elapsed() >= HEALTH_EVERY {
            self.health_at = Instant::now();
            reading = self.screen.health(snapshot)?;
        }
        if !reading {
            // Nobody reads stdout any more: end quietly.
            return Ok(Some(ExitCode::SUCCESS));
        }
        let over = match (self.limit, self.opened) {
            (Some(limit), Some(_)) if self.is_file => snapshot.transport.position.0 >= limit,
            (Some(limit), Some(opened)) => opened.elapsed().as_secs_f64() >= limit,
            _ => false,
        };
        Ok(end.or_else(|| over.then_some(ExitCode::SUCCESS)))
    }

    fn take(&mut self, event: &Event) -> Result<Option<ExitCode>, AppError> {
        let at = self.engine.snapshots.output_buffer().transport.position;
        if !self.screen.event(event, at)? {
            return Ok(Some(ExitCode::SUCCESS));
        }
        Ok(match event {
            Event::Opened(source) => {
                self.opened.get_or_insert_with(Instant::now);
                self.is_file = source.kind == attune_audio::source::SourceKind::File;
                None
            }
            Event::Ended => Some(ExitCode::SUCCESS),
            // What was open once may come back; what never opened is reported and given up.
            Event::SourceFailed { retrying, .. } if *retrying && self.opened.is_some() => None,
            Event::SourceFailed { .. } | Event::Stopped { .. } => Some(ExitCode::FAILURE),
            _ => None,
        })
    }

    fn close(&mut self) -> Result<(), AppError> {
        if self.opened.is_some() {
            self.engine.snapshots.update();
            let snapshot = self.engine.snapshots.output_buffer();
            self.screen.health(snapshot)?;
        }
        self.screen.close();
        if self.missed > 0 {
            crate::note!(
                "attune: {} hops were not shown because stdout was read too slowly (all were processed)",
                self.missed
            );
        }
        Ok(())
    }
}

/// Which columns were not shown yet.
fn new_columns(snapshot: &Snapshot, seen: &mut (u64, u64), missed: &mut u64) -> Standing {
    let shown = if seen.0 == snapshot.epoch { seen.1 } else { 0 };
    let first = snapshot.frames.saturating_sub(RECENT_COLUMNS as u64).max(shown);
    *missed += first - shown;
    *seen = (snapshot.epoch, snapshot.frames);
    Standing {
        first,
        end: snapshot.frames,
        at: snapshot
            .column(snapshot.frames.saturating_sub(1))
            .map_or(Seconds(0.0), |column| column.at),
    }
}
