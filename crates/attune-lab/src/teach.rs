//! How the attention labs teach: the training program's optimiser and learning rate, and nothing else.
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

/// How long and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Course {
    /// Steps.
    pub steps: u64,
    /// The highest learning rate of the cycle.
    pub rate: f32,
    /// Weights that are matrices shrink by this share of the rate.
    pub weight_decay: f32,
    /// The most that the norm of all gradients together may be.
    pub clip: f32,
    /// Batches and dropout are drawn from this, and the weights before the first step.
    pub seed: u64,
}

impl Course {
    /// For examples that are drawn afresh: as many as one likes, so that nothing has to keep them from being learnt by heart.
    pub fn of_drawn(steps: u64, rate: f32, seed: u64) -> Self {
        Self {
            steps,
            rate,
            weight_decay: 0.0,
            clip: 1.0,
            seed,
        }
    }

    /// For a few hundred clips.
    pub fn of_clips(steps: u64, seed: u64) -> Self {
        Self {
            weight_decay: 0.05,
            ..Self::of_drawn(steps, 3e-3, seed)
        }
    }
}

/// Between words about a run.
const SILENCE: Duration = Duration::from_secs(5);

/// Teaches the weights of `store` by `loss`, which draws its own batch; `watch` sees the gradients of every step with the
/// loss. Returns the mean loss of the last tenth.
///
/// # Errors
/// If the network fails, the loss is not finite, or the run is to stop.
pub fn teach(
    store: &WeightStore,
    course: Course,
    what: &str,
    run: &mut Run<'_>,
    mut loss: impl FnMut(&mut ChaCha8Rng) -> Result<Tensor, LabError>,
    mut watch: impl FnMut(u64, &GradStore) -> Result<(), LabError>,
) -> Result<f64, LabError> {
    keep_freed_memory();
    let mut optimizer = AdamW::new(store.params(), course.weight_decay, course.clip);
    let mut rng = ChaCha8Rng::seed_from_u64(course.seed);
    rng.set_stream(1); // the weights were drawn from stream 0
    let (mut sum, mut count) = (0.0, 0_u64);
    let mut said = Instant::now();
    for step in 0..course.steps {
        run.go_on()?;
        let of_step = loss(&mut rng)?;
        let value = of_step.to_scalar::<f32>()?;
        if !value.is_finite() {
            return Err(TrainError::Diverged { step, loss: value }.into());
        }
        let grads = of_step.backward()?;
        watch(step, &grads)?;
        optimizer.step(&grads, one_cycle(step, course.steps, course.rate))?;
        if step >= course.steps - course.steps.div_ceil(10) {
            (sum, count) = (sum + f64::from(value), count + 1);
        }
        if step == 0 || said.elapsed() > SILENCE {
            said = Instant::now();
            run.say(&format!("{what}: step {step} of {}, loss {value:.3}", course.steps))?;
        }
    }
    Ok(sum / count.max(1) as f64)
}
