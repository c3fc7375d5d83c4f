//! Where a stream falls into segments: silence and music gate, decided once per frame.
//!
//! In: level and gate row of one frame. Out: its [`FrameStatus`], which says what is reset before it. Thread: worker.
//!
//! Sound after a silence longer than the averages remember belongs to another piece: everything is reset with it. Music
//! after a rejection that lasted as long resets the models and their averages. The pipeline cuts its blocks at these
//! resets; the smoother, a replay of the knobs and the evaluation take the same statuses and decide nothing of it again.

use super::SmoothingConfig;
use super::music_gate::{GateStatus, GateVerdict, MusicGate};
use attune_audio::units::{Decibels, Seconds};
use attune_model::genre::Probabilities;

/// What is reset before a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StateReset {
    /// Nothing: the frame continues the stream.
    #[default]
    Nothing,
    /// Models and loudness, since the music changed: they go on from states that have processed the last `frames`
    /// before this one, and no other. The gate goes on.
    Change {
        /// How many frames.
        frames: u16,
    },
    /// The models; loudness and gate go on.
    Models,
    /// Models, loudness and gate.
    Everything,
}

/// Silence and gate at one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameStatus {
    /// What is reset before the frame.
    pub reset: StateReset,
    /// Level of the last moments, root mean square.
    pub level: Decibels,
    /// Whether that is above the silence threshold.
    pub audible: bool,
    /// For how long it has not been.
    pub quiet_for: Seconds,
    /// Whether the frame counts for the genres: audible, and not rejected by the gate.
    pub counted: bool,
    /// The gate; `None` without one, or if it is off.
    pub gate: Option<GateStatus>,
}

/// The level of one frame, judged, before the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LevelStatus {
    level: Decibels,
    audible: bool,
    quiet_for: Seconds,
    /// Whether sound starts with this frame after a long silence: everything is reset before it.
    pub(crate) ends_silence: bool,
}

/// Decides on silence and gate, frame by frame.
#[derive(Debug, Clone)]
pub struct Segmenter {
    config: SmoothingConfig,
    hop: Seconds,
    quiet_frames: u64,
    gate: MusicGate,
}

impl Segmenter {
    /// A fresh stream with one frame every `hop`.
    pub fn new(config: SmoothingConfig, hop: Seconds) -> Self {
        Self {
            config,
            hop,
            quiet_frames: 0,
            gate: MusicGate::new(),
        }
    }

    /// Other knobs from the next frame on.
    pub fn set_config(&mut self, config: SmoothingConfig) {
        self.config = config;
    }

    /// The next frame is a first frame.
    pub fn reset(&mut self) {
        *self = Self::new(self.config, self.hop);
    }

    /// Takes the next frame: its level, and the gate's probabilities of it where there is a gate.
    pub fn push(&mut self, level: Decibels, kinds: Option<&Probabilities>) -> FrameStatus {
        let level = self.push_level(level);
        self.push_gate(level, kinds)
    }

    /// First half of [`Segmenter::push`]. The level alone says where everything is reset, the gate's own state included:
    /// a pipeline needs that before it can run the gate, and calls this for all frames of a block.
    pub(crate) fn push_level(&mut self, level: Decibels) -> LevelStatus {
        let audible = level.0 >= self.config.silence.0;
        let before = self.quiet_for();
        self.quiet_frames = if audible { 0 } else { self.quiet_frames + 1 };
        LevelStatus {
            level,
            audible,
            quiet_for: self.quiet_for(),
            ends_silence: audible
                && before.0 > 0.0
                && before.0 >= self.config.time_constant.0.max(self.config.silence_hold.0),
        }
    }

    /// Second half: the gate, frame after frame in the same order.
    pub(crate) fn push_gate(&mut self, frame: LevelStatus, kinds: Option<&Probabilities>) -> FrameStatus {
        if frame.ends_silence {
            self.gate = MusicGate::new();
        }
        let is_music_again = frame.audible && self.gate.observe(kinds, self.hop, &self.config);
        let gate = self.gate.status();
        let is_rejected = matches!(gate.map(|gate| gate.verdict), Some(GateVerdict::Rejected(_)));
        FrameStatus {
            reset: match (frame.ends_silence, is_music_again) {
                (true, _) => StateReset::Everything,
                (false, true) => StateReset::Models,
                (false, false) => StateReset::Nothing,
            },
            level: frame.level,
            audible: frame.audible,
            quiet_for: frame.quiet_for,
            counted: frame.audible && !is_rejected,
            gate,
        }
    }

    fn quiet_for(&self) -> Seconds {
        Seconds(self.quiet_frames as f64 * self.hop.0)
    }
}
