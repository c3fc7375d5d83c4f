//! Whether a candidate for a change of music is one: fresh copies of the models process the new sound alone, and their
//! answer is compared with the running one.
//!
//! In: levels, and the models of a pipeline. Out: a [`Verdict`]. Thread: worker.
//!
//! The copies catch up a few frames at each frame of the stream, so that no frame takes much longer than another. They
//! are looked at when they have caught up and every half second from then on; only there does a check need the running
//! answer, so that a file is cut at these frames alone, and its models step through long blocks in between.

use super::model_runner::{FaultCause, ModelRunner};
use crate::smoothing::{disagreement, ensemble_mean};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_audio::units::Seconds;
use attune_model::genre::Probabilities;

/// Frames that the copies process at each frame of the stream until they have caught up.
pub(super) const CATCH_UP_FRAMES: usize = 8;
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

/// The levels of the newest frames of a stream, in dB: those that can wait for a check.
#[derive(Debug)]
pub(super) struct RecentLevels {
    bands: usize,
    /// A ring; the next frame goes to `next`.
    rows: Vec<f32>,
    next: usize,
}

impl RecentLevels {
    /// For checks that begin with the newest `frames`, and as many as can come until they have caught up.
    pub(super) fn new(frames: usize, bands: usize) -> Self {
        let most = frames + catching_up(frames) + 1;
        Self {
            bands,
            rows: vec![0.0; most * bands],
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

/// How many more frames will have come when copies that begin with `frames` have caught up: they process
/// [`CATCH_UP_FRAMES`] at once and at each frame that comes.
fn catching_up(frames: usize) -> usize {
    frames.saturating_sub(CATCH_UP_FRAMES).div_ceil(CATCH_UP_FRAMES - 1)
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
    /// The models whose copies failed.
    failed: Vec<(usize, FaultCause)>,
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
            look_at: frames + catching_up(frames),
            again: spec.frames_in(AGAIN).max(1),
            longest: spec.frames_in(LONGEST),
            classes,
            bands: spec.bands,
            normalized: Vec::with_capacity(CATCH_UP_FRAMES * spec.bands),
            failed: Vec::new(),
        })
    }

    /// How many frames of the new sound there are.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// Whether it is looked at when `frames` more have come.
    pub(super) fn is_due_after(&self, frames: usize) -> bool {
        self.frames + frames >= self.look_at
    }

    /// So many more frames have come, and are the newest in `levels`: processes as many of those that wait as there is
    /// time for.
    pub(super) fn push(&mut self, frames: usize, levels: &RecentLevels) {
        self.frames += frames;
        self.catch_up(CATCH_UP_FRAMES * frames, levels);
    }

    /// Processes up to `most` of the frames that wait in `levels`. A copy that fails is looked at no more.
    pub(super) fn catch_up(&mut self, most: usize, levels: &RecentLevels) {
        let waiting = self.frames - self.processed;
        let count = waiting.min(most);
        if count == 0 {
            return;
        }
        self.normalized.clear();
        for age in (waiting - count..waiting).rev() {
            self.loudness.push(levels.at(age), &mut self.normalized);
        }
        self.processed += count;
        let block = FrameBlock::new(&self.normalized, self.bands);
        for (model, runner) in self.runners.iter_mut().enumerate() {
            // What fails is off from then on, and can fail but once.
            self.failed
                .extend(runner.step(block, self.classes).err().map(|cause| (model, cause)));
        }
    }

    /// The first model whose copy has failed, and why, if it is time to look.
    pub(super) fn failure(&mut self) -> Option<(usize, FaultCause)> {
        if self.frames < self.look_at {
            return None;
        }
        // In whatever order blocks of whatever length let them fail.
        self.failed.sort_by_key(|(model, _)| *model);
        (!self.failed.is_empty()).then(|| self.failed.swap_remove(0))
    }

    /// Whether the copies' answer differs from the `running` one (`None`: there is none at this moment) by more than
    /// `threshold`, in Jensen–Shannon divergence as a share of its maximum. Open until it is time to look.
    pub(super) fn verdict(&mut self, running: Option<&Probabilities>, threshold: f32) -> Verdict {
        if self.frames < self.look_at {
            return Verdict::Open;
        }
        debug_assert_eq!(self.processed, self.frames, "it is looked at when it has caught up");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_caught_up_when_it_is_said_and_not_before() {
        for begun in 1..400 {
            let (mut frames, mut processed, mut more) = (begun, CATCH_UP_FRAMES.min(begun), 0);
            while processed < frames {
                frames += 1;
                more += 1;
                processed = frames.min(processed + CATCH_UP_FRAMES);
            }
            assert_eq!(more, catching_up(begun), "{begun}");
        }
    }
}
