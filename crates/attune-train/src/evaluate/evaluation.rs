//! All figures of all engines, and of the ensemble.

use super::answers::{Answers, Heard};
use super::calibration::{error_by_chance, fit_answers, fit_temperature};
use super::conditions::{ConditionFigures, PairedDifference};
use super::figures::Figures;
use super::groups::ByGroup;
use super::moments::{Moment, moments};
use super::rejection::ErrorRate;
use super::shown::ShownFigures;
use super::splice::ChangeFigures;
use attune_audio::features::FrontEndSpec;
use attune_model::LoadedModel;
use attune_model::genre::{GenreId, Probabilities};

/// What one engine heard.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineClips {
    /// Its name.
    pub name: String,
    /// Its temperature, as its manifest has it.
    pub temperature: f32,
    /// Its logits, clip by clip; the same clips for all engines.
    pub heard: Vec<Heard>,
}

impl EngineClips {
    /// From clips with what each of these models heard in them to models with their clips; the logits are moved.
    pub fn by_engine(models: &[LoadedModel], clips: &mut [Vec<Heard>]) -> Vec<Self> {
        let engines = models.iter().enumerate().map(|(place, model)| Self {
            name: model.manifest().name.clone(),
            temperature: model.manifest().temperature,
            heard: clips
                .iter_mut()
                .filter_map(|engines| engines.get_mut(place))
                .map(|heard| Heard {
                    truth: heard.truth,
                    classes: heard.classes,
                    logits: std::mem::take(&mut heard.logits),
                })
                .collect(),
        });
        engines.collect()
    }
}

/// Figures of one engine or of the ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineFigures {
    /// Its name; `ensemble` for the mean of all.
    pub name: String,
    /// The temperature its answers are given with; 1 for the ensemble, whose engines have theirs.
    pub temperature: f32,
    /// Over whole clips, as the answers are given.
    pub whole: Figures,
    /// How sure the accuracy is over whole groups of clips, if groups were told.
    pub by_group: Option<ByGroup>,
    /// Over whole clips, every temperature 1.
    pub before: Figures,
    /// The calibration error that honest answers would have on so few clips, by chance ([`error_by_chance`]).
    pub chance_ece: f64,
    /// The temperature that fits these very clips best (for the ensemble: on top of those of its engines).
    pub fitted_temperature: f32,
    /// Over whole clips at that temperature: a bound, for it was fitted on what it is measured by.
    pub fitted: Figures,
    /// After 1, 2, 3… seconds.
    pub moments: Vec<Moment>,
    /// On the same clips under other conditions, if that was asked for.
    pub conditions: Vec<ConditionFigures>,
    /// What is shown while clips play; none without sound.
    pub shown: Option<ShownFigures>,
    /// How changes are followed, if that was asked for.
    pub changes: Option<ChangeFigures>,
    /// Which clips were answered right.
    pub right: Vec<bool>,
}

/// How often two engines give the same answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Both.
    pub engines: [String; 2],
    /// Share of the clips.
    pub share: f64,
}

/// Everything that is known of a set of models on a set of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Music that was evaluated.
    pub clips: usize,
    /// Clips that failed and are left out.
    pub failed: usize,
    /// The engines, and last the ensemble.
    pub engines: Vec<EngineFigures>,
    /// Of each pair of engines.
    pub agreement: Vec<Agreement>,
    /// Music that was taken for none, by class and, as `music`, in all; empty without sound.
    pub rejected_music: Vec<(String, ErrorRate)>,
    /// What is no music and was given a genre, by label.
    pub false_genre: Vec<(&'static str, ErrorRate)>,
    spec: FrontEndSpec,
    classes: usize,
}

impl Evaluation {
    /// The figures that logits alone give.
    ///
    /// # Panics
    /// If there is no engine: a slip of the caller.
    pub fn of(engines: &[EngineClips], spec: &FrontEndSpec, classes: usize) -> Self {
        let given: Vec<Answers> = engines
            .iter()
            .map(|engine| Answers::of(&engine.heard, engine.temperature, spec))
            .collect();
        let before: Vec<Answers> = engines
            .iter()
            .map(|engine| Answers::of(&engine.heard, 1.0, spec))
            .collect();
        let mut figures = Vec::with_capacity(engines.len() + 1);
        for ((engine, given), before) in engines.iter().zip(&given).zip(&before) {
            let temperature = fit_temperature(&engine.heard, spec);
            let fitted = Answers::of(&engine.heard, temperature, spec);
            let fit = (temperature, Figures::of(&fitted.labelled(), classes));
            figures.push(engine_figures(
                (&engine.name, engine.temperature),
                given,
                before,
                fit,
                classes,
            ));
        }
        let agreed = Answers::agreed(&given);
        let temperature = fit_answers(&agreed.labelled(), classes);
        let fitted = Figures::of(&agreed.tempered(temperature).labelled(), classes);
        figures.push(engine_figures(
            ("ensemble", 1.0),
            &agreed,
            &Answers::agreed(&before),
            (temperature, fitted),
            classes,
        ));
        Self {
            clips: agreed.truths.len(),
            failed: 0,
            agreement: agreements(engines, &given),
            engines: figures,
            rejected_music: Vec::new(),
            false_genre: Vec::new(),
            spec: spec.clone(),
            classes,
        }
    }

    /// Adds intervals over whole groups, if every clip's is told: one name for each clip that was heard, in their order.
    pub fn add_groups(&mut self, groups: &[&str]) {
        if groups.iter().all(|group| !group.is_empty()) {
            for engine in &mut self.engines {
                engine.by_group = ByGroup::of(&engine.right, groups);
            }
        }
    }

    /// Adds what the engines heard of the same clips under a condition.
    pub fn add_condition(&mut self, name: &'static str, engines: &[EngineClips]) {
        let mut given: Vec<Answers> = engines
            .iter()
            .map(|engine| Answers::of(&engine.heard, engine.temperature, &self.spec))
            .collect();
        given.push(Answers::agreed(&given));
        for (engine, given) in self.engines.iter_mut().zip(&given) {
            let labelled = given.labelled();
            engine.conditions.push(ConditionFigures {
                name,
                figures: Figures::of(&labelled, self.classes),
                difference: PairedDifference::of(&engine.right, &which_right(&labelled)),
            });
        }
    }
}

fn engine_figures(
    (name, temperature): (&str, f32),
    given: &Answers,
    before: &Answers,
    (fitted_temperature, fitted): (f32, Figures),
    classes: usize,
) -> EngineFigures {
    let labelled = given.labelled();
    EngineFigures {
        name: name.to_owned(),
        temperature,
        whole: Figures::of(&labelled, classes),
        by_group: None,
        before: Figures::of(&before.labelled(), classes),
        chance_ece: error_by_chance(&labelled),
        fitted_temperature,
        fitted,
        moments: moments(given, before, classes),
        conditions: Vec::new(),
        shown: None,
        changes: None,
        right: which_right(&labelled),
    }
}

fn which_right(labelled: &[(GenreId, Probabilities)]) -> Vec<bool> {
    labelled.iter().map(|(truth, p)| p.top().0 == *truth).collect()
}

fn agreements(engines: &[EngineClips], given: &[Answers]) -> Vec<Agreement> {
    let mut all = Vec::new();
    for (second, with) in given.iter().enumerate() {
        for (first, of) in given[..second].iter().enumerate() {
            all.push(Agreement {
                engines: [engines[first].name.clone(), engines[second].name.clone()],
                share: of.agreement(with),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(truth: u8, first: f32) -> Heard {
        Heard {
            truth: GenreId(truth),
            logits: vec![first, 0.0],
            classes: 2,
        }
    }

    fn engine(name: &str, heard: Vec<Heard>) -> EngineClips {
        EngineClips {
            name: name.to_owned(),
            temperature: 2.0,
            heard,
        }
    }

    #[test]
    fn engines_ensemble_agreement_and_conditions_by_hand() {
        let spec = FrontEndSpec::default();
        // Truths 0, 1, 0; `a` is sure of 0, 0, 0; `b` leans to 0, 1, 1.
        let a = engine("a", vec![clip(0, 4.0), clip(1, 1.0), clip(0, 4.0)]);
        let b = engine("b", vec![clip(0, 1.0), clip(1, -4.0), clip(0, -1.0)]);
        let mut evaluation = Evaluation::of(&[a.clone(), b.clone()], &spec, 2);
        let accuracies: Vec<f64> = evaluation.engines.iter().map(|engine| engine.whole.accuracy).collect();
        assert_eq!(accuracies, [2.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(evaluation.engines[2].name, "ensemble");
        assert_eq!(evaluation.agreement[0].engines, ["a".to_owned(), "b".to_owned()]);
        assert!((evaluation.agreement[0].share - 1.0 / 3.0).abs() < 1e-12);
        // The given answers are at T = 2, those before at T = 1: e^2 and e^4 : 1.
        let first = &evaluation.engines[0];
        let sure = |z: f64| 1.0 / (1.0 + (-z).exp());
        let nll = |t: f64| -(2.0 * sure(4.0 / t).ln() + (1.0 - sure(1.0 / t)).ln()) / 3.0;
        assert!((first.whole.nll - nll(2.0)).abs() < 1e-5 && (first.before.nll - nll(1.0)).abs() < 1e-5);
        assert!(first.fitted.nll <= first.before.nll.min(first.whole.nll) + 1e-6);
        // Under the condition `a` answers as `b` does: one lost, one won.
        evaluation.add_condition("noisy", &[b.clone(), b]);
        let noisy = &evaluation.engines[0].conditions[0];
        assert_eq!((noisy.name, noisy.figures.clips), ("noisy", 3));
        assert!(noisy.difference.difference.abs() < 1e-12);
        let together = &evaluation.engines[2].conditions[0].difference;
        assert!((together.difference + 1.0 / 3.0).abs() < 1e-12);
    }
}
