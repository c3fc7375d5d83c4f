//! A whole file through the same pipeline as live sound, flat out.
//!
//! In: a path and models. Out: a [`Report`], and each hop on the way. Thread: the caller's.

mod levels;
mod lines;
mod report;
mod summary;
mod surprise;

pub use levels::{levels_of_file, sections_of_file, segments_of_file};
pub use lines::{ChangeLine, FailureLine, HealthLine, HopLine, ModelHop, SectionLine, StateLine, document};
pub use report::{AnswerReport, FailureReport, ModelReport, Report, SectionReport, SegmentReport, SourceReport};
pub use surprise::{SurpriseLine, SurpriseLines, SurpriseReport};

use crate::smoothing::SmoothingConfig;
use crate::{HopResult, PIECE_SECONDS, Pipeline, PipelineError};
use attune_audio::decode::AudioFile;
use attune_audio::source::SourceError;
use attune_audio::units::Seconds;
use attune_model::{ModelError, ModelSet};
use std::ops::ControlFlow;
use std::path::Path;
use summary::FileSummary;

/// Why a file could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// It cannot be opened or decoded.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Its samples cannot be processed.
    #[error("{path}: {source}")]
    Pipeline {
        /// The file.
        path: String,
        /// Why.
        source: PipelineError,
    },
    /// A network that reads whole files cannot be computed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The caller wants no more of it.
    #[error("stopped before the end")]
    Stopped,
}

impl AnalyzeError {
    /// For scripts (`not_found`).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind.name(),
            Self::Pipeline { .. } => "unsupported",
            Self::Model(_) => "model",
            Self::Stopped => "stopped",
        }
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        match self {
            Self::Source(error) => error.remedy(),
            Self::Pipeline { .. } => {
                "Convert the file to a rate between 8 and 192 kHz, for instance with ffmpeg -ar 44100."
            }
            Self::Model(error) => error.remedy(),
            Self::Stopped => "Analyse it again.",
        }
    }
}

/// How far an analysis has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Decoded and processed so far.
    pub done: Seconds,
    /// Length of the file, if its container states it.
    pub duration: Option<Seconds>,
}

/// Analyses a file: every frame through every model, then one answer for the whole. It ends early, as
/// [`AnalyzeError::Stopped`], when `on_progress` says so.
pub fn analyze(
    path: &Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    mut on_hop: impl FnMut(&HopResult),
    mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Report, AnalyzeError> {
    let mut file = AudioFile::open(path)?;
    let info = file.info().clone();
    let failed = |source| AnalyzeError::Pipeline {
        path: path.display().to_string(),
        source,
    };
    let mut pipeline = Pipeline::new(models, info.rate, *smoothing).map_err(failed)?;
    let mut summary = FileSummary::new(models, smoothing);
    let mut take = |hop: &HopResult| {
        summary.push(hop);
        on_hop(hop);
    };
    // Models step through blocks faster than through frames, so decoded packets are gathered to whole pieces.
    let gathered = PIECE_SECONDS * info.rate.0.max(1) as usize;
    let mut block = Vec::with_capacity(2 * gathered);
    let mut samples = 0;
    let mut more = true;
    while more {
        more = file.next_block(&mut block)?;
        if block.len() >= gathered || !more {
            let taken = if more { gathered } else { block.len() };
            samples += taken as u64;
            pipeline.push(&block[..taken], &mut take).map_err(failed)?;
            block.drain(..taken);
            let progress = Progress {
                done: info.rate.duration(samples),
                duration: info.duration,
            };
            if on_progress(progress).is_break() {
                return Err(AnalyzeError::Stopped);
            }
        }
    }
    pipeline.finish(&mut take).map_err(failed)?;
    let faults = pipeline.take_faults();
    let duration = info.rate.duration(samples);
    let source = SourceReport::new(path, &info, duration);
    let mut report = summary.report(source, duration, &faults);
    report.note_damage(&file);
    Ok(report)
}
