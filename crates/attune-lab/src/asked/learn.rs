//! Teaches an asked network on sequences that are drawn afresh for every step, and tests it on others.

use super::{AskedNet, AskedShape};
use crate::pieces::one_hot;
use crate::teach::{Course, teach};
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

/// Sequences, and what is asked about them.
#[derive(Debug)]
pub struct Drawn {
    /// (b, t, inputs).
    pub x: Tensor,
    /// The right answers (b · answers).
    pub classes: Vec<usize>,
}

/// All that fixes a taught network but its sequences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub shape: AskedShape,
    /// How it is taught.
    pub course: Course,
    /// Sequences of a step.
    pub batch: usize,
}

impl Plan {
    /// For sequences that are drawn.
    pub fn of_drawn(shape: AskedShape, steps: u64, seed: u64) -> Self {
        Self {
            shape,
            course: Course::of_drawn(steps, 3e-3, seed),
            batch: 32,
        }
    }
}

/// Teaches the network on what `draw` brings; `watch` sees the gradients of each step with the weights. Returns its tensors and
/// the mean loss of the last tenth.
///
/// # Errors
/// If the network fails, the loss is not finite, or the run is to stop.
pub fn learn(
    plan: &Plan,
    what: &str,
    run: &mut Run<'_>,
    draw: impl Fn(usize, &mut ChaCha8Rng) -> Result<Drawn, LabError>,
    mut watch: impl FnMut(u64, &WeightStore, &GradStore) -> Result<(), LabError>,
) -> Result<(HashMap<String, Tensor>, f64), LabError> {
    let AskedShape { answers, classes, .. } = plan.shape;
    let mut store = WeightStore::random(plan.course.seed);
    let net = AskedNet::new(&mut store, plan.shape)?;
    let loss = |rng: &mut ChaCha8Rng| {
        let drawn = draw(plan.batch, rng)?;
        let logits = net.forward(&drawn.x, &mut Pass::Train(rng))?;
        let targets = one_hot(&drawn.classes, 1, classes)?.reshape((plan.batch, answers, classes))?;
        Ok(logits.apply_op2(&targets, CrossEntropy)?.mean_all()?)
    };
    let loss = teach(&store, plan.course, what, run, loss, |step, grads| {
        watch(step, &store, grads)
    })?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}

/// Share of right answers about `count` sequences that were not learnt from: of all answers, and of the sequences with all
/// of theirs right.
///
/// # Errors
/// If the network fails.
pub fn judge(
    net: &AskedNet,
    (count, seed): (usize, u64),
    draw: impl Fn(usize, &mut ChaCha8Rng) -> Result<Drawn, LabError>,
) -> Result<(f64, f64), LabError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2); // other sequences than those that were learnt from
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
