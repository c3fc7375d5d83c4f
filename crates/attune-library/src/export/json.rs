//! Everything in one document: the report as `attune analyze --json` prints it, and with it merged segments, frames
//! column by column, why, and provenance.

use crate::{Analysis, Hops, Provenance};
use attune_engine::explain::document;
use attune_engine::offline::{Report, SegmentReport};
use attune_model::genre::GenreSet;
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    merged: &'a [SegmentReport],
    why: Option<Value>,
    provenance: &'a Provenance,
    hops: Value,
}

pub(super) fn write(of: &Analysis) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(&Document {
        report: &of.report,
        merged: &of.segments,
        why: why(of),
        provenance: &of.provenance,
        hops: hops(&of.hops, &of.genres),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The explanation of the moment at which the answer was most probable.
pub(super) fn why(of: &Analysis) -> Option<Value> {
    let why = of.why.as_ref()?;
    let weights: Vec<String> = of.provenance.models.iter().map(|model| model.sha256.clone()).collect();
    let mut value = document::json(&why.context(&of.report.source.path, &of.genres, &weights));
    value["sentences"] = json!(why.sentences(&of.genres));
    Some(value)
}

/// `{"t_s": [...], "state": [...], "ensemble": {"blues": [...], …}, "engines": {"lstm": {"blues": [...], …}, …}}`: the
/// n-th value of each list is that of the n-th frame. Numbers that are none are null.
fn hops(of: &Hops, genres: &GenreSet) -> Value {
    let numbers = |values: &[f32]| values.iter().map(|value| rounded(*value)).collect::<Value>();
    let by_label = |rows: &[f32]| -> Value {
        let values = |class: usize| rows.iter().skip(class).step_by(of.classes).map(|p| rounded(*p));
        let labels = genres.labels().iter().enumerate();
        Value::Object(
            labels
                .map(|(class, label)| (label.clone(), values(class).collect::<Value>()))
                .collect(),
        )
    };
    let genre = |state: &attune_engine::smoothing::AnswerState| state.genre().map(|id| genres.label(id));
    let engines: Map<String, Value> = of
        .models
        .iter()
        .map(|model| (model.name.clone(), by_label(&model.probabilities)))
        .collect();
    json!({
        "t_s": of.at_s.iter().map(|at| (at * 1e6).round() / 1e6).collect::<Vec<_>>(),
        "state": of.state.iter().map(|state| state.name()).collect::<Vec<_>>(),
        "genre": of.state.iter().map(genre).collect::<Vec<_>>(),
        "confidence": numbers(&of.confidence),
        "level_db": numbers(&of.level_db),
        "familiarity": numbers(&of.familiarity),
        "ensemble": by_label(&of.ensemble),
        "engines": engines,
    })
}

/// To a millionth, as in the lines of `--ndjson`.
pub(super) fn rounded(value: f32) -> Value {
    json!((f64::from(value) * 1e6).round() / 1e6)
}
