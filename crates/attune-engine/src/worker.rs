//! The worker: obeys commands, keeps a source open, feeds the pipeline, publishes.
//!
//! In: commands, samples, marks. Out: snapshots and events. Thread: `attune-engine`, this is its whole life.

use super::board::{Board, Readings};
use super::handle::EngineConfig;
use super::health::HealthMeter;
use super::listening::{Listening, Next};
use super::opening::{Attempt, Opening};
use super::outbox::Outbox;
use super::pipeline::Pipeline;
use super::snapshot::Transport;
use super::{Command, Event, ResetCause, SourceRequest};
use crate::smoothing::Decision;
use attune_audio::playback::Pace;
use attune_audio::source::{MarkKind, SourceError, SourceErrorKind};
use attune_audio::units::Seconds;
use crossbeam_channel::{Receiver, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The ring cannot wake its reader (that would cost the audio callback a system call): it is looked at this often.
const POLL: Duration = Duration::from_millis(6);
/// How often anything else is looked at.
const IDLE: Duration = Duration::from_millis(50);
/// Health is shown this often even if no frame comes.
const SHOW_HEALTH: Duration = Duration::from_millis(250);

/// What a worker is made of.
pub(super) struct WorkerParts<'a> {
    pub(super) config: EngineConfig,
    pub(super) orders: Receiver<Command>,
    pub(super) outbox: Outbox,
    pub(super) board: Board,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) notify: &'a dyn Fn(),
}

/// What the user wants, whether or not a source is open yet.
struct Wish {
    source: Option<SourceRequest>,
    playing: bool,
    looping: bool,
    selection: Option<(Seconds, Seconds)>,
    muted: Option<(Seconds, Seconds)>,
    seek: Option<Seconds>,
    engines: Vec<bool>,
}

pub(super) struct Worker<'a> {
    parts: WorkerParts<'a>,
    wish: Wish,
    opening: Opening,
    listening: Option<Listening>,
    pipeline: Option<Pipeline>,
    meter: HealthMeter,
    /// A source of this request was open before: the next one is a reconnection.
    lost_counts: Option<(u64, u64)>,
    failure_told: Option<String>,
    decided: Option<Decision>,
    published: Instant,
    changed: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(parts: WorkerParts<'a>) -> Self {
        let off = &parts.config.off;
        let engines = (0..parts.config.models.models.len()).map(|engine| !off.contains(&engine));
        let engines = engines.collect();
        Self {
            opening: Opening::new(Arc::clone(&parts.config.sources)),
            wish: Wish {
                source: None,
                playing: true,
                looping: false,
                selection: None,
                muted: None,
                seek: None,
                engines,
            },
            listening: None,
            pipeline: None,
            meter: HealthMeter::new(),
            lost_counts: None,
            failure_told: None,
            decided: None,
            published: Instant::now(),
            changed: true,
            parts,
        }
    }

    /// Until it is told to end.
    pub(super) fn run(mut self) {
        let orders = self.parts.orders.clone();
        let attempts = self.opening.attempts.clone();
        while !self.parts.stop.load(Ordering::Acquire) {
            select! {
                recv(orders) -> order => match order {
                    Ok(Command::Shutdown) | Err(_) => break,
                    Ok(order) => self.obey(order),
                },
                recv(attempts) -> attempt => if let Ok(attempt) = attempt {
                    self.arrived(attempt);
                },
                default(self.wait()) => {}
            }
            self.parts.outbox.flush();
            if !self.parts.outbox.is_congested() {
                self.listen();
            }
            self.look_after_source();
            if self.changed || (self.listening.is_some() && self.published.elapsed() >= SHOW_HEALTH) {
                self.publish(false);
            }
        }
    }

    fn wait(&self) -> Duration {
        if self.parts.outbox.is_congested() {
            return POLL;
        }
        match &self.listening {
            Some(listening) if self.is_reading() && listening.has_more() => Duration::ZERO,
            Some(_) => POLL,
            None if self.opening.is_busy() || self.parts.outbox.is_waiting() => IDLE,
            None => Duration::from_secs(1),
        }
    }

    /// A paused file keeps its samples in the ring; a paused device's are read and thrown away.
    fn is_reading(&self) -> bool {
        let device = self.listening.as_ref().is_some_and(Listening::is_device);
        self.wish.playing || device
    }

    fn tell(&mut self, event: Event) {
        self.parts.outbox.send(event);
        (self.parts.notify)();
    }

    fn fail(&mut self, error: &SourceError, retrying: bool) {
        // One attempt after the other fails with the same words: they are said once.
        if self.failure_told.as_ref() == Some(&error.message) {
            return;
        }
        self.failure_told = Some(error.message.clone());
        self.tell(Event::SourceFailed {
            message: error.message.clone(),
            remedy: error.remedy().to_owned(),
            retrying,
        });
    }

    fn obey(&mut self, order: Command) {
        self.changed = true;
        match order {
            Command::Open(request) => {
                self.close();
                self.opening.begin(&request);
                self.wish.source = Some(request);
                self.wish.playing = true;
            }
            Command::Close => self.close(),
            Command::Play => self.play(),
            Command::Pause => {
                self.wish.playing = false;
                if let Some(listening) = &mut self.listening {
                    listening.control.pause();
                }
            }
            Command::Seek(at) => self.seek(at),
            Command::Loop(on) => {
                self.wish.looping = on;
                if let Some(listening) = &mut self.listening {
                    listening.control.set_looping(on);
                }
            }
            Command::Select(selection) => self.select(selection),
            Command::Mute(part) => self.mute(Some(part)),
            Command::SetPace(pace) => self.set_pace(pace),
            Command::SetSmoothing(smoothing) => self.set_smoothing(smoothing),
            Command::EnableEngine { engine, on } => self.enable(engine, on),
            // The loop ends before it obeys this.
            Command::Shutdown => {}
        }
    }

    fn close(&mut self) {
        self.opening.cancel();
        self.listening = None;
        self.pipeline = None;
        self.parts.board.begin_epoch();
        self.wish.source = None;
        self.wish.selection = None;
        self.wish.muted = None;
        self.wish.seek = None;
        self.lost_counts = None;
        self.failure_told = None;
    }

    /// What comes next is not connected to what was heard.
    fn interrupted(&mut self) {
        if let Some(listening) = &self.listening {
            self.reset(ResetCause::Interrupted, listening.time());
        }
    }

    fn play(&mut self) {
        let was_playing = std::mem::replace(&mut self.wish.playing, true);
        if !was_playing && self.listening.as_ref().is_some_and(Listening::is_device) {
            self.interrupted();
        }
        let Some(listening) = &mut self.listening else {
            return;
        };
        let ended = listening.is_ended();
        listening.control.play();
        if ended {
            self.seek(Seconds(0.0));
        }
    }

    fn seek(&mut self, at: Seconds) {
        let Some(listening) = &mut self.listening else {
            // A file may still be on its way to open.
            self.wish.seek = Some(at);
            return;
        };
        let end = listening
            .control
            .opened()
            .duration
            .map_or(f64::MAX, |duration| duration.0);
        // `max` first: a NaN becomes 0.
        let at = Seconds(at.0.max(0.0).min(end));
        match listening.seek(at) {
            Some(Ok(())) => self.reset(ResetCause::Sought, at),
            Some(Err(error)) => self.fail(&error, false),
            None => {}
        }
    }

    /// A selection that is none (turned around, or not a number) selects the whole.
    fn select(&mut self, selection: Option<(Seconds, Seconds)>) {
        let Some(listening) = self.listening.as_mut().filter(|listening| !listening.is_device()) else {
            return;
        };
        self.wish.selection = selection.filter(|(start, end)| start.0 >= 0.0 && end.0 > start.0);
        listening.control.set_selection(self.wish.selection);
        self.mute(None);
    }

    fn mute(&mut self, part: Option<(Seconds, Seconds)>) {
        let Some(listening) = self.listening.as_mut().filter(|listening| !listening.is_device()) else {
            return;
        };
        self.wish.muted = part.filter(|(start, end)| end.0 > start.0);
        listening.control.set_muted(self.wish.muted);
    }

    fn set_pace(&mut self, pace: Pace) {
        if let Some(SourceRequest::File { pace: wished, .. }) = &mut self.wish.source {
            *wished = pace;
        }
        if let Some(listening) = &mut self.listening
            && !listening.is_device()
        {
            listening.set_pace(pace);
        }
        self.meter.clear();
    }

    fn set_smoothing(&mut self, smoothing: crate::smoothing::SmoothingConfig) {
        let checked = match &mut self.pipeline {
            Some(pipeline) => pipeline.set_smoothing(smoothing),
            None => smoothing.validate(),
        };
        match checked {
            Ok(()) => self.parts.config.smoothing = smoothing,
            Err(error) => self.tell(Event::Warning {
                message: error.to_string(),
                remedy: "Choose values within the limits; the knobs stay as they were.".to_owned(),
            }),
        }
    }

    fn enable(&mut self, engine: usize, on: bool) {
        if let Some(switch) = self.wish.engines.get_mut(engine) {
            *switch = on;
        }
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.enable(engine, on);
        }
        self.tell_faults();
    }

    /// An attempt to open a source has ended.
    fn arrived(&mut self, attempt: Attempt) {
        if !self.opening.accept(&attempt) {
            return;
        }
        self.changed = true;
        match attempt.result {
            Ok(open) => self.begin(open),
            Err(error) => self.lose(&error),
        }
    }

    fn begin(&mut self, open: super::OpenSource) {
        let rate = open.0.opened().rate;
        let config = &self.parts.config;
        let mut pipeline = match Pipeline::new(&config.models, rate, config.smoothing) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                let message = format!("{} cannot be used: {error}", open.0.opened().name);
                return self.lose(&SourceError::new(SourceErrorKind::RateUnsupported, message));
            }
        };
        for (engine, _) in self.wish.engines.iter().enumerate().filter(|(_, on)| !**on) {
            pipeline.enable(engine, false);
        }
        let pace = match &self.wish.source {
            Some(SourceRequest::File { pace, .. }) => Some(*pace),
            _ => None,
        };
        let mut listening = Listening::new(open, pace);
        listening.control.set_looping(self.wish.looping);
        if !self.wish.playing {
            listening.control.pause();
        }
        let cause = match self.lost_counts.take() {
            Some((lost, not_finite)) => {
                listening.carry_counts(lost, not_finite);
                ResetCause::Reconnected
            }
            None => ResetCause::Opened,
        };
        self.opening.succeeded();
        self.failure_told = None;
        let opened = listening.control.opened().clone();
        self.pipeline = Some(pipeline);
        self.listening = Some(listening);
        self.tell(Event::Opened(opened));
        self.reset(cause, Seconds(0.0));
        if let Some(at) = self.wish.seek.take() {
            self.seek(at);
        }
    }

    /// The source is lost, or did not open. A device may come back: it is tried again.
    fn lose(&mut self, error: &SourceError) {
        let device = matches!(self.wish.source, Some(SourceRequest::Device { .. }));
        let retrying = device && error.kind.is_retryable();
        if let Some(listening) = self.listening.take() {
            self.lost_counts = Some((listening.samples_lost(), listening.samples_not_finite()));
        }
        if retrying {
            self.opening.plan_retry();
        }
        self.changed = true;
        self.fail(error, retrying);
    }

    fn look_after_source(&mut self) {
        if self.opening.is_due()
            && let Some(request) = self.wish.source.clone()
        {
            self.opening.begin(&request);
        }
        if let Some(error) = self.opening.newly_hanging() {
            // A device is tried again from the start: its server may have been restarted. A file only needs time.
            if matches!(self.wish.source, Some(SourceRequest::Device { .. })) {
                self.lose(&error);
            } else {
                self.fail(&error, true);
            }
        }
        let playing = self.wish.playing;
        let event = self.listening.as_mut().filter(|_| playing).and_then(|listening| {
            let (now, age) = (listening.time(), listening.callback_age());
            listening.watch.judge(now, age)
        });
        if let Some(event) = event {
            self.tell(event);
        }
    }

    /// Every state begins anew at stream time `at`.
    fn reset(&mut self, cause: ResetCause, at: Seconds) {
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.reset(at);
        }
        if let Some(listening) = &mut self.listening {
            listening.rebase(at);
        }
        self.parts.board.begin_epoch();
        self.meter.clear();
        self.decided = None;
        self.changed = true;
        self.tell(Event::Reset { cause, at });
        self.tell_faults();
    }

    fn listen(&mut self) {
        if !self.is_reading() {
            return;
        }
        let Some(listening) = &mut self.listening else {
            return;
        };
        match listening.next() {
            Next::Samples if self.wish.playing => self.hear(),
            Next::Nothing | Next::Samples => {}
            Next::Mark(MarkKind::Repeated(from)) => self.reset(ResetCause::Looped, from),
            Next::Mark(MarkKind::Looped) => self.reset(ResetCause::Looped, Seconds(0.0)),
            Next::Gap => self.interrupted(),
            Next::Mark(MarkKind::Ended) => {
                self.wish.playing = false;
                // A seek must not start the reader before someone plays on.
                listening.control.pause();
                self.finish();
                self.tell(Event::Ended);
            }
            Next::Mark(MarkKind::Lost(error)) => self.lose(&error),
        }
    }

    fn finish(&mut self) {
        self.compute(|pipeline, on_hop, _| pipeline.finish(on_hop));
    }

    /// Works through the block that was read, and publishes if it completed a frame.
    fn hear(&mut self) {
        self.compute(|pipeline, on_hop, block| pipeline.push(block, on_hop));
    }

    fn compute(
        &mut self,
        work: impl FnOnce(&mut Pipeline, &mut dyn FnMut(&super::HopResult), &[f32]) -> Result<(), super::PipelineError>,
    ) {
        let (Some(listening), Some(pipeline)) = (&mut self.listening, &mut self.pipeline) else {
            return;
        };
        let began = Instant::now();
        let before = self.parts.board.frames();
        let board = &mut self.parts.board;
        let mut decisions = Vec::new();
        let mut decided = self.decided;
        let mut peaks = Vec::new();
        let result = work(
            pipeline,
            &mut |hop| {
                board.hear(hop);
                let decision = hop.column.decision;
                if decided.is_none_or(|old| old.state != decision.state) {
                    decisions.push((hop.column.at, decision));
                }
                decided = Some(decision);
                peaks.push((hop.column.at, hop.level));
            },
            listening.block(),
        );
        for (at, level) in peaks {
            listening.watch.hear(at, level.peak, level.clipped);
        }
        let audio = listening.control.opened().rate.duration(listening.block().len() as u64);
        self.meter
            .worked(began, began.elapsed(), Duration::from_secs_f64(audio.0));
        self.decided = decided;
        for (at, decision) in decisions {
            self.tell(Event::Decided { at, decision });
        }
        self.tell_faults();
        if let Err(error) = result {
            let message = format!("The samples cannot be processed: {error}");
            self.lose(&SourceError::new(SourceErrorKind::FrontEnd, message));
        } else if self.parts.board.frames() > before {
            self.publish(true);
        }
    }

    fn tell_faults(&mut self) {
        let faults = self.pipeline.as_mut().map(Pipeline::take_faults).unwrap_or_default();
        for fault in faults {
            if let Some(switch) = self.wish.engines.get_mut(fault.engine) {
                *switch = false;
            }
            self.tell(Event::EngineFailed {
                engine: fault.engine,
                message: fault.message,
            });
        }
    }

    /// `timed`: the picture holds frames of the block just read, so its latency counts.
    fn publish(&mut self, timed: bool) {
        let listening = self.listening.as_ref();
        let (lost, not_finite) = match listening {
            Some(listening) => (listening.samples_lost(), listening.samples_not_finite()),
            None => self.lost_counts.unwrap_or_default(),
        };
        let readings = Readings {
            samples_lost: lost,
            samples_not_finite: not_finite,
            callback_age: listening.map_or(Seconds(0.0), Listening::callback_age),
            ring_fill: listening.map_or(0.0, Listening::ring_fill),
            transport: Transport {
                playing: self.wish.playing && listening.is_some(),
                position: listening.map_or(Seconds(0.0), Listening::time),
                duration: listening
                    .and_then(|listening| listening.control.opened().duration)
                    .unwrap_or_default(),
                looping: self.wish.looping,
                selection: self.wish.selection,
                muted: self.wish.muted,
            },
        };
        self.parts.board.publish(self.pipeline.as_ref(), &readings, &self.meter);
        if timed && let Some(age) = listening.and_then(Listening::block_age) {
            self.meter.published(age);
        }
        self.published = Instant::now();
        self.changed = false;
        (self.parts.notify)();
    }
}
