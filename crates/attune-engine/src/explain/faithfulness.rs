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
        let area = |left: &[f64]| {
            let (mut at, mut height, mut sum) = (0.0, self.whole, 0.0);
            for (share, left) in SHARES.iter().zip(left) {
                sum += (share - at) * f64::midpoint(height, *left);
                (at, height) = (*share, *left);
            }
            sum / at.max(1e-9)
        };
        (area(&self.deletion.attended), area(&self.deletion.random))
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
    let (count, bands) = (input.count(), input.bands);
    let (Some(whole), Some(picture)) = (probe.answer(), probe.attention()) else {
        return Ok(None);
    };
    let weights = picture.pooling.clone();
    let first = count - weights.len().min(count);
    let mut before = Probe::new(model)?;
    before.push(input.rows(0, first), bands)?;
    let curve = |order: &[usize]| -> Result<Vec<Probabilities>, ModelError> {
        let each = SHARES.iter().map(|share| {
            let mut is_occluded = vec![false; count];
            for frame in &order[..((share * order.len() as f64).round() as usize).min(order.len())] {
                is_occluded[first + frame] = true;
            }
            let mut frames = input.frames.clone();
            by_local_mean(&mut frames, bands, &is_occluded, reach);
            let mut other = before.fork();
            other.push(&frames[first * bands..], bands)?;
            Ok(other.answer().unwrap_or(whole))
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
