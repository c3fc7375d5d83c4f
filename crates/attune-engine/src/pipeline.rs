//! The way of the data without a thread: samples in, hop results out. The worker runs it as samples come, `offline/`
//! flat out; there is no second way through.
//!
//! In: mono samples at the source's rate. Out: a [`HopResult`] for each frame. Thread: any, one at a time.

use super::change::{CATCH_UP_FRAMES, ChangeCheck, RecentLevels, Verdict};
use super::hop::{HopResult, Logits};
use super::level::{Level, LevelMeter};
use super::model_runner::{FaultCause, ModelFault, ModelRunner, Step, guarded};
use super::section_list::SectionList;
use super::snapshot::{
    AttentionSnapshot, Column, EvidenceSnapshot, MAX_ATTENTION_FRAMES, MAX_BANDS, MAX_HEADS, MAX_LAYERS, MAX_MODELS,
};
use super::surprise::SurpriseTrace;
use crate::smoothing::segmenter::LevelStatus;
use crate::smoothing::spectral_change::SpectralChange;
use crate::smoothing::{FrameStatus, Segmenter, Smoother, SmoothingConfig, SmoothingError, StateReset, mean_novelty};
use attune_audio::features::{
    FeatureBlock, FeatureExtractor, FrameBlock, FrontEndError, FrontEndSpec, LoudnessNormalizer,
};
use attune_audio::units::{FrameIndex, SampleRate, Seconds};
use attune_model::genre::{Probabilities, SoundKind};
use attune_model::sections::SectionLister;
use attune_model::wavenet::SurpriseModel;
use attune_model::{AttentionWeights, EvidenceMap, ModelSet};
use std::ops::Range;

/// Seconds of samples that are processed at once: long enough that the models' blocks are full, short beside a file.
pub const PIECE_SECONDS: usize = 4;

/// Names of what runs beside the models, in [`ModelFault`] and [`super::Event::ModelFailed`].
pub const SECTIONS: &str = "sections";
/// The other.
pub const SURPRISE: &str = "surprise";

/// Why a pipeline cannot be built, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The front end refuses the rate, or failed.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A knob is out of range.
    #[error(transparent)]
    Smoothing(#[from] SmoothingError),
    /// More than fits into a snapshot.
    #[error("{count} {what}, but at most {most} fit side by side")]
    TooMany {
        /// Models or bands.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many fit.
        most: usize,
    },
}

/// Frames without a silence in between, and what is known of them before the models step.
struct Segment<'a> {
    mel_db: &'a [f32],
    normalized: &'a [f32],
    levels: &'a [Level],
    statuses: &'a [FrameStatus],
    kinds: Option<&'a [Probabilities]>,
}

/// One stream on its way from samples to answers. How samples are cut into pushes makes no difference to the results.
pub struct Pipeline {
    spec: FrontEndSpec,
    source_rate: SampleRate,
    front: FeatureExtractor,
    loudness: LoudnessNormalizer,
    /// Normalised frames of one segment, kept for its memory.
    normalized: Vec<f32>,
    runners: Vec<ModelRunner>,
    gate: Option<ModelRunner>,
    levels: LevelMeter,
    segmenter: Segmenter,
    smoother: Smoother,
    smoothing: SmoothingConfig,
    /// Looks for changes of music; what it finds is checked.
    spectrum: SpectralChange,
    recent: RecentLevels,
    check: Option<ChangeCheck>,
    /// Frames since the models' states began.
    model_frames: usize,
    /// The running answer, where the newest frame counted.
    answer: Option<Probabilities>,
    classes: usize,
    base: Seconds,
    frames: u64,
    faults: Vec<ModelFault>,
    attention: Option<(usize, AttentionWeights)>,
    /// What was reset before the next frame from outside.
    pending_reset: StateReset,
    /// A change of music that was confirmed after the newest frame.
    pending_change: StateReset,
    /// `None`: sections are not listed, or no longer, because that failed.
    sections: Option<SectionList>,
    /// `None`: surprise is not measured, or no longer, because that failed.
    surprise: Option<SurpriseTrace>,
    /// Samples of the source since the last reset.
    samples: u64,
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
        let spectrum = SpectralChange::new(&spec);
        let mut pipeline = Self {
            source_rate,
            front: FeatureExtractor::levels_only(&spec, source_rate)?,
            loudness: LoudnessNormalizer::new(&spec),
            normalized: Vec::new(),
            runners: models.models.iter().cloned().map(ModelRunner::new).collect(),
            gate: models.gate.clone().map(ModelRunner::new),
            levels: LevelMeter::new(&spec, source_rate),
            smoother: Smoother::new(smoothing, spec.hop(), classes, models.models.len())?,
            segmenter: Segmenter::new(smoothing, spec.hop()),
            smoothing,
            recent: RecentLevels::new(spectrum.new_frames(), spec.bands),
            spectrum,
            check: None,
            model_frames: 0,
            answer: None,
            classes,
            base: Seconds(0.0),
            frames: 0,
            faults: Vec::new(),
            attention: None,
            pending_reset: StateReset::Everything,
            pending_change: StateReset::Nothing,
            sections: None,
            surprise: None,
            samples: 0,
            spec,
        };
        for model in 0..pipeline.runners.len() {
            pipeline.enable(model, true);
        }
        pipeline.enable_gate();
        pipeline.list_sections(models.sections.as_ref());
        pipeline.trace_surprise(models.surprise.as_ref());
        Ok(pipeline)
    }

    /// Lists the sections from the next frame on; `None`: no more.
    pub(crate) fn list_sections(&mut self, lister: Option<&SectionLister>) {
        let list = lister.map(|lister| SectionList::new(lister, self.frames));
        self.sections = list.and_then(|list| self.worked(list, SECTIONS));
    }

    /// Measures how surprising the sound is from the next hop on; `None`: no more.
    pub(crate) fn trace_surprise(&mut self, model: Option<&SurpriseModel>) {
        let trace = model.map(|model| SurpriseTrace::new(model, self.source_rate, &self.spec, self.samples));
        self.surprise = trace.and_then(|trace| self.worked(trace, SURPRISE));
    }

    /// What was made beside the models; a failure is a fault.
    fn worked<T>(&mut self, result: Result<T, impl Into<FaultCause>>, name: &str) -> Option<T> {
        let fault = |cause| ModelFault {
            model: self.runners.len() + 1,
            name: name.to_owned(),
            cause,
        };
        result.map_err(|cause| self.faults.push(fault(cause.into()))).ok()
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
            self.samples += samples.len() as u64;
            self.with_surprise(|trace| trace.push(samples));
            let block = self.front.push(samples)?;
            self.run(&block, on_hop);
        }
        Ok(())
    }

    /// The stream has ended: reports the frames that the resampler still held back.
    pub fn finish(&mut self, on_hop: &mut dyn FnMut(&HopResult)) -> Result<(), PipelineError> {
        self.with_surprise(SurpriseTrace::finish);
        let block = self.front.finish()?;
        self.run(&block, on_hop);
        Ok(())
    }

    /// Forgets the stream. The next sample is a first sample, at stream time `base`.
    pub fn reset(&mut self, base: Seconds) {
        self.front.reset();
        self.levels.reset();
        self.segmenter.reset();
        self.smoother.reset();
        self.base = base;
        (self.frames, self.samples) = (0, 0);
        if let Some(trace) = &mut self.surprise {
            trace.reset();
        }
        self.pending_reset = StateReset::Everything;
        self.reset_states();
    }

    /// Models, loudness and gate start from fresh states.
    fn reset_states(&mut self) {
        self.loudness.reset();
        self.spectrum.reset();
        if self.gate.as_ref().is_some_and(ModelRunner::is_enabled) {
            self.enable_gate();
        }
        self.reset_models();
        self.with_sections(SectionList::reset);
    }

    /// The list of sections goes on, unless that fails; it is given the number of the next frame.
    fn with_sections(&mut self, go_on: impl FnOnce(&mut SectionList, u64) -> Result<(), FaultCause>) {
        if let Some(mut list) = self.sections.take() {
            let result = go_on(&mut list, self.frames);
            self.sections = self.worked(result, SECTIONS).map(|()| list);
        }
    }

    /// The trace of surprise goes on, unless that fails.
    fn with_surprise(&mut self, go_on: impl FnOnce(&mut SurpriseTrace) -> Result<(), FrontEndError>) {
        if let Some(mut trace) = self.surprise.take() {
            let result = guarded(|| go_on(&mut trace));
            self.surprise = self.worked(result, SURPRISE).map(|()| trace);
        }
    }

    /// The models start from fresh states; loudness and gate go on.
    fn reset_models(&mut self) {
        self.attention = None;
        self.model_frames = 0;
        self.check = None;
        self.pending_change = StateReset::Nothing;
        for model in 0..self.runners.len() {
            if self.runners[model].is_enabled() {
                self.enable(model, true);
            }
        }
    }

    /// Switches a model on, with a fresh state, or off.
    pub(crate) fn enable(&mut self, model: usize, on: bool) {
        let Some(runner) = self.runners.get_mut(model) else {
            return;
        };
        if let Err(cause) = runner.enable(on) {
            self.faults.push(fault(model, runner, cause));
        }
        // A check is of the same models from its beginning to its end.
        self.check = None;
    }

    fn enable_gate(&mut self) {
        if let Some(gate) = self.gate.as_mut()
            && let Err(cause) = gate.enable(true)
        {
            self.faults.push(fault(self.runners.len(), gate, cause));
        }
    }

    /// Other knobs of smoothing from the next frame on.
    pub(crate) fn set_smoothing(&mut self, config: SmoothingConfig) -> Result<(), SmoothingError> {
        self.smoother.set_config(config)?;
        self.segmenter.set_config(config);
        self.smoothing = config;
        Ok(())
    }

    /// The models that failed since the last call.
    pub fn take_faults(&mut self) -> Vec<ModelFault> {
        std::mem::take(&mut self.faults)
    }

    /// The models, in the order of the model set.
    pub(super) fn runners(&self) -> &[ModelRunner] {
        &self.runners
    }

    /// Writes what was last attended to into `picture`, newest frames first to stay if it does not fit.
    pub(super) fn copy_attention(&self, picture: &mut AttentionSnapshot) {
        match &self.attention {
            Some((model, attention)) => copy_attention(*model, attention, picture),
            None => picture.frames = 0,
        }
    }

    /// Reads the evidence of the first model that has some into `picture`; leaves no units if none has.
    pub(super) fn copy_evidence(&self, picture: &mut EvidenceSnapshot) {
        match (0..self.runners.len()).find(|model| self.evidence(*model, &mut picture.map)) {
            Some(model) => picture.model = model,
            None => picture.map.clear(),
        }
    }

    /// Reads what the logits of a model at the newest frame are the sum of; its frames are counted as those of the
    /// stream. `false` before the first frame, if the model is off, or if its answer is no sum over time. Allocates at
    /// the first call only.
    pub fn evidence(&self, model: usize, into: &mut EvidenceMap) -> bool {
        let is_there = self.runners.get(model).is_some_and(|runner| runner.evidence(into));
        if is_there {
            // The model counts from where its state began, the stream from its reset.
            into.count_from(FrameIndex(self.frames.saturating_sub(into.newest.0 + 1)));
        }
        is_there
    }

    /// Cuts the block where sound starts after a long silence, where the music may have changed, and where a check of
    /// that is looked at, so that states are reset at the same frame however the samples were cut into pushes.
    fn run(&mut self, block: &FeatureBlock, on_hop: &mut dyn FnMut(&HopResult)) {
        let levels: Vec<Level> = (0..block.frames).map(|_| self.levels.next_frame()).collect();
        let statuses: Vec<LevelStatus> = levels
            .iter()
            .map(|level| self.segmenter.push_level(level.rms))
            .collect();
        let bands = self.spec.bands;
        let mut start = 0;
        for (i, status) in statuses.iter().enumerate() {
            if status.ends_silence {
                self.run_segment(block, start..i, (&levels, &statuses), on_hop);
                self.reset_states();
                start = i;
            }
            let mel_db = &block.mel_db[i * bands..(i + 1) * bands];
            self.recent.push(mel_db);
            let is_candidate = self.spectrum.push(mel_db, self.smoothing.change_distance);
            let is_due = |check: &ChangeCheck| check.is_due_after(i + 1 - start);
            if is_candidate || self.check.as_ref().is_some_and(is_due) {
                self.run_segment(block, start..i + 1, (&levels, &statuses), on_hop);
                self.check_change(i + 1 - start, is_candidate);
                start = i + 1;
            }
        }
        self.run_segment(block, start..block.frames, (&levels, &statuses), on_hop);
        self.check_change(block.frames - start, false);
    }

    /// After so many more frames, the last of which may be the first of a check.
    fn check_change(&mut self, frames: usize, is_candidate: bool) {
        let mut check = match self.check.take() {
            Some(mut check) => {
                check.push(frames, &self.recent);
                check
            }
            None if is_candidate => match self.begin_check() {
                Some(mut check) => {
                    check.catch_up(CATCH_UP_FRAMES, &self.recent);
                    check
                }
                None => return,
            },
            None => return,
        };
        if let Some((model, cause)) = check.failure() {
            self.switch_off(model, cause);
            return;
        }
        match check.verdict(self.answer.as_ref(), self.smoothing.change_divergence) {
            Verdict::Open => self.check = Some(check),
            Verdict::Same => {}
            Verdict::Changed => self.follow_change(check),
        }
    }

    /// A check of whether the music has changed; none if that is off, or the models remember too little else.
    fn begin_check(&mut self) -> Option<ChangeCheck> {
        let frames = self.spectrum.new_frames();
        if !self.smoothing.follows_changes() || self.model_frames <= frames {
            return None;
        }
        match ChangeCheck::new(&self.runners, &self.spec, frames, self.classes) {
            Ok(check) => Some(check),
            Err((model, cause)) => {
                self.switch_off(model, cause);
                None
            }
        }
    }

    /// The music has changed: what was before is forgotten from the next frame on.
    fn follow_change(&mut self, check: ChangeCheck) {
        let frames = check.frames();
        self.loudness = check.loudness;
        for (runner, fresh) in self.runners.iter_mut().zip(check.runners) {
            runner.adopt(fresh);
        }
        self.model_frames = frames;
        self.spectrum.forget_all_but(frames);
        self.pending_change = StateReset::Change {
            frames: u16::try_from(frames).unwrap_or(u16::MAX),
        };
    }

    /// A copy of this model failed, as the model may at any frame.
    fn switch_off(&mut self, model: usize, cause: FaultCause) {
        self.enable(model, false);
        self.faults.push(fault(model, &self.runners[model], cause));
    }

    /// One segment between long silences: the gate first, which says where in it music starts after something else;
    /// there the models are reset.
    fn run_segment(
        &mut self,
        block: &FeatureBlock,
        frames: Range<usize>,
        (levels, statuses): (&[Level], &[LevelStatus]),
        on_hop: &mut dyn FnMut(&HopResult),
    ) {
        if frames.is_empty() {
            return;
        }
        let bands = self.spec.bands;
        let mel_db = &block.mel_db[frames.start * bands..frames.end * bands];
        let mut normalized = std::mem::take(&mut self.normalized);
        normalized.clear();
        self.loudness.push(mel_db, &mut normalized);
        let kinds = self.step_gate(FrameBlock::new(&normalized, bands));
        let mut statuses: Vec<FrameStatus> = statuses[frames.clone()]
            .iter()
            .enumerate()
            .map(|(i, level)| self.segmenter.push_gate(*level, kinds.as_ref().map(|kinds| &kinds[i])))
            .collect();
        statuses[0].reset = statuses[0].reset.max(std::mem::take(&mut self.pending_change));
        let segment = Segment {
            mel_db,
            normalized: &normalized,
            levels: &levels[frames],
            statuses: &statuses,
            kinds: kinds.as_deref(),
        };
        let mut start = 0;
        for (i, status) in statuses.iter().enumerate() {
            if status.reset == StateReset::Models {
                self.run_part(&segment, start..i, on_hop);
                self.reset_models();
                start = i;
            }
        }
        self.run_part(&segment, start..statuses.len(), on_hop);
        self.normalized = normalized;
    }

    /// The gate's probabilities of each frame; `None` without one.
    fn step_gate(&mut self, frames: FrameBlock<'_>) -> Option<Vec<Probabilities>> {
        let gate = self.gate.as_mut()?;
        match gate.step(frames, SoundKind::LABELS.len()) {
            Ok(step) => step.map(|step| step.raw),
            Err(cause) => {
                self.faults.push(fault(self.runners.len(), gate, cause));
                None
            }
        }
    }

    /// Frames of one segment through every model, without a break.
    fn run_part(&mut self, segment: &Segment<'_>, frames: Range<usize>, on_hop: &mut dyn FnMut(&HopResult)) {
        if frames.is_empty() {
            return;
        }
        let bands = self.spec.bands;
        let newest = FrameIndex(self.frames + frames.len() as u64 - 1);
        let normalized = &segment.normalized[frames.start * bands..frames.end * bands];
        let mut steps: Vec<Option<Step>> = Vec::with_capacity(self.runners.len());
        let mut attention = None;
        for (model, runner) in self.runners.iter_mut().enumerate() {
            let mut step = match runner.step(FrameBlock::new(normalized, bands), self.classes) {
                Ok(step) => step,
                Err(cause) => {
                    self.faults.push(fault(model, runner, cause));
                    None
                }
            };
            if attention.is_none()
                && let Some(mut picture) = step.as_mut().and_then(|step| step.attention.take())
            {
                // The model counts from where its state began, the stream from its reset.
                picture.newest = newest;
                attention = Some((model, picture));
            }
            steps.push(step);
        }
        self.attention = attention;
        self.with_sections(|list, _| list.push(FrameBlock::new(normalized, bands)));
        self.model_frames += frames.len();
        for (i, frame) in frames.enumerate() {
            let hop = self.hop(segment, frame, (&steps, i));
            on_hop(&hop);
        }
    }

    /// The result of one `frame` of a segment, which is row `row` of the models' `steps`.
    fn hop(&mut self, segment: &Segment<'_>, frame: usize, (steps, row): (&[Option<Step>], usize)) -> HopResult {
        let (bands, classes) = (self.spec.bands, self.classes);
        let status = segment.statuses[frame];
        let raw: Vec<Option<Probabilities>> = steps
            .iter()
            .map(|step| step.as_ref().map(|step| step.raw[row]))
            .collect();
        let (base, spec) = (self.base, &self.spec);
        let time = |samples: u64| Seconds(base.0 + spec.rate.duration(samples).0);
        let start = |frame: u64| time(frame * spec.hop_samples as u64);
        let at = time(self.frames * spec.hop_samples as u64 + spec.window_samples as u64);
        let section = self.sections.as_mut().and_then(|list| list.take(self.frames, start));
        let mut novelty = [None; MAX_MODELS];
        for (to, step) in novelty.iter_mut().zip(steps) {
            *to = step.as_ref().and_then(|step| step.novelty.get(row).copied());
        }
        let mean = mean_novelty(novelty);
        let smoothed = self.smoother.push(at, &status, &raw, mean);
        self.answer = status.counted.then_some(smoothed.ensemble);
        let mut column = Column::empty(classes);
        column.frame = FrameIndex(self.frames);
        column.at = at;
        column.reset = std::mem::take(&mut self.pending_reset).max(status.reset);
        column.level = status.level;
        column.mel_db[..bands].copy_from_slice(&segment.mel_db[frame * bands..(frame + 1) * bands]);
        for (to, from) in column.raw.iter_mut().zip(&raw) {
            *to = from.unwrap_or_else(|| Probabilities::from_slice(&[]));
        }
        for (to, from) in column.smoothed.iter_mut().zip(&smoothed.models) {
            *to = *from;
        }
        column.ensemble = smoothed.ensemble;
        column.decision = smoothed.decision;
        column.section = section;
        column.surprise = self.surprise.as_mut().and_then(|trace| trace.take(self.frames));
        (column.novelty, column.familiarity) = (mean, smoothed.familiarity);
        if let Some(kinds) = segment.kinds {
            column.kinds_raw = kinds[frame];
        }
        if let Some(gate) = status.gate {
            column.kinds = gate.kinds;
        }
        let mut logits = [Logits::OFF; MAX_MODELS];
        for (to, step) in logits.iter_mut().zip(steps) {
            if let Some(step) = step {
                *to = Logits::from_slice(&step.logits[row * classes..(row + 1) * classes]);
            }
        }
        self.frames += 1;
        HopResult {
            column,
            level: segment.levels[frame],
            status,
            logits,
            novelty,
        }
    }
}

fn fault(model: usize, runner: &ModelRunner, cause: FaultCause) -> ModelFault {
    ModelFault {
        model,
        name: runner.name().to_owned(),
        cause,
    }
}

fn copy_attention(model: usize, from: &AttentionWeights, to: &mut AttentionSnapshot) {
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
