//! How good models are: accuracy, accuracy over time, calibration, and the answers a listener sees.
//!
//! In: logits of every frame of labelled clips, and the displayed answers. Out: metrics and pictures. Thread: the
//! caller's.
//!
//! Every clip goes through the models once ([`run`]); all metrics are computed from the logits kept then:
//!
//! - [`ClipLogits`] are one model's logits for one clip, [`Answers`] its answers over time and for the whole clip;
//! - [`Metrics`] are accuracy with its interval, per-class accuracy, confusion, −ln p and calibration of a set of
//!   answers;
//! - [`ByGroup`] is that interval over whole artists, where the table names them;
//! - [`MetricsAt`] is the same after 1, 2, 3, 5, 10, 20, 30 s;
//! - [`AnswerTimeline`] is the displayed answer: switches, first answer, delay at a true change ([`genre_change`]);
//! - [`rejection`] counts music that was rejected, and other sounds that were given a genre;
//! - [`Evaluation`] is all of it.

mod answers;
mod calibration;
mod conditions;
mod evaluation;
pub mod genre_change;
mod groups;
pub mod manifest;
mod metrics;
mod metrics_at;
pub mod pictures;
pub mod rejection;
pub mod run;
mod session;
mod timeline;

pub use answers::{Answers, ClipLogits};
pub use calibration::{BINS, Bin, bins, ece_if_calibrated, expected_error, fit_answers, fit_temperature, tempered};
pub use conditions::{ConditionMetrics, PairedDifference};
pub use evaluation::{Agreement, Evaluation, ModelClips, ModelMetrics};
pub use groups::ByGroup;
pub use metrics::{Metrics, wilson};
pub use metrics_at::{MARKS, MetricsAt, metrics_at_marks};
pub use session::{EvaluationConfig, EvaluationEvent, EvaluationSession, EvaluationStage, evaluate_excerpts};
pub use timeline::{Answer, AnswerTimeline, TimelineMetrics, Times};

use attune_audio::source::SourceError;
use attune_engine::PipelineError;
use attune_engine::offline::AnalyzeError;
use std::path::PathBuf;

/// What stops an evaluation, or the evaluation of one clip.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The table cannot be read, or is malformed.
    #[error("{path}{place}: {message}", path = .path.display())]
    Manifest {
        /// The table.
        path: PathBuf,
        /// ` line 7`, or nothing.
        place: String,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// A file cannot be analysed.
    #[error("{error}\n  {remedy}", error = .0, remedy = .0.remedy())]
    Analyze(#[from] AnalyzeError),
    /// A file cannot be decoded.
    #[error("{}\n  {}", .0.message, .0.remedy())]
    Decode(#[from] SourceError),
    /// Sound cannot be worked through.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A model failed or nothing was audible, so there is no answer to evaluate.
    #[error("{path}: left out: {why}", path = .path.display())]
    NoAnswer {
        /// The clip.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No clip of music could be evaluated.
    #[error("{table}: no clip{of_music} could be evaluated", table = .table.display(),
        of_music = if *.others == 0 { "" } else { " of music" })]
    NoMusic {
        /// The table.
        table: PathBuf,
        /// Clips of speech, noise or silence that could.
        others: usize,
    },
    /// Under a condition, nothing of a clip is above the silence threshold.
    #[error("{path}: nothing of it is audible {condition}", path = .path.display())]
    Inaudible {
        /// The clip.
        path: PathBuf,
        /// The condition.
        condition: &'static str,
    },
    /// No pairs can be formed.
    #[error("{table}: a change of genre needs two clips of different classes at the same sample rate",
        table = .table.display())]
    NoPairs {
        /// The table.
        table: PathBuf,
    },
    /// Silence and speech can only be evaluated on audio.
    #[error(
        "{table}: {clip:?} is labelled {label}, which needs sound: omit --mels, or that row",
        table = .table.display()
    )]
    NeedsSound {
        /// The table.
        table: PathBuf,
        /// The clip.
        clip: String,
        /// Its label.
        label: &'static str,
    },
    /// There is no file of excerpts, or nothing in it.
    #[error("{path}: there is no such file, or it has no clips", path = .path.display())]
    NoExcerpts {
        /// The file.
        path: PathBuf,
    },
    /// The file of excerpts lacks a clip of the table.
    #[error("{path} has no clip {clip:?}", path = .path.display())]
    NoExcerpt {
        /// The file.
        path: PathBuf,
        /// The clip.
        clip: String,
    },
    /// Excerpts cannot be read, or a model fails on them.
    #[error(transparent)]
    Excerpts(#[from] crate::TrainError),
}
