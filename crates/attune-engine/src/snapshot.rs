//! The engine's state at one moment, of fixed size; the newest wins. A reader may miss snapshots; [`Snapshot::recent`]
//! holds enough past columns that none is lost while it reads at least every [`RECENT_COLUMNS`] frames.

use crate::smoothing::{AnswerState, Decision, Reason, StateReset, disagreement, ensemble_mean};
use attune_audio::units::{Decibels, FrameIndex, Seconds};
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{EvidenceMap, ModelSet};

/// The most models side by side.
pub const MAX_MODELS: usize = 8;
/// The most mel bands drawn.
pub const MAX_BANDS: usize = 128;
/// Columns kept: 23.8 s at the default hop, 79 ms of a file read at 300 times real time.
pub const RECENT_COLUMNS: usize = 1024;
/// The longest context drawn, in frames: 11.9 s at the default hop.
pub const MAX_ATTENTION_FRAMES: usize = 512;
/// The most encoder layers drawn.
pub const MAX_LAYERS: usize = 6;
/// The most heads of a layer drawn.
pub const MAX_HEADS: usize = 8;

/// Everything that happened at one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Place in the stream since its last reset.
    pub frame: FrameIndex,
    /// Stream time at the end of the frame's window: when it could be known.
    pub at: Seconds,
    /// What was reset before it.
    pub reset: StateReset,
    /// Level of the last moments, root mean square: below the threshold it is silence.
    pub level: Decibels,
    /// Log-mel levels in dB re full scale, lowest band first; only the first `Snapshot::bands` count.
    pub mel_db: [f32; MAX_BANDS],
    /// Calibrated probabilities of each model, not smoothed; of no classes where the model was off.
    pub raw: [Probabilities; MAX_MODELS],
    /// Smoothed and calibrated probabilities of each model.
    pub smoothed: [Probabilities; MAX_MODELS],
    /// Their mean over the enabled models.
    pub ensemble: Probabilities,
    /// Probabilities of music, speech and other sounds ([`attune_model::genre::SoundKind`]), not smoothed; of no
    /// classes without a gate.
    pub kinds_raw: Probabilities,
    /// The same, smoothed.
    pub kinds: Probabilities,
    /// The models' mean novelty, not smoothed ([`crate::smoothing::mean_novelty`]); `None` if none has one.
    pub novelty: Option<f32>,
    /// How familiar the music is, smoothed, 0…1 ([`crate::smoothing::familiarity`]); `None` if no model knows, or
    /// nothing has settled.
    pub familiarity: Option<f32>,
    /// The answer at this frame.
    pub decision: Decision,
    /// The section that was written at this frame, if sections are listed and one was.
    pub section: Option<SectionMark>,
    /// How surprising its first hop of sound is, if that is measured.
    pub surprise: Option<SurpriseMark>,
}

/// A section that has begun. Once written it never changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionMark {
    /// What plays.
    pub genre: GenreId,
    /// Since when, in stream time.
    pub since: Seconds,
    /// Probability of the token.
    pub confidence: f32,
}

/// How surprising a hop of sound is to WaveNet, at 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurpriseMark {
    /// Mean bits per sample, −log₂ p, under no genre; of codes that are drawn at random 8.
    pub bits: f32,
    /// The genre under which the last six seconds take the fewest bits.
    pub least: GenreId,
}

/// One model at the newest frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelSnapshot {
    /// Whether it is running.
    pub enabled: bool,
    /// Calibrated, not smoothed.
    pub raw: Probabilities,
    /// Calibrated and smoothed.
    pub smoothed: Probabilities,
    /// Median time of one frame's step over the last seconds, in microseconds.
    pub step_us: f32,
    /// 99th percentile of the same.
    pub step_p99_us: f32,
}

/// What an attention model weighted at the newest frame it reported; rows oldest first, newest frame last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionSnapshot {
    /// Which model: its place in [`Snapshot::models`].
    pub model: usize,
    /// The frame whose answer it is.
    pub newest: FrameIndex,
    /// How many entries of a row count: the last `frames` frames up to `newest`. 0: before the first frame.
    pub frames: usize,
    /// Encoder layers in `maps`.
    pub layers: usize,
    /// Heads of each layer in `maps`.
    pub heads: usize,
    /// Pooling weights (sum 1): what the classifier saw.
    pub pooling: [f32; MAX_ATTENTION_FRAMES],
    /// Self-attention of the newest frame (each row sums to 1), at `layer * MAX_HEADS + head`.
    pub maps: [[f32; MAX_ATTENTION_FRAMES]; MAX_LAYERS * MAX_HEADS],
}

/// What the answer of a model at its newest frame is the sum of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvidenceSnapshot {
    /// Which model: its place in [`Snapshot::models`].
    pub model: usize,
    /// Its units, their weights and their evidence; no units if no model's answer is a sum over time. Frames are
    /// counted as those of the columns.
    pub map: EvidenceMap,
}

/// Whether the engine keeps up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// Samples that were lost since the source was opened (ring full, or the worker too late).
    pub samples_lost: u64,
    /// Samples that were NaN or infinite and were replaced by zero.
    pub samples_not_finite: u64,
    /// Overruns of the device since it was opened: buffers that its driver dropped before they reached the ring. ALSA,
    /// WASAPI, CoreAudio, JACK and PipeWire report them; PulseAudio does not.
    pub xruns: u64,
    /// Time for which a device was lost since it was first opened; grows while it is.
    pub missed: Seconds,
    /// Share of real time that the worker computed, over the last second: 1 is the limit.
    pub load: f32,
    /// Time from a sample's arrival in the ring to the snapshot that holds it, median of the last seconds, in ms.
    pub latency_p50_ms: f32,
    /// 99th percentile of the same.
    pub latency_p99_ms: f32,
    /// Time since the audio callback last ran, for devices.
    pub callback_age: Seconds,
    /// How full the ring is, 0…1.
    pub ring_fill: f32,
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transport {
    /// Whether samples flow.
    pub playing: bool,
    /// Time of the newest sample read.
    pub position: Seconds,
    /// Length of the file; 0 for a device.
    pub duration: Seconds,
    /// Whether it starts again at its end.
    pub looping: bool,
    /// What of it is played again and again, from and to.
    pub selection: Option<(Seconds, Seconds)>,
    /// What of it is played as silence.
    pub muted: Option<(Seconds, Seconds)>,
}

/// The engine at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Grows by one with each snapshot; 0 is the empty one before the first frame.
    pub sequence: u64,
    /// Grows with each reset: columns of another epoch belong to another stream.
    pub epoch: u64,
    /// Whether this epoch continues the stream of the one before after a gap, so that the times of their columns are
    /// those of one clock.
    pub continues: bool,
    /// Time from one column to the next.
    pub hop: Seconds,
    /// Bands in a column.
    pub bands: usize,
    /// Frames since the last reset.
    pub frames: u64,
    /// Peak level of the newest block.
    pub peak: Decibels,
    /// Root-mean-square level of the last 0.4 s or so.
    pub rms: Decibels,
    /// Whether a sample reached full scale in the last second.
    pub clipped: bool,
    /// The answer.
    pub decision: Decision,
    /// Mean smoothed probabilities over the enabled models.
    pub ensemble: Probabilities,
    /// Share of the enabled models whose best genre is that of the ensemble, 0…1.
    pub agreement: f32,
    /// How often other models took the place of those that ran ([`super::Command::UseModels`]).
    pub model_set: u64,
    /// How many entries of `models` count.
    pub model_count: usize,
    /// Each model.
    pub models: [ModelSnapshot; MAX_MODELS],
    /// What the attention model weighted.
    pub attention: AttentionSnapshot,
    /// What the answer of the first model that has evidence is the sum of.
    pub evidence: EvidenceSnapshot,
    /// The last columns: column of frame n lies at `n % RECENT_COLUMNS`, if `n + RECENT_COLUMNS >= frames` and `n <
    /// frames`.
    pub recent: Vec<Column>,
    /// Whether the engine keeps up.
    pub health: Health,
    /// Where a file is.
    pub transport: Transport,
}

impl Column {
    /// The column of a frame that never was: what a ring of columns is filled with at first.
    pub fn empty(classes: usize) -> Self {
        Self {
            frame: FrameIndex(0),
            at: Seconds(0.0),
            reset: StateReset::Nothing,
            level: Decibels::SILENCE,
            mel_db: [Decibels::SILENCE.0; MAX_BANDS],
            raw: [Probabilities::from_slice(&[]); MAX_MODELS],
            smoothed: [Probabilities::uniform(classes); MAX_MODELS],
            ensemble: Probabilities::uniform(classes),
            kinds_raw: Probabilities::from_slice(&[]),
            kinds: Probabilities::from_slice(&[]),
            novelty: None,
            familiarity: None,
            decision: Decision::before_sound(classes),
            section: None,
            surprise: None,
        }
    }

    /// The ensemble's answer to this frame alone; `None` if no model is on.
    pub fn raw_mean(&self) -> Option<Probabilities> {
        ensemble_mean(self.raw.iter().filter(|raw| !raw.as_slice().is_empty()))
    }

    /// How much the smoothed answers of the models that are on disagree, 0…1 ([`disagreement`]).
    pub fn disagreement(&self) -> Option<f32> {
        let on = self.raw.iter().zip(&self.smoothed);
        disagreement(
            on.filter(|(raw, _)| !raw.as_slice().is_empty())
                .map(|(_, smoothed)| smoothed),
        )
    }
}

impl Decision {
    /// What is answered before the first frame.
    pub(crate) fn before_sound(classes: usize) -> Self {
        Self {
            state: AnswerState::WarmingUp,
            confidence: Probabilities::uniform(classes).top().1,
            reason: Reason::TooLittleSound {
                audible: Seconds(0.0),
                needed: Seconds(0.0),
            },
            since: Seconds(0.0),
        }
    }
}

impl AttentionSnapshot {
    /// Before the first frame.
    // 98 KB, once for each model, and held in a snapshot from then on.
    #[allow(clippy::large_stack_arrays, reason = "made once")]
    pub fn empty() -> Self {
        Self {
            model: 0,
            newest: FrameIndex(0),
            frames: 0,
            layers: 0,
            heads: 0,
            pooling: [0.0; MAX_ATTENTION_FRAMES],
            maps: [[0.0; MAX_ATTENTION_FRAMES]; MAX_LAYERS * MAX_HEADS],
        }
    }
}

impl Snapshot {
    /// The snapshot before the first frame, with `sequence` 0.
    pub fn empty(models: &ModelSet) -> Self {
        let classes = models.genres.len();
        let model_count = models.models.len().min(MAX_MODELS);
        let model = |i| ModelSnapshot {
            enabled: i < model_count,
            raw: Probabilities::uniform(classes),
            smoothed: Probabilities::uniform(classes),
            step_us: 0.0,
            step_p99_us: 0.0,
        };
        Self {
            sequence: 0,
            epoch: 0,
            continues: false,
            hop: models.front_end.hop(),
            bands: models.front_end.bands.min(MAX_BANDS),
            frames: 0,
            peak: Decibels::SILENCE,
            rms: Decibels::SILENCE,
            clipped: false,
            decision: Decision::before_sound(classes),
            ensemble: Probabilities::uniform(classes),
            agreement: 0.0,
            model_set: 0,
            model_count,
            models: std::array::from_fn(model),
            attention: AttentionSnapshot::empty(),
            evidence: EvidenceSnapshot::default(),
            recent: vec![Column::empty(classes); RECENT_COLUMNS],
            health: Health {
                samples_lost: 0,
                samples_not_finite: 0,
                xruns: 0,
                missed: Seconds(0.0),
                load: 0.0,
                latency_p50_ms: 0.0,
                latency_p99_ms: 0.0,
                callback_age: Seconds(0.0),
                ring_fill: 0.0,
            },
            transport: Transport {
                playing: false,
                position: Seconds(0.0),
                duration: Seconds(0.0),
                looping: false,
                selection: None,
                muted: None,
            },
        }
    }

    /// The column of frame `frame`, if it is still among [`Snapshot::recent`].
    pub fn column(&self, frame: u64) -> Option<&Column> {
        let kept = frame < self.frames && frame + RECENT_COLUMNS as u64 >= self.frames;
        let column = self.recent.get(frame as usize % RECENT_COLUMNS)?;
        kept.then_some(column)
    }
}
