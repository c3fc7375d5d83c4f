//! All metrics of all models, and of the ensemble.

use super::answers::{Answers, ClipLogits};
use super::calibration::{ece_if_calibrated, fit_answers, fit_temperature};
use super::clip_rows::ClipRow;
use super::conditions::{ConditionMetrics, PairedDifference};
use super::genre_change::ChangeMetrics;
use super::groups::ByGroup;
use super::metrics::{Metrics, is_confidently_wrong};
use super::metrics_at::{MetricsAt, metrics_at_marks, outcomes, rise};
use super::recall::{Recalls, Rise, Share};
use super::rejection::ErrorRate;
use super::timeline::TimelineMetrics;
use super::unfamiliar::UnfamiliarMetrics;
use attune_audio::features::FrontEndSpec;
use attune_model::LoadedModel;
use attune_model::genre::Probabilities;

/// One model's logits for all clips.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelClips {
    /// Its name.
    pub name: String,
    /// Its temperature, as its manifest has it.
    pub temperature: f32,
    /// Its logits, clip by clip; the same clips for all models.
    pub clips: Vec<ClipLogits>,
    /// In a cross-validation, each clip's own temperature, fitted on the other folds.
    pub out_of_fold: Option<Vec<f32>>,
}

impl ModelClips {
    /// The answers as they are given.
    pub fn answers(&self, spec: &FrontEndSpec) -> Answers {
        match &self.out_of_fold {
            Some(temperatures) => Answers::with_temperatures(&self.clips, temperatures, spec),
            None => Answers::of(&self.clips, self.temperature, spec),
        }
    }

    /// Regroups logits from clip-by-model to model-by-clip; the logits are moved.
    pub fn by_model(models: &[LoadedModel], clips: &mut [Vec<ClipLogits>]) -> Vec<Self> {
        let models = models.iter().enumerate().map(|(place, model)| Self {
            name: model.manifest().name.clone(),
            temperature: model.manifest().temperature,
            out_of_fold: None,
            clips: clips
                .iter_mut()
                .filter_map(|models| models.get_mut(place))
                .map(|clip| ClipLogits {
                    truth: clip.truth,
                    classes: clip.classes,
                    novelty: std::mem::take(&mut clip.novelty),
                    logits: std::mem::take(&mut clip.logits),
                })
                .collect(),
        });
        models.collect()
    }
}

/// Figures of one model or of the ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMetrics {
    /// Its name; `ensemble` for the mean of all.
    pub name: String,
    /// The temperature its answers are given with; 1 for the ensemble, whose models have theirs.
    pub temperature: f32,
    /// Over whole clips, as the answers are given.
    pub whole: Metrics,
    /// The accuracy's interval over whole groups of clips, if the table gives groups.
    pub by_group: Option<ByGroup>,
    /// Recall of each class over whole clips.
    pub recalls: Recalls,
    /// How recall changes with the seconds; none for clips of 3 s.
    pub rise: Option<Rise>,
    /// Share of whole clips with a wrong class at a probability of 50 % or more.
    pub confident_wrong: Option<Share>,
    /// Over whole clips, every temperature 1.
    pub before: Metrics,
    /// The calibration error to expect on this many clips if perfectly calibrated ([`ece_if_calibrated`]).
    pub chance_ece: f64,
    /// The temperature that fits these very clips best (for the ensemble: on top of those of its models).
    pub fitted_temperature: f32,
    /// Over whole clips at that temperature: a bound, as it was fitted on the same clips.
    pub fitted: Metrics,
    /// After 1, 2, 3… seconds.
    pub at_marks: Vec<MetricsAt>,
    /// On the same clips under other conditions, if requested.
    pub conditions: Vec<ConditionMetrics>,
    /// The displayed answer while clips play; `None` without sound.
    pub timeline: Option<TimelineMetrics>,
    /// How fast changes of genre are followed, if requested.
    pub changes: Option<ChangeMetrics>,
    /// Which clips were answered right.
    pub right: Vec<bool>,
}

/// How often two models give the same answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Both.
    pub models: [String; 2],
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
    /// The models, and last the ensemble.
    pub models: Vec<ModelMetrics>,
    /// Of each pair of models.
    pub agreement: Vec<Agreement>,
    /// Music that was taken for none, by class and, as `music`, in all; empty without sound.
    pub rejected_music: Vec<(String, ErrorRate)>,
    /// What is no music and was given a genre, by label.
    pub false_genre: Vec<(&'static str, ErrorRate)>,
    /// Music of the models' classes and of none, by its familiarity; `None` if no model knows.
    pub unfamiliar: Option<UnfamiliarMetrics>,
    /// Conditions that could not be evaluated, and why.
    pub left_out: Option<String>,
    /// What each clip was answered.
    pub rows: Vec<ClipRow>,
    /// The answers of each model and of the ensemble.
    pub(super) answers: Vec<Answers>,
    groups: Option<Vec<usize>>,
    spec: FrontEndSpec,
    classes: usize,
}

impl Evaluation {
    /// The metrics that logits alone give. `groups` numbers each clip's group.
    ///
    /// # Panics
    /// If there is no model: a slip of the caller.
    pub fn of(models: &[ModelClips], groups: Option<&[usize]>, spec: &FrontEndSpec, classes: usize) -> Self {
        let mut given: Vec<Answers> = models.iter().map(|model| model.answers(spec)).collect();
        let before: Vec<Answers> = models
            .iter()
            .map(|model| Answers::of(&model.clips, 1.0, spec))
            .collect();
        let counted = Counted { groups, classes };
        let mut metrics = Vec::with_capacity(models.len() + 1);
        for ((model, given), before) in models.iter().zip(&given).zip(&before) {
            let temperature = fit_temperature(&model.clips, spec);
            let fitted = Answers::of(&model.clips, temperature, spec);
            let fit = (temperature, Metrics::of(&fitted.labelled(), classes));
            metrics.push(model_metrics(
                (&model.name, model.temperature),
                given,
                before,
                fit,
                counted,
            ));
        }
        let ensemble = Answers::ensemble(&given);
        let temperature = fit_answers(&ensemble.labelled(), classes);
        let fitted = Metrics::of(&ensemble.tempered(temperature).labelled(), classes);
        metrics.push(model_metrics(
            ("ensemble", 1.0),
            &ensemble,
            &Answers::ensemble(&before),
            (temperature, fitted),
            counted,
        ));
        let agreement = agreements(models, &given);
        let clips = ensemble.truths.len();
        given.push(ensemble);
        Self {
            clips,
            failed: 0,
            agreement,
            models: metrics,
            rejected_music: Vec::new(),
            false_genre: Vec::new(),
            left_out: None,
            rows: Vec::new(),
            answers: given,
            groups: groups.map(<[usize]>::to_vec),
            unfamiliar: None,
            spec: spec.clone(),
            classes,
        }
    }

    /// The answers to a whole clip: each model's and, last, the ensemble's.
    pub(super) fn answers_to(&self, clip: usize) -> Vec<Probabilities> {
        self.answers.iter().map(|answers| answers.whole[clip]).collect()
    }

    /// Sets what each clip was answered. The gate may have kept a genre from being displayed, so the ensemble's shares
    /// of displayed answers are those of the rows.
    pub(super) fn set_rows(&mut self, rows: Vec<ClipRow>) {
        let music: Vec<&ClipRow> = rows.iter().filter(|row| row.truth.is_some()).collect();
        let displayed = || music.iter().filter(|row| row.displayed.is_some());
        let is_wrong = |row: &&&ClipRow| row.displayed != row.truth;
        if let Some(ensemble) = self.models.last_mut() {
            let clips = music.len().max(1) as f64;
            ensemble.whole.displayed = displayed().count() as f64 / clips;
            ensemble.whole.displayed_wrong = displayed().filter(is_wrong).count() as f64 / clips;
        }
        self.rows = rows;
    }

    /// Adds the models' logits for the same clips under a condition.
    pub(crate) fn add_condition(&mut self, name: &'static str, models: &[ModelClips]) {
        let mut given: Vec<Answers> = models.iter().map(|model| model.answers(&self.spec)).collect();
        given.push(Answers::ensemble(&given));
        for (model, given) in self.models.iter_mut().zip(&given) {
            let labelled = given.labelled();
            let (truths, right) = outcomes(&labelled);
            let groups = self.groups.as_deref();
            model.conditions.push(ConditionMetrics {
                name,
                metrics: Metrics::of(&labelled, self.classes),
                by_group: groups.and_then(|groups| ByGroup::of(&right, groups)),
                recalls: Recalls::of(&truths, &right, groups, self.classes),
                difference: PairedDifference::of(&model.right, &right),
            });
        }
    }
}

/// How clips are counted.
#[derive(Clone, Copy)]
struct Counted<'a> {
    groups: Option<&'a [usize]>,
    classes: usize,
}

fn model_metrics(
    (name, temperature): (&str, f32),
    given: &Answers,
    before: &Answers,
    (fitted_temperature, fitted): (f32, Metrics),
    Counted { groups, classes }: Counted<'_>,
) -> ModelMetrics {
    let labelled = given.labelled();
    let (truths, right) = outcomes(&labelled);
    let confident_wrong: Vec<bool> = labelled
        .iter()
        .map(|(truth, p)| is_confidently_wrong(*truth, p))
        .collect();
    ModelMetrics {
        name: name.to_owned(),
        temperature,
        whole: Metrics::of(&labelled, classes),
        by_group: groups.and_then(|groups| ByGroup::of(&right, groups)),
        recalls: Recalls::of(&truths, &right, groups, classes),
        rise: rise(given, classes),
        confident_wrong: Share::of(&confident_wrong, groups),
        before: Metrics::of(&before.labelled(), classes),
        chance_ece: ece_if_calibrated(&labelled),
        fitted_temperature,
        fitted,
        at_marks: metrics_at_marks(given, before, groups, classes),
        conditions: Vec::new(),
        timeline: None,
        changes: None,
        right,
    }
}

fn agreements(models: &[ModelClips], given: &[Answers]) -> Vec<Agreement> {
    let mut all = Vec::new();
    for (second, with) in given.iter().enumerate() {
        for (first, of) in given[..second].iter().enumerate() {
            all.push(Agreement {
                models: [models[first].name.clone(), models[second].name.clone()],
                share: of.agreement(with),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::genre::GenreId;

    fn clip(truth: u8, first: f32) -> ClipLogits {
        ClipLogits {
            truth: GenreId(truth),
            logits: vec![first, 0.0],
            classes: 2,
            novelty: Vec::new(),
        }
    }

    fn model(name: &str, clips: Vec<ClipLogits>) -> ModelClips {
        ModelClips {
            name: name.to_owned(),
            temperature: 2.0,
            clips,
            out_of_fold: None,
        }
    }

    #[test]
    fn engines_ensemble_agreement_and_conditions_by_hand() {
        let spec = FrontEndSpec::default();
        // Truths 0, 1, 0; `a` is sure of 0, 0, 0; `b` leans to 0, 1, 1.
        let a = model("a", vec![clip(0, 4.0), clip(1, 1.0), clip(0, 4.0)]);
        let b = model("b", vec![clip(0, 1.0), clip(1, -4.0), clip(0, -1.0)]);
        let mut evaluation = Evaluation::of(&[a.clone(), b.clone()], None, &spec, 2);
        let accuracies: Vec<f64> = evaluation.models.iter().map(|model| model.whole.accuracy).collect();
        assert_eq!(accuracies, [2.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(evaluation.models[2].name, "ensemble");
        assert_eq!(evaluation.agreement[0].models, ["a".to_owned(), "b".to_owned()]);
        assert!((evaluation.agreement[0].share - 1.0 / 3.0).abs() < 1e-12);
        // The given answers are at T = 2, those before at T = 1: e^2 and e^4 : 1.
        let first = &evaluation.models[0];
        let sure = |z: f64| 1.0 / (1.0 + (-z).exp());
        let nll = |t: f64| -(2.0 * sure(4.0 / t).ln() + (1.0 - sure(1.0 / t)).ln()) / 3.0;
        assert!((first.whole.nll - nll(2.0)).abs() < 1e-5 && (first.before.nll - nll(1.0)).abs() < 1e-5);
        assert!(first.fitted.nll <= first.before.nll.min(first.whole.nll) + 1e-6);
        // Under the condition `a` answers as `b` does: one lost, one won.
        evaluation.add_condition("noisy", &[b.clone(), b]);
        let noisy = &evaluation.models[0].conditions[0];
        assert_eq!((noisy.name, noisy.metrics.clips), ("noisy", 3));
        assert!(noisy.difference.difference.abs() < 1e-12);
        let together = &evaluation.models[2].conditions[0].difference;
        assert!((together.difference + 1.0 / 3.0).abs() < 1e-12);
    }
}
