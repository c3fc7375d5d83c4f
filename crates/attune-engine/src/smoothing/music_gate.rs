//! Whether it is music at all: the gate's probabilities, averaged, between two thresholds.
//!
//! In: the gate's probabilities of one frame. Out: a [`GateStatus`]. Thread: worker.

use super::SmoothingConfig;
use super::average::{Average, steady_weight};
use attune_audio::units::Seconds;
use attune_model::genre::{Probabilities, SoundKind};

/// Audible sound that a gate needs before its verdict counts: its first frames are guesses.
const MIN_SOUND: Seconds = Seconds(0.5);

/// What the gate lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateVerdict {
    /// Neither threshold was passed yet.
    Undecided,
    /// Music: genres are answered.
    Music,
    /// Not music, but this.
    Rejected(SoundKind),
}

/// The gate at one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateStatus {
    /// What it lets through.
    pub verdict: GateVerdict,
    /// Averaged probabilities of music, speech and other sounds.
    pub kinds: Probabilities,
}

impl GateVerdict {
    /// The verdict on averaged `kinds`, where `self` was the verdict before: [`GateVerdict::Undecided`] for a first one, or
    /// for the mean over a whole file.
    #[must_use]
    pub fn after(self, kinds: &Probabilities, config: &SmoothingConfig) -> Self {
        let strange = 1.0 - SoundKind::Music.of(kinds);
        let (speech, other) = (SoundKind::Speech.of(kinds), SoundKind::Other.of(kinds));
        let likelier = if speech > other {
            SoundKind::Speech
        } else {
            SoundKind::Other
        };
        match self {
            Self::Rejected(held) if strange >= config.admit => {
                let lead = likelier.of(kinds) - held.of(kinds);
                Self::Rejected(if lead >= config.lead { likelier } else { held })
            }
            _ if strange > config.reject => Self::Rejected(likelier),
            Self::Rejected(_) => Self::Music,
            Self::Undecided if strange < config.admit => Self::Music,
            before => before,
        }
    }
}

/// The gate on one stream, frame by frame.
#[derive(Debug, Clone)]
pub(super) struct MusicGate {
    average: Average,
    frames: u64,
    rejected_frames: u64,
    /// `None`: there is no gate, or it is off.
    verdict: Option<GateVerdict>,
}

impl MusicGate {
    /// Before the first frame.
    pub(super) fn new() -> Self {
        Self {
            average: Average::new(SoundKind::LABELS.len()),
            frames: 0,
            rejected_frames: 0,
            verdict: None,
        }
    }

    /// Takes one audible frame. True if music starts again with it after it was something else for longer than the
    /// genres' averages remember: what the models remember is no part of what plays now.
    pub(super) fn observe(&mut self, row: Option<&Probabilities>, hop: Seconds, config: &SmoothingConfig) -> bool {
        let Some(row) = row.filter(|_| config.is_gate_on()) else {
            *self = Self::new();
            return false;
        };
        self.average.push(row, steady_weight(hop, config.gate_time_constant));
        self.frames += 1;
        let before = self.verdict.unwrap_or(GateVerdict::Undecided);
        let verdict = if self.frames as f64 * hop.0 < MIN_SOUND.0 {
            GateVerdict::Undecided
        } else {
            before.after(self.average.value(), config)
        };
        self.verdict = Some(verdict);
        if let GateVerdict::Rejected(_) = verdict {
            self.rejected_frames += 1;
            return false;
        }
        let rejected_secs = std::mem::take(&mut self.rejected_frames) as f64 * hop.0;
        rejected_secs > 0.0 && rejected_secs >= config.time_constant.0
    }

    /// Verdict and average so far; `None` without a gate.
    pub(super) fn status(&self) -> Option<GateStatus> {
        self.verdict.map(|verdict| GateStatus {
            verdict,
            kinds: *self.average.value(),
        })
    }
}
