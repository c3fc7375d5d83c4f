//! Why a command ended early: what happened, what to do about it, and the exit code.
//!
//! In: the libraries' errors. Out: one text in one style, `message` and below it, indented, the remedy. Thread: any.

use attune_audio::source::SourceError;
use attune_engine::EngineError;
use attune_engine::files::FileError;
use attune_engine::offline::AnalyzeError;
use attune_engine::page::PageError;
use attune_library::scan::LibraryError;
use attune_model::ModelError;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Why a command ended early, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The command has to be typed otherwise. Exit code 2, as for every wrong usage.
    #[error("{0}")]
    Usage(Problem),
    /// The command was right and failed. Exit code 1.
    #[error("{0}")]
    Failed(Problem),
}

/// What happened, and what to do about it if anything can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One line: what happened, with its causes.
    pub message: String,
    /// One line.
    pub remedy: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{}\n  {remedy}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl AppError {
    /// A command that has to be typed otherwise.
    pub(super) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Usage(Problem {
            message: message.into(),
            remedy: Some(remedy.into()),
        })
    }

    /// A failure that needs no remedy of its own: the message says what to change.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Problem {
            message: message.into(),
            remedy: None,
        })
    }

    /// A failure, and what to do about it.
    pub(super) fn with_remedy(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Failed(Problem {
            message: message.into(),
            remedy: Some(remedy.into()),
        })
    }

    /// 2 for wrong usage, 1 for a failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }

    /// The same, saying first what was being done.
    fn during(mut self, what: &str) -> Self {
        let (Self::Usage(problem) | Self::Failed(problem)) = &mut self;
        problem.message = format!("{what}: {}", problem.message);
        self
    }
}

/// An error with its causes, each said once: some messages include their cause.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Errors that state their remedy.
macro_rules! with_remedy {
    ($($(#[$cfg:meta])? $error:ty),* $(,)?) => {$(
        $(#[$cfg])?
        impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::with_remedy(with_causes(&error), error.remedy())
            }
        }
    )*};
}

/// Errors whose message says all.
macro_rules! without_remedy {
    ($($(#[$cfg:meta])? $error:ty),* $(,)?) => {$(
        $(#[$cfg])?
        impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::failed(with_causes(&error))
            }
        }
    )*};
}

with_remedy!(
    ModelError,
    SourceError,
    AnalyzeError,
    FileError,
    PageError,
    LibraryError
);
without_remedy!(
    std::io::Error,
    serde_json::Error,
    ctrlc::Error,
    EngineError,
    attune_library::ExportError,
    attune_library::names::WouldOverwrite,
    #[cfg(feature = "gui")]
    crate::ui::UiError,
    #[cfg(feature = "lab")]
    attune_lab::LabError,
    #[cfg(feature = "lab")]
    attune_lab::bench::BenchError,
);

#[cfg(feature = "train")]
impl From<attune_train::evaluate::EvaluateError> for AppError {
    fn from(error: attune_train::evaluate::EvaluateError) -> Self {
        let problem = Problem {
            message: with_causes(&error),
            remedy: error.remedy(),
        };
        if error.is_wrong_usage() {
            Self::Usage(problem)
        } else {
            Self::Failed(problem)
        }
    }
}

#[cfg(feature = "train")]
impl From<attune_train::TrainError> for AppError {
    fn from(error: attune_train::TrainError) -> Self {
        let message = with_causes(&error);
        match error.remedy() {
            Some(remedy) => Self::with_remedy(message, remedy),
            None => Self::failed(message),
        }
    }
}

/// Ends a function with [`AppError::failed`] of a formatted message.
macro_rules! bail {
    ($($message:tt)*) => {
        return Err($crate::cli::error::AppError::failed(format!($($message)*)))
    };
}
pub(super) use bail;

/// Says what was being done when something failed, or what is missing.
pub(super) trait Context<T> {
    /// With a text that is there.
    fn context(self, what: &str) -> Result<T, AppError>;
    /// With a text that is made when it is needed.
    fn with_context(self, what: impl FnOnce() -> String) -> Result<T, AppError>;
}

impl<T, E: Into<AppError>> Context<T> for Result<T, E> {
    fn context(self, what: &str) -> Result<T, AppError> {
        self.map_err(|error| error.into().during(what))
    }

    fn with_context(self, what: impl FnOnce() -> String) -> Result<T, AppError> {
        self.map_err(|error| error.into().during(&what()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: &str) -> Result<T, AppError> {
        self.ok_or_else(|| AppError::failed(what))
    }

    fn with_context(self, what: impl FnOnce() -> String) -> Result<T, AppError> {
        self.ok_or_else(|| AppError::failed(what()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct Cause;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot write")]
        Silent(#[source] Cause),
        #[error("cannot write: {0}")]
        Repeating(#[source] Cause),
    }

    #[test]
    fn a_cause_is_said_once_and_the_remedy_stands_below() {
        assert_eq!(with_causes(&Outer::Silent(Cause)), "cannot write: the disk is full");
        assert_eq!(with_causes(&Outer::Repeating(Cause)), "cannot write: the disk is full");
        let error = AppError::with_remedy("a.wav cannot be read", "check the spelling").during("opening");
        assert_eq!(error.to_string(), "opening: a.wav cannot be read\n  check the spelling");
    }

    #[test]
    fn wrong_usage_and_failures_have_exit_codes_of_their_own() {
        assert_eq!(AppError::usage("no", "yes").exit_code(), ExitCode::from(2));
        assert_eq!(AppError::failed("no").exit_code(), ExitCode::FAILURE);
    }
}
