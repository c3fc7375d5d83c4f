//! One stream's averages and answer, frame by frame.
//!
//! In: level and raw probabilities of one frame. Out: [`Smoothed`]. Thread: worker.

use super::average::{Average, steady_weight};
use super::decide::Decider;
use super::music_gate::{MusicGate, Verdict};
use super::{AnswerState, Decision, Reason, SmoothingConfig, SmoothingError};
use attune_audio::units::{Decibels, Seconds};
use attune_model::genre::{Probabilities, SoundKind};

/// What the smoother makes of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed {
    /// Averaged probabilities of each engine; uniform for one that was never heard.
    pub models: Vec<Probabilities>,
    /// Their mean over the engines that are on.
    pub ensemble: Probabilities,
    /// The answer.
    pub decision: Decision,
    /// Averaged probabilities of music, speech and other sounds; `None` without a gate.
    pub kinds: Option<Probabilities>,
    /// Whether the frame was loud enough to be heard.
    pub audible: bool,
    /// Whether it counted for the genres: heard, and not rejected.
    pub counted: bool,
}

/// Smooths and decides for one stream. It is pushed frame by frame, so how frames came in blocks cannot matter.
#[derive(Debug, Clone)]
pub struct Smoother {
    config: SmoothingConfig,
    hop: Seconds,
    classes: usize,
    averages: Vec<Option<Average>>,
    decider: Decider,
    /// Frames heard since everything began anew.
    heard_frames: u64,
    /// Those of them that fed the averages.
    counted_frames: u64,
    gate: MusicGate,
    silence: Silence,
    decision: Option<Decision>,
}

/// How long it has been quiet. Sound after a silence longer than the averages remember is another stream: nothing that
/// was heard before is a part of what plays now, and every state begins anew with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silence {
    quiet_frames: u64,
}

impl Silence {
    /// Takes the level of the next frame; true if sound begins anew with it.
    pub fn ends_with(&mut self, level: Decibels, hop: Seconds, config: &SmoothingConfig) -> bool {
        if level.0 < config.silence.0 {
            self.quiet_frames += 1;
            return false;
        }
        let quiet = std::mem::take(&mut self.quiet_frames) as f64 * hop.0;
        quiet > 0.0 && quiet >= config.time_constant.0.max(config.silence_hold.0)
    }
}

impl Smoother {
    /// A smoother for `engines` engines of `classes` classes with one frame every `hop`.
    pub fn new(config: SmoothingConfig, hop: Seconds, classes: usize, engines: usize) -> Result<Self, SmoothingError> {
        config.validate()?;
        Ok(Self {
            config,
            hop,
            classes,
            averages: vec![None; engines],
            decider: Decider::new(),
            heard_frames: 0,
            counted_frames: 0,
            gate: MusicGate::new(),
            silence: Silence::default(),
            decision: None,
        })
    }

    /// The knobs as they stand.
    pub fn config(&self) -> &SmoothingConfig {
        &self.config
    }

    /// Turns the knobs from the next frame on; the averages go on.
    pub fn set_config(&mut self, config: SmoothingConfig) -> Result<(), SmoothingError> {
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        self.start_afresh();
        self.gate = MusicGate::new();
        self.silence = Silence::default();
        self.decision = None;
    }

    /// The silence so far: a copy can be run ahead to see where states will begin anew.
    pub fn silence(&self) -> Silence {
        self.silence
    }

    /// The gate's word so far: a copy can be run ahead to see where music will begin anew.
    pub fn gate(&self) -> &MusicGate {
        &self.gate
    }

    /// [`Smoother::push_gated`] without a gate.
    pub fn push(&mut self, at: Seconds, level: Decibels, raw: &[Option<Probabilities>]) -> Smoothed {
        self.push_gated(at, level, raw, None)
    }

    /// Takes one frame: its stream time, the level of the last moments (root mean square over about 0.4 s), and each
    /// engine's calibrated probabilities (`None`: the engine is off, and starts afresh when it comes back); and the gate's
    /// probabilities of [`SoundKind`]s, where there is one.
    pub fn push_gated(
        &mut self,
        at: Seconds,
        level: Decibels,
        raw: &[Option<Probabilities>],
        kinds: Option<&Probabilities>,
    ) -> Smoothed {
        let heard = level.0 >= self.config.silence.0;
        if self.silence.ends_with(level, self.hop, &self.config) {
            self.start_afresh();
            self.gate = MusicGate::new();
        }
        if heard && self.gate.hear(kinds, self.hop, &self.config) {
            self.start_afresh();
        }
        let counted = heard && !self.gate.is_rejecting();
        self.heard_frames += u64::from(heard);
        self.counted_frames += u64::from(counted);
        let steady = steady_weight(self.hop, self.config.time_constant);
        for (average, raw) in self.averages.iter_mut().zip(raw) {
            match raw {
                Some(raw) if counted => average
                    .get_or_insert_with(|| Average::new(self.classes))
                    .push(raw, steady),
                Some(_) => {}
                None => *average = None,
            }
        }
        let ensemble = self.ensemble();
        let (state, reason) = self.state(at, level, heard, &ensemble);
        let since = match self.decision {
            Some(before) if before.state == state => before.since,
            _ => at,
        };
        let confidence = match reason {
            Reason::Rejected { share, .. } => share,
            _ => ensemble.top().1,
        };
        let decision = Decision {
            state,
            confidence,
            reason,
            since,
        };
        self.decision = Some(decision);
        let models = self.averages.iter().map(|average| {
            average
                .as_ref()
                .map_or_else(|| Probabilities::uniform(self.classes), |average| *average.value())
        });
        Smoothed {
            models: models.collect(),
            ensemble,
            decision,
            kinds: self.gate.heard().copied(),
            audible: heard,
            counted,
        }
    }

    fn state(&mut self, at: Seconds, level: Decibels, heard: bool, ensemble: &Probabilities) -> (AnswerState, Reason) {
        if !heard && self.time_of(self.silence.quiet_frames).0 >= self.config.silence_hold.0 {
            self.decider.lapse();
            let reason = Reason::TooQuiet {
                level,
                threshold: self.config.silence,
            };
            return (AnswerState::Silence, reason);
        }
        let sound = self.time_of(self.heard_frames);
        if sound.0 < self.config.warm_up.0 {
            return self.too_little(sound);
        }
        let kinds = self.gate.heard();
        let music = kinds.map_or(1.0, |kinds| SoundKind::Music.of(kinds));
        let needed = 1.0 - self.config.admit;
        if let (Some(Verdict::Rejected(kind)), Some(kinds)) = (self.gate.verdict(), kinds) {
            let share = kind.of(kinds);
            self.decider.lapse();
            let reason = Reason::Rejected {
                kind,
                share,
                music,
                needed,
            };
            return (kind.into(), reason);
        }
        let counted = self.time_of(self.counted_frames);
        if counted.0 < self.config.warm_up.0 || self.averages.iter().all(Option::is_none) {
            return self.too_little(counted);
        }
        if self.gate.verdict() == Some(Verdict::Undecided) {
            self.decider.lapse();
            return (AnswerState::Unsure, Reason::PerhapsNotMusic { music, needed });
        }
        self.decider.judge(at, ensemble, &self.config)
    }

    fn too_little(&self, heard: Seconds) -> (AnswerState, Reason) {
        let reason = Reason::HeardTooLittle {
            heard,
            needed: self.config.warm_up,
        };
        (AnswerState::WarmingUp, reason)
    }

    /// Mean of the engines that are on; uniform if none is.
    fn ensemble(&self) -> Probabilities {
        let mut total = [0.0f32; attune_model::genre::MAX_CLASSES];
        let mut count = 0;
        for average in self.averages.iter().flatten() {
            for (sum, &p) in total.iter_mut().zip(average.value().as_slice()) {
                *sum += p;
            }
            count += 1;
        }
        if count == 0 {
            return Probabilities::uniform(self.classes);
        }
        for sum in &mut total {
            *sum /= count as f32;
        }
        Probabilities::from_slice(&total[..self.classes.min(total.len())])
    }

    /// What was heard of genres is forgotten; what the gate heard is not.
    fn start_afresh(&mut self) {
        self.averages.fill(None);
        self.decider = Decider::new();
        self.heard_frames = 0;
        self.counted_frames = 0;
    }

    fn time_of(&self, frames: u64) -> Seconds {
        Seconds(frames as f64 * self.hop.0)
    }
}
