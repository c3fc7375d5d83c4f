//! One moment, explained: what changes the answer, and what the models attend to.

use super::attention_override::attend_only;
use super::faithfulness::{self, Curves, Faithfulness};
use super::occlusion::{Occlusion, occlude};
use super::probe::{Input, Probe};
use super::replace;
use super::segments::{SEGMENT, Segment, segments};
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{LoadedModel, ModelError};
use std::thread::ScopedJoinHandle;

/// How much of the past is explained, segment by segment.
pub const SPAN: Seconds = Seconds(12.0);
/// How much of the past is run through the models at most: what was before has faded from all of them.
pub const MAX_CONTEXT: Seconds = Seconds(24.0);
/// Seed of the random orders of [`faithfulness`].
const SEED: u64 = 1;

/// The answer of one model, and what of the past changes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOcclusion {
    /// Its name.
    pub model: String,
    /// With and without each segment.
    pub occlusion: Occlusion,
}

/// What an attention model attends to, and how faithful that is to its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionReport {
    /// Its name.
    pub model: String,
    /// Weight of each frame at the input's end, oldest first; they sum to 1.
    pub weights: Vec<f32>,
    /// Its answer when it attends to one segment only; `None` out of reach.
    pub overridden: Vec<Option<Probabilities>>,
    /// What is left of its answer when the frames it attends to are occluded.
    pub faithfulness: Faithfulness,
}

/// One moment, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What is occluded in turn, in frames of the input.
    pub segments: Vec<Segment>,
    /// Frames of the input: the newest one is the moment.
    pub frames: usize,
    /// Time of a frame.
    pub hop: Seconds,
    /// Each model.
    pub models: Vec<ModelOcclusion>,
    /// Their mean.
    pub ensemble: Occlusion,
    /// The models that attend; empty after [`Explanation::changes`].
    pub attention: Vec<AttentionReport>,
}

impl Explanation {
    /// Explains the newest frame of the input by the last [`SPAN`] before it, each model on two threads of its own:
    /// what changes its answer, and what it attends to. `None` without models or frames.
    pub fn of(models: &[LoadedModel], input: &Input, hop: Seconds) -> Result<Option<Self>, ModelError> {
        let (segments, reach) = explained(input, hop);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads = models.iter().map(|model| {
                (
                    scope.spawn(|| occlude(model, input, &segments, reach)),
                    scope.spawn(|| attend(model, input, &segments, reach)),
                )
            });
            // All are started before the first is waited for.
            let threads: Vec<_> = threads.collect();
            let joined = threads
                .into_iter()
                .map(|(occlusion, attended)| (join(occlusion), join(attended)));
            joined.collect()
        });
        let (mut occlusions, mut attending) = (Vec::new(), Vec::new());
        for (model, (occlusion, attended)) in models.iter().zip(results) {
            let Some(occlusion) = occlusion? else { return Ok(None) };
            occlusions.push(occlusion);
            attending.extend(attended?.map(|attended| (model, attended)));
        }
        Ok(
            Self::together(models, occlusions, (segments, input.count(), hop)).map(|it| {
                // Everything is about one class, that of the ensemble, whatever a model alone would answer.
                let class = it.class();
                let reports = attending
                    .into_iter()
                    .map(|(model, attended)| attended.report(model, class));
                Self {
                    attention: reports.collect(),
                    ..it
                }
            }),
        )
    }

    /// The same without attention, and on the caller's thread alone: cheap enough to be repeated beside other work.
    pub fn changes(models: &[LoadedModel], input: &Input, hop: Seconds) -> Result<Option<Self>, ModelError> {
        let (segments, reach) = explained(input, hop);
        let mut occlusions = Vec::with_capacity(models.len());
        for model in models {
            let Some(occlusion) = occlude(model, input, &segments, reach)? else {
                return Ok(None);
            };
            occlusions.push(occlusion);
        }
        Ok(Self::together(models, occlusions, (segments, input.count(), hop)))
    }

    /// Each model's occlusion and their mean; `None` without models.
    fn together(
        models: &[LoadedModel],
        occlusions: Vec<Occlusion>,
        (segments, frames, hop): (Vec<Segment>, usize, Seconds),
    ) -> Option<Self> {
        let ensemble = Occlusion::mean(&occlusions)?;
        let models = models.iter().zip(occlusions).map(|(model, occlusion)| ModelOcclusion {
            model: model.manifest().name.clone(),
            occlusion,
        });
        Some(Self {
            segments,
            frames,
            hop,
            models: models.collect(),
            ensemble,
            attention: Vec::new(),
        })
    }

    /// The class that is answered.
    pub fn class(&self) -> GenreId {
        self.ensemble.whole.top().0
    }

    /// Start and end of a segment, in seconds before the moment.
    pub fn back(&self, segment: Segment) -> (f64, f64) {
        let back = |frame: usize| (self.frames - frame) as f64 * self.hop.0;
        (back(segment.start), back(segment.end))
    }

    /// How much the first attention model's probability of a class rises when it attends to each segment only; `None`
    /// if no model attends.
    pub fn override_effects(&self, class: GenreId) -> Option<Vec<Option<f32>>> {
        let report = self.attention.first()?;
        let own = self.models.iter().find(|of| of.model == report.model)?;
        let whole = own.occlusion.whole.of(class);
        let effect = |overridden: &Option<Probabilities>| overridden.as_ref().map(|p| p.of(class) - whole);
        Some(report.overridden.iter().map(effect).collect())
    }

    /// Mean attention weight of a frame of a segment; 0 out of reach.
    pub fn attention_at(&self, report: &AttentionReport, segment: Segment) -> f32 {
        segment.mean_of(&report.weights, self.frames)
    }
}

/// The segments that are occluded in turn, and within how many frames lies what replaces one.
fn explained(input: &Input, hop: Seconds) -> (Vec<Segment>, usize) {
    (segments(input.count(), hop, SPAN, SEGMENT), replace::reach(hop))
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T, ModelError>>) -> Result<T, ModelError> {
    thread.join().unwrap_or(Err(ModelError::NotFinite))
}

/// What a model attends to, before it is known which class the ensemble answers.
struct Attended {
    weights: Vec<f32>,
    overridden: Vec<Option<Probabilities>>,
    curves: Curves,
}

impl Attended {
    fn report(self, model: &LoadedModel, class: GenreId) -> AttentionReport {
        AttentionReport {
            model: model.manifest().name.clone(),
            weights: self.weights,
            overridden: self.overridden,
            faithfulness: self.curves.of(class),
        }
    }
}

/// `None` for a model that does not attend.
fn attend(
    model: &LoadedModel,
    input: &Input,
    segments: &[Segment],
    reach: usize,
) -> Result<Option<Attended>, ModelError> {
    let mut probe = Probe::new(model)?;
    // One frame shows whether it attends.
    let first = input.count().min(1);
    probe.push(input.rows(0, first), input.bands)?;
    if probe.attention().is_none() {
        return Ok(None);
    }
    probe.push(input.rows(first, input.count()), input.bands)?;
    let Some(weights) = probe.attention().map(|picture| picture.pooling.clone()) else {
        return Ok(None);
    };
    let curves = faithfulness::of_probe(model, &probe, input, (reach, SEED))?;
    Ok(curves.map(|curves| Attended {
        weights,
        overridden: attend_only(&probe, input.count(), segments),
        curves,
    }))
}
