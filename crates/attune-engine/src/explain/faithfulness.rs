//! Whether an answer falls when the attended frames are occluded (deletion curves).

use super::attention_override;
use super::probe::{Input, Probe};
use super::replace::by_local_mean;
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{LoadedModel, ModelError};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Shares of the frames within reach that are occluded.
pub const SHARES: [f64; 6] = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
/// Random orders that the attended one is compared with.
const DRAWS: u64 = 3;

/// The probability of a class after each of [`SHARES`] is occluded.
#[derive(Debug, Clone, PartialEq)]
pub struct Deletion {
    /// Most attended first.
    pub attended: Vec<f64>,
    /// In random order, the mean of several.
    pub random: Vec<f64>,
}

/// How well the attention weights of one answer show what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// The class in question.
    pub class: GenreId,
    /// Its probability with everything.
    pub whole: f64,
    /// What is left of it with frames occluded.
    pub deletion: Deletion,
    /// Its probability when all frames within reach have the same weight.
    pub uniform: f64,
    /// How many frames were within reach.
    pub frames: usize,
}

impl Faithfulness {
    /// Area under each curve over the shares from 0 to the last of [`SHARES`], by trapezoids, divided by that share:
    /// the mean probability that is left. Attention is faithful if it leaves less than random order.
    pub fn areas(&self) -> (f64, f64) {
        let area = |left: &[f64]| area(self.whole, &SHARES, left);
        (area(&self.deletion.attended), area(&self.deletion.random))
    }
}

/// The mean height of a curve from `first` at 0 to `heights` at ascending `shares`, by trapezoids.
pub(super) fn area(first: f64, shares: &[f64], heights: &[f64]) -> f64 {
    let (mut at, mut before, mut sum) = (0.0, first, 0.0);
    for (share, height) in shares.iter().zip(heights) {
        sum += (share - at) * f64::midpoint(before, *height);
        (at, before) = (*share, *height);
    }
    sum / at.max(1e-9)
}

/// A model's answers to an input with frames of its end occluded: what lies before is processed once.
pub(super) struct Occluder<'a> {
    input: &'a Input,
    /// Has processed what lies before the end in question.
    before: Probe,
    first: usize,
    reach: usize,
}

impl<'a> Occluder<'a> {
    /// Only frames from `first` on will be occluded; `reach` as in [`super::occlusion::occlude`].
    pub(super) fn new(model: &LoadedModel, input: &'a Input, first: usize, reach: usize) -> Result<Self, ModelError> {
        let mut before = Probe::new(model)?;
        before.push(input.rows(0, first), input.bands)?;
        Ok(Self {
            input,
            before,
            first,
            reach,
        })
    }

    /// The answer without these frames of the input; `None` if it has none.
    pub(super) fn without(&self, occluded: impl Iterator<Item = usize>) -> Result<Option<Probabilities>, ModelError> {
        let bands = self.input.bands;
        let mut is_occluded = vec![false; self.input.count()];
        for frame in occluded {
            is_occluded[frame] = true;
        }
        let mut frames = self.input.frames.clone();
        by_local_mean(&mut frames, bands, &is_occluded, self.reach);
        let mut probe = self.before.fork();
        probe.push(&frames[self.first * bands..], bands)?;
        Ok(probe.answer())
    }
}

/// What is left of every class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curves {
    whole: Probabilities,
    /// At each of [`SHARES`].
    attended: Vec<Probabilities>,
    /// The same for each random order.
    random: Vec<Vec<Probabilities>>,
    uniform: Option<Probabilities>,
    frames: usize,
}

impl Curves {
    /// Of one class.
    pub(super) fn of(&self, class: GenreId) -> Faithfulness {
        let left = |each: &[Probabilities]| -> Vec<f64> { each.iter().map(|p| f64::from(p.of(class))).collect() };
        let mut random = vec![0.0; SHARES.len()];
        for draw in &self.random {
            for (slot, left) in random.iter_mut().zip(left(draw)) {
                *slot += left / self.random.len() as f64;
            }
        }
        Faithfulness {
            class,
            whole: f64::from(self.whole.of(class)),
            deletion: Deletion {
                attended: left(&self.attended),
                random,
            },
            uniform: self.uniform.map_or(f64::NAN, |p| f64::from(p.of(class))),
            frames: self.frames,
        }
    }
}

/// Occludes the most attended frames of an attention model's input, and as many at random, and follows the probability
/// of the class that it answers. `reach` as in [`super::occlusion::occlude`]. `None` if the model does not attend, or
/// there is no frame.
pub fn measure(
    model: &LoadedModel,
    input: &Input,
    reach: usize,
    seed: u64,
) -> Result<Option<Faithfulness>, ModelError> {
    let mut probe = Probe::new(model)?;
    probe.push(&input.frames, input.bands)?;
    let curves = of_probe(model, &probe, input, (reach, seed))?;
    Ok(curves.map(|curves| curves.of(curves.whole.top().0)))
}

/// The same of a probe that has processed the input, for every class.
pub(super) fn of_probe(
    model: &LoadedModel,
    probe: &Probe,
    input: &Input,
    (reach, seed): (usize, u64),
) -> Result<Option<Curves>, ModelError> {
    let (Some(whole), Some(picture)) = (probe.answer(), probe.attention()) else {
        return Ok(None);
    };
    let weights = picture.pooling.clone();
    let first = input.count() - weights.len().min(input.count());
    let occluder = Occluder::new(model, input, first, reach)?;
    let curve = |order: &[usize]| -> Result<Vec<Probabilities>, ModelError> {
        let each = SHARES.iter().map(|share| {
            let occluded = ((share * order.len() as f64).round() as usize).min(order.len());
            let answer = occluder.without(order[..occluded].iter().map(|frame| first + frame))?;
            Ok(answer.unwrap_or(whole))
        });
        each.collect()
    };
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let attended = curve(&order)?;
    let mut random = Vec::new();
    for draw in 0..DRAWS {
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(
            seed.wrapping_mul(DRAWS).wrapping_add(draw),
        ));
        random.push(curve(&order)?);
    }
    Ok(Some(Curves {
        whole,
        attended,
        random,
        uniform: attention_override::attend_evenly(probe),
        frames: weights.len(),
    }))
}
