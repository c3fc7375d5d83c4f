//! Teaches one network one task, with a test now and then on sequences that it never learns from.

use super::descent::Descent;
use super::plan::Plan;
use super::tasks::{Batch, Task};
use crate::{LabError, Run};
use attune_model::architecture::Net;
use attune_nn::Pass;
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::weights::WeightStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What is added to a plan's seed for the sequences of tests: they are other ones.
const TESTS: u64 = 0x7e57;
/// Sequences that are tested side by side.
const TESTED_AT_ONCE: usize = 100;
/// Time between reports of progress.
const SILENCE: Duration = Duration::from_secs(5);

/// One test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Steps made before it.
    pub step: u64,
    /// The mean loss of the steps since the last one.
    pub learnt: f64,
    /// The mean loss on the test's sequences.
    pub loss: f64,
    /// Share of right answers, where there is right and wrong.
    pub right: Option<f64>,
}

/// The result of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Numbers that were learnt.
    pub weights: usize,
    /// Frames that an answer can depend on; `None`: no bound.
    pub field: Option<usize>,
    /// All tests, in order.
    pub curve: Vec<Tested>,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// The last test.
    pub fn last(&self) -> Option<Tested> {
        self.curve.last().copied()
    }
}

/// Teaches until the plan's last step, or until the loss is enough: of the shorter tasks of its ladder first, if it has
/// one. All that is tested and kept is of the task itself.
///
/// # Errors
/// If the network fails, the loss is not finite, or the run is to stop.
pub fn learn(plan: &Plan, run: &mut Run<'_>) -> Result<Outcome, LabError> {
    keep_freed_memory();
    let begin = Instant::now();
    let mut store = WeightStore::random(plan.seed);
    let net = plan.shape.build(&mut store)?;
    let mut descent = Descent::new(store.params(), (plan.rule, plan.rate), plan.clip);
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let own = tests(plan, plan.task)?;
    let mut ladder = plan.ladder.iter().copied();
    let mut rung = ladder.next().unwrap_or(plan.task);
    let mut of_rung = tests(plan, rung)?;
    let mut curve: Vec<Tested> = Vec::new();
    let (mut sum, mut count, mut said) = (0.0, 0_u64, begin);
    for step in 1..=plan.steps {
        run.check_stop()?;
        let batch = rung.batch(plan.batch, &mut rng)?;
        let answers = net.classify(&batch.x, &batch.read, &mut Pass::Train(&mut rng))?.logits;
        let loss = plan.task.loss(&answers, &batch.targets)?;
        let value = loss.to_scalar::<f32>()?;
        if !value.is_finite() {
            return Err(LabError::Refused(format!(
                "{}: the loss of the {} is {value} at step {step}: try another --seed",
                plan.task.family(),
                plan.kind.label()
            )));
        }
        descent.step(&loss.backward()?)?;
        (sum, count) = (sum + f64::from(value), count + 1);
        if said.elapsed() > SILENCE || step == 1 {
            said = Instant::now();
            let tested = curve.last().map(|tested| format!("tested: {:.5}, ", tested.loss));
            run.say(&format!(
                "{} {}, {}: step {step} of {}, loss {value:.5} ({}chance: {:.5})",
                plan.task.family(),
                rung.length(),
                plan.kind.label(),
                plan.steps,
                tested.unwrap_or_default(),
                plan.task.chance()
            ))?;
        }
        if step % plan.every == 0 || step == plan.steps {
            let (loss, right) = test(plan, net.as_ref(), &own)?;
            curve.push(Tested {
                step,
                learnt: sum / count as f64,
                loss,
                right,
            });
            (sum, count) = (0.0, 0);
            if loss <= plan.enough && rung == plan.task {
                break;
            }
            if rung != plan.task && test(plan, net.as_ref(), &of_rung)?.0 <= plan.enough {
                rung = ladder.next().unwrap_or(plan.task);
                of_rung = tests(plan, rung)?;
            }
        }
    }
    Ok(Outcome {
        weights: store.params().map(|(_, var)| var.elem_count()).sum(),
        field: net.context_frames(),
        curve,
        seconds: begin.elapsed().as_secs_f64(),
    })
}

/// The sequences that are tested: the same for every kind of network.
fn tests(plan: &Plan, task: Task) -> Result<Vec<Batch>, LabError> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed.wrapping_add(TESTS));
    let mut batches = Vec::new();
    for first in (0..plan.tested).step_by(TESTED_AT_ONCE) {
        let count = TESTED_AT_ONCE.min(plan.tested - first);
        batches.push(task.batch(count, &mut rng)?);
    }
    Ok(batches)
}

/// Mean loss, and share of right answers.
fn test(plan: &Plan, net: &dyn Net, tests: &[Batch]) -> Result<(f64, Option<f64>), LabError> {
    let (mut losses, mut rights) = (0.0, None);
    for batch in tests {
        let share = batch.x.dim(0)? as f64 / plan.tested as f64;
        let answers = net.classify(&batch.x, &batch.read, &mut Pass::Infer)?.logits.detach();
        losses += share * f64::from(plan.task.loss(&answers, &batch.targets)?.to_scalar::<f32>()?);
        if let Some(right) = plan.task.right(&answers, &batch.targets)? {
            *rights.get_or_insert(0.0) += share * right;
        }
    }
    Ok((losses, rights))
}
