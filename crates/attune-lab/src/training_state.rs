//! The state of a training in one file, so that it can be stopped anywhere and resumed to the same end.
//!
//! In: weights, optimiser, generator. Out: `LAB.DIGEST.training` beside the finished cells. Thread: the caller's.

use super::LabError;
use attune_engine::files::{read_if_any_to, write_atomically};
use attune_model::load::tensors;
use attune_nn::weights::WeightStore;
use attune_train::TrainError;
use attune_train::checkpoint::serialize;
use attune_train::optimizer::AdamW;
use candle_core::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use std::collections::HashMap;
use std::path::PathBuf;

/// The most bytes of a state: it has three times the weights of a network, which has some megabytes of them.
const LARGEST: u64 = 256 << 20;

/// Where a training is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Place {
    /// Steps made.
    pub step: u64,
    /// Sum and count of the losses of the last tenth.
    pub sum: f64,
    pub count: u64,
}

/// The file of a training.
#[derive(Debug)]
pub(crate) struct TrainingState {
    path: PathBuf,
    /// What fixes the training: a file of another one is not read.
    plan: String,
}

impl TrainingState {
    pub(crate) fn new((path, plan): (PathBuf, String)) -> Self {
        Self { path, plan }
    }

    /// Writes the file in one piece.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(
        &self,
        store: &WeightStore,
        optimizer: &AdamW,
        rng: &ChaCha8Rng,
        place: Place,
    ) -> Result<(), LabError> {
        let mut all = HashMap::new();
        for (name, var) in store.all() {
            all.insert(format!("weights.{name}"), var.as_detached_tensor());
        }
        for (name, slot) in &optimizer.slots {
            for (kind, values) in [("mean", &slot.mean), ("square", &slot.square)] {
                let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu)?;
                all.insert(format!("{kind}.{name}"), tensor);
            }
        }
        let metadata = [
            ("plan", self.plan.clone()),
            ("step", place.step.to_string()),
            ("sum", place.sum.to_bits().to_string()),
            ("count", place.count.to_string()),
            ("word", rng.get_word_pos().to_string()),
        ];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
        write_atomically(&self.path, &serialize(&all, Some(HashMap::from(metadata)))?)?;
        Ok(())
    }

    /// Takes up what the file holds; `None` if there is none, or it is of another training.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub(crate) fn resume(
        &self,
        store: &WeightStore,
        optimizer: &mut AdamW,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Place>, LabError> {
        let Some(bytes) = read_if_any_to(&self.path, LARGEST)? else {
            return Ok(None);
        };
        let damaged = |message: String| {
            LabError::Train(TrainError::Data {
                path: self.path.clone(),
                message: format!("{message}: delete it to train anew"),
            })
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if metadata.get("plan") != Some(&self.plan) {
            return Ok(None);
        }
        let number = |name: &str| -> Result<u128, LabError> {
            let text = metadata.get(name).and_then(|text| text.parse().ok());
            text.ok_or_else(|| damaged(format!("its {name} is not a number")))
        };
        let mut all = tensors(&bytes)?;
        let mut take = |kind: &str, name: &str, count: usize| -> Result<Tensor, LabError> {
            let tensor = all.remove(&format!("{kind}.{name}"));
            let tensor = tensor.filter(|tensor| tensor.elem_count() == count);
            tensor.ok_or_else(|| damaged(format!("it has no {kind} of {name}, or one of another size")))
        };
        for (name, var) in store.all() {
            let weights = take("weights", name, var.elem_count())?;
            var.set(&weights.reshape(var.shape())?)?;
        }
        for (name, slot) in &mut optimizer.slots {
            slot.mean = take("mean", name, slot.mean.len())?.to_vec1()?;
            slot.square = take("square", name, slot.square.len())?.to_vec1()?;
        }
        let step = number("step")? as u64;
        optimizer.steps = step;
        rng.set_word_pos(number("word")?);
        Ok(Some(Place {
            step,
            sum: f64::from_bits(number("sum")? as u64),
            count: number("count")? as u64,
        }))
    }
}
