//! A rule and its figures as a sentence for people: the one wording, for terminal, JSON and window.
//!
//! In: a [`Reason`]. Out: text. Thread: any.

use super::{AnswerState, Reason};
use attune_model::genre::{GenreId, GenreSet, SoundKind};

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

/// With a decimal below 10 %: 0.04 and 0.001 differ.
fn fine_percent(share: f32) -> String {
    if share < 0.1 {
        format!("{:.1} %", share * 100.0)
    } else {
        percent(share)
    }
}

fn title(genres: &GenreSet, id: GenreId) -> String {
    // A reason may outlive the models it speaks of by one frame: an id of a larger set has no name here.
    if usize::from(id.0) < genres.len() {
        genres.title(id)
    } else {
        format!("class {}", id.0)
    }
}

impl Reason {
    /// Why the answer is what it is, as one sentence.
    pub fn sentence(&self, genres: &GenreSet) -> String {
        match *self {
            Self::TooLittleSound { audible, needed } => {
                format!(
                    "Heard {:.1} s so far; the first answer needs {:.1} s.",
                    audible.0, needed.0
                )
            }
            Self::TooQuiet { level, threshold } => {
                let said = format!(
                    "The level is {:.0} dB, below the {:.0} dB of silence.",
                    level.0, threshold.0
                );
                said.replace('-', "−")
            }
            Self::BelowThreshold {
                best,
                confidence,
                threshold,
            } => format!(
                "{} is likeliest with {}, but an answer needs {}.",
                title(genres, best),
                percent(confidence),
                percent(threshold)
            ),
            Self::Confident { threshold } => format!("It is above the {} it needs.", percent(threshold)),
            Self::Held { challenger, lead } => format!(
                "{} leads by {}, but not by enough or not for long enough.",
                title(genres, challenger),
                percent(lead)
            ),
            Self::Rejected {
                kind,
                share,
                music,
                needed,
            } => format!(
                "It is {} with {} and music with {}, where a genre needs {}.",
                kind.words(),
                percent(share),
                percent(music),
                percent(needed)
            ),
            Self::Unfamiliar { familiarity, needed } => format!(
                "It is unlike what the models learnt: familiarity {}, where a genre needs {}.",
                fine_percent(familiarity),
                percent(needed)
            ),
            Self::PerhapsNotMusic { music, needed } => format!(
                "It is music with {}, where a genre needs {}.",
                percent(music),
                percent(needed)
            ),
        }
    }

    /// The rule's name for scripts (`below_threshold`).
    pub fn rule(&self) -> &'static str {
        match self {
            Self::TooLittleSound { .. } => "heard_too_little",
            Self::TooQuiet { .. } => "too_quiet",
            Self::BelowThreshold { .. } => "below_threshold",
            Self::Confident { .. } => "confident",
            Self::Held { .. } => "held",
            Self::Rejected { .. } => "rejected",
            Self::PerhapsNotMusic { .. } => "perhaps_not_music",
            Self::Unfamiliar { .. } => "unfamiliar",
        }
    }
}

impl From<SoundKind> for AnswerState {
    /// The answer where this kind is all that is known.
    fn from(kind: SoundKind) -> Self {
        match kind {
            SoundKind::Music => Self::Unsure,
            SoundKind::Speech => Self::Speech,
            SoundKind::Other => Self::NotMusic,
        }
    }
}

impl AnswerState {
    /// The state's name for scripts (`warming_up`, `silence`, `unsure`, `speech`, `not_music`, `unfamiliar`, `genre`).
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmingUp => "warming_up",
            Self::Silence => "silence",
            Self::Unsure => "unsure",
            Self::Speech => "speech",
            Self::NotMusic => "not_music",
            Self::Unfamiliar => "unfamiliar",
            Self::Genre(_) => "genre",
        }
    }

    /// The genre, if one is answered.
    pub fn genre(self) -> Option<GenreId> {
        match self {
            Self::Genre(id) => Some(id),
            _ => None,
        }
    }

    /// What people read: the genre's title, or the state (`Warming up`).
    pub fn title(self, genres: &GenreSet) -> String {
        match self {
            Self::WarmingUp => "Warming up".to_owned(),
            Self::Silence => "Silence".to_owned(),
            Self::Unsure => "Unsure".to_owned(),
            Self::Speech => "Speech".to_owned(),
            Self::NotMusic => "Not music".to_owned(),
            Self::Unfamiliar => "Unfamiliar".to_owned(),
            Self::Genre(id) => title(genres, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::{Decibels, Seconds};

    #[test]
    fn every_reason_is_a_sentence() {
        for (reason, wanted) in [
            (
                Reason::TooLittleSound {
                    audible: Seconds(0.4),
                    needed: Seconds(1.0),
                },
                "Heard 0.4 s so far; the first answer needs 1.0 s.",
            ),
            (
                Reason::TooQuiet {
                    level: Decibels(-72.4),
                    threshold: Decibels(-60.0),
                },
                "The level is −72 dB, below the −60 dB of silence.",
            ),
            (
                Reason::BelowThreshold {
                    best: GenreId(4),
                    confidence: 0.312,
                    threshold: 0.4,
                },
                "Hip-hop is likeliest with 31 %, but an answer needs 40 %.",
            ),
            (Reason::Confident { threshold: 0.3 }, "It is above the 30 % it needs."),
            (
                Reason::Held {
                    challenger: GenreId(5),
                    lead: 0.04,
                },
                "Jazz leads by 4 %, but not by enough or not for long enough.",
            ),
            (
                Reason::Rejected {
                    kind: SoundKind::Other,
                    share: 0.81,
                    music: 0.12,
                    needed: 0.5,
                },
                "It is another sound with 81 % and music with 12 %, where a genre needs 50 %.",
            ),
            (
                Reason::Unfamiliar {
                    familiarity: 0.004,
                    needed: 0.05,
                },
                "It is unlike what the models learnt: familiarity 0.4 %, where a genre needs 5 %.",
            ),
            (
                Reason::PerhapsNotMusic {
                    music: 0.42,
                    needed: 0.5,
                },
                "It is music with 42 %, where a genre needs 50 %.",
            ),
        ] {
            assert_eq!(reason.sentence(&GenreSet::gtzan()), wanted);
        }
        assert_eq!(AnswerState::from(SoundKind::Speech).name(), "speech");
    }

    #[test]
    fn a_class_of_another_set_has_a_number_and_no_panic() {
        let reason = Reason::Held {
            challenger: GenreId(31),
            lead: 0.1,
        };
        assert!(reason.sentence(&GenreSet::gtzan()).starts_with("class 31"));
    }
}
