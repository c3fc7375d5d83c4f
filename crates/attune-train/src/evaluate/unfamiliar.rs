//! How well music of no class of the models is found unfamiliar, and what that spares: confident wrong answers.
//!
//! In: what was answered to clips of the classes and to clips of none. Out: [`UnfamiliarMetrics`]. Thread: any.

use super::answers::ClipLogits;
use super::metrics::{CONFIDENT, wilson};
use attune_engine::smoothing::{
    AnswerState, SettledNovelty, SmoothingConfig, answer_to_music, ensemble_mean, familiarity, mean_novelty,
};
use attune_model::ModelSet;
use attune_model::genre::{GenreId, Probabilities};
use serde::Serialize;

/// What was answered to one clip of music.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MusicAnswer {
    /// Its class; `None`: none of the models'.
    pub truth: Option<GenreId>,
    /// Name of the state of the answer to the whole clip.
    pub state: &'static str,
    /// Its familiarity; `None` if no model knows.
    pub familiarity: Option<f64>,
    /// The most probable genre, whether or not it is answered, and its probability.
    pub leader: (GenreId, f32),
}

impl MusicAnswer {
    /// Of a clip of log-mels that each model was run on, by the rules for a whole file, without a gate.
    pub(super) fn of_log_mels(truth: Option<GenreId>, of_models: &[ClipLogits], models: &ModelSet) -> Self {
        let spec = &models.front_end;
        let each = of_models.iter().zip(&models.models);
        let each: Vec<Probabilities> = each
            .map(|(clip, model)| clip.answer(model.manifest().temperature, spec))
            .collect();
        let ensemble = ensemble_mean(&each).unwrap_or_else(|| Probabilities::uniform(models.genres.len()));
        let novelty = mean_novelty(of_models.iter().map(|clip| {
            let mut mean = SettledNovelty::new(spec.hop());
            clip.novelty.iter().for_each(|novelty| mean.push(Some(*novelty)));
            mean.value()
        }));
        Self {
            truth,
            state: answer_to_music(&ensemble, novelty, &SmoothingConfig::default()).name(),
            familiarity: novelty.map(|novelty| f64::from(familiarity(novelty))),
            leader: ensemble.top(),
        }
    }

    /// The genre that is answered, if one is.
    pub(super) fn displayed(&self) -> Option<GenreId> {
        (self.state == AnswerState::Genre(self.leader.0).name()).then_some(self.leader.0)
    }
}

/// How many clips were called unfamiliar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalledUnfamiliar {
    /// How many clips.
    pub clips: usize,
    /// Of how many there is a familiarity: there is none where the gate lets nothing in. AUROC and median are of
    /// these, the shares of all.
    pub with_familiarity: usize,
    /// Share called unfamiliar.
    pub share: f64,
    /// 95 % interval of that (Wilson 1927).
    pub interval95: [f64; 2],
    /// Median of their familiarity.
    pub median_familiarity: f64,
    /// Share that got a wrong genre with a probability of at least [`CONFIDENT`].
    pub confident_wrong: f64,
    /// The same, if nothing were called unfamiliar.
    pub confident_wrong_without: f64,
}

/// Familiarity over clips of the models' classes and of none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnfamiliarMetrics {
    /// The probability that a clip of no class is less familiar than one of a class; `None` without either.
    pub auroc: Option<f64>,
    /// Clips of the models' classes.
    pub known: CalledUnfamiliar,
    /// Clips of none.
    pub unfamiliar: CalledUnfamiliar,
}

impl UnfamiliarMetrics {
    /// Of these answers; `None` if no clip has a familiarity.
    pub fn of(answers: &[MusicAnswer]) -> Option<Self> {
        let is_measured = answers.iter().any(|answer| answer.familiarity.is_some());
        let (known, unfamiliar): (Vec<&MusicAnswer>, Vec<&MusicAnswer>) =
            answers.iter().partition(|answer| answer.truth.is_some());
        is_measured.then(|| Self {
            auroc: auroc(&familiarities(&unfamiliar), &familiarities(&known)),
            known: CalledUnfamiliar::of(&known),
            unfamiliar: CalledUnfamiliar::of(&unfamiliar),
        })
    }
}

impl CalledUnfamiliar {
    fn of(answers: &[&MusicAnswer]) -> Self {
        let n = answers.len().max(1) as f64;
        let share =
            |counts: &dyn Fn(&MusicAnswer) -> bool| answers.iter().filter(|answer| counts(answer)).count() as f64 / n;
        let is_wrong = |answer: &MusicAnswer| answer.truth != Some(answer.leader.0) && answer.leader.1 >= CONFIDENT;
        let (genre, called) = (AnswerState::Genre(GenreId(0)).name(), AnswerState::Unfamiliar.name());
        let called_share = share(&|answer| answer.state == called);
        let mut all = familiarities(answers);
        all.sort_by(f64::total_cmp);
        Self {
            clips: answers.len(),
            with_familiarity: all.len(),
            share: called_share,
            interval95: wilson(called_share, n),
            median_familiarity: all.get(all.len() / 2).copied().unwrap_or_default(),
            confident_wrong: share(&|answer| answer.state == genre && is_wrong(answer)),
            confident_wrong_without: share(&|answer| [genre, called].contains(&answer.state) && is_wrong(answer)),
        }
    }
}

fn familiarities(answers: &[&MusicAnswer]) -> Vec<f64> {
    answers.iter().filter_map(|answer| answer.familiarity).collect()
}

/// The probability that one of `low` is below one of `high`, ties counted half: the area under the receiver's operating
/// characteristic (Hanley & McNeil 1982). `None` if one of them is empty.
fn auroc(low: &[f64], high: &[f64]) -> Option<f64> {
    let mut sorted = high.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = |x: &f64| {
        let below = sorted.partition_point(|y| y < x);
        let up_to = sorted.partition_point(|y| y <= x);
        (sorted.len() - up_to) as f64 + 0.5 * (up_to - below) as f64
    };
    let pairs = (low.len() * high.len()) as f64;
    (pairs > 0.0).then(|| low.iter().map(above).sum::<f64>() / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(truth: Option<u8>, state: &'static str, familiarity: f64, leader: (u8, f32)) -> MusicAnswer {
        MusicAnswer {
            truth: truth.map(GenreId),
            state,
            familiarity: Some(familiarity),
            leader: (GenreId(leader.0), leader.1),
        }
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        assert_eq!(auroc(&[0.1, 0.2], &[0.3, 0.4, 0.5]), Some(1.0));
        // Of six pairs four are in order and one is a tie.
        assert_eq!(auroc(&[0.1, 0.3], &[0.3, 0.2, 0.5]), Some(4.5 / 6.0));
        assert_eq!(auroc(&[], &[0.3]), None);
    }

    #[test]
    fn shares_by_hand() {
        let answers = [
            answer(Some(0), "genre", 0.5, (0, 0.9)),
            answer(Some(0), "genre", 0.4, (1, 0.8)),
            answer(Some(1), "unfamiliar", 0.02, (0, 0.75)),
            answer(Some(1), "unsure", 0.3, (0, 0.3)),
            answer(None, "unfamiliar", 0.01, (0, 0.9)),
            answer(None, "genre", 0.2, (0, 0.45)),
            MusicAnswer {
                familiarity: None,
                ..answer(None, "not_music", 0.0, (0, 0.9))
            },
        ];
        let metrics = UnfamiliarMetrics::of(&answers).unwrap();
        assert_eq!((metrics.known.clips, metrics.unfamiliar.clips), (4, 3));
        // What the gate rejected counts as a clip that is not called unfamiliar, and has no part in the area.
        assert_eq!(
            (metrics.known.with_familiarity, metrics.unfamiliar.with_familiarity),
            (4, 2)
        );
        let third = 1.0 / 3.0;
        assert_eq!((metrics.known.share, metrics.unfamiliar.share), (0.25, third));
        assert_eq!(
            (metrics.known.confident_wrong, metrics.known.confident_wrong_without),
            (0.25, 0.5)
        );
        assert_eq!(
            (
                metrics.unfamiliar.confident_wrong,
                metrics.unfamiliar.confident_wrong_without
            ),
            (0.0, third)
        );
        assert_eq!(metrics.auroc, Some(7.0 / 8.0));
        let unknown = MusicAnswer {
            familiarity: None,
            ..answers[0]
        };
        assert_eq!(UnfamiliarMetrics::of(&[unknown]), None);
    }
}
