//! One model on one stream: its switch, its state, and how long its steps take.
//!
//! In: normalised frames. Out: calibrated probabilities, and what was attended to. Thread: worker.

use super::health::Recent;
use attune_audio::features::FrameBlock;
use attune_model::genre::Probabilities;
use attune_model::{AttentionPicture, GenreStream, LoadedModel, StreamOutput};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Steps that the step times are taken of: about 6 s at the default hop.
const STEPS: usize = 256;

/// What one step of one model brought.
pub(super) struct Step {
    /// Calibrated probabilities of each frame.
    pub(super) raw: Vec<Probabilities>,
    /// What it attended to at the newest one.
    pub(super) attention: Option<AttentionPicture>,
}

/// One model of a pipeline.
pub(super) struct ModelRunner {
    model: LoadedModel,
    /// `None`: switched off.
    stream: Option<Box<dyn GenreStream>>,
    output: StreamOutput,
    newest: Option<Probabilities>,
    step_us: Recent,
}

impl ModelRunner {
    /// Switched off at first.
    pub(super) fn new(model: LoadedModel) -> Self {
        Self {
            model,
            stream: None,
            output: StreamOutput::default(),
            newest: None,
            step_us: Recent::new(STEPS),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.stream.is_some()
    }

    /// Calibrated probabilities at the newest frame.
    pub(super) fn newest(&self) -> Option<&Probabilities> {
        self.newest.as_ref()
    }

    /// Time of one frame's step in microseconds.
    pub(super) fn step_us(&self) -> &Recent {
        &self.step_us
    }

    /// On: with a fresh state. Fails with what to tell, and is off then.
    pub(super) fn enable(&mut self, on: bool) -> Result<(), String> {
        self.newest = None;
        self.stream = None;
        if on {
            self.stream = Some(guarded(&self.model, |model| {
                model.stream().map_err(|error| error.to_string())
            })?);
        }
        Ok(())
    }

    /// Takes the next frames; `None` if it is off. What fails, by error, panic or a logit that is no number, is
    /// switched off: a state that went wrong once has no way back.
    pub(super) fn step(&mut self, frames: FrameBlock<'_>, classes: usize) -> Result<Option<Step>, String> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(None);
        };
        self.newest = None;
        let temperature = self.model.manifest().temperature;
        let began = Instant::now();
        let output = &mut self.output;
        guarded(&self.model, |_| {
            stream.push(frames, output).map_err(|error| error.to_string())
        })?;
        let took = began.elapsed();
        let name = &self.model.manifest().name;
        if output.classes != classes || output.logits.len() != frames.frames() * classes {
            let expected = format!("{} rows of {classes}", frames.frames());
            let got = format!("{} logits in rows of {}", output.logits.len(), output.classes);
            return Err(format!("{name} gave {got}, expected {expected}"));
        }
        if let Some(at) = output.logits.iter().position(|logit| !logit.is_finite()) {
            return Err(format!("{name} gave the logit {} for a class", output.logits[at]));
        }
        let rows = output.logits.chunks_exact(classes);
        let raw: Vec<_> = rows.map(|row| Probabilities::softmax(row, temperature)).collect();
        self.newest = raw.last().copied();
        self.step_us
            .push((took.as_secs_f64() * 1e6 / frames.frames().max(1) as f64) as f32);
        self.stream = Some(stream);
        Ok(Some(Step {
            raw,
            attention: output.attention.clone(),
        }))
    }
}

/// Runs code of a model: its panic is its failure, not the engine's.
fn guarded<T>(model: &LoadedModel, run: impl FnOnce(&LoadedModel) -> Result<T, String>) -> Result<T, String> {
    let name = &model.manifest().name;
    match catch_unwind(AssertUnwindSafe(|| run(model))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(message)) => Err(format!("{name}: {message}")),
        Err(panic) => Err(format!("{name} panicked: {}", panic_message(&*panic))),
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
