//! The rules between averaged probabilities and an answer: two thresholds, a lead, a dwell time.
//!
//! In: averaged probabilities of one frame and what was answered before. Out: a state and the rule that made it.
//! Thread: worker.

use super::{AnswerState, Reason, SmoothingConfig};
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, Probabilities};

/// What the rules remember between frames.
#[derive(Debug, Clone)]
pub(super) struct Decider {
    answered: Option<GenreId>,
    /// When the newest answer began: another one waits for [`SmoothingConfig::dwell`] from here.
    answer_began: Option<Seconds>,
}

impl Decider {
    /// Nothing answered yet.
    pub(super) fn new() -> Self {
        Self {
            answered: None,
            answer_began: None,
        }
    }

    /// Judges one frame of sound. `at` grows from call to call.
    pub(super) fn judge(
        &mut self,
        at: Seconds,
        ensemble: &Probabilities,
        config: &SmoothingConfig,
    ) -> (AnswerState, Reason) {
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

    /// The answer ends without another: it has become silent. The dwell time goes on.
    pub(super) fn lapse(&mut self) {
        self.answered = None;
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

    fn judge(decider: &mut Decider, at: f64, row: [f32; 3]) -> (AnswerState, Reason) {
        let config = SmoothingConfig::default();
        decider.judge(Seconds(at), &Probabilities::from_slice(&row), &config)
    }

    const A: AnswerState = AnswerState::Genre(GenreId(0));
    const B: AnswerState = AnswerState::Genre(GenreId(1));

    #[test]
    fn enters_high_and_leaves_low() {
        let mut decider = Decider::new();
        assert_eq!(judge(&mut decider, 1.0, [0.39, 0.31, 0.30]).0, AnswerState::Unsure);
        assert_eq!(judge(&mut decider, 1.1, [0.41, 0.30, 0.29]).0, A);
        let (state, reason) = judge(&mut decider, 1.2, [0.36, 0.32, 0.32]);
        assert_eq!(
            (state, reason),
            (A, Reason::Confident { threshold: 0.30 }),
            "kept between the thresholds"
        );
        let (state, reason) = judge(&mut decider, 1.3, [0.29, 0.36, 0.35]);
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
    fn another_genre_needs_threshold_lead_and_dwell() {
        let mut decider = Decider::new();
        assert_eq!(judge(&mut decider, 10.0, [0.5, 0.3, 0.2]).0, A);
        let (state, reason) = judge(&mut decider, 11.0, [0.40, 0.55, 0.05]);
        assert_eq!(state, A, "the dwell time of 1.5 s is not over");
        assert!(matches!(reason, Reason::Held { challenger: GenreId(1), lead } if (lead - 0.15).abs() < 1e-6));
        assert_eq!(
            judge(&mut decider, 12.0, [0.42, 0.46, 0.12]).0,
            A,
            "a lead of 0.04 is too little"
        );
        assert_eq!(
            judge(&mut decider, 12.1, [0.32, 0.39, 0.29]).0,
            A,
            "it leads, but is below the threshold"
        );
        assert_eq!(judge(&mut decider, 12.2, [0.40, 0.46, 0.14]).0, B);
    }

    #[test]
    fn a_given_up_answer_is_followed_by_another_only_after_the_dwell_time() {
        let mut decider = Decider::new();
        assert_eq!(judge(&mut decider, 0.0, [0.5, 0.3, 0.2]).0, A);
        let (state, reason) = judge(&mut decider, 1.0, [0.2, 0.6, 0.2]);
        assert_eq!(
            state,
            AnswerState::Unsure,
            "the old answer is gone at once, the new one waits"
        );
        assert!(matches!(reason, Reason::Held { challenger: GenreId(1), lead } if (lead - 0.4).abs() < 1e-6));
        assert_eq!(judge(&mut decider, 1.5, [0.2, 0.6, 0.2]).0, B);
    }
}
