//! Whether it is music at all: what the gate heard, averaged, between two thresholds.
//!
//! In: a gate's probabilities of one frame. Out: a verdict. Thread: worker.

use super::SmoothingConfig;
use super::average::{Average, steady_weight};
use attune_audio::units::Seconds;
use attune_model::genre::{Probabilities, SoundKind};

/// Sound that a gate must have heard before its word counts: its first frames are guesses.
const LEAST_HEARD: Seconds = Seconds(0.5);

/// What is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Neither threshold was passed yet.
    Undecided,
    /// Music: genres are answered.
    Music,
    /// Not music, but this.
    Rejected(SoundKind),
}

/// The gate's word on one stream, frame by frame. A copy can be run ahead to see where music will begin anew.
#[derive(Debug, Clone)]
pub struct MusicGate {
    average: Average,
    frames: u64,
    rejected_frames: u64,
    /// `None`: there is no gate, or it is off.
    verdict: Option<Verdict>,
}

impl Default for MusicGate {
    fn default() -> Self {
        Self::new()
    }
}

impl MusicGate {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            average: Average::new(SoundKind::LABELS.len()),
            frames: 0,
            rejected_frames: 0,
            verdict: None,
        }
    }

    /// Takes one frame that is loud enough to count; true if music begins anew with it: it was something else for longer
    /// than the genres' averages remember, so nothing that they and the engines heard is a part of what plays now.
    pub fn hear(&mut self, row: Option<&Probabilities>, hop: Seconds, config: &SmoothingConfig) -> bool {
        let Some(row) = row.filter(|_| config.is_gate_on()) else {
            *self = Self::new();
            return false;
        };
        self.average.push(row, steady_weight(hop, config.gate_time_constant));
        self.frames += 1;
        let before = self.verdict.unwrap_or(Verdict::Undecided);
        let heard_secs = self.frames as f64 * hop.0;
        let verdict = if heard_secs < LEAST_HEARD.0 {
            Verdict::Undecided
        } else {
            self.judge(before, config)
        };
        self.verdict = Some(verdict);
        if let Verdict::Rejected(_) = verdict {
            self.rejected_frames += 1;
            return false;
        }
        let rejected_secs = std::mem::take(&mut self.rejected_frames) as f64 * hop.0;
        rejected_secs > 0.0 && rejected_secs >= config.time_constant.0
    }

    fn judge(&self, before: Verdict, config: &SmoothingConfig) -> Verdict {
        let heard = self.average.value();
        let strange = 1.0 - SoundKind::Music.of(heard);
        let (speech, other) = (SoundKind::Speech.of(heard), SoundKind::Other.of(heard));
        let likelier = if speech > other {
            SoundKind::Speech
        } else {
            SoundKind::Other
        };
        match before {
            Verdict::Rejected(held) if strange >= config.admit => {
                let lead = likelier.of(heard) - held.of(heard);
                Verdict::Rejected(if lead >= config.lead { likelier } else { held })
            }
            _ if strange > config.reject => Verdict::Rejected(likelier),
            Verdict::Rejected(_) => Verdict::Music,
            Verdict::Undecided if strange < config.admit => Verdict::Music,
            before => before,
        }
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    pub(super) fn is_rejecting(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Rejected(_)))
    }

    /// The averaged probabilities; `None` without a gate.
    pub(super) fn heard(&self) -> Option<&Probabilities> {
        self.verdict.is_some().then(|| self.average.value())
    }
}
