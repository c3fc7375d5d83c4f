//! What the lab of score functions found, as tables and pictures.

use super::{genre, needle};
use crate::clip_features::accuracy;
use crate::{Entry, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_nn::score::ScoreKind;

/// One formula, all seeds.
pub(crate) type Row<T> = (ScoreKind, Vec<T>);

/// Means over the seeds, and each seed.
pub(crate) fn genres(rows: &[Row<genre::Outcome>], seeds: &[u64]) -> [Table; 2] {
    let columns = [
        "score",
        "formula",
        "weights",
        "3 s",
        "3 s, 95 %",
        "whole clips",
        "whole, 95 %",
        "entropy / ln n",
        "look-back (s)",
        "in music, by weight",
        "by contribution",
        "among noise, by weight",
        "by contribution",
        "by chance",
        "step (µs)",
    ];
    let title = "Genres, by attention pooling over the frozen TCN: means over the seeds, on validation clips";
    let mut table = Table::new("genres", title, &columns);
    let columns = [
        "score",
        "seed",
        "3 s",
        "whole clips",
        "entropy / ln n",
        "look-back (s)",
        "in music, by weight",
        "by contribution",
        "among noise, by weight",
        "by contribution",
        "learnt loss",
    ];
    let mut each = Table::new("seeds", "Each seed", &columns);
    each.long = true;
    for (kind, outcomes) in rows {
        let of = |value: fn(&genre::Outcome) -> f64| mean(outcomes.iter().map(value));
        let mut row = vec![
            kind.name().into(),
            kind.formula().into(),
            outcomes.first().map_or(Entry::Absent, |outcome| outcome.weights.into()),
        ];
        row.extend(accuracy(
            &outcomes.iter().map(|outcome| outcome.excerpts).collect::<Vec<_>>(),
        ));
        row.extend(accuracy(
            &outcomes.iter().map(|outcome| outcome.whole).collect::<Vec<_>>(),
        ));
        row.extend([
            Entry::Number(of(|outcome| outcome.entropy), 3),
            Entry::Number(of(|outcome| outcome.look_back), 2),
            points(*kind, of(|outcome| outcome.in_music.weights.rate())),
            Entry::Share(of(|outcome| outcome.in_music.contribution.rate())),
            points(*kind, of(|outcome| outcome.among_noise.weights.rate())),
            Entry::Share(of(|outcome| outcome.among_noise.contribution.rate())),
            Entry::Share(of(|outcome| outcome.in_music.weights.chance())),
            Entry::Number(of(|outcome| outcome.step_us), 2),
        ]);
        table.rows.push(row);
        for (outcome, &seed) in outcomes.iter().zip(seeds) {
            each.rows.push(vec![
                kind.name().into(),
                Entry::Count(seed),
                Entry::Share(outcome.excerpts.accuracy),
                Entry::Share(outcome.whole.accuracy),
                Entry::Number(outcome.entropy, 3),
                Entry::Number(outcome.look_back, 2),
                points(*kind, outcome.in_music.weights.rate()),
                Entry::Share(outcome.in_music.contribution.rate()),
                points(*kind, outcome.among_noise.weights.rate()),
                Entry::Share(outcome.among_noise.contribution.rate()),
                Entry::Number(outcome.loss, 3),
            ]);
        }
    }
    [table, each]
}

/// How often the highest weight lies in the passage; even weights have no highest.
fn points(kind: ScoreKind, rate: f64) -> Entry {
    match kind {
        ScoreKind::Even => Entry::Absent,
        _ => Entry::Share(rate),
    }
}

/// Who finds the marked frame.
pub(crate) fn needles(rows: &[Row<needle::Outcome>], frames: usize) -> Table {
    let columns = [
        "score",
        "formula",
        "right",
        "found",
        "weight on it",
        "greatest weight",
        "right by chance",
    ];
    let title = format!("One marked frame of {frames} names the class: means over the seeds");
    let mut table = Table::new("marked", &title, &columns);
    for (kind, outcomes) in rows {
        let of = |value: fn(&needle::Outcome) -> f64| mean(outcomes.iter().map(value));
        table.rows.push(vec![
            kind.name().into(),
            kind.formula().into(),
            Entry::Share(of(|outcome| outcome.accuracy)),
            Entry::Share(of(|outcome| outcome.found)),
            Entry::Number(of(|outcome| outcome.weight), 3),
            Entry::Number(of(|outcome| outcome.greatest), 3),
            Entry::Share(1.0 / needle::CLASSES as f64),
        ]);
    }
    table
}

/// Entropy against the width of s and h: for each width those of dot and scaled dot.
pub(crate) fn widths(rows: &[(usize, f64, f64)], frames: usize) -> Table {
    let title = format!("Entropy / ln n over {frames} frames, s and h of independent normal values");
    let mut table = Table::new("width", &title, &["width d", "s·h", "s·h/√d"]);
    for &(width, dot, scaled) in rows {
        table
            .rows
            .push(vec![width.into(), Entry::Number(dot, 3), Entry::Number(scaled, 3)]);
    }
    table
}

/// Who finds the frame, and entropy against width.
pub(crate) fn picture(needles: &[Row<needle::Outcome>], widths: &[(usize, f64, f64)]) -> Sheet {
    let names: Vec<String> = needles
        .iter()
        .map(|(kind, _)| {
            kind.name()
                .replace("cosine_tempered", "β·cos")
                .replace("scaled_dot", "scaled")
        })
        .collect();
    let bars = needles.iter().enumerate().map(|(place, (_, outcomes))| {
        let weight = mean(outcomes.iter().map(|outcome| outcome.weight));
        (place as f64 - 0.35, place as f64 + 0.35, weight)
    });
    let line = |of: fn(&(usize, f64, f64)) -> f64| widths.iter().map(|row| (row.0 as f64, of(row))).collect();
    let places: Vec<f64> = widths.iter().map(|row| row.0 as f64).collect();
    Sheet {
        title: "Six score functions".to_owned(),
        panels: vec![
            Panel::Chart(Chart {
                title: "Weight on the frame that counts".to_owned(),
                x: Axis::places("score function", names.iter().map(String::as_str)),
                y: Axis::shares("mean weight"),
                marks: vec![Mark::Bars(Ink::Series(0), bars.collect())],
                legend: Vec::new(),
            }),
            Panel::Chart(Chart {
                title: "Products grow with their width".to_owned(),
                x: Axis::ratios("width d of s and h", &places),
                y: Axis::shares("entropy of the weights, as a share of ln n"),
                marks: vec![
                    Mark::Line(Ink::Series(0), line(|row| row.1)),
                    Mark::Line(Ink::Series(1), line(|row| row.2)),
                ],
                legend: vec![
                    (Ink::Series(0), "s·h".to_owned()),
                    (Ink::Series(1), "s·h/√d".to_owned()),
                ],
            }),
        ],
    }
}
