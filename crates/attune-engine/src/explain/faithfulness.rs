//! Whether an answer falls when what was attended to is taken away.

use super::forced;
use super::listener::{Listener, Question};
use super::replace::by_local_mean;
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{LoadedModel, ModelError};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Shares of the frames in reach that are taken away.
pub const SHARES: [f64; 6] = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
/// Random orders that the attended one is held against.
const DRAWS: u64 = 3;

/// The probability of a class after each of [`SHARES`] is taken away.
#[derive(Debug, Clone, PartialEq)]
pub struct Deletion {
    /// Most attended first.
    pub attended: Vec<f64>,
    /// In random order, the mean of several.
    pub random: Vec<f64>,
}

/// What the weights of one answer are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithfulness {
    /// The class in question.
    pub class: GenreId,
    /// Its probability with everything.
    pub whole: f64,
    /// What is left of it.
    pub deletion: Deletion,
    /// Its probability when all frames in reach weigh the same.
    pub uniform: f64,
    /// How many frames were in reach.
    pub frames: usize,
}

impl Faithfulness {
    /// Area under each curve over the shares from 0 to the last of [`SHARES`], by trapezoids, divided by that share: the
    /// mean probability that is left. Attention is faithful if it leaves less than chance.
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

/// What is left of every class, from which that of one is told.
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

/// Takes the most attended frames away from what an attention engine heard, and as many at random, and asks again for the
/// class that it answers. `reach` as in [`super::occlusion::occlude`]. `None` if the engine does not attend, or heard nothing.
pub fn measure(
    model: &LoadedModel,
    question: &Question,
    reach: usize,
    seed: u64,
) -> Result<Option<Faithfulness>, ModelError> {
    let mut listener = Listener::new(model)?;
    listener.hear(&question.frames, question.bands)?;
    let curves = of_heard(model, &listener, question, (reach, seed))?;
    Ok(curves.map(|curves| curves.of(curves.whole.top().0)))
}

/// The same of a listener that has heard the question, for every class.
pub(super) fn of_heard(
    model: &LoadedModel,
    listener: &Listener,
    question: &Question,
    (reach, seed): (usize, u64),
) -> Result<Option<Curves>, ModelError> {
    let (count, bands) = (question.count(), question.bands);
    let (Some(whole), Some(picture)) = (listener.answer(), listener.attention()) else {
        return Ok(None);
    };
    let weights = picture.pooling.clone();
    let first = count - weights.len().min(count);
    let mut before = Listener::new(model)?;
    before.hear(question.rows(0, first), bands)?;
    let curve = |order: &[usize]| -> Result<Vec<Probabilities>, ModelError> {
        let each = SHARES.iter().map(|share| {
            let mut taken = vec![false; count];
            for frame in &order[..((share * order.len() as f64).round() as usize).min(order.len())] {
                taken[first + frame] = true;
            }
            let mut frames = question.frames.clone();
            by_local_mean(&mut frames, bands, &taken, reach);
            let mut other = before.fork();
            other.hear(&frames[first * bands..], bands)?;
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
        uniform: forced::uniform(listener),
        frames: weights.len(),
    }))
}
