//! From calibrated probabilities per frame to an answer that a person can use.
//!
//! In: level, the gate's and the models' probabilities per frame. Out: smoothed probabilities, and a [`Decision`] with
//! its [`Reason`]. Thread: worker.
//!
//! A stream passes two stages, each once per frame:
//!
//! 1. The [`Segmenter`] decides on silence and music (`segmenter.rs`, `music_gate.rs`). Its [`FrameStatus`] says
//!    whether a frame counts for the genres, and what is reset before it: everything after a silence, the models after a
//!    rejection, if either lasted longer than the averages remember ([`SmoothingConfig::time_constant`]).
//! 2. The [`Smoother`] averages each model's probabilities over the frames that count (`average.rs`), takes the
//!    [`ensemble_mean`] of the averages, and decides (`decide.rs`): silence, warm-up and gate first, then familiarity
//!    (`novelty.rs`), then two thresholds, a lead and a dwell time.
//!
//! Live sound, files, the evaluation and the window's replay of the knobs run these two stages and nothing else. The
//! answer to a whole file is decided by the same rules from each model's [`SettledMean`]. So equal frames get equal
//! answers, to the bit.

mod answer_stream;
mod average;
pub(crate) mod decide;
mod disagreement;
pub(crate) mod ensemble;
mod music_gate;
mod novelty;
mod reasons;
pub(crate) mod segmenter;
mod smoother;
pub(crate) mod spectral_change;

pub use answer_stream::AnswerStream;
pub use decide::{answer_to_music, genre_of_whole};
pub use disagreement::disagreement;
pub use ensemble::{SETTLED, SettledMean, ensemble_mean};
pub use music_gate::{GateStatus, GateVerdict};
pub use novelty::{SettledNovelty, familiarity, mean_novelty};
pub use segmenter::{FrameStatus, Segmenter, StateReset};
pub use smoother::{Smoothed, Smoother};

use attune_audio::units::{Decibels, Seconds};
use attune_model::genre::{GenreId, SoundKind};
use serde::{Deserialize, Serialize};

/// What is answered at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// Too little audible sound since the start, a seek or a silence.
    WarmingUp,
    /// Nothing loud enough to be music.
    Silence,
    /// Music, perhaps, but no genre is sure enough; or perhaps no music.
    Unsure,
    /// A voice that speaks.
    Speech,
    /// A sound that is neither music nor speech.
    NotMusic,
    /// Music unlike any that the models learnt.
    Unfamiliar,
    /// This genre.
    Genre(GenreId),
}

impl AnswerState {
    /// Whether there is music, so that probabilities of genres mean something.
    pub fn is_of_music(self) -> bool {
        matches!(self, Self::Genre(_) | Self::Unsure | Self::Unfamiliar)
    }
}

/// An answer, how sure it is, and why it is this one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The answer.
    pub state: AnswerState,
    /// Smoothed probability, 0…1: of speech or other sound where that is answered, else of the most probable genre
    /// (whether or not it is answered).
    pub confidence: f32,
    /// The rule that led here.
    pub reason: Reason,
    /// Stream time at which this state began.
    pub since: Seconds,
}

/// The rule that made a [`Decision`], with the figures it compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Less audible sound than a first answer needs.
    TooLittleSound {
        /// Audible sound so far.
        audible: Seconds,
        /// Sound needed.
        needed: Seconds,
    },
    /// The level stayed below the threshold.
    TooQuiet {
        /// Level of the last moments.
        level: Decibels,
        /// The threshold.
        threshold: Decibels,
    },
    /// The best genre is not probable enough.
    BelowThreshold {
        /// The best genre.
        best: GenreId,
        /// Its smoothed probability.
        confidence: f32,
        /// What it would need.
        threshold: f32,
    },
    /// The genre's smoothed probability passed the threshold.
    Confident {
        /// What it had to pass.
        threshold: f32,
    },
    /// Another genre leads, but not by enough or not for long enough: the answer is held.
    Held {
        /// The genre that leads now.
        challenger: GenreId,
        /// By how much it leads.
        lead: f32,
    },
    /// It is no music, says the gate.
    Rejected {
        /// What it is instead.
        kind: SoundKind,
        /// The smoothed probability of that.
        share: f32,
        /// The smoothed probability of music.
        music: f32,
        /// What music would need.
        needed: f32,
    },
    /// It lies farther from what the models learnt than all but a small share of known music.
    Unfamiliar {
        /// Its smoothed familiarity, 0…1.
        familiarity: f32,
        /// What a genre would need.
        needed: f32,
    },
    /// The gate has not made up its mind.
    PerhapsNotMusic {
        /// The smoothed probability of music.
        music: f32,
        /// What music would need.
        needed: f32,
    },
}

/// The knobs of smoothing and decision. Times in seconds, so that the hop does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SmoothingConfig {
    /// Probabilities are averaged with this time constant.
    pub time_constant: Seconds,
    /// Audible sound before the first answer.
    pub warm_up: Seconds,
    /// Smoothed probability that a genre must pass to be answered.
    pub enter: f32,
    /// Smoothed probability below which an answered genre is given up.
    pub leave: f32,
    /// By how much another genre must lead to take over.
    pub lead: f32,
    /// Least time between two answers.
    pub dwell: Seconds,
    /// Level below which it is silence.
    pub silence: Decibels,
    /// How long it must be quiet to be silence.
    pub silence_hold: Seconds,
    /// The gate's probabilities are averaged with this time constant.
    pub gate_time_constant: Seconds,
    /// Smoothed probability of anything but music above which no genre is answered; 1 turns the gate off.
    pub reject: f32,
    /// Smoothed probability of anything but music below which music is let in, at first and again.
    pub admit: f32,
    /// Smoothed familiarity below which music is unfamiliar: about the share of known music that is taken for it; 0
    /// turns the answer off.
    pub unfamiliar: f32,
    /// Distance of the spectrum of the last 2 s from the one before (a mean Bhattacharyya distance) above which a change
    /// of music is looked for.
    pub change_distance: f32,
    /// Divergence of the answer to the new sound alone from the running answer (Jensen–Shannon, as a share of its
    /// maximum) above which the music has changed and what was before it is forgotten; 1 turns this off.
    pub change_divergence: f32,
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self {
            time_constant: Seconds(2.0),
            // With the window of the first frame, an answer is there within a second of sound.
            warm_up: Seconds(0.9),
            enter: 0.40,
            leave: 0.30,
            lead: 0.05,
            dwell: Seconds(1.5),
            silence: Decibels(-60.0),
            silence_hold: Seconds(0.5),
            gate_time_constant: Seconds(1.0),
            reject: 0.7,
            admit: 0.5,
            unfamiliar: 0.05,
            change_distance: 0.12,
            change_divergence: 0.6,
        }
    }
}

/// A knob that is out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("smoothing: {field} is {value}, but must be {expected}")]
pub struct SmoothingError {
    /// Which field of [`SmoothingConfig`].
    pub field: &'static str,
    /// Its value.
    pub value: f64,
    /// What it may be.
    pub expected: &'static str,
}

impl SmoothingConfig {
    /// Whether a gate can reject anything.
    pub(crate) fn is_gate_on(&self) -> bool {
        self.reject < 1.0
    }

    /// Whether a change of music can be found.
    pub(crate) fn follows_changes(&self) -> bool {
        self.change_divergence < 1.0
    }

    /// Checks every knob: finite, in range, `leave` no higher than `enter`, `admit` no higher than `reject`.
    ///
    /// ```
    /// use attune_engine::smoothing::SmoothingConfig;
    /// assert!(SmoothingConfig::default().validate().is_ok());
    /// let slip = SmoothingConfig { leave: 0.9, ..SmoothingConfig::default() };
    /// assert_eq!(slip.validate().unwrap_err().field, "leave");
    /// ```
    pub fn validate(&self) -> Result<(), SmoothingError> {
        // A NaN lies in no range, so it fails here too.
        let check = |field, value: f64, low: f64, high: f64, expected| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(SmoothingError { field, value, expected })
            }
        };
        let share = |field, value: f32| check(field, f64::from(value), 0.0, 1.0, "between 0 and 1");
        let secs = |field, value: Seconds| check(field, value.0, 0.0, 600.0, "between 0 and 600 seconds");
        secs("time_constant", self.time_constant)?;
        secs("warm_up", self.warm_up)?;
        share("enter", self.enter)?;
        let leave = f64::from(self.leave);
        check("leave", leave, 0.0, f64::from(self.enter), "between 0 and `enter`")?;
        share("lead", self.lead)?;
        secs("dwell", self.dwell)?;
        check(
            "silence",
            f64::from(self.silence.0),
            -200.0,
            0.0,
            "between -200 and 0 dB",
        )?;
        secs("silence_hold", self.silence_hold)?;
        secs("gate_time_constant", self.gate_time_constant)?;
        share("reject", self.reject)?;
        let admit = f64::from(self.admit);
        check("admit", admit, 0.0, f64::from(self.reject), "between 0 and `reject`")?;
        let unfamiliar = f64::from(self.unfamiliar);
        check("unfamiliar", unfamiliar, 0.0, 0.5, "between 0 and 0.5")?;
        let distance = f64::from(self.change_distance);
        check("change_distance", distance, 0.0, 100.0, "between 0 and 100")?;
        share("change_divergence", self.change_divergence)
    }
}
