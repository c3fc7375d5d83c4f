//! From a row of logits for each frame to an answer that a person can use.
//!
//! In: raw probabilities and level per frame. Out: smoothed probabilities, and a [`Decision`] with its [`Reason`].
//! Thread: worker.

use crate::genre::GenreId;
use crate::units::{Decibels, Seconds};
use serde::{Deserialize, Serialize};

/// What is answered at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// Too little was heard since the start, a seek or a silence.
    WarmingUp,
    /// Nothing loud enough to be music.
    Silence,
    /// Music, perhaps, but no genre is sure enough.
    Unsure,
    /// This genre.
    Genre(GenreId),
}

/// An answer, how sure it is, and why it is this one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The answer.
    pub state: AnswerState,
    /// Smoothed probability of the most probable genre, 0…1 (whether or not it is answered).
    pub confidence: f32,
    /// The rule that led here.
    pub reason: Reason,
    /// Stream time at which this state began.
    pub since: Seconds,
}

/// The rule that made a [`Decision`], with the figures it compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Heard less than is needed for a first answer.
    HeardTooLittle {
        /// Sound heard so far.
        heard: Seconds,
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
}

/// The knobs of smoothing and decision. Times in seconds, so that the hop does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SmoothingConfig {
    /// Probabilities are averaged with this time constant.
    pub time_constant: Seconds,
    /// Sound that must be heard before the first answer.
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
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self {
            time_constant: Seconds(2.0),
            warm_up: Seconds(1.0),
            enter: 0.40,
            leave: 0.30,
            lead: 0.05,
            dwell: Seconds(1.5),
            silence: Decibels(-60.0),
            silence_hold: Seconds(0.5),
        }
    }
}
