//! The way of the data without a thread: samples in, hop results out. The worker runs it as samples come, `offline/`
//! flat out; there is no second way through.
//!
//! In: mono samples at the source's rate. Out: a [`HopResult`] for each frame. Thread: any, one at a time.

use super::level::{Level, LevelTrack};
use super::model_runner::ModelRunner;
use super::snapshot::{
    AttentionSnapshot, Column, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_HEADS, MAX_LAYERS, MAX_MODELS, StateReset,
};
use crate::smoothing::{MusicGate, Smoother, SmoothingConfig, SmoothingError};
use attune_audio::features::{
    FeatureBlock, FeatureExtractor, FrameBlock, FrontEndError, FrontEndSpec, LoudnessNormalizer,
};
use attune_audio::units::{FrameIndex, SampleRate, Seconds};
use attune_model::genre::{Probabilities, SoundKind};
use attune_model::{AttentionPicture, ModelSet};
use std::ops::Range;

/// Seconds of samples that are worked on at once: long enough that the models' blocks are full, short beside a file.
pub const PIECE_SECONDS: usize = 4;

/// Why a pipeline cannot be built, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The front end refuses the rate, or failed.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A knob stands where it cannot work.
    #[error(transparent)]
    Smoothing(#[from] SmoothingError),
    /// More than fits into a snapshot.
    #[error("{count} {what}, but at most {most} fit side by side")]
    TooMany {
        /// Engines or bands.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many fit.
        most: usize,
    },
}

/// Everything that one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HopResult {
    /// Features, probabilities and answer.
    pub column: Column,
    /// How loud it is.
    pub level: Level,
    /// Whether it was loud enough to be heard.
    pub audible: bool,
    /// Whether it counted for the genres: heard, and not rejected by the gate.
    pub counted: bool,
}

/// A model that failed and was switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFault {
    /// Its place in the model set; the place after the last: the gate.
    pub model: usize,
    /// What happened.
    pub message: String,
}

/// Frames without a silence in between, and what is known of them before the models step.
struct Stretch<'a> {
    mel_db: &'a [f32],
    normalized: &'a [f32],
    levels: &'a [Level],
    kinds: Option<&'a [Probabilities]>,
}

/// One stream on its way from samples to answers. How samples are cut into pushes makes no difference to the results.
pub struct Pipeline {
    spec: FrontEndSpec,
    source_rate: SampleRate,
    front: FeatureExtractor,
    loudness: LoudnessNormalizer,
    /// Normalised frames of one stretch, kept for its memory.
    normalized: Vec<f32>,
    tracks: Vec<ModelRunner>,
    gate: Option<ModelRunner>,
    levels: LevelTrack,
    smoother: Smoother,
    classes: usize,
    base: Seconds,
    frames: u64,
    faults: Vec<ModelFault>,
    attention: Option<(usize, AttentionPicture)>,
    /// What begins anew with the next frame.
    reset: StateReset,
}

impl Pipeline {
    /// A fresh stream at `source_rate` through all models, its first sample at stream time 0. A model that cannot open
    /// a stream is a fault, not an error.
    pub fn new(models: &ModelSet, source_rate: SampleRate, smoothing: SmoothingConfig) -> Result<Self, PipelineError> {
        for (what, count, most) in [
            ("models", models.models.len(), MAX_MODELS),
            ("mel bands", models.front_end.bands, MAX_BANDS),
        ] {
            if count > most {
                return Err(PipelineError::TooMany { what, count, most });
            }
        }
        let spec = models.front_end.clone();
        let classes = models.genres.len();
        let mut pipeline = Self {
            source_rate,
            front: FeatureExtractor::levels_only(&spec, source_rate)?,
            loudness: LoudnessNormalizer::new(&spec),
            normalized: Vec::new(),
            tracks: models.models.iter().cloned().map(ModelRunner::new).collect(),
            gate: models.gate.clone().map(ModelRunner::new),
            levels: LevelTrack::new(&spec, source_rate),
            smoother: Smoother::new(smoothing, spec.hop(), classes, models.models.len())?,
            classes,
            base: Seconds(0.0),
            frames: 0,
            faults: Vec::new(),
            attention: None,
            reset: StateReset::Everything,
            spec,
        };
        for model in 0..pipeline.tracks.len() {
            pipeline.enable(model, true);
        }
        pipeline.enable_gate();
        Ok(pipeline)
    }

    /// Frames since the last reset.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The rate of the samples it takes.
    pub fn source_rate(&self) -> SampleRate {
        self.source_rate
    }

    /// Takes the next samples and reports every frame that they complete.
    pub fn push(&mut self, samples: &[f32], on_hop: &mut dyn FnMut(&HopResult)) -> Result<(), PipelineError> {
        // A few seconds at a time: a long file in one push needs no more memory than a stream.
        let piece = PIECE_SECONDS * self.source_rate.0.max(1) as usize;
        for samples in samples.chunks(piece) {
            self.levels.push(samples);
            let block = self.front.push(samples)?;
            self.run(&block, on_hop);
        }
        Ok(())
    }

    /// The stream has ended: reports the frames that the resampler still held back.
    pub fn finish(&mut self, on_hop: &mut dyn FnMut(&HopResult)) -> Result<(), PipelineError> {
        let block = self.front.finish()?;
        self.run(&block, on_hop);
        Ok(())
    }

    /// Forgets the stream. The next sample is a first sample, at stream time `base`.
    pub fn reset(&mut self, base: Seconds) {
        self.front.reset();
        self.levels.reset();
        self.smoother.reset();
        self.base = base;
        self.frames = 0;
        self.begin_anew();
    }

    /// What the models remember is forgotten, loudness included.
    fn begin_anew(&mut self) {
        self.loudness.reset();
        if self.gate.as_ref().is_some_and(ModelRunner::is_enabled) {
            self.enable_gate();
        }
        self.reset_models();
        self.reset = StateReset::Everything;
    }

    /// The models forget what they heard; loudness and gate go on.
    fn reset_models(&mut self) {
        self.reset = self.reset.max(StateReset::Models);
        self.attention = None;
        for model in 0..self.tracks.len() {
            if self.tracks[model].is_enabled() {
                self.enable(model, true);
            }
        }
    }

    /// Switches a model on, with a fresh state, or off.
    pub fn enable(&mut self, model: usize, on: bool) {
        let Some(track) = self.tracks.get_mut(model) else {
            return;
        };
        if let Err(message) = track.enable(on) {
            self.faults.push(ModelFault { model, message });
        }
    }

    fn enable_gate(&mut self) {
        let place = self.tracks.len();
        if let Some(Err(message)) = self.gate.as_mut().map(|gate| gate.enable(true)) {
            self.faults.push(ModelFault { model: place, message });
        }
    }

    /// Turns the knobs of smoothing from the next frame on.
    pub fn set_smoothing(&mut self, config: SmoothingConfig) -> Result<(), SmoothingError> {
        self.smoother.set_config(config)
    }

    /// The models that failed since this was last asked.
    pub fn take_faults(&mut self) -> Vec<ModelFault> {
        std::mem::take(&mut self.faults)
    }

    /// The models, in the order of the model set.
    pub(super) fn tracks(&self) -> &[ModelRunner] {
        &self.tracks
    }

    /// Writes what was last attended to into `picture`, newest frames first to stay if it does not fit.
    pub(super) fn copy_attention(&self, picture: &mut AttentionSnapshot) {
        match &self.attention {
            Some((model, attention)) => copy_attention(*model, attention, picture),
            None => picture.frames = 0,
        }
    }

    /// Cuts the block where sound begins anew after a silence, so that states begin anew at the same frame however the
    /// samples were cut into pushes.
    fn run(&mut self, block: &FeatureBlock, on_hop: &mut dyn FnMut(&HopResult)) {
        let levels: Vec<Level> = (0..block.frames).map(|_| self.levels.next_frame()).collect();
        let mut silence = self.smoother.silence();
        let mut gate = self.smoother.gate().clone();
        let mut start = 0;
        for (i, level) in levels.iter().enumerate() {
            if silence.ends_with(level.rms, self.spec.hop(), self.smoother.config()) {
                self.run_stretch(block, start..i, &levels, gate, on_hop);
                self.begin_anew();
                gate = MusicGate::new();
                start = i;
            }
        }
        self.run_stretch(block, start..block.frames, &levels, gate, on_hop);
    }

    /// One stretch of sound: the gate first, which tells where in it music begins anew after something else; there the
    /// models begin anew too. `gate` is the gate's word where the stretch begins.
    fn run_stretch(
        &mut self,
        block: &FeatureBlock,
        frames: Range<usize>,
        levels: &[Level],
        mut gate: MusicGate,
        on_hop: &mut dyn FnMut(&HopResult),
    ) {
        if frames.is_empty() {
            return;
        }
        let bands = self.spec.bands;
        let mel_db = &block.mel_db[frames.start * bands..frames.end * bands];
        let levels = &levels[frames];
        let mut normalized = std::mem::take(&mut self.normalized);
        normalized.clear();
        self.loudness.push(mel_db, &mut normalized);
        let kinds = self.step_gate(FrameBlock::new(&normalized, bands));
        let stretch = Stretch {
            mel_db,
            normalized: &normalized,
            levels,
            kinds: kinds.as_deref(),
        };
        let config = *self.smoother.config();
        let mut start = 0;
        for (i, level) in levels.iter().enumerate() {
            let row = stretch.kinds.map(|kinds| &kinds[i]);
            let heard = level.rms.0 >= config.silence.0;
            if heard && gate.hear(row, self.spec.hop(), &config) {
                self.run_part(&stretch, start..i, on_hop);
                self.reset_models();
                start = i;
            }
        }
        self.run_part(&stretch, start..levels.len(), on_hop);
        self.normalized = normalized;
    }

    /// The gate's probabilities of each frame; `None` without one.
    fn step_gate(&mut self, frames: FrameBlock<'_>) -> Option<Vec<Probabilities>> {
        match self.gate.as_mut()?.step(frames, SoundKind::LABELS.len()) {
            Ok(step) => step.map(|step| step.raw),
            Err(message) => {
                let model = self.tracks.len();
                self.faults.push(ModelFault { model, message });
                None
            }
        }
    }

    /// Frames of one stretch through every model, without a break.
    fn run_part(&mut self, stretch: &Stretch<'_>, frames: Range<usize>, on_hop: &mut dyn FnMut(&HopResult)) {
        if frames.is_empty() {
            return;
        }
        let bands = self.spec.bands;
        let newest = FrameIndex(self.frames + frames.len() as u64 - 1);
        let normalized = &stretch.normalized[frames.start * bands..frames.end * bands];
        let mut rows: Vec<Option<Vec<Probabilities>>> = Vec::with_capacity(self.tracks.len());
        let mut attention = None;
        for (model, track) in self.tracks.iter_mut().enumerate() {
            match track.step(FrameBlock::new(normalized, bands), self.classes) {
                Ok(Some(step)) => {
                    rows.push(Some(step.raw));
                    if let (Some(mut picture), None) = (step.attention, &attention) {
                        // The model counts from where its state began, the stream from its reset.
                        picture.newest = newest;
                        attention = Some((model, picture));
                    }
                }
                Ok(None) => rows.push(None),
                Err(message) => {
                    self.faults.push(ModelFault { model, message });
                    rows.push(None);
                }
            }
        }
        self.attention = attention;
        let mut raw = vec![None; self.tracks.len()];
        for (i, frame) in frames.enumerate() {
            for (raw, rows) in raw.iter_mut().zip(&rows) {
                *raw = rows.as_ref().map(|rows| rows[i]);
            }
            let mel_db = &stretch.mel_db[frame * bands..(frame + 1) * bands];
            let kinds = stretch.kinds.map(|kinds| &kinds[frame]);
            on_hop(&self.hop(mel_db, stretch.levels[frame], &raw, kinds));
        }
    }

    fn hop(
        &mut self,
        mel_db: &[f32],
        level: Level,
        raw: &[Option<Probabilities>],
        kinds: Option<&Probabilities>,
    ) -> HopResult {
        let frame = FrameIndex(self.frames);
        let end = self.frames * self.spec.hop_samples as u64 + self.spec.window_samples as u64;
        let at = Seconds(self.base.0 + self.spec.rate.duration(end).0);
        let smoothed = self.smoother.push_gated(at, level.rms, raw, kinds);
        let mut column = Column::empty(self.classes);
        column.frame = frame;
        column.at = at;
        column.reset = std::mem::take(&mut self.reset);
        column.level = level.rms;
        column.mel_db[..mel_db.len()].copy_from_slice(mel_db);
        for (to, from) in column.raw.iter_mut().zip(raw) {
            *to = from.unwrap_or_else(|| Probabilities::from_slice(&[]));
        }
        for (to, from) in column.smoothed.iter_mut().zip(&smoothed.models) {
            *to = *from;
        }
        column.ensemble = smoothed.ensemble;
        column.decision = smoothed.decision;
        column.kinds_raw = kinds.copied().unwrap_or(column.kinds_raw);
        column.kinds = smoothed.kinds.unwrap_or(column.kinds);
        self.frames += 1;
        HopResult {
            column,
            level,
            audible: smoothed.audible,
            counted: smoothed.counted,
        }
    }
}

fn copy_attention(model: usize, from: &AttentionPicture, to: &mut AttentionSnapshot) {
    let frames = from.frames.min(MAX_ATTENTION_FRAMES);
    let skipped = from.frames - frames;
    to.model = model;
    to.newest = from.newest;
    to.layers = from.layers.min(MAX_LAYERS);
    to.heads = from.heads.min(MAX_HEADS);
    to.frames = 0;
    let Some(pooling) = from.pooling.get(skipped..from.frames) else {
        return;
    };
    to.pooling[..frames].copy_from_slice(pooling);
    for layer in 0..to.layers {
        for head in 0..to.heads {
            let start = (layer * from.heads + head) * from.frames;
            let row = &mut to.maps[layer * MAX_HEADS + head][..frames];
            match from.maps.get(start + skipped..start + from.frames) {
                Some(map) => row.copy_from_slice(map),
                None => row.fill(0.0),
            }
        }
    }
    to.frames = frames;
}
