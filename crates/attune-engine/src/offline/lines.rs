//! One line of JSON for each thing that happens (NDJSON), the same for files and for live sound.
//!
//! In: columns and health. Out: lines. Thread: any.

use super::report::{FailureReport, Report};
use crate::{Column, Health, StateReset};
use attune_audio::units::Seconds;
use attune_model::genre::{GenreSet, Probabilities, SoundKind};
use serde::Serialize;
use serde_json::{Map, Value};

/// A millionth is finer than any probability means, and keeps lines short.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

pub(super) fn rounded_secs(at: Seconds) -> f64 {
    rounded(at.0)
}

/// Probabilities by label.
pub(super) fn by_label(probabilities: &Probabilities, genres: &GenreSet) -> Map<String, Value> {
    let pairs = genres.labels().iter().zip(probabilities.as_slice());
    pairs
        .map(|(label, &p)| (label.clone(), Value::from(rounded(f64::from(p)))))
        .collect()
}

fn rounded_familiarity(column: &Column) -> Option<f64> {
    column.familiarity.map(|familiarity| rounded(f64::from(familiarity)))
}

/// One model at one frame.
#[derive(Debug, Clone, Copy)]
pub struct ModelHop<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its place among the models.
    pub model: usize,
}

/// What one model answered at one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HopLine {
    r#type: &'static str,
    t_s: f64,
    engine: String,
    genre: String,
    probabilities: Map<String, Value>,
    smoothed: Map<String, Value>,
    /// How familiar the music is to all models, smoothed, 0…1; absent if none knows, or nothing has settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    familiarity: Option<f64>,
}

impl HopLine {
    /// `None`: the model was off.
    pub fn new(column: &Column, hop: ModelHop<'_>, genres: &GenreSet) -> Option<Self> {
        let raw = column.raw.get(hop.model)?;
        if raw.as_slice().is_empty() {
            return None;
        }
        let smoothed = &column.smoothed[hop.model];
        Some(Self {
            r#type: "hop",
            t_s: rounded_secs(column.at),
            engine: hop.name.to_owned(),
            genre: genres.label(smoothed.top().0).to_owned(),
            probabilities: by_label(raw, genres),
            smoothed: by_label(smoothed, genres),
            familiarity: rounded_familiarity(column),
        })
    }
}

/// The answer has changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateLine {
    r#type: &'static str,
    t_s: f64,
    state: &'static str,
    genre: Option<String>,
    confidence: f64,
    reason: String,
    rule: &'static str,
    /// As of a hop.
    #[serde(skip_serializing_if = "Option::is_none")]
    familiarity: Option<f64>,
    /// Music, speech and other sounds, smoothed; absent without a gate.
    #[serde(skip_serializing_if = "Map::is_empty")]
    kinds: Map<String, Value>,
}

/// Probabilities of a gate by label; empty without one.
pub(super) fn by_kind(kinds: &Probabilities) -> Map<String, Value> {
    let pairs = SoundKind::LABELS.iter().zip(kinds.as_slice());
    pairs
        .map(|(label, &p)| ((*label).to_owned(), Value::from(rounded(f64::from(p)))))
        .collect()
}

impl StateLine {
    /// The answer at this frame.
    pub fn new(column: &Column, genres: &GenreSet) -> Self {
        let decision = &column.decision;
        Self {
            r#type: "state",
            t_s: rounded_secs(column.at),
            state: decision.state.name(),
            genre: decision.state.genre().map(|id| genres.label(id).to_owned()),
            confidence: rounded(f64::from(decision.confidence)),
            reason: decision.reason.sentence(genres),
            rule: decision.reason.rule(),
            familiarity: rounded_familiarity(column),
            kinds: by_kind(&column.kinds),
        }
    }
}

/// A section has begun. A line that was written holds: none takes it back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SectionLine {
    r#type: &'static str,
    t_s: f64,
    /// Since when it plays.
    since_s: f64,
    genre: String,
    confidence: f64,
}

impl SectionLine {
    /// `None`: no section was written at this frame.
    pub fn new(column: &Column, genres: &GenreSet) -> Option<Self> {
        let section = column.section?;
        Some(Self {
            r#type: "section",
            t_s: rounded_secs(column.at),
            since_s: rounded_secs(section.since),
            genre: genres.label(section.genre).to_owned(),
            confidence: rounded(f64::from(section.confidence)),
        })
    }
}

/// The music has changed: what was before is forgotten.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeLine {
    r#type: &'static str,
    t_s: f64,
    /// About when it changed.
    since_s: f64,
}

impl ChangeLine {
    /// `None`: nothing was reset before this frame, or for another reason.
    pub fn new(column: &Column, hop: Seconds) -> Option<Self> {
        let StateReset::Change { frames } = column.reset else {
            return None;
        };
        Some(Self {
            r#type: "change",
            t_s: rounded_secs(column.at),
            since_s: rounded(column.at.0 - f64::from(frames) * hop.0),
        })
    }
}

/// Whether the engine keeps up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthLine {
    r#type: &'static str,
    t_s: f64,
    samples_lost: u64,
    samples_not_finite: u64,
    xruns: u64,
    missed_s: f64,
    load: f64,
    latency_ms: Percentiles,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl HealthLine {
    /// Health at stream time `at`.
    pub fn new(at: Seconds, health: &Health) -> Self {
        Self {
            r#type: "health",
            t_s: rounded_secs(at),
            samples_lost: health.samples_lost,
            samples_not_finite: health.samples_not_finite,
            xruns: health.xruns,
            missed_s: rounded_secs(health.missed),
            load: rounded(f64::from(health.load)),
            latency_ms: Percentiles {
                p50: rounded(f64::from(health.latency_p50_ms)),
                p99: rounded(f64::from(health.latency_p99_ms)),
            },
        }
    }
}

/// A line about one of several files: it names the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfFile<'a, L> {
    #[serde(flatten)]
    line: L,
    path: &'a str,
}

impl<'a, L> OfFile<'a, L> {
    /// A line about the file with this path.
    pub fn new(path: &'a str, line: L) -> Self {
        Self { line, path }
    }
}

/// The last line of a file: all that is said of the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a> From<&'a Report> for FileLine<'a> {
    fn from(report: &'a Report) -> Self {
        Self { r#type: "file", report }
    }
}

/// A failure among lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureLine {
    r#type: &'static str,
    #[serde(flatten)]
    failure: FailureReport,
}

impl From<FailureReport> for FailureLine {
    fn from(failure: FailureReport) -> Self {
        Self {
            r#type: "error",
            failure,
        }
    }
}

/// One line of JSON, without its end.
pub fn document(value: &impl Serialize) -> String {
    // Our own types have string keys and no custom serialisers: nothing in them can fail.
    serde_json::to_string(value).unwrap_or_default()
}
