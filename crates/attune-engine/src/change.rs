//! Whether a candidate for a change of music is one: fresh copies of the models process the new sound alone, and their
//! answer is compared with the running one.
//!
//! In: levels, and the models of a pipeline. Out: a [`Verdict`]. Thread: worker.
//!
//! The copies catch up a few frames at each frame of the stream, so that no frame takes much longer than another.

use super::model_runner::{FaultCause, ModelRunner};
use crate::smoothing::{disagreement, ensemble_mean};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_audio::units::Seconds;
use attune_model::genre::Probabilities;

/// Frames that the copies process at each frame of the stream until they have caught up.
const CATCH_UP_FRAMES: usize = 8;
/// A candidate that is not confirmed is looked at again after this much more sound, up to this much in all.
const AGAIN: Seconds = Seconds(0.5);
const LONGEST: Seconds = Seconds(5.0);

/// What a check has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Open,
    /// The music has changed.
    Changed,
    /// It has not.
    Same,
}

/// The levels of the newest frames of a stream, in dB.
#[derive(Debug)]
pub(super) struct RecentLevels {
    bands: usize,
    /// A ring; the next frame goes to `next`.
    rows: Vec<f32>,
    next: usize,
}

impl RecentLevels {
    /// Of the newest `frames`.
    pub(super) fn new(frames: usize, bands: usize) -> Self {
        Self {
            bands,
            rows: vec![0.0; frames * bands],
            next: 0,
        }
    }

    /// Takes the next frame.
    pub(super) fn push(&mut self, mel_db: &[f32]) {
        self.rows[self.next * self.bands..][..self.bands].copy_from_slice(mel_db);
        self.next = (self.next + 1) % (self.rows.len() / self.bands);
    }

    /// The frame that came `age` frames before the newest.
    fn at(&self, age: usize) -> &[f32] {
        let places = self.rows.len() / self.bands;
        let place = (self.next + places - 1 - age) % places;
        &self.rows[place * self.bands..][..self.bands]
    }
}

/// Fresh copies of the models on their way through the new sound.
pub(super) struct ChangeCheck {
    /// A copy of each model; off where the model is.
    pub(super) runners: Vec<ModelRunner>,
    /// The loudness of the new sound alone.
    pub(super) loudness: LoudnessNormalizer,
    /// Frames of the new sound so far, how many of them were processed, and at how many it is looked at next.
    frames: usize,
    processed: usize,
    look_at: usize,
    again: usize,
    longest: usize,
    classes: usize,
    bands: usize,
    normalized: Vec<f32>,
}

impl ChangeCheck {
    /// Of a new sound that began with the newest `frames`.
    ///
    /// # Errors
    /// If a model cannot open a stream: its place, and why.
    pub(super) fn new(
        models: &[ModelRunner],
        spec: &FrontEndSpec,
        frames: usize,
        classes: usize,
    ) -> Result<Self, (usize, FaultCause)> {
        let copies = models.iter().enumerate();
        let runners = copies.map(|(model, runner)| runner.fresh().map_err(|cause| (model, cause)));
        Ok(Self {
            runners: runners.collect::<Result<_, _>>()?,
            loudness: LoudnessNormalizer::new(spec),
            frames,
            processed: 0,
            look_at: 0,
            again: spec.frames_in(AGAIN).max(1),
            longest: spec.frames_in(LONGEST),
            classes,
            bands: spec.bands,
            normalized: Vec::with_capacity(CATCH_UP_FRAMES * spec.bands),
        })
    }

    /// How many frames of the new sound there are.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// One more frame has come.
    pub(super) fn push(&mut self) {
        self.frames += 1;
    }

    /// Processes some of the frames that wait in `levels`.
    ///
    /// # Errors
    /// If a model fails: its place, and why.
    pub(super) fn catch_up(&mut self, levels: &RecentLevels) -> Result<(), (usize, FaultCause)> {
        let waiting = self.frames - self.processed;
        let count = waiting.min(CATCH_UP_FRAMES);
        self.normalized.clear();
        for age in (waiting - count..waiting).rev() {
            self.loudness.push(levels.at(age), &mut self.normalized);
        }
        self.processed += count;
        let block = FrameBlock::new(&self.normalized, self.bands);
        for (model, runner) in self.runners.iter_mut().enumerate() {
            runner.step(block, self.classes).map_err(|cause| (model, cause))?;
        }
        Ok(())
    }

    /// Whether the copies' answer differs from the `running` one (`None`: there is none at this moment) by more than
    /// `threshold`, in Jensen–Shannon divergence as a share of its maximum.
    pub(super) fn verdict(&mut self, running: Option<&Probabilities>, threshold: f32) -> Verdict {
        if self.processed < self.frames || self.frames < self.look_at {
            return Verdict::Open;
        }
        let fresh = ensemble_mean(self.runners.iter().filter_map(ModelRunner::newest));
        let divergence = running
            .zip(fresh.as_ref())
            .and_then(|(running, fresh)| disagreement([running, fresh].into_iter()));
        if divergence.is_some_and(|divergence| divergence > threshold) {
            return Verdict::Changed;
        }
        self.look_at = self.frames + self.again;
        if self.look_at > self.longest {
            Verdict::Same
        } else {
            Verdict::Open
        }
    }
}
