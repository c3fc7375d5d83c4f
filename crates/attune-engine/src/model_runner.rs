//! One model on one stream: its switch, its state, and how long its steps take.
//!
//! In: normalised frames. Out: logits, calibrated probabilities, and what was attended to. Thread: worker.

use super::health::Recent;
use attune_audio::features::{FrameBlock, FrontEndError};
use attune_model::genre::Probabilities;
use attune_model::{AttentionWeights, EvidenceMap, GenreStream, LoadedModel, ModelError, StreamOutput};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Steps that the step times are taken of: about 6 s at the default hop.
const STEPS: usize = 256;

/// A model that failed and was switched off: a state that went wrong once has no way back. A model switched on again
/// starts from a fresh state.
#[derive(Debug, thiserror::Error)]
#[error("{name}{cause}")]
pub struct ModelFault {
    /// Its place in the model set; the place after the last: the gate; beyond that, what runs beside the models.
    pub model: usize,
    /// Its name.
    pub name: String,
    /// What happened.
    #[source]
    pub cause: FaultCause,
}

/// What a model did wrong; after its name it makes a sentence.
#[derive(Debug, thiserror::Error)]
pub enum FaultCause {
    /// It reports an error: [`ModelError::remedy`] says what to do.
    #[error(": {0}")]
    Error(#[from] ModelError),
    /// What it computes from the sound itself failed.
    #[error(": {0}")]
    Sound(#[from] FrontEndError),
    /// It panicked: a defect of the program.
    #[error(" panicked: {0}")]
    Panicked(String),
    /// Its rows do not fit the frames: the weights are of another set of classes.
    #[error(" gave {logits} logits in rows of {classes}, expected {rows} rows of {expected}")]
    Shape {
        /// Logits that it gave.
        logits: usize,
        /// In rows of.
        classes: usize,
        /// Frames that it was fed.
        rows: usize,
        /// Classes of the set.
        expected: usize,
    },
    /// A logit is NaN or infinite: the weights are damaged, or the features were.
    #[error(" gave the logit {0} for a class")]
    NotFinite(f32),
}

/// What one step of one model brought.
pub(super) struct Step {
    /// (frames, classes).
    pub(super) logits: Vec<f32>,
    /// Calibrated probabilities of each frame: the softmax of its logits at the model's temperature.
    pub(super) raw: Vec<Probabilities>,
    /// Novelty of each frame; empty if the model has none.
    pub(super) novelty: Vec<f32>,
    /// What it attended to at the newest frame.
    pub(super) attention: Option<AttentionWeights>,
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

    /// As [`GenreStream::evidence`]; `false` if it is off.
    pub(super) fn evidence(&self, into: &mut EvidenceMap) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.evidence(into))
    }

    /// Time of one frame's step in microseconds.
    pub(super) fn step_us(&self) -> &Recent {
        &self.step_us
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.model.manifest().name
    }

    /// On: with a fresh state. If that fails, it is off.
    pub(super) fn enable(&mut self, on: bool) -> Result<(), FaultCause> {
        self.newest = None;
        self.stream = None;
        if on {
            self.stream = Some(guarded(|| self.model.stream())?);
        }
        Ok(())
    }

    /// The same model with a fresh state; off where it is off.
    pub(super) fn fresh(&self) -> Result<Self, FaultCause> {
        let mut fresh = Self::new(self.model.clone());
        fresh.enable(self.is_enabled())?;
        Ok(fresh)
    }

    /// Goes on from the state of `other`, a copy of the same model.
    pub(super) fn adopt(&mut self, other: Self) {
        self.stream = other.stream;
        self.newest = other.newest;
    }

    /// Takes the next frames; `None` if it is off. What fails, by error, panic or a logit that is no number, is
    /// switched off.
    pub(super) fn step(&mut self, frames: FrameBlock<'_>, classes: usize) -> Result<Option<Step>, FaultCause> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(None);
        };
        self.newest = None;
        let temperature = self.model.manifest().temperature;
        let began = Instant::now();
        let output = &mut self.output;
        guarded(|| stream.push(frames, output))?;
        let took = began.elapsed();
        if output.classes != classes || output.logits.len() != frames.frames() * classes {
            return Err(FaultCause::Shape {
                logits: output.logits.len(),
                classes: output.classes,
                rows: frames.frames(),
                expected: classes,
            });
        }
        let mut values = output.logits.iter().chain(&output.novelty);
        if let Some(logit) = values.find(|value| !value.is_finite()) {
            return Err(FaultCause::NotFinite(*logit));
        }
        let rows = output.logits.chunks_exact(classes);
        let raw: Vec<_> = rows.map(|row| Probabilities::softmax(row, temperature)).collect();
        self.newest = raw.last().copied();
        self.step_us
            .push((took.as_secs_f64() * 1e6 / frames.frames().max(1) as f64) as f32);
        self.stream = Some(stream);
        Ok(Some(Step {
            logits: output.logits.clone(),
            raw,
            novelty: output.novelty.clone(),
            attention: output.attention.clone(),
        }))
    }
}

/// Runs code of a model: its panic is its failure, not the engine's.
pub(super) fn guarded<T, E: Into<FaultCause>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, FaultCause> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(FaultCause::Panicked(panic_message(&*panic))),
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
