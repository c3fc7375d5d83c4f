//! What is said of a whole file, in the shape that scripts rely on.
//!
//! In: sums of a [`super::summary::FileSummary`]. Out: JSON through serde. Thread: any.

use super::AnalyzeError;
use super::lines::rounded_secs;
use super::surprise::SurpriseReport;
use attune_audio::decode::{AudioFile, AudioInfo};
use attune_audio::units::Seconds;
use attune_model::hierarchical::DecidedReport;
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::Path;

/// A whole file. Times in seconds, probabilities 0…1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of Attune.
    pub attune: &'static str,
    /// The file.
    pub source: SourceReport,
    /// The one answer for the whole.
    pub answer: AnswerReport,
    /// Each model's view of the whole.
    #[serde(rename = "engines")]
    pub models: Vec<ModelReport>,
    /// What was answered when.
    pub segments: Vec<SegmentReport>,
    /// Which segments decided, by a network that reads whole files; absent unless requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<DecidedReport>,
    /// The sections, in the order in which they were written; absent unless requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sections: Option<Vec<SectionReport>>,
    /// How surprising the sound is; absent unless requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surprise: Option<SurpriseReport>,
    /// What was not as it should be, though the file could be analysed.
    pub warnings: Vec<String>,
    /// Whether a part of the file is missing from the answer; other warnings are remarks.
    #[serde(skip)]
    pub is_damaged: bool,
}

/// A section that was listed as the file played.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SectionReport {
    /// Since when it plays.
    pub since_s: f64,
    /// How much of the file had played when it was written.
    pub written_s: f64,
    /// Label of its genre.
    pub genre: String,
    /// Probability of the token.
    pub confidence: f64,
}

/// The file that was analysed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceReport {
    /// As it was given.
    pub path: String,
    /// Of the samples that were decoded.
    pub duration_s: f64,
    /// Sample rate.
    pub rate_hz: u32,
    /// Audio channels.
    pub channels: u16,
    /// `mp3`, `flac`, …
    pub decoder: String,
}

/// The answer for the whole file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerReport {
    /// `genre`, `unsure`, `silence`, `speech`, `not_music` or `unfamiliar`.
    pub state: &'static str,
    /// Label of the genre, if one is answered.
    pub genre: Option<String>,
    /// Probability of speech or other sound where that is answered, else of the most probable genre, whether or not it
    /// is.
    pub confidence: Option<f64>,
    /// Why, for people.
    pub reason: String,
    /// The rule behind it, for scripts.
    pub rule: &'static str,
    /// How familiar the music is, 0…1: about the share of known music that is no more familiar; absent if no model
    /// knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<f64>,
    /// Mean probabilities of music, speech and other sounds over all audible frames; absent without a gate.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub kinds: Map<String, Value>,
}

/// One model's view of the whole file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// Its most probable genre; none without audible frames.
    pub genre: Option<String>,
    /// Mean of its calibrated probabilities, by label: over all frames after the first two seconds that the gate did
    /// not reject; the newest one before that, and all audible ones if it rejected all.
    pub probabilities: Map<String, Value>,
}

/// A segment of the same answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentReport {
    /// Where it begins.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// `warming_up`, `silence`, `unsure`, `speech`, `not_music`, `unfamiliar`, `genre`.
    pub state: &'static str,
    /// Label of the genre, if one is answered.
    pub genre: Option<String>,
    /// Mean over the segment of the smoothed probability of what is answered, or of the most probable genre.
    pub confidence: f64,
}

/// A file that could not be analysed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureReport {
    source: FailedSource,
    error: Failure,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct FailedSource {
    path: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Failure {
    kind: &'static str,
    message: String,
    remedy: String,
}

impl SourceReport {
    pub(super) fn new(path: &Path, info: &AudioInfo, duration: Seconds) -> Self {
        Self {
            path: path.display().to_string(),
            duration_s: rounded_secs(duration),
            rate_hz: info.rate.0,
            channels: info.channels,
            decoder: info.decoder.clone(),
        }
    }
}

impl Report {
    /// Warns of what was wrong with the file's content, and notes what is unusual.
    pub(super) fn note_damage(&mut self, file: &AudioFile) {
        let before = self.warnings.len();
        self.warnings.extend(file.damage());
        self.warnings.extend(samples_not_finite(file.not_finite()));
        self.is_damaged |= self.warnings.len() > before;
        self.warnings.extend(file.remarks());
    }
}

/// A warning of `count` samples that were NaN or infinite; `None` for none.
pub fn samples_not_finite(count: u64) -> Option<String> {
    (count > 0).then(|| format!("{count} samples were no numbers and count as silence"))
}

impl FailureReport {
    /// The failure of this file.
    pub fn new(path: &Path, error: &AnalyzeError) -> Self {
        Self {
            source: FailedSource {
                path: path.display().to_string(),
            },
            error: Failure {
                kind: error.kind(),
                message: error.to_string(),
                remedy: error.remedy().to_owned(),
            },
        }
    }
}
