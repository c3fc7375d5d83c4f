//! Everything that is told of one moment.

use super::faithfulness::{self, Curves, Faithfulness};
use super::forced::force;
use super::listener::{Listener, Question};
use super::occlusion::{Occlusion, occlude};
use super::planted::{AROUND, PLACE};
use super::segments::{Segment, segments};
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{LoadedModel, ModelError};
use std::thread::ScopedJoinHandle;

/// How much of the past is asked about, place by place.
pub const SPAN: Seconds = Seconds(12.0);
/// How much of the past is heard at the most: what was before has faded from every engine.
pub const HEARD: Seconds = Seconds(24.0);
/// What the random orders of [`faithfulness`] are drawn from.
const SEED: u64 = 1;

/// What one engine says, and what of the past changes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// Its name.
    pub engine: String,
    /// With and without each place.
    pub occlusion: Occlusion,
}

/// Where an attention engine looked, and what that is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Its name.
    pub engine: String,
    /// Weight of each frame of the question's end, oldest first; they sum to 1.
    pub weights: Vec<f32>,
    /// Its answer when it looks at one place only; `None` out of reach.
    pub forced: Vec<Option<Probabilities>>,
    /// What is left of its answer without what it looked at.
    pub faithfulness: Faithfulness,
}

/// One moment, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The places asked about, in frames of the question.
    pub places: Vec<Segment>,
    /// Frames of the question: the newest one is the moment.
    pub frames: usize,
    /// Time of a frame.
    pub hop: Seconds,
    /// Each engine.
    pub opinions: Vec<Opinion>,
    /// Their mean.
    pub ensemble: Occlusion,
    /// The engines that attend; none if only changes were asked about.
    pub looked: Vec<Looked>,
}

impl Explanation {
    /// Asks all engines about the last [`SPAN`] before the newest frame of the question, each on two threads of its own:
    /// what changes its answer, and what it looked at.
    /// `None` without engines or frames.
    pub fn of(models: &[LoadedModel], question: &Question, hop: Seconds) -> Result<Option<Self>, ModelError> {
        let (places, around) = places(question, hop);
        let asked: Vec<_> = std::thread::scope(|scope| {
            let asked = models.iter().map(|model| {
                (
                    scope.spawn(|| occlude(model, question, &places, around)),
                    scope.spawn(|| look(model, question, &places, around)),
                )
            });
            // All are asked before the first is waited for.
            let asked: Vec<_> = asked.collect();
            let of = asked.into_iter().map(|(occlusion, look)| (join(occlusion), join(look)));
            of.collect()
        });
        let (mut occlusions, mut looks) = (Vec::new(), Vec::new());
        for (model, (occlusion, look)) in models.iter().zip(asked) {
            let Some(occlusion) = occlusion? else { return Ok(None) };
            occlusions.push(occlusion);
            looks.extend(look?.map(|look| (model, look)));
        }
        Ok(
            Self::together(models, occlusions, (places, question.count(), hop)).map(|it| {
                // All is told of one class, the one that is answered, whatever an engine alone would say.
                let class = it.class();
                let looked = looks.into_iter().map(|(model, look)| look.told(model, class));
                Self {
                    looked: looked.collect(),
                    ..it
                }
            }),
        )
    }

    /// The same without what it looked at, and on the caller's thread alone: what can be asked again and again beside other work.
    pub fn changes(models: &[LoadedModel], question: &Question, hop: Seconds) -> Result<Option<Self>, ModelError> {
        let (places, around) = places(question, hop);
        let mut occlusions = Vec::with_capacity(models.len());
        for model in models {
            let Some(occlusion) = occlude(model, question, &places, around)? else {
                return Ok(None);
            };
            occlusions.push(occlusion);
        }
        Ok(Self::together(models, occlusions, (places, question.count(), hop)))
    }

    /// What all engines say, and what they say together; `None` without engines.
    fn together(
        models: &[LoadedModel],
        occlusions: Vec<Occlusion>,
        (places, frames, hop): (Vec<Segment>, usize, Seconds),
    ) -> Option<Self> {
        let ensemble = Occlusion::mean(&occlusions)?;
        let opinions = models.iter().zip(occlusions).map(|(model, occlusion)| Opinion {
            engine: model.manifest().name.clone(),
            occlusion,
        });
        Some(Self {
            places,
            frames,
            hop,
            opinions: opinions.collect(),
            ensemble,
            looked: Vec::new(),
        })
    }

    /// The class that is answered.
    pub fn class(&self) -> GenreId {
        self.ensemble.whole.top().0
    }

    /// From when to when a place lies, in seconds before the moment.
    pub fn back(&self, place: Segment) -> (f64, f64) {
        let back = |frame: usize| (self.frames - frame) as f64 * self.hop.0;
        (back(place.start), back(place.end))
    }

    /// What the first engine that attends says more of a class when it looks at one place only than by itself, of each place; `None`
    /// if none attends.
    pub fn forced(&self, class: GenreId) -> Option<Vec<Option<f32>>> {
        let looked = self.looked.first()?;
        let own = self.opinions.iter().find(|opinion| opinion.engine == looked.engine)?;
        let whole = own.occlusion.whole.of(class);
        let more = |forced: &Option<Probabilities>| forced.as_ref().map(|forced| forced.of(class) - whole);
        Some(looked.forced.iter().map(more).collect())
    }

    /// Mean weight of a frame of a place by an engine that looked; 0 out of reach.
    pub fn attention_at(&self, looked: &Looked, place: Segment) -> f32 {
        let first = self.frames - looked.weights.len().min(self.frames);
        let weights = (place.start..place.end).filter_map(|frame| looked.weights.get(frame.checked_sub(first)?));
        weights.fold(0.0, |sum, weight| sum + weight) / place.len().max(1) as f32
    }
}

/// The places that are asked about, and within how many frames lies what replaces one.
fn places(question: &Question, hop: Seconds) -> (Vec<Segment>, usize) {
    let around = (AROUND.0 / hop.0.max(1e-9)) as usize;
    (segments(question.count(), hop, SPAN, PLACE), around)
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T, ModelError>>) -> Result<T, ModelError> {
    thread.join().unwrap_or(Err(ModelError::NotFinite))
}

/// What an engine looked at, before it is known which class is answered.
struct Look {
    weights: Vec<f32>,
    forced: Vec<Option<Probabilities>>,
    curves: Curves,
}

impl Look {
    fn told(self, model: &LoadedModel, class: GenreId) -> Looked {
        Looked {
            engine: model.manifest().name.clone(),
            weights: self.weights,
            forced: self.forced,
            faithfulness: self.curves.of(class),
        }
    }
}

/// What an engine that attends looked at; `None` of one that does not.
fn look(
    model: &LoadedModel,
    question: &Question,
    places: &[Segment],
    around: usize,
) -> Result<Option<Look>, ModelError> {
    let mut listener = Listener::new(model)?;
    // After one frame an engine that does not attend has nothing to tell.
    let begun = question.count().min(1);
    listener.hear(question.rows(0, begun), question.bands)?;
    if listener.attention().is_none() {
        return Ok(None);
    }
    listener.hear(question.rows(begun, question.count()), question.bands)?;
    let Some(weights) = listener.attention().map(|picture| picture.pooling.clone()) else {
        return Ok(None);
    };
    let curves = faithfulness::of_heard(model, &listener, question, (around, SEED))?;
    Ok(curves.map(|curves| Look {
        weights,
        forced: force(&listener, question.count(), places),
        curves,
    }))
}
