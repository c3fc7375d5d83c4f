//! Trains a token encoder on sequences that are generated for every step, and tests it on others.
//!
//! In: a plan and a generator of sequences. Out: weights, loss, accuracy. Thread: the caller's.

use super::{TokenEncoder, TokenEncoderShape};
use crate::clip_features::one_hot;
use crate::train_loop::{Schedule, Watch, train_loop};
use crate::{LabError, Run};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use candle_core::backprop::GradStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::HashMap;

/// Sequences that are tested side by side.
const TESTED_AT_ONCE: usize = 100;

/// Generated sequences and their classes.
#[derive(Debug)]
pub struct Generated {
    /// (b, t, inputs).
    pub x: Tensor,
    /// True classes (b · answers).
    pub classes: Vec<usize>,
}

/// Everything that determines a trained network but its sequences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub shape: TokenEncoderShape,
    /// How it is trained.
    #[serde(rename = "course")]
    pub schedule: Schedule,
    /// Sequences of a step.
    pub batch: usize,
}

impl Plan {
    /// For sequences that are generated.
    pub(crate) fn for_generated(shape: TokenEncoderShape, steps: u64, seed: u64) -> Self {
        Self {
            shape,
            schedule: Schedule::for_generated(steps, 3e-3, seed),
            batch: 32,
        }
    }
}

/// What is called with the weights and gradients of every step.
pub(crate) type WatchWeights<'a> = &'a mut dyn FnMut(u64, &WeightStore, &GradStore) -> Result<(), LabError>;

/// Trains the network on batches of `draw`; `watch` is called with the weights and gradients of each step. Returns its
/// tensors and the mean loss of the last tenth.
///
/// # Errors
/// If the network fails, the loss is not finite, or the run is to stop.
pub(crate) fn train(
    plan: &Plan,
    what: &str,
    run: &mut Run<'_>,
    draw: impl Fn(usize, &mut ChaCha8Rng) -> Result<Generated, LabError>,
    watch: Option<WatchWeights<'_>>,
) -> Result<(HashMap<String, Tensor>, f64), LabError> {
    let TokenEncoderShape { answers, classes, .. } = plan.shape;
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = TokenEncoder::new(&mut store, plan.shape)?;
    let loss = |_: u64, rng: &mut ChaCha8Rng| {
        let drawn = draw(plan.batch, rng)?;
        let logits = net.forward(&drawn.x, &mut Pass::Train(rng))?;
        let targets = one_hot(&drawn.classes, 1, classes)?.reshape((plan.batch, answers, classes))?;
        Ok(logits.apply_op2(&targets, CrossEntropy)?.mean_all()?)
    };
    let mut watch = watch.map(|watch| |step: u64, grads: &GradStore| watch(step, &store, grads));
    let watch = watch.as_mut().map(|watch| watch as Watch<'_>);
    let loss = train_loop(&store, plan.schedule, what, run, loss, watch)?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}

/// Accuracy on `count` sequences that were not trained on: share of right answers, and share of the sequences with all
/// answers right.
///
/// # Errors
/// If the network fails.
pub fn judge(
    net: &TokenEncoder,
    (count, seed): (usize, u64),
    draw: impl Fn(usize, &mut ChaCha8Rng) -> Result<Generated, LabError>,
) -> Result<(f64, f64), LabError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2); // other sequences than those of training
    let (mut right, mut of, mut all_right) = (0, 0, 0);
    for first in (0..count).step_by(TESTED_AT_ONCE) {
        let drawn = draw(TESTED_AT_ONCE.min(count - first), &mut rng)?;
        let answers = net.answers(&drawn.x)?;
        let truths = drawn.classes.chunks_exact(net.shape.answers);
        for (answers, truths) in answers.chunks_exact(net.shape.answers).zip(truths) {
            let hits = answers.iter().zip(truths).filter(|(a, t)| **a as usize == **t).count();
            (right, of) = (right + hits, of + truths.len());
            all_right += usize::from(hits == truths.len());
        }
    }
    Ok((right as f64 / of.max(1) as f64, all_right as f64 / count.max(1) as f64))
}
