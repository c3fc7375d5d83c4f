//! The worker: follows commands, keeps a source open, feeds the pipeline, publishes snapshots.
//!
//! In: commands, samples, marks. Out: snapshots and events. Thread: `attune-engine`, this is its whole life.

use super::handle::EngineConfig;
use super::health::HealthMeter;
use super::lost_source::{LostSource, Outage};
use super::opening::{Attempt, Opening};
use super::outbox::Outbox;
use super::pipeline::{Pipeline, SECTIONS, SURPRISE};
use super::snapshot::Transport;
use super::snapshot_writer::{Readings, SnapshotWriter};
use super::source_reader::{Losses, Next, SourceReader};
use super::{Command, Event, ResetCause, SourceRequest};
use crate::smoothing::Decision;
use attune_audio::clock::Clock;
use attune_audio::playback::Pace;
use attune_audio::source::{MarkKind, SourceError, SourceErrorKind};
use attune_audio::units::Seconds;
use attune_model::ModelSet;
use crossbeam_channel::{Receiver, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The ring cannot wake its reader (that would cost the audio callback a system call), so it is polled this often.
const POLL: Duration = Duration::from_millis(6);
/// How often anything else is polled.
const IDLE: Duration = Duration::from_millis(50);
/// Health is published this often even if no frame comes.
const SHOW_HEALTH: Duration = Duration::from_millis(250);

/// Load from which on a gap is the machine's fault and not that of a suspended one.
const TOO_SLOW: f32 = 0.9;

/// What a worker is made of.
pub(super) struct WorkerParts<'a> {
    pub(super) clock: Clock,
    pub(super) config: EngineConfig,
    pub(super) commands: Receiver<Command>,
    pub(super) outbox: Outbox,
    pub(super) writer: SnapshotWriter,
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
    models: Vec<bool>,
}

pub(super) struct Worker<'a> {
    parts: WorkerParts<'a>,
    wish: Wish,
    /// What is being opened in place of what is open.
    next: Option<SourceRequest>,
    opening: Opening,
    reader: Option<SourceReader>,
    pipeline: Option<Pipeline>,
    meter: HealthMeter,
    /// A source of this request was open before: the next one is a reconnection.
    lost: Option<LostSource>,
    reported_failure: Option<String>,
    decided: Option<Decision>,
    published: Instant,
    changed: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(parts: WorkerParts<'a>) -> Self {
        let off = &parts.config.off;
        let models = (0..parts.config.models.models.len()).map(|model| !off.contains(&model));
        let models = models.collect();
        Self {
            opening: Opening::new(parts.clock.clone(), Arc::clone(&parts.config.sources)),
            wish: Wish {
                source: None,
                playing: true,
                looping: false,
                selection: None,
                muted: None,
                seek: None,
                models,
            },
            next: None,
            reader: None,
            pipeline: None,
            meter: HealthMeter::new(),
            lost: None,
            reported_failure: None,
            decided: None,
            published: parts.clock.now(),
            changed: true,
            parts,
        }
    }

    /// Runs until the shutdown.
    pub(super) fn run(mut self) {
        let commands = self.parts.commands.clone();
        let attempts = self.opening.attempts.clone();
        let turns = self.parts.clock.turns();
        while !self.parts.stop.load(Ordering::Acquire) {
            select! {
                recv(commands) -> command => match command {
                    Ok(Command::Shutdown) | Err(_) => break,
                    Ok(command) => self.handle(command),
                },
                recv(attempts) -> attempt => if let Ok(attempt) = attempt {
                    self.arrived(attempt);
                },
                // Of a clock that is moved by hand.
                recv(turns) -> _ => {}
                default(self.wait()) => {}
            }
            self.parts.outbox.flush();
            if !self.parts.outbox.is_congested() {
                self.read();
            }
            self.look_after_source();
            // Of what is paused nothing changes.
            let is_alive = self.wish.playing && (self.reader.is_some() || self.lost.is_some());
            if self.changed || (is_alive && self.parts.clock.since(self.published) >= SHOW_HEALTH) {
                self.publish(false);
            }
        }
    }

    fn wait(&self) -> Duration {
        if self.parts.outbox.is_congested() {
            return POLL;
        }
        match &self.reader {
            Some(reader) if self.is_reading() && reader.has_more() => Duration::ZERO,
            Some(_) => POLL,
            None if self.opening.is_busy() || self.parts.outbox.is_waiting() => IDLE,
            None => Duration::from_secs(1),
        }
    }

    /// A paused file keeps its samples in the ring; a paused device's are read and thrown away.
    fn is_reading(&self) -> bool {
        let device = self.reader.as_ref().is_some_and(SourceReader::is_device);
        self.wish.playing || device
    }

    fn emit(&mut self, event: Event) {
        self.parts.outbox.send(event);
        (self.parts.notify)();
    }

    fn fail(&mut self, error: &SourceError, retrying: bool) {
        // One attempt after the other fails with the same words: they are said once.
        if self.reported_failure.as_ref() == Some(&error.message) {
            return;
        }
        self.reported_failure = Some(error.message.clone());
        self.emit(Event::SourceFailed {
            message: error.message.clone(),
            remedy: error.remedy().to_owned(),
            retrying,
        });
    }

    fn handle(&mut self, command: Command) {
        self.changed = true;
        match command {
            Command::Open(request) => self.open(request),
            Command::Close => self.close(),
            Command::Play => self.play(),
            Command::Pause => {
                self.wish.playing = false;
                if let Some(reader) = &mut self.reader {
                    reader.control.pause();
                }
            }
            Command::Seek(at) => self.seek(at),
            Command::NewSong => {
                if let Some(reader) = &self.reader {
                    self.reset(ResetCause::NewSong, reader.time());
                }
            }
            Command::Loop(on) => {
                self.wish.looping = on;
                if let Some(reader) = &mut self.reader {
                    reader.control.set_looping(on);
                }
            }
            Command::Select(selection) => self.select(selection),
            Command::Mute(part) => self.mute(Some(part)),
            Command::SetPace(pace) => self.set_pace(pace),
            Command::SetSmoothing(smoothing) => self.set_smoothing(smoothing),
            Command::EnableModel { model, on } => self.enable(model, on),
            Command::UseModels { models, off } => self.use_models(*models, &off),
            Command::ListSections(lister) => {
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.list_sections(lister.as_ref());
                }
                self.parts.config.models.sections = lister;
                self.emit_faults();
            }
            Command::TraceSurprise(model) => {
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.trace_surprise(model.as_ref());
                }
                self.parts.config.models.surprise = model;
                self.emit_faults();
            }
            // The loop ends before it gets here.
            Command::Shutdown => {}
        }
    }

    /// A device that is open is opened again only once its closing has begun: it may be there for one at a time.
    fn open(&mut self, request: SourceRequest) {
        let is_same_device = matches!(&request, SourceRequest::Device { .. }) && {
            let id = |request: &SourceRequest| match request {
                SourceRequest::Device { id, .. } => Some(id.clone()),
                SourceRequest::File { .. } => None,
            };
            self.wish.source.as_ref().and_then(id) == id(&request)
        };
        // A lost device that is tried again waits for how this ends.
        let is_awaited = self.lost.is_some() && (self.next.is_some() || self.opening.is_busy());
        if is_awaited || (self.reader.is_some() && !is_same_device) {
            self.opening.begin(&request);
            self.next = Some(request);
            return;
        }
        self.close();
        self.opening.begin(&request);
        self.wish_for(request);
    }

    /// Nothing is known of it yet but that it is to play.
    fn wish_for(&mut self, request: SourceRequest) {
        let wish = &mut self.wish;
        (wish.source, wish.playing) = (Some(request), true);
        (wish.selection, wish.muted, wish.seek) = (None, None, None);
    }

    /// What was to be opened in place of what is open cannot be.
    fn stay(&mut self, error: &SourceError) {
        self.next = None;
        if self.reader.is_none() {
            // It was lost: the attempt to open the other one took the place of its own.
            self.opening.plan_retry();
        }
        self.emit(Event::OpenFailed {
            message: error.message.clone(),
            remedy: error.remedy().to_owned(),
        });
    }

    fn close(&mut self) {
        self.opening.cancel();
        self.next = None;
        self.reader = None;
        self.pipeline = None;
        self.parts.writer.begin_epoch(false);
        self.wish.source = None;
        self.wish.selection = None;
        self.wish.muted = None;
        self.wish.seek = None;
        self.lost = None;
        self.reported_failure = None;
    }

    /// What comes next does not continue what came before.
    fn interrupted(&mut self) {
        if let Some(reader) = &self.reader {
            self.reset(ResetCause::Interrupted, reader.time());
        }
    }

    fn play(&mut self) {
        let was_playing = std::mem::replace(&mut self.wish.playing, true);
        if !was_playing && self.reader.as_ref().is_some_and(SourceReader::is_device) {
            self.interrupted();
        }
        let Some(reader) = &mut self.reader else {
            return;
        };
        let ended = reader.is_ended();
        reader.control.play();
        if ended {
            self.seek(Seconds(0.0));
        }
    }

    fn seek(&mut self, at: Seconds) {
        let Some(reader) = &mut self.reader else {
            // A file may still be on its way to open.
            self.wish.seek = Some(at);
            return;
        };
        let end = reader.control.opened().duration.map_or(f64::MAX, |duration| duration.0);
        // `max` first: a NaN becomes 0.
        let at = Seconds(at.0.max(0.0).min(end));
        match reader.seek(at) {
            Some(Ok(())) => self.reset(ResetCause::Sought, at),
            Some(Err(error)) => self.fail(&error, false),
            None => {}
        }
    }

    /// A selection that is none (turned around, or not a number) selects the whole.
    fn select(&mut self, selection: Option<(Seconds, Seconds)>) {
        let Some(reader) = self.reader.as_mut().filter(|reader| !reader.is_device()) else {
            return;
        };
        self.wish.selection = selection.filter(|(start, end)| start.0 >= 0.0 && end.0 > start.0);
        reader.control.set_selection(self.wish.selection);
        self.mute(None);
    }

    fn mute(&mut self, part: Option<(Seconds, Seconds)>) {
        let Some(reader) = self.reader.as_mut().filter(|reader| !reader.is_device()) else {
            return;
        };
        self.wish.muted = part.filter(|(start, end)| end.0 > start.0);
        reader.control.set_muted(self.wish.muted);
    }

    fn set_pace(&mut self, pace: Pace) {
        // What is being opened in place of what is open is to have it too.
        for request in [&mut self.wish.source, &mut self.next].into_iter().flatten() {
            if let SourceRequest::File { pace: wished, .. } = request {
                *wished = pace;
            }
        }
        if let Some(reader) = &mut self.reader
            && !reader.is_device()
        {
            reader.set_pace(pace);
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
            Err(error) => self.emit(Event::Warning {
                message: error.to_string(),
                remedy: "Choose values within the limits; the knobs stay as they were.".to_owned(),
            }),
        }
    }

    fn enable(&mut self, model: usize, on: bool) {
        if let Some(switch) = self.wish.models.get_mut(model) {
            *switch = on;
        }
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.enable(model, on);
        }
        self.emit_faults();
    }

    fn use_models(&mut self, mut models: ModelSet, off: &[usize]) {
        let config = &mut self.parts.config;
        models.gate.clone_from(&config.models.gate);
        models.sections.clone_from(&config.models.sections);
        models.surprise.clone_from(&config.models.surprise);
        let rate = self
            .pipeline
            .as_ref()
            .map_or(models.front_end.rate, Pipeline::source_rate);
        let fits = models.front_end == config.models.front_end && models.genres == config.models.genres;
        let pipeline = match Pipeline::new(&models, rate, config.smoothing) {
            Ok(pipeline) if fits => pipeline,
            result => {
                let why = match result {
                    Err(error) => error.to_string(),
                    Ok(_) => "they have another front end or other classes".to_owned(),
                };
                return self.emit(Event::Warning {
                    message: format!("The models cannot run: {why}."),
                    remedy: "Those that ran go on.".to_owned(),
                });
            }
        };
        self.wish.models = (0..models.models.len()).map(|model| !off.contains(&model)).collect();
        self.parts.writer.use_models(&models);
        config.models = models;
        if let Some(old) = &mut self.pipeline {
            *old = pipeline;
            self.switch_off_unwanted();
        }
        if let Some(reader) = &self.reader {
            self.reset(ResetCause::OtherModels, reader.time());
        }
    }

    /// A fresh pipeline has all models on.
    fn switch_off_unwanted(&mut self) {
        let unwanted = self.wish.models.iter().enumerate().filter(|(_, on)| !**on);
        for (model, _) in unwanted {
            if let Some(pipeline) = &mut self.pipeline {
                pipeline.enable(model, false);
            }
        }
    }

    /// An attempt to open a source has ended.
    fn arrived(&mut self, attempt: Attempt) {
        if !self.opening.accept(&attempt) {
            return;
        }
        self.changed = true;
        match (attempt.result, self.next.take()) {
            (Err(error), Some(_)) => self.stay(&error),
            (result, next) => {
                if let Some(request) = next {
                    self.close();
                    self.wish_for(request);
                }
                match result {
                    Ok(open) => self.begin(open),
                    Err(error) => self.lose(&error),
                }
            }
        }
    }

    fn begin(&mut self, open: super::OpenSource) {
        let rate = open.0.opened().rate;
        let config = &self.parts.config;
        let pipeline = match Pipeline::new(&config.models, rate, config.smoothing) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                let message = format!("{} cannot be used: {error}", open.0.opened().name);
                return self.lose(&SourceError::new(SourceErrorKind::RateUnsupported, message));
            }
        };
        let pace = match &self.wish.source {
            Some(SourceRequest::File { pace, .. }) => Some(*pace),
            _ => None,
        };
        let mut reader = SourceReader::new(open, pace);
        if let Some(pace) = pace {
            // It may have changed since the source was requested.
            reader.set_pace(pace);
        }
        reader.control.set_looping(self.wish.looping);
        if !self.wish.playing {
            reader.control.pause();
        }
        let outage = self.lost.take().map(|lost| lost.now(&self.parts.clock));
        if let Some(outage) = &outage {
            reader.carry_losses(outage.losses);
        }
        self.opening.succeeded();
        self.reported_failure = None;
        let opened = reader.control.opened().clone();
        self.pipeline = Some(pipeline);
        self.switch_off_unwanted();
        self.reader = Some(reader);
        match outage {
            None => {
                self.emit(Event::Opened(opened));
                self.reset(ResetCause::Opened, Seconds(0.0));
            }
            Some(Outage { at, missed, .. }) => {
                self.emit(Event::Reconnected { source: opened, missed });
                self.reset(ResetCause::Reconnected, at);
            }
        }
        if let Some(at) = self.wish.seek.take() {
            self.seek(at);
        }
    }

    /// The source is lost, or did not open. A device may come back: it is tried again.
    fn lose(&mut self, error: &SourceError) {
        let device = matches!(self.wish.source, Some(SourceRequest::Device { .. }));
        let retrying = device && error.kind.is_retryable();
        if !retrying && let Some(next) = self.next.take() {
            // It was to be closed anyway: what is being opened is all that is wished for.
            (self.reader, self.pipeline) = (None, None);
            self.wish_for(next);
            return;
        }
        if let Some(mut reader) = self.reader.take() {
            reader.give_up();
            // The callback stopped before anyone noticed. What was paused misses nothing.
            let silent = Duration::from_secs_f64(reader.callback_age().0);
            self.lost = Some(LostSource {
                since: self
                    .parts
                    .clock
                    .now()
                    .checked_sub(silent)
                    .filter(|_| retrying && self.wish.playing),
                at: reader.time(),
                losses: reader.losses(),
            });
        }
        self.changed = true;
        if self.next.is_some() {
            // What is being opened comes first; if it fails, this one is tried again.
            return;
        }
        if retrying {
            self.opening.plan_retry();
        } else if let Some(lost) = &mut self.lost {
            // Nobody waits for it any more.
            let Outage { at, losses, .. } = lost.now(&self.parts.clock);
            *lost = LostSource {
                since: None,
                at,
                losses,
            };
        }
        self.fail(error, retrying);
    }

    fn look_after_source(&mut self) {
        if self.opening.is_due()
            && let Some(request) = self.wish.source.clone()
        {
            self.opening.begin(&request);
        }
        if let Some(error) = self.opening.newly_hanging() {
            if self.next.is_some() {
                self.opening.cancel();
                return self.stay(&error);
            }
            // A device is tried again from the start: its server may have been restarted. A file only needs time.
            if matches!(self.wish.source, Some(SourceRequest::Device { .. })) {
                self.lose(&error);
            } else {
                self.fail(&error, true);
            }
        }
        let playing = self.wish.playing;
        let event = self.reader.as_mut().filter(|_| playing).and_then(|reader| {
            let (now, age) = (reader.time(), reader.callback_age());
            reader.watch.judge(now, age)
        });
        if let Some(event) = event {
            self.emit(event);
        }
    }

    /// Resets every state; stream time restarts at `at`.
    fn reset(&mut self, cause: ResetCause, at: Seconds) {
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.reset(at);
        }
        if let Some(reader) = &mut self.reader {
            reader.rebase(at);
        }
        let continues = matches!(
            cause,
            ResetCause::Interrupted | ResetCause::Reconnected | ResetCause::NewSong | ResetCause::OtherModels
        );
        self.parts.writer.begin_epoch(continues);
        self.meter.clear();
        self.decided = None;
        self.changed = true;
        self.emit(Event::Reset { cause, at });
        self.emit_faults();
    }

    fn read(&mut self) {
        if !self.is_reading() {
            return;
        }
        let Some(reader) = &mut self.reader else {
            return;
        };
        match reader.next() {
            Next::Samples if self.wish.playing => self.process(),
            Next::Nothing | Next::Samples => {}
            Next::Mark(MarkKind::Repeated(from)) => self.reset(ResetCause::Looped, from),
            Next::Mark(MarkKind::Looped) => self.reset(ResetCause::Looped, Seconds(0.0)),
            Next::Gap => {
                self.spare_the_models();
                self.interrupted();
            }
            Next::Mark(MarkKind::Damaged(message)) => self.emit(Event::Warning {
                message: format!("The file is damaged: {message}."),
                remedy: "Copy or download it again.".to_owned(),
            }),
            Next::Mark(MarkKind::Ended) => {
                self.wish.playing = false;
                self.changed = true;
                // A seek must not start the reader before someone plays on.
                reader.control.pause();
                self.finish();
                self.emit(Event::Ended);
            }
            Next::Mark(MarkKind::Lost(error)) => self.lose(&error),
        }
    }

    fn finish(&mut self) {
        self.compute(|pipeline, on_hop, _| pipeline.finish(on_hop));
    }

    /// Processes the block that was read, and publishes if it completed a frame.
    fn process(&mut self) {
        self.compute(|pipeline, on_hop, block| pipeline.push(block, on_hop));
    }

    fn compute(
        &mut self,
        work: impl FnOnce(&mut Pipeline, &mut dyn FnMut(&super::HopResult), &[f32]) -> Result<(), super::PipelineError>,
    ) {
        let (Some(reader), Some(pipeline)) = (&mut self.reader, &mut self.pipeline) else {
            return;
        };
        let began = Instant::now();
        let before = self.parts.writer.frames();
        let writer = &mut self.parts.writer;
        let mut decisions = Vec::new();
        let mut decided = self.decided;
        let mut peaks = Vec::new();
        let result = work(
            pipeline,
            &mut |hop| {
                writer.push(hop);
                let decision = hop.column.decision;
                if decided.is_none_or(|old| old.state != decision.state) {
                    decisions.push((hop.column.at, decision));
                }
                decided = Some(decision);
                peaks.push((hop.column.at, hop.level));
            },
            reader.block(),
        );
        for (at, level) in peaks {
            reader.watch.observe(at, level.peak, level.clipped);
        }
        let audio = reader.control.opened().rate.duration(reader.block().len() as u64);
        self.meter
            .worked(began, began.elapsed(), Duration::from_secs_f64(audio.0));
        self.decided = decided;
        for (at, decision) in decisions {
            self.emit(Event::Decided { at, decision });
        }
        self.emit_faults();
        if let Err(error) = result {
            let message = format!("The samples cannot be processed: {error}");
            self.lose(&SourceError::new(SourceErrorKind::FrontEnd, message));
        } else if self.parts.writer.frames() > before {
            self.publish(true);
        }
    }

    /// Sound was skipped because it came faster than it was computed: what runs beside the models, and costs more than
    /// all of them, goes first.
    fn spare_the_models(&mut self) {
        if self.meter.load() < TOO_SLOW || self.parts.config.models.surprise.take().is_none() {
            return;
        }
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.trace_surprise(None);
        }
        self.emit(Event::ModelFailed {
            model: self.wish.models.len() + 1,
            name: SURPRISE.to_owned(),
            message: "this machine is too slow for it beside the models".to_owned(),
        });
    }

    fn emit_faults(&mut self) {
        let faults = self.pipeline.as_mut().map(Pipeline::take_faults).unwrap_or_default();
        for fault in faults {
            // What failed stays off, also when another source opens.
            match fault.name.as_str() {
                _ if fault.model < self.wish.models.len() => self.wish.models[fault.model] = false,
                SECTIONS => self.parts.config.models.sections = None,
                SURPRISE => self.parts.config.models.surprise = None,
                _ => {}
            }
            self.emit(Event::ModelFailed {
                model: fault.model,
                name: fault.name.clone(),
                message: fault.to_string(),
            });
        }
    }

    /// `timed`: the snapshot holds frames of the block just read, so its latency counts.
    fn publish(&mut self, timed: bool) {
        let reader = self.reader.as_ref();
        let (losses, position) = match (reader, &self.lost) {
            (Some(reader), _) => (reader.losses(), reader.time()),
            (None, Some(lost)) => {
                let Outage { losses, at, .. } = lost.now(&self.parts.clock);
                (losses, at)
            }
            (None, None) => (Losses::default(), Seconds(0.0)),
        };
        let readings = Readings {
            losses,
            callback_age: reader.map_or(Seconds(0.0), SourceReader::callback_age),
            ring_fill: reader.map_or(0.0, SourceReader::ring_fill),
            transport: Transport {
                playing: self.wish.playing && reader.is_some(),
                position,
                duration: reader
                    .and_then(|reader| reader.control.opened().duration)
                    .unwrap_or_default(),
                looping: self.wish.looping,
                selection: self.wish.selection,
                muted: self.wish.muted,
            },
        };
        self.parts
            .writer
            .publish(self.pipeline.as_ref(), &readings, &self.meter);
        if timed && let Some(age) = reader.and_then(SourceReader::block_age) {
            self.meter.published(age);
        }
        self.published = self.parts.clock.now();
        self.changed = false;
        (self.parts.notify)();
    }
}
