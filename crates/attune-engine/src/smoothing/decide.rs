//! The one decision: from silence, gate and ensemble probabilities to an answer with its reason.
//!
//! In: the [`Evidence`] of a frame or of a whole file, and what was answered before. Out: a state and the rule that
//! made it. Thread: any.

use super::music_gate::{GateStatus, GateVerdict};
use super::{AnswerState, Reason, SmoothingConfig, familiarity};
use attune_audio::units::{Decibels, Seconds};
use attune_model::genre::{GenreId, Probabilities, SoundKind};

/// What an answer rests on: of one moment of a stream, or of a whole file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// The level, if it is silent.
    pub(crate) silence: Option<Decibels>,
    /// Audible sound so far.
    pub(crate) audible: Seconds,
    /// The part of it that counts for the genres.
    pub(crate) counted: Seconds,
    /// The gate, where there is one.
    pub(crate) gate: Option<GateStatus>,
    /// The models' mean; `None` if none answers.
    pub(crate) ensemble: Option<&'a Probabilities>,
    /// Their mean novelty; `None` if none has one, or nothing has settled.
    pub(crate) novelty: Option<f32>,
}

/// What is answered to `evidence` at stream time `at`, which grows from call to call, and why. `before` is what the
/// answer remembers between frames: fresh for the first frame and for a whole file.
pub(crate) fn decide(
    evidence: &Evidence<'_>,
    at: Seconds,
    config: &SmoothingConfig,
    before: &mut Hysteresis,
) -> (AnswerState, Reason) {
    if let Some(level) = evidence.silence {
        before.give_up();
        let threshold = config.silence;
        return (AnswerState::Silence, Reason::TooQuiet { level, threshold });
    }
    let too_little = |audible| {
        let needed = config.warm_up;
        (AnswerState::WarmingUp, Reason::TooLittleSound { audible, needed })
    };
    if evidence.audible.0 < config.warm_up.0 {
        return too_little(evidence.audible);
    }
    let needed = 1.0 - config.admit;
    if let Some(GateStatus { verdict, kinds }) = &evidence.gate
        && let GateVerdict::Rejected(kind) = *verdict
    {
        before.give_up();
        let reason = Reason::Rejected {
            kind,
            share: kind.of(kinds),
            music: SoundKind::Music.of(kinds),
            needed,
        };
        return (kind.into(), reason);
    }
    let Some(ensemble) = evidence.ensemble.filter(|_| evidence.counted.0 >= config.warm_up.0) else {
        return too_little(evidence.counted);
    };
    if let Some(GateStatus { verdict, kinds }) = &evidence.gate
        && *verdict == GateVerdict::Undecided
    {
        before.give_up();
        let music = SoundKind::Music.of(kinds);
        return (AnswerState::Unsure, Reason::PerhapsNotMusic { music, needed });
    }
    if let Some(reason) = evidence.novelty.and_then(|novelty| before.unfamiliar(novelty, config)) {
        before.answered = None;
        return (AnswerState::Unfamiliar, reason);
    }
    before.decide(at, ensemble, config)
}

/// The answer to a whole sound that is audible music: the models' mean probabilities and novelty by the same rules.
pub fn answer_to_music(ensemble: &Probabilities, novelty: Option<f32>, config: &SmoothingConfig) -> AnswerState {
    let evidence = Evidence {
        silence: None,
        audible: config.warm_up,
        counted: config.warm_up,
        gate: None,
        ensemble: Some(ensemble),
        novelty,
    };
    decide(&evidence, Seconds(0.0), config, &mut Hysteresis::new()).0
}

/// The genre that is displayed for a whole clip of familiar music with these probabilities; `None`: unsure.
pub fn genre_of_whole(ensemble: &Probabilities, config: &SmoothingConfig) -> Option<GenreId> {
    answer_to_music(ensemble, None, config).genre()
}

/// How sure an answer is: of speech or another sound where that is answered, else of the most probable genre; `None` if
/// no model answers.
pub(crate) fn confidence(reason: &Reason, ensemble: Option<&Probabilities>) -> Option<f32> {
    match reason {
        Reason::Rejected { share, .. } => Some(*share),
        _ => ensemble.map(|ensemble| ensemble.top().1),
    }
}

/// What was unfamiliar is familiar again at this many times [`SmoothingConfig::unfamiliar`].
const FAMILIAR_AGAIN: f32 = 2.0;

/// Two thresholds, a lead and a dwell time between probabilities and a genre, with what they remember between frames.
#[derive(Debug, Clone)]
pub(crate) struct Hysteresis {
    answered: Option<GenreId>,
    is_unfamiliar: bool,
    /// When the newest answer began: another one waits for [`SmoothingConfig::dwell`] from here.
    answer_began: Option<Seconds>,
}

impl Hysteresis {
    /// Nothing answered yet.
    pub(crate) fn new() -> Self {
        Self {
            answered: None,
            is_unfamiliar: false,
            answer_began: None,
        }
    }

    fn decide(&mut self, at: Seconds, ensemble: &Probabilities, config: &SmoothingConfig) -> (AnswerState, Reason) {
        let (best, confidence) = ensemble.top();
        let dwelt = self.answer_began.is_none_or(|began| at.0 - began.0 >= config.dwell.0);
        if let Some(held) = self.answered {
            let share = ensemble.of(held);
            let lead = confidence - share;
            let overtaken = best != held && confidence >= config.enter && lead >= config.lead;
            if overtaken && dwelt {
                return self.answer(at, best, config);
            }
            if share >= config.leave {
                let reason = if best != held {
                    Reason::Held { challenger: best, lead }
                } else if share >= config.enter {
                    Reason::Confident {
                        threshold: config.enter,
                    }
                } else {
                    Reason::Confident {
                        threshold: config.leave,
                    }
                };
                return (AnswerState::Genre(held), reason);
            }
            // Giving up is prompt: a wrong answer is worse than none. A new one waits for the dwell time.
            self.answered = None;
        }
        if confidence < config.enter {
            let reason = Reason::BelowThreshold {
                best,
                confidence,
                threshold: config.enter,
            };
            (AnswerState::Unsure, reason)
        } else if dwelt {
            self.answer(at, best, config)
        } else {
            let lead = confidence - second(ensemble, best);
            (AnswerState::Unsure, Reason::Held { challenger: best, lead })
        }
    }

    fn answer(&mut self, at: Seconds, genre: GenreId, config: &SmoothingConfig) -> (AnswerState, Reason) {
        self.answered = Some(genre);
        self.answer_began = Some(at);
        let reason = Reason::Confident {
            threshold: config.enter,
        };
        (AnswerState::Genre(genre), reason)
    }

    /// Why music of this novelty is unfamiliar; `None`: it is not.
    fn unfamiliar(&mut self, novelty: f32, config: &SmoothingConfig) -> Option<Reason> {
        let needed = if self.is_unfamiliar {
            FAMILIAR_AGAIN * config.unfamiliar
        } else {
            config.unfamiliar
        };
        let familiarity = familiarity(novelty);
        self.is_unfamiliar = familiarity < needed;
        self.is_unfamiliar.then_some(Reason::Unfamiliar { familiarity, needed })
    }

    /// The answer ends without another, as in a silence. The dwell time goes on.
    fn give_up(&mut self) {
        self.answered = None;
        self.is_unfamiliar = false;
    }
}

/// The probability of the runner-up.
fn second(ensemble: &Probabilities, best: GenreId) -> f32 {
    let others = ensemble
        .as_slice()
        .iter()
        .enumerate()
        .filter(|&(i, _)| i != usize::from(best.0));
    others.map(|(_, &p)| p).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide_on(hysteresis: &mut Hysteresis, at: f64, row: [f32; 3]) -> (AnswerState, Reason) {
        let config = SmoothingConfig::default();
        hysteresis.decide(Seconds(at), &Probabilities::from_slice(&row), &config)
    }

    const A: AnswerState = AnswerState::Genre(GenreId(0));
    const B: AnswerState = AnswerState::Genre(GenreId(1));

    #[test]
    fn enters_high_and_leaves_low() {
        let mut hysteresis = Hysteresis::new();
        assert_eq!(
            decide_on(&mut hysteresis, 1.0, [0.39, 0.31, 0.30]).0,
            AnswerState::Unsure
        );
        assert_eq!(decide_on(&mut hysteresis, 1.1, [0.41, 0.30, 0.29]).0, A);
        let (state, reason) = decide_on(&mut hysteresis, 1.2, [0.36, 0.32, 0.32]);
        assert_eq!(
            (state, reason),
            (A, Reason::Confident { threshold: 0.30 }),
            "kept between the thresholds"
        );
        let (state, reason) = decide_on(&mut hysteresis, 1.3, [0.29, 0.36, 0.35]);
        assert_eq!(state, AnswerState::Unsure);
        let best = GenreId(1);
        assert_eq!(
            reason,
            Reason::BelowThreshold {
                best,
                confidence: 0.36,
                threshold: 0.40
            }
        );
    }

    #[test]
    fn unfamiliar_music_is_familiar_again_at_twice_the_threshold() {
        let config = SmoothingConfig::default();
        let ensemble = Probabilities::from_slice(&[0.8, 0.1, 0.1]);
        let mut hysteresis = Hysteresis::new();
        let mut at = 10.0;
        let mut state_at = |familiarity: Option<f32>, config: &SmoothingConfig| {
            at += 1.0;
            let evidence = Evidence {
                silence: None,
                audible: Seconds(at),
                counted: Seconds(at),
                gate: None,
                ensemble: Some(&ensemble),
                novelty: familiarity.map(|familiarity: f32| -familiarity.ln()),
            };
            decide(&evidence, Seconds(at), config, &mut hysteresis)
        };
        assert_eq!(state_at(None, &config).0, A);
        assert_eq!(state_at(Some(0.051), &config).0, A);
        let (state, reason) = state_at(Some(0.049), &config);
        assert_eq!(state, AnswerState::Unfamiliar);
        assert!(matches!(reason, Reason::Unfamiliar { familiarity, needed }
            if (familiarity - 0.049).abs() < 1e-6 && (needed - 0.05).abs() < 1e-6));
        assert_eq!(state_at(Some(0.099), &config).0, AnswerState::Unfamiliar);
        assert_eq!(state_at(Some(0.101), &config).0, A);
        let off = SmoothingConfig {
            unfamiliar: 0.0,
            ..config
        };
        assert_eq!(state_at(Some(1e-9), &off).0, A);
    }

    #[test]
    fn another_genre_needs_threshold_lead_and_dwell() {
        let mut hysteresis = Hysteresis::new();
        assert_eq!(decide_on(&mut hysteresis, 10.0, [0.5, 0.3, 0.2]).0, A);
        let (state, reason) = decide_on(&mut hysteresis, 11.0, [0.40, 0.55, 0.05]);
        assert_eq!(state, A, "the dwell time of 1.5 s is not over");
        assert!(matches!(reason, Reason::Held { challenger: GenreId(1), lead } if (lead - 0.15).abs() < 1e-6));
        assert_eq!(
            decide_on(&mut hysteresis, 12.0, [0.42, 0.46, 0.12]).0,
            A,
            "a lead of 0.04 is too little"
        );
        assert_eq!(
            decide_on(&mut hysteresis, 12.1, [0.32, 0.39, 0.29]).0,
            A,
            "it leads, but is below the threshold"
        );
        assert_eq!(decide_on(&mut hysteresis, 12.2, [0.40, 0.46, 0.14]).0, B);
    }

    #[test]
    fn a_given_up_answer_is_followed_by_another_only_after_the_dwell_time() {
        let mut hysteresis = Hysteresis::new();
        assert_eq!(decide_on(&mut hysteresis, 0.0, [0.5, 0.3, 0.2]).0, A);
        let (state, reason) = decide_on(&mut hysteresis, 1.0, [0.2, 0.6, 0.2]);
        assert_eq!(
            state,
            AnswerState::Unsure,
            "the old answer is gone at once, the new one waits"
        );
        assert!(matches!(reason, Reason::Held { challenger: GenreId(1), lead } if (lead - 0.4).abs() < 1e-6));
        assert_eq!(decide_on(&mut hysteresis, 1.5, [0.2, 0.6, 0.2]).0, B);
    }
}
