//! The two tables of an analysis: its frames and its segments.

use crate::Analysis;
use crate::table::{Column, Table, Values};

/// A row for each frame: time, answer, level, familiarity, the ensemble's smoothed probabilities, and each model's
/// calibrated ones.
pub(super) fn hops(of: &Analysis) -> Table<'_> {
    let hops = &of.hops;
    let known = |value: f32| (!value.is_nan()).then_some(value);
    let mut columns = vec![
        Column::new("t_s", Values::Double(Box::new(|row| Some(hops.at_s[row])))),
        Column::new(
            "state",
            Values::Text(Box::new(|row| Some(hops.state[row].name().into()))),
        ),
        Column::new(
            "genre",
            Values::Text(Box::new(|row| {
                hops.state[row].genre().map(|id| of.genres.label(id).into())
            })),
        ),
        Column::new(
            "confidence",
            Values::Float(Box::new(move |row| known(hops.confidence[row]))),
        ),
        Column::new(
            "level_db",
            Values::Float(Box::new(move |row| known(hops.level_db[row]))),
        ),
        Column::new(
            "familiarity",
            Values::Float(Box::new(move |row| known(hops.familiarity[row]))),
        ),
    ];
    let models = hops.models.iter().map(|model| (&model.name[..], &model.probabilities));
    for (name, rows) in std::iter::once(("ensemble", &hops.ensemble)).chain(models) {
        for (class, label) in of.genres.labels().iter().enumerate() {
            let value = move |row: usize| known(rows[row * hops.classes + class]);
            columns.push(Column::new(format!("{name}_{label}"), Values::Float(Box::new(value))));
        }
    }
    Table {
        rows: hops.len(),
        columns,
        notes: notes(of),
    }
}

/// A row for each merged segment.
pub(super) fn segments(of: &Analysis) -> Table<'_> {
    let (segments, source) = (&of.segments, &of.report.source);
    let columns = vec![
        Column::new("path", Values::Text(Box::new(|_| Some(source.path.as_str().into())))),
        Column::new("start_s", Values::Double(Box::new(|row| Some(segments[row].start_s)))),
        Column::new("end_s", Values::Double(Box::new(|row| Some(segments[row].end_s)))),
        Column::new("state", Values::Text(Box::new(|row| Some(segments[row].state.into())))),
        Column::new(
            "genre",
            Values::Text(Box::new(|row| segments[row].genre.as_deref().map(Into::into))),
        ),
        Column::new(
            "confidence",
            Values::Double(Box::new(|row| Some(segments[row].confidence))),
        ),
    ];
    Table {
        rows: segments.len(),
        columns,
        notes: notes(of),
    }
}

/// Kept in the file where the format has room for it.
fn notes(of: &Analysis) -> Vec<(String, String)> {
    let report = &of.report;
    let text = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    vec![
        ("attune.source".to_owned(), text(serde_json::to_string(&report.source))),
        ("attune.answer".to_owned(), text(serde_json::to_string(&report.answer))),
        (
            "attune.provenance".to_owned(),
            text(serde_json::to_string(&of.provenance)),
        ),
    ]
}
