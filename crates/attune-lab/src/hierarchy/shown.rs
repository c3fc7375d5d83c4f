//! What the lab of the hierarchy found, as tables and a picture.

use super::{MarkedOutcome, Outcome};
use crate::arena::Right;
use crate::{Entry, Table};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_train::evaluate::wilson;

fn name(attends: bool) -> &'static str {
    if attends { "attention" } else { "all alike" }
}

/// The mean of a value over the seeds of a kind; none if it has none.
fn mean<T>(rows: &[(bool, T)], attends: bool, value: impl Fn(&T) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = rows
        .iter()
        .filter(|row| row.0 == attends)
        .filter_map(|row| value(&row.1))
        .collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn share(value: Option<f64>) -> Entry {
    value.map_or(Entry::Absent, Entry::Share)
}

/// Accuracy of all seeds, with the 95 % interval of that accuracy on so many clips.
fn right(rows: &[(bool, Outcome)], attends: bool, of: impl Fn(&Outcome) -> Option<Right>) -> Entry {
    let clips = rows.iter().find_map(|row| of(&row.1)).map_or(0, |right| right.clips);
    let Some(accuracy) = mean(rows, attends, |outcome| Some(of(outcome)?.accuracy)) else {
        return Entry::Absent;
    };
    let [low, high] = wilson(accuracy, clips as f64).map(|share| share * 100.0);
    Entry::Text(format!("{:.1} % ({low:.1}–{high:.1})", accuracy * 100.0))
}

/// Means over the seeds, and each seed.
pub(crate) fn music(rows: &[(bool, Outcome)]) -> [Table; 2] {
    let columns = [
        "segments",
        "weights",
        "one segment (95 %)",
        "whole clips (95 %)",
        "calibration error",
        "entropy / ln n",
        "among noises, by weight",
        "by contribution",
        "right among noises",
        "in music, by weight",
        "by contribution",
        "by chance",
        "loss without the top (points)",
        "without another (points)",
    ];
    let title = "Whole clips through the hierarchy over the frozen TCN: means over the seeds, on validation clips";
    let mut table = Table::new("music", title, &columns);
    let columns = [
        "segments",
        "whole clips",
        "among noises, by weight",
        "by contribution",
        "in music, by weight",
        "by contribution",
        "learnt loss",
    ];
    let mut each = Table::new("seeds", "Each seed", &columns);
    each.long = true;
    for attends in super::KINDS {
        let of = |value: fn(&Outcome) -> f64| mean(rows, attends, |outcome| Some(value(outcome)));
        let points = |value: Option<f64>| value.map_or(Entry::Absent, |value| Entry::Number(value * 100.0, 1));
        // What takes all alike has no highest weight.
        let attended = |value: Option<f64>| value.filter(|_| attends);
        let weights = rows.iter().find(|row| row.0 == attends).map_or(0, |row| row.1.weights);
        table.rows.push(vec![
            name(attends).into(),
            weights.into(),
            right(rows, attends, |outcome| outcome.excerpts),
            right(rows, attends, |outcome| Some(outcome.whole)),
            share(of(|outcome| outcome.ece)),
            of(|outcome| outcome.entropy).map_or(Entry::Absent, |value| Entry::Number(value, 3)),
            share(attended(of(|outcome| outcome.among_noises.weights.rate()))),
            share(of(|outcome| outcome.among_noises.contribution.rate())),
            share(of(|outcome| outcome.right_among_noises)),
            share(attended(of(|outcome| outcome.in_music.weights.rate()))),
            share(of(|outcome| outcome.in_music.contribution.rate())),
            share(of(|outcome| outcome.among_noises.weights.chance())),
            points(attended(of(|outcome| outcome.losses.without_top))),
            points(of(|outcome| outcome.losses.without_other)),
        ]);
    }
    for (attends, outcome) in rows {
        each.rows.push(vec![
            name(*attends).into(),
            Entry::Share(outcome.whole.accuracy),
            share(Some(outcome.among_noises.weights.rate()).filter(|_| *attends)),
            Entry::Share(outcome.among_noises.contribution.rate()),
            share(Some(outcome.in_music.weights.rate()).filter(|_| *attends)),
            Entry::Share(outcome.in_music.contribution.rate()),
            Entry::Number(outcome.loss, 3),
        ]);
    }
    [table, each]
}

/// Whether the marked word, and its segment, are found.
pub(crate) fn marked(rows: &[(bool, MarkedOutcome)]) -> Table {
    let columns = [
        "segments",
        "right",
        "segment found",
        "word found in it",
        "weight of the segment",
        "found by chance",
        "right by chance",
    ];
    let title = "One marked word of one segment names the class: means over the seeds";
    let mut table = Table::new("marked", title, &columns);
    for attends in super::KINDS {
        let of = |value: fn(&MarkedOutcome) -> f64| mean(rows, attends, |outcome| Some(value(outcome)));
        table.rows.push(vec![
            name(attends).into(),
            share(of(|outcome| outcome.accuracy)),
            share(of(|outcome| outcome.segment_found).filter(|_| attends)),
            share(of(|outcome| outcome.word_found).filter(|_| attends)),
            of(|outcome| outcome.weight).map_or(Entry::Absent, |weight| Entry::Number(weight, 3)),
            share(of(|outcome| outcome.chance[0])),
            share(of(|outcome| outcome.chance[1])),
        ]);
    }
    table
}

/// How often the segment with the evidence has the highest weight.
pub(crate) fn picture(marked: &[(bool, MarkedOutcome)], music: &[(bool, Outcome)]) -> Sheet {
    let found = [
        ("marked word", mean(marked, true, |outcome| Some(outcome.segment_found))),
        (
            "among noises",
            mean(music, true, |outcome| Some(outcome.among_noises.weights.rate())),
        ),
        (
            "in music, contribution",
            mean(music, true, |outcome| Some(outcome.in_music.contribution.rate())),
        ),
    ];
    let bars = found.iter().enumerate().filter_map(|(place, (_, rate))| {
        let place = place as f64;
        Some((place - 0.35, place + 0.35, (*rate)?))
    });
    let chance = marked.first().map_or(0.0, |row| row.1.chance[0]);
    Sheet {
        title: "Which segment decides".to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: "Evidence in one segment of a track".to_owned(),
            x: Axis::places("evidence", found.iter().map(|row| row.0)),
            y: Axis::shares("tracks in which it is highest; dashed: by chance"),
            marks: vec![
                Mark::Bars(Ink::Series(0), bars.collect()),
                Mark::Rule((-0.5, chance), (2.5, chance)),
            ],
            legend: Vec::new(),
        })],
    }
}
