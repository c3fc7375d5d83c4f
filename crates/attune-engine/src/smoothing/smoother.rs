//! One stream's averages and answer, frame by frame.
//!
//! In: status and raw probabilities of one frame. Out: [`Smoothed`]. Thread: worker.

use super::average::{Average, steady_weight};
use super::decide::{Evidence, Hysteresis, confidence, decide};
use super::ensemble::ensemble_mean;
use super::novelty::NoveltyAverage;
use super::{Decision, FrameStatus, SmoothingConfig, SmoothingError, StateReset, familiarity};
use attune_audio::units::Seconds;
use attune_model::genre::Probabilities;

/// What the smoother makes of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed {
    /// Averaged probabilities of each model; uniform for one that had no audible frame yet.
    pub models: Vec<Probabilities>,
    /// Their mean over the models that are on.
    pub ensemble: Probabilities,
    /// How familiar the music is, 0…1; `None` if no model knows, or nothing has settled.
    pub familiarity: Option<f32>,
    /// The answer.
    pub decision: Decision,
}

/// Smooths and decides for one stream. It is pushed frame by frame, so how frames came in blocks cannot matter.
#[derive(Debug, Clone)]
pub struct Smoother {
    config: SmoothingConfig,
    hop: Seconds,
    classes: usize,
    averages: Vec<Option<Average>>,
    novelty: NoveltyAverage,
    hysteresis: Hysteresis,
    /// Audible frames since the last reset.
    audible_frames: u64,
    /// Those of them that fed the averages.
    counted_frames: u64,
    decision: Option<Decision>,
}

impl Smoother {
    /// A smoother for `models` models of `classes` classes with one frame every `hop`.
    pub fn new(config: SmoothingConfig, hop: Seconds, classes: usize, models: usize) -> Result<Self, SmoothingError> {
        config.validate()?;
        Ok(Self {
            config,
            hop,
            classes,
            averages: vec![None; models],
            novelty: NoveltyAverage::new(hop),
            hysteresis: Hysteresis::new(),
            audible_frames: 0,
            counted_frames: 0,
            decision: None,
        })
    }

    /// Other knobs from the next frame on; the averages go on.
    pub fn set_config(&mut self, config: SmoothingConfig) -> Result<(), SmoothingError> {
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        self.reset_averages();
        self.decision = None;
    }

    /// Takes one frame: its stream time, its status ([`super::Segmenter::push`]), each model's calibrated probabilities
    /// (`None`: the model is off; its average is reset), and the models' mean novelty ([`super::mean_novelty`]).
    pub fn push(
        &mut self,
        at: Seconds,
        status: &FrameStatus,
        raw: &[Option<Probabilities>],
        novelty: Option<f32>,
    ) -> Smoothed {
        match status.reset {
            StateReset::Nothing => {}
            StateReset::Change { frames } => self.restart(u64::from(frames), raw),
            StateReset::Models | StateReset::Everything => self.reset_averages(),
        }
        self.audible_frames += u64::from(status.audible);
        self.counted_frames += u64::from(status.counted);
        let steady = steady_weight(self.hop, self.config.time_constant);
        for (average, raw) in self.averages.iter_mut().zip(raw) {
            match raw {
                Some(raw) if status.counted => average
                    .get_or_insert_with(|| Average::new(self.classes))
                    .push(raw, steady),
                Some(_) => {}
                None => *average = None,
            }
        }
        if status.counted {
            self.novelty.push(novelty, steady);
        }
        let novelty = self.novelty.value();
        let uniform = Probabilities::uniform(self.classes);
        let mean = ensemble_mean(self.averages.iter().flatten().map(Average::value));
        let evidence = Evidence {
            silence: (!status.audible && status.quiet_for.0 >= self.config.silence_hold.0).then_some(status.level),
            audible: self.time_of(self.audible_frames),
            counted: self.time_of(self.counted_frames),
            gate: status.gate,
            ensemble: mean.as_ref(),
            novelty,
        };
        let (state, reason) = decide(&evidence, at, &self.config, &mut self.hysteresis);
        let since = match self.decision {
            Some(before) if before.state == state => before.since,
            _ => at,
        };
        let ensemble = mean.unwrap_or(uniform);
        let decision = Decision {
            state,
            confidence: confidence(&reason, Some(&ensemble)).unwrap_or_default(),
            reason,
            since,
        };
        self.decision = Some(decision);
        let models = self.averages.iter();
        Smoothed {
            models: models
                .map(|average| average.as_ref().map_or(uniform, |average| *average.value()))
                .collect(),
            ensemble,
            familiarity: novelty.map(familiarity),
            decision,
        }
    }

    /// The averages go on from the first answers of models that have processed `frames` of other music. The displayed
    /// answer stays until another takes over by the usual rules.
    fn restart(&mut self, frames: u64, raw: &[Option<Probabilities>]) {
        for (average, raw) in self.averages.iter_mut().zip(raw) {
            *average = raw.map(|raw| Average::after(frames, raw));
        }
        self.novelty = NoveltyAverage::after(frames, self.hop);
    }

    /// What is remembered of genres is forgotten.
    fn reset_averages(&mut self) {
        self.averages.fill(None);
        self.novelty = NoveltyAverage::new(self.hop);
        self.hysteresis = Hysteresis::new();
        self.audible_frames = 0;
        self.counted_frames = 0;
    }

    fn time_of(&self, frames: u64) -> Seconds {
        Seconds(frames as f64 * self.hop.0)
    }
}
