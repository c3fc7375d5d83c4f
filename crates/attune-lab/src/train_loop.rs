//! The training loop of the attention labs: the optimiser and learning-rate schedule of `attune train`, and nothing
//! else.
//!
//! In: weights and a loss. Out: the losses. Thread: the caller's.

use super::{LabError, Run};
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::weights::WeightStore;
use attune_train::TrainError;
use attune_train::optimizer::{AdamW, one_cycle};
use candle_core::Tensor;
use candle_core::backprop::GradStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Length and rate of training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Schedule {
    /// Steps.
    pub steps: u64,
    /// The highest learning rate of the cycle.
    pub rate: f32,
    /// AdamW's decay of weights that are matrices, as a share of the rate.
    pub weight_decay: f32,
    /// The largest norm of all gradients together.
    pub clip: f32,
    /// Seed of batches, dropout and initial weights.
    pub seed: u64,
}

impl Schedule {
    /// For generated examples, which never repeat: nothing is needed against overfitting.
    pub(crate) fn for_generated(steps: u64, rate: f32, seed: u64) -> Self {
        Self {
            steps,
            rate,
            weight_decay: 0.0,
            clip: 1.0,
            seed,
        }
    }

    /// For a few hundred clips.
    pub(crate) fn for_clips(steps: u64, seed: u64) -> Self {
        Self {
            weight_decay: 0.05,
            ..Self::for_generated(steps, 3e-3, seed)
        }
    }
}

/// Time between reports of progress.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Trains the weights of `store` on `loss`, which draws its own batch; `watch` is called with the gradients of every
/// step. Returns the mean loss of the last tenth.
///
/// # Errors
/// If the network fails, the loss is not finite, or the run is to stop.
pub(crate) fn train_loop(
    store: &WeightStore,
    schedule: Schedule,
    what: &str,
    run: &mut Run<'_>,
    mut loss: impl FnMut(&mut ChaCha8Rng) -> Result<Tensor, LabError>,
    mut watch: impl FnMut(u64, &GradStore) -> Result<(), LabError>,
) -> Result<f64, LabError> {
    keep_freed_memory();
    let mut optimizer = AdamW::new(store.params(), schedule.weight_decay, schedule.clip);
    let mut rng = ChaCha8Rng::seed_from_u64(schedule.seed);
    rng.set_stream(1); // the weights were drawn from stream 0
    let (mut sum, mut count) = (0.0, 0_u64);
    let mut reported = Instant::now();
    for step in 0..schedule.steps {
        run.check_stop()?;
        let step_loss = loss(&mut rng)?;
        let value = step_loss.to_scalar::<f32>()?;
        if !value.is_finite() {
            return Err(TrainError::Diverged { step, loss: value }.into());
        }
        let grads = step_loss.backward()?;
        watch(step, &grads)?;
        optimizer.step(&grads, one_cycle(step, schedule.steps, schedule.rate))?;
        if step >= schedule.steps - schedule.steps.div_ceil(10) {
            (sum, count) = (sum + f64::from(value), count + 1);
        }
        if step == 0 || reported.elapsed() > REPORT_EVERY {
            reported = Instant::now();
            run.say(&format!("{what}: step {step} of {}, loss {value:.3}", schedule.steps))?;
        }
    }
    Ok(sum / count.max(1) as f64)
}
