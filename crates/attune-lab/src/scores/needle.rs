//! Evidence that is known: one frame of many names the class. Which score functions can learn to find it?
//!
//! Every frame is noise with a class of its own written in, so that their mean says nothing; the one that counts is
//! marked. A score over frames can learn the mark. A score over positions cannot: the position is random.

use crate::clip_features::one_hot;
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::scores::ScoreNet;
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::score::ScorePoolingShape;
use attune_nn::weights::WeightStore;
use attune_train::augment::normal;
use candle_core::{D, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Classes.
pub(crate) const CLASSES: usize = 4;
/// Features of a frame: the mark, a place for each class, and noise.
pub(crate) const INPUTS: usize = 12;
/// Height of the mark, and of a class.
const MARK: f32 = 3.0;
const CLASS: f32 = 2.0;
/// Deviation of the noise on every feature.
const NOISE: f32 = 0.5;
/// Examples of a step, and of the test.
const BATCH: usize = 32;
const TESTED: usize = 1_000;

/// All that fixes one cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Plan {
    /// Pooling; its context is the length of the sequences.
    pub shape: ScorePoolingShape,
    /// How it is taught.
    #[serde(rename = "course")]
    pub schedule: Schedule,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Share of right answers.
    pub accuracy: f64,
    /// Mean weight on the frame that counts.
    pub weight: f64,
    /// The greatest weight on it.
    pub greatest: f64,
    /// Share of sequences in which it has the highest weight.
    pub found: f64,
    /// Sequences.
    pub tested: usize,
}

/// Sequences (count, frames, [`INPUTS`]), where the marked frame is, and its class.
pub(crate) fn draw(
    count: usize,
    frames: usize,
    rng: &mut ChaCha8Rng,
) -> candle_core::Result<(Tensor, Vec<usize>, Vec<usize>)> {
    let mut x: Vec<f32> = (0..count * frames * INPUTS).map(|_| NOISE * normal(rng)).collect();
    let (mut places, mut classes) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for sequence in x.chunks_exact_mut(frames * INPUTS) {
        let place = rng.random_range(0..frames);
        for (at, frame) in sequence.chunks_exact_mut(INPUTS).enumerate() {
            let class = rng.random_range(0..CLASSES);
            frame[1 + class] += CLASS;
            if at == place {
                frame[0] += MARK;
                classes.push(class);
            }
        }
        places.push(place);
    }
    Ok((
        Tensor::from_vec(x, (count, frames, INPUTS), &Device::Cpu)?,
        places,
        classes,
    ))
}

/// Teaches a pooling to find the marked frame and tests it on other sequences.
///
/// # Errors
/// If the network fails or the run is to stop.
pub(crate) fn learn(plan: &Plan, run: &mut Run<'_>) -> Result<Outcome, LabError> {
    let frames = plan.shape.context;
    let read = [frames - 1];
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = ScoreNet::new(&mut store, plan.shape, CLASSES)?;
    let what = format!("marked frame, {}, seed {}", plan.shape.kind.name(), plan.schedule.seed);
    let batch = |_: u64, rng: &mut ChaCha8Rng| {
        let (x, _, classes) = draw(BATCH, frames, rng)?;
        let (logits, _) = net.forward(&x, &read, &mut Pass::Train(rng))?;
        Ok(logits
            .apply_op2(&one_hot(&classes, 1, CLASSES)?, CrossEntropy)?
            .mean_all()?)
    };
    train_loop(&store, plan.schedule, &what, run, batch, None)?;
    let mut rng = <ChaCha8Rng as rand::SeedableRng>::seed_from_u64(plan.schedule.seed);
    rng.set_stream(2); // other sequences than those that were learnt from
    let (x, places, classes) = draw(TESTED, frames, &mut rng)?;
    let (logits, weights) = net.forward(&x, &read, &mut Pass::Infer)?;
    let answers: Vec<u32> = logits.squeeze(1)?.argmax(D::Minus1)?.to_vec1()?;
    let weights: Vec<Vec<f32>> = weights.squeeze(1)?.to_vec2()?;
    let right = answers
        .iter()
        .zip(&classes)
        .filter(|(a, c)| **a as usize == **c)
        .count();
    let (mut sum, mut greatest, mut found) = (0.0, 0.0f64, 0);
    for (row, &place) in weights.iter().zip(&places) {
        let weight = f64::from(row[place]);
        sum += weight;
        greatest = greatest.max(weight);
        found += usize::from(
            row.iter()
                .enumerate()
                .all(|(at, other)| at == place || *other < row[place]),
        );
    }
    Ok(Outcome {
        accuracy: right as f64 / TESTED as f64,
        weight: sum / TESTED as f64,
        greatest,
        found: found as f64 / TESTED as f64,
        tested: TESTED,
    })
}
