//! Collects what goes into the next snapshot, and writes it.
//!
//! In: hop results, health, transport. Out: [`Snapshot`]s through the triple buffer. Thread: worker.

use super::handover::{Handover, Picture};
use super::health::HealthMeter;
use super::hop::HopResult;
use super::pipeline::Pipeline;
use super::snapshot::{Column, Health, RECENT_COLUMNS, Snapshot, Transport};
use super::source_reader::Losses;
use attune_audio::units::{Decibels, Seconds};
use attune_model::ModelSet;
use attune_model::genre::Probabilities;
use std::time::{Duration, Instant};

/// Percentiles are sorted out this often, not with every snapshot.
const PERCENTILES_EVERY: Duration = Duration::from_millis(200);
/// How long a clipped sample shows.
const CLIP_SHOWN: Seconds = Seconds(1.0);

/// What the worker reports beside hops.
pub(super) struct Readings {
    pub(super) losses: Losses,
    pub(super) callback_age: Seconds,
    pub(super) ring_fill: f32,
    pub(super) transport: Transport,
}

/// Holds the newest state and writes it into snapshots.
pub(super) struct SnapshotWriter {
    newest: Snapshot,
    out: Handover<Snapshot>,
    /// Since the last snapshot; `None`: no frame came.
    peak: Option<f32>,
    clipped_at: Option<Seconds>,
    percentiles_at: Option<Instant>,
}

impl SnapshotWriter {
    /// A writer for these models, and the reader's end.
    pub(super) fn new(models: &ModelSet) -> (Self, triple_buffer::Output<Snapshot>) {
        let newest = Snapshot::empty(models);
        let (out, reader) = Handover::new(&newest);
        let writer = Self {
            newest,
            out,
            peak: None,
            clipped_at: None,
            percentiles_at: None,
        };
        (writer, reader)
    }

    /// What follows is of these models, and of another epoch.
    pub(super) fn use_models(&mut self, models: &ModelSet) {
        let empty = Snapshot::empty(models);
        self.newest.model_set += 1;
        (self.newest.model_count, self.newest.models) = (empty.model_count, empty.models);
        self.begin_epoch(true);
    }

    /// What follows is of another epoch: of another stream, or the same after a gap.
    pub(super) fn begin_epoch(&mut self, continues: bool) {
        let classes = self.newest.ensemble.as_slice().len();
        let empty = crate::smoothing::Decision::before_sound(classes);
        self.newest.epoch += 1;
        self.newest.continues = continues;
        self.newest.frames = 0;
        self.newest.decision = empty;
        self.newest.ensemble = Probabilities::uniform(classes);
        self.newest.agreement = 0.0;
        self.newest.attention.frames = 0;
        self.newest.evidence.map.clear();
        self.peak = None;
        self.newest.peak = Decibels::SILENCE;
        self.newest.rms = Decibels::SILENCE;
        self.newest.clipped = false;
        self.clipped_at = None;
        for model in &mut self.newest.models {
            model.raw = Probabilities::uniform(classes);
            model.smoothed = Probabilities::uniform(classes);
        }
    }

    /// Takes one hop.
    pub(super) fn push(&mut self, hop: &HopResult) {
        let column = &hop.column;
        self.newest.recent[column.frame.0 as usize % RECENT_COLUMNS] = *column;
        self.newest.frames = column.frame.0 + 1;
        self.newest.rms = hop.level.rms;
        self.newest.decision = column.decision;
        self.newest.ensemble = column.ensemble;
        self.peak = Some(self.peak.unwrap_or(0.0).max(hop.level.peak));
        if hop.level.clipped {
            self.clipped_at = Some(column.at);
        }
        self.newest.clipped = self.clipped_at.is_some_and(|at| column.at.0 - at.0 < CLIP_SHOWN.0);
        for (model, smoothed) in self.newest.models.iter_mut().zip(&column.smoothed) {
            model.smoothed = *smoothed;
        }
    }

    /// Frames since the epoch began.
    pub(super) fn frames(&self) -> u64 {
        self.newest.frames
    }

    /// Publishes a snapshot.
    pub(super) fn publish(&mut self, pipeline: Option<&Pipeline>, readings: &Readings, meter: &HealthMeter) {
        self.newest.sequence += 1;
        if let Some(peak) = self.peak.take() {
            self.newest.peak = Decibels::from_amplitude(peak);
        }
        let percentiles_due = self.percentiles_at.is_none_or(|at| at.elapsed() >= PERCENTILES_EVERY);
        if percentiles_due {
            self.percentiles_at = Some(Instant::now());
        }
        self.newest.health = self.health(readings, meter, percentiles_due);
        self.newest.transport = readings.transport;
        if let Some(pipeline) = pipeline {
            self.update_models(pipeline, percentiles_due);
            pipeline.copy_attention(&mut self.newest.attention);
            pipeline.copy_evidence(&mut self.newest.evidence);
        }
        self.out.write(&self.newest);
    }

    fn health(&self, readings: &Readings, meter: &HealthMeter, percentiles_due: bool) -> Health {
        let old = &self.newest.health;
        let (latency_p50_ms, latency_p99_ms) = if percentiles_due {
            meter.latency_ms()
        } else {
            (old.latency_p50_ms, old.latency_p99_ms)
        };
        Health {
            samples_lost: readings.losses.samples,
            samples_not_finite: readings.losses.not_finite,
            xruns: readings.losses.xruns,
            missed: Seconds(readings.losses.missed.as_secs_f64()),
            load: meter.load(),
            latency_p50_ms,
            latency_p99_ms,
            callback_age: readings.callback_age,
            ring_fill: readings.ring_fill,
        }
    }

    fn update_models(&mut self, pipeline: &Pipeline, percentiles_due: bool) {
        let best = self.newest.ensemble.top().0;
        let (mut enabled, mut agreeing) = (0, 0);
        for (model, runner) in self.newest.models.iter_mut().zip(pipeline.runners()) {
            model.enabled = runner.is_enabled();
            if let Some(raw) = runner.newest() {
                model.raw = *raw;
            }
            if percentiles_due {
                (model.step_us, model.step_p99_us) = runner.step_us().median_and_p99();
            }
            if model.enabled {
                enabled += 1;
                agreeing += usize::from(model.smoothed.top().0 == best);
            }
        }
        let any = enabled > 0 && self.newest.frames > 0;
        self.newest.agreement = if any { agreeing as f32 / enabled as f32 } else { 0.0 };
    }
}

impl Picture for Snapshot {
    type Column = Column;

    fn epoch_and_frames(&self) -> (u64, u64) {
        (self.epoch, self.frames)
    }

    fn columns(&self) -> &[Column] {
        &self.recent
    }

    fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.recent
    }

    fn take_rest(&mut self, newer: &Self) {
        let new = newer;
        let recent = std::mem::take(&mut self.recent);
        let mut evidence = std::mem::take(&mut self.evidence);
        evidence.model = new.evidence.model;
        evidence.map.copy_from(&new.evidence.map);
        // Named one by one, so that a new field cannot be forgotten.
        *self = Self {
            sequence: new.sequence,
            epoch: new.epoch,
            continues: new.continues,
            hop: new.hop,
            bands: new.bands,
            frames: new.frames,
            peak: new.peak,
            rms: new.rms,
            clipped: new.clipped,
            decision: new.decision,
            ensemble: new.ensemble,
            agreement: new.agreement,
            model_set: new.model_set,
            model_count: new.model_count,
            models: new.models,
            attention: new.attention,
            evidence,
            recent,
            health: new.health,
            transport: new.transport,
        };
    }
}
