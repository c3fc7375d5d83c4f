//! One file, analysed for export: one decode, whatever is written of it.
//!
//! In: a path. Out: an [`Analysis`]. Thread: the caller's; an explanation takes two more for each model.

use super::collect::Collector;
use super::export::{ExportError, ExportFile, Format};
use super::hops::Hops;
use super::merge::{DEFAULT_MIN_SEGMENT, merged};
use super::provenance::Provenance;
use super::why::{Moments, Why};
use attune_audio::units::Seconds;
use attune_engine::offline::{AnalyzeError, Follower, Report, SegmentReport, analyze_for};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::text::Printable;
use attune_model::ModelSet;
use attune_model::genre::GenreSet;
use std::path::{Path, PathBuf};

/// Nobody follows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Follower for Nobody {}

/// Everything that is said of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The file.
    pub path: PathBuf,
    /// The answer, each model's view, and what was answered when.
    pub report: Report,
    /// What was answered when, in segments of at least some length ([`merged`]).
    pub segments: Vec<SegmentReport>,
    /// Every frame.
    pub hops: Hops,
    /// What the answer rests on; `None` if it is no genre, or no format asks.
    pub why: Option<Why>,
    /// What it was made with, and of what.
    pub provenance: Provenance,
    /// The classes.
    pub genres: GenreSet,
}

/// What is to be done with files.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    models: &'a ModelSet,
    smoothing: &'a SmoothingConfig,
    formats: &'a [Format],
    min_segment: Seconds,
}

impl<'a> Job<'a> {
    /// Files are analysed for these formats: what none of them shows is not computed.
    pub fn new(models: &'a ModelSet, smoothing: &'a SmoothingConfig, formats: &'a [Format]) -> Self {
        Self {
            models,
            smoothing,
            formats,
            min_segment: DEFAULT_MIN_SEGMENT,
        }
    }

    /// The same with another shortest segment.
    pub fn min_segment(mut self, least: Seconds) -> Self {
        self.min_segment = least;
        self
    }

    /// Analyses a file.
    ///
    /// # Errors
    /// As [`attune_engine::offline::analyze`], or if a model cannot be run again to explain its answer.
    pub fn run(&self, path: &Path, follower: &mut impl Follower) -> Result<Analysis, AnalyzeError> {
        let explains = self.formats.iter().any(|format| format.shows_why());
        let mut collector = Collector {
            hops: Hops::new(self.models),
            moments: explains.then(|| Moments::new(self.models)),
            next: follower,
        };
        let report = analyze_for(path, self.models, self.smoothing, &mut collector)?;
        let genre = report.answer.genre.as_deref();
        let class = genre.and_then(|label| self.models.genres.find(label));
        let why = match (collector.moments, class) {
            (Some(moments), Some(class)) => moments.explain(class, self.models)?,
            _ => None,
        };
        Ok(Analysis {
            path: path.to_owned(),
            segments: merged(&report.segments, self.min_segment),
            hops: collector.hops,
            why,
            provenance: Provenance::of(path, self.models, self.smoothing, self.min_segment.0),
            genres: self.models.genres.clone(),
            report,
        })
    }
}

impl Analysis {
    /// The files of one format.
    ///
    /// # Errors
    /// If it cannot be drawn or encoded.
    pub fn export(&self, format: Format) -> Result<Vec<ExportFile>, ExportError> {
        format.files(self)
    }

    /// The name of the file, on one line.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        Printable(name.to_string_lossy()).to_string()
    }

    /// An answer as people read it: the title of its genre, or what it is instead.
    pub(crate) fn title(&self, state: &str, genre: Option<&str>) -> String {
        let words = match (genre, state) {
            (Some(label), _) => self
                .genres
                .find(label)
                .map_or_else(|| label.to_owned(), |id| self.genres.title(id)),
            (None, "warming_up") => "Warming up".to_owned(),
            (None, "not_music") => "Not music".to_owned(),
            (None, state) => {
                let mut letters = state.chars();
                let first = letters
                    .next()
                    .map(|first| first.to_uppercase().chain(letters).collect());
                first.unwrap_or_default()
            }
        };
        Printable(words).to_string()
    }

    /// A segment's answer as people read it.
    pub(crate) fn title_of(&self, segment: &SegmentReport) -> String {
        self.title(segment.state, segment.genre.as_deref())
    }
}
