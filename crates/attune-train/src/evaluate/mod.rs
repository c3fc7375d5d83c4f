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
//! - [`Recalls`] are the same for each class, and their mean; [`Rise`] is how they change with time;
//! - [`ClipRow`] is what one clip was answered;
//! - [`MetricsAt`] is the same after 1, 2, 3, 5, 10, 20, 30 s;
//! - [`AnswerTimeline`] is the displayed answer: switches, first answer, delay at a true change ([`genre_change`]);
//! - [`rejection`] counts music that was rejected, and other sounds that were given a genre;
//! - [`Evaluation`] is all of it.

mod answers;
mod calibration;
mod clip_rows;
mod conditions;
mod effects;
mod evaluation;
mod folds;
pub mod genre_change;
mod groups;
mod log_mel_session;
mod log_mels;
pub mod manifest;
mod metrics;
mod metrics_at;
pub mod pictures;
mod recall;
pub mod rejection;
pub mod run;
mod session;
mod timeline;
mod unfamiliar;

pub use answers::{Answers, ClipLogits};
pub use calibration::{BINS, Bin, bins, ece_if_calibrated, expected_error, fit_answers, fit_temperature, tempered};
pub use clip_rows::{ClipRow, clips_csv};
pub use conditions::{ConditionMetrics, PairedDifference};
pub use evaluation::{Agreement, Evaluation, ModelClips, ModelMetrics};
pub use folds::{FoldsEvaluation, evaluate_folds};
pub use groups::ByGroup;
pub(crate) use groups::group_numbers;
pub use log_mel_session::evaluate_log_mels;
pub use log_mels::log_mel_clips;
pub use metrics::{CONFIDENT, Metrics, wilson};
pub use metrics_at::{MARKS, MetricsAt, metrics_at_marks};
pub use recall::{MacroMean, Recalls, Rise, Share};
pub use session::{EvaluationConfig, EvaluationEvent, EvaluationSession, EvaluationStage};
pub use timeline::{Answer, AnswerTimeline, TimelineMetrics, Times};
pub use unfamiliar::{CalledUnfamiliar, MusicAnswer, UnfamiliarMetrics};

use crate::TrainError;
use crate::sound::CodecError;
use attune_audio::source::SourceError;
use attune_engine::PipelineError;
use attune_engine::files::FileError;
use attune_engine::offline::AnalyzeError;
use attune_model::ModelError;
use std::path::PathBuf;

/// What stops an evaluation, or the evaluation of one clip.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The table cannot be read, or is malformed.
    #[error("{path}{place}: {message}", path = .path.display(),
        place = .line.map_or(String::new(), |line| format!(" line {line}")))]
    Manifest {
        /// The table.
        path: PathBuf,
        /// The line, from 1; none if it is not about one.
        line: Option<u64>,
        /// What is wrong.
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
    /// A codec failed on a clip.
    #[error("{path}: {error}", path = .path.display())]
    Codec {
        /// The clip.
        path: PathBuf,
        /// Why.
        error: CodecError,
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
        "{table} line {line}: {clip:?} is labelled {label}, which needs sound",
        table = .table.display()
    )]
    NeedsSound {
        /// The table.
        table: PathBuf,
        /// Its line.
        line: u64,
        /// The clip.
        clip: String,
        /// Its label.
        label: &'static str,
    },
    /// The log-mel clips are not what they must be.
    #[error("{path}: {message}", path = .path.display())]
    LogMels {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the tensor's name if it is about one.
        message: String,
    },
    /// A folder holds no cross-validation that can be pooled.
    #[error("{path}: {message}", path = .path.display())]
    Folds {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file of a run cannot be read.
    #[error(transparent)]
    Run(#[from] TrainError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A model fails.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl EvaluateError {
    /// Whether the command has to be typed otherwise, or its table changed.
    pub fn is_wrong_usage(&self) -> bool {
        matches!(
            self,
            Self::Manifest { .. } | Self::NeedsSound { .. } | Self::Folds { .. }
        )
    }

    /// What a user can do about it; `None` if the message says it.
    pub fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Manifest { .. } => {
                "A table has a line path,label[,group] for each clip, with or without a heading; correct it, or name \
                 another."
            }
            Self::LogMels { .. } => {
                "Log-mel clips are tensors (bands, frames), F16 or F32, in a safetensors file; write it again, or name \
                 another."
            }
            Self::Folds { .. } => {
                "Name the folders (--out) of finished runs of attune train --folds, on the same data for every model."
            }
            Self::Run(error) => return error.remedy(),
            Self::NeedsSound { .. } => "Leave out --mels, or that line.",
            Self::Codec { .. } => "Install another FFmpeg, or leave out --conditions.",
            Self::File(error) => error.remedy(),
            Self::Model(error) => error.remedy(),
            _ => return None,
        };
        Some(text.to_owned())
    }
}
