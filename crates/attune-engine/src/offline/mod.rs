//! A whole file through the same pipeline as live sound, flat out.
//!
//! In: a path and models. Out: a [`Report`], and each hop on the way. Thread: the caller's.

mod levels;
mod lines;
mod report;
mod summary;
mod surprise;

pub use levels::{levels_of_file, sections_of_file, segments_of_file};
pub use lines::{
    ChangeLine, FailureLine, FileLine, HealthLine, HopLine, ModelHop, OfFile, SectionLine, StateLine, document,
};
pub use report::{
    AnswerReport, FailureReport, ModelReport, Report, SectionReport, SegmentReport, SourceReport, samples_not_finite,
};
pub use surprise::{SurpriseLine, SurpriseLines, SurpriseReport};

use crate::model_runner::panic_message;
use crate::smoothing::SmoothingConfig;
use crate::{HopResult, PIECE_SECONDS, Pipeline, PipelineError};
use attune_audio::decode::{AudioFile, AudioInfo};
use attune_audio::source::SourceError;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::{ModelError, ModelSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// A decoder ended in the middle of its work, by a fault of its own.
    #[error("{path}: the decoder failed: {message}")]
    Panicked {
        /// The file.
        path: String,
        /// What it said.
        message: String,
    },
}

impl AnalyzeError {
    /// For scripts (`not_found`).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind.name(),
            Self::Pipeline { .. } => "unsupported",
            Self::Model(_) => "model",
            Self::Stopped => "stopped",
            Self::Panicked { .. } => "panicked",
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
            Self::Panicked { .. } => "Convert the file, for instance with ffmpeg, and report the fault with the file.",
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

/// What follows an analysis as it goes.
pub trait Follower {
    /// The next samples as they were decoded: the mean of the channels, at the file's rate, in blocks of any length.
    fn samples(&mut self, _mono: &[f32]) {}
    /// The next frame.
    fn hop(&mut self, _hop: &HopResult) {}
    /// How far it has come. It ends early, as [`AnalyzeError::Stopped`], when this says so.
    fn progress(&mut self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Two functions that follow an analysis.
struct Functions<H, P>(H, P);

impl<H: FnMut(&HopResult), P: FnMut(Progress) -> ControlFlow<()>> Follower for Functions<H, P> {
    fn hop(&mut self, hop: &HopResult) {
        (self.0)(hop);
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        (self.1)(progress)
    }
}

/// Analyses a file: every frame through every model, then one answer for the whole. It ends early, as
/// [`AnalyzeError::Stopped`], when `on_progress` says so.
pub fn analyze(
    path: &Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    on_hop: impl FnMut(&HopResult),
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Report, AnalyzeError> {
    analyze_for(path, models, smoothing, &mut Functions(on_hop, on_progress))
}

/// As [`analyze`], for one that follows samples, frames and progress. A panic in a decoder is an error: one bad file
/// must not end a program that has more to do.
pub fn analyze_for(
    path: &Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    follower: &mut impl Follower,
) -> Result<Report, AnalyzeError> {
    // What a panic leaves unfinished is dropped, but for the follower, which has seen a part of the file.
    let caught = catch_unwind(AssertUnwindSafe(|| run(path, models, smoothing, follower)));
    caught.unwrap_or_else(|panic| {
        Err(AnalyzeError::Panicked {
            path: path.display().to_string(),
            message: panic_message(&*panic),
        })
    })
}

fn run(
    path: &Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    follower: &mut impl Follower,
) -> Result<Report, AnalyzeError> {
    let mut file = AudioFile::open(path)?;
    let info = file.info().clone();
    let failed = |source| AnalyzeError::Pipeline {
        path: path.display().to_string(),
        source,
    };
    let mut sound = WholeSound::new(models, info.rate, smoothing).map_err(failed)?;
    // Models step through blocks faster than through frames, so decoded packets are gathered to whole pieces.
    let gathered = PIECE_SECONDS * info.rate.0.max(1) as usize;
    let mut block = Vec::with_capacity(2 * gathered);
    let mut more = true;
    while more {
        more = file.next_block(&mut block)?;
        if block.len() >= gathered || !more {
            let taken = if more { gathered } else { block.len() };
            follower.samples(&block[..taken]);
            let done = sound
                .push(&block[..taken], &mut |hop| follower.hop(hop))
                .map_err(failed)?;
            block.drain(..taken);
            let duration = info.duration;
            if follower.progress(Progress { done, duration }).is_break() {
                return Err(AnalyzeError::Stopped);
            }
        }
    }
    let mut report = sound
        .finish(path, &info, &mut |hop| follower.hop(hop))
        .map_err(failed)?;
    report.note_damage(&file);
    Ok(report)
}

/// A whole sound, piece by piece: what [`analyze`] does with a file, for samples that are in memory. How it is cut into
/// pieces makes no difference.
pub struct WholeSound {
    pipeline: Pipeline,
    summary: FileSummary,
    rate: SampleRate,
    samples: u64,
}

impl WholeSound {
    /// Before its first sample.
    ///
    /// # Errors
    /// As of [`Pipeline::new`].
    pub fn new(models: &ModelSet, rate: SampleRate, smoothing: &SmoothingConfig) -> Result<Self, PipelineError> {
        Ok(Self {
            pipeline: Pipeline::new(models, rate, *smoothing)?,
            summary: FileSummary::new(models, smoothing),
            rate,
            samples: 0,
        })
    }

    /// Takes the next samples, mono, and reports the frames that they complete. Returns how much was taken in all.
    ///
    /// # Errors
    /// If the front end fails.
    pub fn push(&mut self, samples: &[f32], on_hop: &mut dyn FnMut(&HopResult)) -> Result<Seconds, PipelineError> {
        self.samples += samples.len() as u64;
        let summary = &mut self.summary;
        self.pipeline.push(samples, &mut |hop| {
            summary.push(hop);
            on_hop(hop);
        })?;
        Ok(self.rate.duration(self.samples))
    }

    /// The sound has ended: reports the frames that the resampler still held, and sums up. `path` names the sound.
    ///
    /// # Errors
    /// If the front end fails.
    pub fn finish(
        mut self,
        path: &Path,
        info: &AudioInfo,
        on_hop: &mut dyn FnMut(&HopResult),
    ) -> Result<Report, PipelineError> {
        let summary = &mut self.summary;
        self.pipeline.finish(&mut |hop| {
            summary.push(hop);
            on_hop(hop);
        })?;
        let faults = self.pipeline.take_faults();
        let duration = self.rate.duration(self.samples);
        let source = SourceReport::new(path, info, duration);
        Ok(self.summary.report(source, duration, &faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_the_way_is_an_error_that_names_the_file() {
        let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo/demo.ogg"));
        let models = attune_model::bundled().unwrap();
        let fault = |_: &HopResult| panic!("index out of bounds");
        let error = analyze(demo, &models, &SmoothingConfig::default(), fault, |_| {
            ControlFlow::Continue(())
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind(), "panicked");
        assert!(error.to_string().contains("demo.ogg") && error.to_string().contains("index out of bounds"));
    }
}
