//! Errors as Python raises them: `attune.AttuneError` with kind, message and remedy.
//!
//! In: the libraries' errors, and panics. Out: [`Failure`], which becomes a `PyErr`. Thread: any.

use attune_engine::PipelineError;
use attune_engine::offline::AnalyzeError;
use attune_model::ModelError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What happened and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// For scripts (`not_found`).
    pub(crate) kind: &'static str,
    /// For people: what happened.
    pub(crate) message: String,
    /// For people: what to do.
    pub(crate) remedy: String,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// The same of a sound whose file has another name than the user knows it by.
    pub(crate) fn renamed(mut self, path: &str, name: &str) -> Self {
        self.message = self.message.replace(path, name);
        self.remedy = self.remedy.replace(path, name);
        self
    }
}

impl From<AnalyzeError> for Failure {
    fn from(error: AnalyzeError) -> Self {
        Self::new(error.kind(), error.to_string(), error.remedy())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::new("model", error.to_string(), error.remedy())
    }
}

/// Of samples that come from the caller: there is no file to convert.
impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Smoothing(error) => settings(&error.to_string()),
            PipelineError::FrontEnd(_) => Self::new(
                "unsupported",
                error.to_string(),
                "Give samples at a rate between 8 and 192 kHz, and begin a new stream after the end of one.",
            ),
            PipelineError::TooMany { .. } => Self::new("model", error.to_string(), "Name fewer models."),
        }
    }
}

/// Knobs of smoothing that cannot be.
pub(crate) fn settings(message: &str) -> Failure {
    Failure::new(
        "settings",
        message,
        "Give `smoothing` the names and ranges that the documentation lists.",
    )
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        Python::attach(|py| {
            let class = CLASS.import(py, "attune.errors", "AttuneError");
            let raised = class.and_then(|class| class.call1((failure.kind, failure.message, failure.remedy)));
            raised.map_or_else(|error| error, PyErr::from_value)
        })
    }
}

/// A panic of `work` is an error of the one sound that caused it: whoever analyses many goes on with the next.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::new(
            "internal",
            format!("Attune failed on this sound: {}", text.unwrap_or_default()),
            "Leave it out, and report it with the sound if you can.",
        ))
    })
}
