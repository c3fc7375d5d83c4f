//! The training loop of the attention labs: the optimiser and learning-rate schedule of `attune train`, and nothing
//! else.
//!
//! A training of more than a minute keeps its state in a file, and is resumed from it to the same end, to the bit; a
//! finished one is not repeated.
//!
//! In: weights and a loss. Out: the losses. Thread: the caller's.

use super::training_state::TrainingState;
use super::{LabError, Run};
use attune_nn::kernels::memory::keep_freed_memory;
use attune_nn::weights::WeightStore;
use attune_train::TrainError;
use attune_train::optimizer::{AdamW, inverse_square_root, one_cycle};
use candle_core::Tensor;
use candle_core::backprop::GradStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Decay {
    /// Up over the first tenth, then down along a cosine (Smith 2018).
    OneCycle,
    /// Up over so many steps, then down with one over the square root of the step (Vaswani et al. 2017, eq. 3).
    InverseSquareRoot {
        /// Steps of warm-up.
        warm_up: u64,
    },
    /// The same at every step.
    Constant,
}

/// Length and rate of training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Schedule {
    /// Steps.
    pub steps: u64,
    /// The highest learning rate.
    pub rate: f32,
    /// How the rate goes on from there.
    pub decay: Decay,
    /// AdamW's decay of weights that are matrices, as a share of the rate.
    pub weight_decay: f32,
    /// The largest norm of all gradients together.
    pub clip: f32,
    /// Seed of batches, dropout and initial weights.
    pub seed: u64,
}

impl Schedule {
    /// The learning rate at a step.
    fn rate_at(self, step: u64) -> f32 {
        match self.decay {
            Decay::OneCycle => one_cycle(step, self.steps, self.rate),
            Decay::InverseSquareRoot { warm_up } => inverse_square_root(step, warm_up, self.rate),
            Decay::Constant => self.rate,
        }
    }

    /// For generated examples, which never repeat: nothing is needed against overfitting.
    pub(crate) fn for_generated(steps: u64, rate: f32, seed: u64) -> Self {
        Self {
            steps,
            rate,
            decay: Decay::OneCycle,
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

/// What is called with the gradients of every step.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(u64, &GradStore) -> Result<(), LabError>;

/// Time between reports of progress.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Time between two writings of the state.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// Trains the weights of `store` on `loss`, which is given the step and draws its own batch; `watch` is called with the
/// gradients of every step. Returns the mean loss of the last tenth.
///
/// All that `loss` draws has to come from its generator, or a training that is resumed is another one.
///
/// # Errors
/// If the network fails, the loss is not finite, the state cannot be kept, or the run is to stop.
pub(crate) fn train_loop(
    store: &WeightStore,
    schedule: Schedule,
    what: &str,
    run: &mut Run<'_>,
    mut loss: impl FnMut(u64, &mut ChaCha8Rng) -> Result<Tensor, LabError>,
    mut watch: Option<Watch<'_>>,
) -> Result<f64, LabError> {
    keep_freed_memory();
    let mut optimizer = AdamW::new(store.params(), schedule.weight_decay, schedule.clip);
    let mut rng = ChaCha8Rng::seed_from_u64(schedule.seed);
    rng.set_stream(1); // the weights were drawn from stream 0
    // What was watched is not kept: such a training begins anew.
    let state = run.next_training().filter(|_| watch.is_none()).map(TrainingState::new);
    let resumed = state
        .as_ref()
        .map(|state| state.resume(store, &mut optimizer, &mut rng))
        .transpose()?
        .flatten();
    let mut is_kept = resumed.is_some();
    let mut at = resumed.unwrap_or_default();
    let (mut reported, mut kept) = (None, Instant::now());
    while at.step < schedule.steps {
        if let (Err(stopped), Some(state)) = (run.check_stop(), &state) {
            state.write(store, &optimizer, &rng, at)?;
            return Err(stopped);
        }
        run.check_stop()?;
        let step = at.step;
        let step_loss = loss(step, &mut rng)?;
        let value = step_loss.to_scalar::<f32>()?;
        if !value.is_finite() {
            return Err(TrainError::Diverged { step, loss: value }.into());
        }
        let grads = step_loss.backward()?;
        if let Some(watch) = &mut watch {
            watch(step, &grads)?;
        }
        optimizer.step(&grads, schedule.rate_at(step))?;
        if step >= schedule.steps - schedule.steps.div_ceil(10) {
            (at.sum, at.count) = (at.sum + f64::from(value), at.count + 1);
        }
        at.step += 1;
        if reported.is_none_or(|at: Instant| at.elapsed() > REPORT_EVERY) {
            reported = Some(Instant::now());
            // A stop is noticed at the next step, which keeps the state first.
            match run.say(&format!("{what}: step {step} of {}, loss {value:.3}", schedule.steps)) {
                Err(LabError::Stopped) => {}
                said => said?,
            }
        }
        if let Some(state) = state.as_ref().filter(|_| kept.elapsed() > KEEP_EVERY) {
            (kept, is_kept) = (Instant::now(), true);
            state.write(store, &optimizer, &rng, at)?;
        }
    }
    if let Some(state) = state.filter(|_| is_kept) {
        state.write(store, &optimizer, &rng, at)?;
    }
    Ok(at.sum / at.count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cells, RunConfig};
    use attune_model::ModelError;
    use attune_nn::linear::Linear;
    use candle_core::Device;
    use rand::RngExt;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Learns a slope from noisy points, and asks to stop at a step.
    fn learn(folder: Option<&Path>, stop_at: Option<u64>) -> Result<(Vec<f32>, f64), LabError> {
        let cells = folder.map(|folder| Cells::open(&folder.join("slope.cells.jsonl")));
        let (models, stop) = (|| Err(ModelError::NotFinite), AtomicBool::new(false));
        let mut say = |_: crate::RunEvent<'_>| {};
        let config = RunConfig { quick: true, seed: 1 };
        let mut run = Run::new(config, cells.transpose()?.unwrap_or_default(), &models, &mut say, &stop);
        run.uncached(&"slope", |run| {
            let mut store = WeightStore::random(1);
            let net = Linear::new(store.root(), 1, 1, 1.0)?;
            let schedule = Schedule::for_generated(40, 1e-2, 1);
            let loss = |step: u64, rng: &mut ChaCha8Rng| {
                stop.store(stop_at == Some(step), Ordering::Relaxed);
                let x: Vec<f32> = (0..8).map(|_| rng.random_range(-1.0..1.0)).collect();
                let y: Vec<f32> = x.iter().map(|x| 2.0 * x + rng.random_range(-0.1..0.1)).collect();
                let (x, y) = (
                    Tensor::from_vec(x, (8, 1), &Device::Cpu)?,
                    Tensor::from_vec(y, (8, 1), &Device::Cpu)?,
                );
                Ok((net.forward(&x)? - y)?.sqr()?.mean_all()?)
            };
            let loss = train_loop(&store, schedule, "slope", run, loss, None)?;
            let weights = store.params().map(|(_, var)| var.flatten_all()?.to_vec1::<f32>());
            Ok((weights.collect::<Result<Vec<_>, _>>()?.concat(), loss))
        })
    }

    #[test]
    fn a_stopped_training_is_resumed_to_the_same_end_and_a_finished_one_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let whole = learn(None, None).unwrap();
        // Twice: before the last tenth, whose losses are averaged, and in it.
        for at in [17, 37] {
            assert!(matches!(learn(Some(folder.path()), Some(at)), Err(LabError::Stopped)));
        }
        assert_eq!(learn(Some(folder.path()), None).unwrap(), whole);
        // Nothing is left to do: a stop at any step is never reached.
        for at in [0, 39] {
            assert_eq!(learn(Some(folder.path()), Some(at)).unwrap(), whole);
        }
    }

    #[test]
    fn a_damaged_state_is_named_and_one_of_another_training_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        learn(Some(folder.path()), Some(5)).unwrap_err();
        let state = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let state = state
            .into_iter()
            .find(|path| path.extension().is_some_and(|it| it == "training"))
            .unwrap();
        let bytes = std::fs::read(&state).unwrap();
        std::fs::write(&state, &bytes[..bytes.len() - 4]).unwrap();
        let error = learn(Some(folder.path()), None).unwrap_err().to_string();
        assert!(
            error.contains(&*state.file_name().unwrap().to_string_lossy()) && error.contains("delete"),
            "{error}"
        );
        // "slope 0" is in its metadata, of the same length as the plan of another training.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let place = text.find("slope").unwrap();
        let mut other = bytes;
        other[place..place + 5].copy_from_slice(b"scope");
        std::fs::write(&state, &other).unwrap();
        assert_eq!(learn(Some(folder.path()), None).unwrap(), learn(None, None).unwrap());
    }
}
