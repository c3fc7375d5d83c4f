//! The two stages in a row, for frames whose rows are all known: a replay under other knobs.
//!
//! In: level, gate row and raw probabilities of one frame, and what was reset when it was processed. Out: its status and what is smoothed of it. Thread: any.

use super::{FrameStatus, Segmenter, Smoothed, Smoother, SmoothingConfig, SmoothingError, StateReset};
use attune_audio::units::{Decibels, Seconds};
use attune_model::genre::Probabilities;

/// A [`Segmenter`] and the [`Smoother`] behind it.
#[derive(Debug, Clone)]
pub struct AnswerStream {
    segmenter: Segmenter,
    smoother: Smoother,
    /// Of the next frame.
    change: StateReset,
}

impl AnswerStream {
    /// For `models` models of `classes` classes with one frame every `hop`.
    ///
    /// # Errors
    /// If a knob is out of range.
    pub fn new(config: SmoothingConfig, hop: Seconds, classes: usize, models: usize) -> Result<Self, SmoothingError> {
        Ok(Self {
            smoother: Smoother::new(config, hop, classes, models)?,
            segmenter: Segmenter::new(config, hop),
            change: StateReset::Nothing,
        })
    }

    /// Other knobs from the next frame on.
    ///
    /// # Errors
    /// If a knob is out of range; then all stay as they were.
    pub fn set_config(&mut self, config: SmoothingConfig) -> Result<(), SmoothingError> {
        self.smoother.set_config(config)?;
        self.segmenter.set_config(config);
        Ok(())
    }

    /// The next frame is a first frame.
    pub fn reset(&mut self) {
        self.segmenter.reset();
        self.smoother.reset();
        self.change = StateReset::Nothing;
    }

    /// What was reset before the next frame when it was processed: a change of music is taken from here, for only the
    /// models can confirm one. Silence and gate are decided anew.
    pub fn note_reset(&mut self, reset: StateReset) {
        self.change = match reset {
            StateReset::Change { .. } => reset,
            _ => StateReset::Nothing,
        };
    }

    /// Takes one frame: its stream time, the level of the last moments (root mean square over about 0.4 s), each
    /// model's calibrated probabilities (`None`: it is off), their mean novelty, and the gate's probabilities where
    /// there is one.
    pub fn push(
        &mut self,
        at: Seconds,
        level: Decibels,
        raw: &[Option<Probabilities>],
        novelty: Option<f32>,
        kinds: Option<&Probabilities>,
    ) -> (FrameStatus, Smoothed) {
        let mut status = self.segmenter.push(level, kinds);
        status.reset = status.reset.max(std::mem::take(&mut self.change));
        let smoothed = self.smoother.push(at, &status, raw, novelty);
        (status, smoothed)
    }
}
