//! What the lab of heads found, as tables and a picture.

use super::needles::{DIGITS, MARKS};
use super::{OfGenres, OfNeedles};
use crate::clip_features::{Score, accuracy};
use crate::{Entry, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_train::evaluate::wilson;

/// A number of heads, and the result of each seed.
pub(crate) type Row<T> = (usize, Vec<T>);

/// Needles, genres if there are any, and the ablation of each head.
pub(crate) fn tables(
    needles: &[Row<OfNeedles>],
    genres: Option<&[Row<OfGenres>]>,
    seeds: &[u64],
    tested: usize,
) -> Vec<Table> {
    let columns = ["heads", "digits right", "95 %", "by chance", "all four right", "loss"];
    let title = "Four needles at once: means over the seeds";
    let mut found = Table::new("needles", title, &columns);
    for (heads, outcomes) in needles {
        let of = |value: fn(&OfNeedles) -> f64| mean(outcomes.iter().map(value));
        let right = of(|outcome| outcome.right);
        let [low, high] = wilson(right, (tested * MARKS) as f64);
        found.rows.push(vec![
            (*heads).into(),
            Entry::Share(right),
            Entry::Text(format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)),
            Entry::Share(1.0 / DIGITS as f64),
            Entry::Share(of(|outcome| outcome.all)),
            Entry::Number(of(|outcome| outcome.loss), 3),
        ]);
    }
    let mut tables = vec![found];
    if let Some(genres) = genres {
        let columns = ["heads", "3 s", "3 s, 95 %", "whole clips", "whole, 95 %", "learnt loss"];
        let title = "Genres, one layer over the frozen TCN: means over the seeds, on validation clips";
        let mut table = Table::new("genres", title, &columns);
        for (heads, outcomes) in genres {
            let scores = |of: fn(&OfGenres) -> Score| accuracy(&outcomes.iter().map(of).collect::<Vec<_>>());
            let mut row = vec![(*heads).into()];
            row.extend(scores(|outcome| outcome.outcome.excerpts));
            row.extend(scores(|outcome| outcome.outcome.whole));
            row.push(Entry::Number(
                mean(outcomes.iter().map(|outcome| outcome.outcome.loss)),
                3,
            ));
            table.rows.push(row);
        }
        tables.push(table);
    }
    tables.push(ablation(needles, genres, seeds));
    tables
}

/// What is right without each head, of each seed.
fn ablation(needles: &[Row<OfNeedles>], genres: Option<&[Row<OfGenres>]>, seeds: &[u64]) -> Table {
    let columns = [
        "task",
        "heads",
        "seed",
        "with all",
        "lost without head 1, 2, … (points)",
        "greatest loss",
    ];
    let mut table = Table::new("ablation", "What is lost without one head", &columns);
    let mut add = |task: &str, heads: usize, seed: u64, whole: f64, without: &[f64]| {
        let lost = without.iter().map(|without| whole - without);
        let each: Vec<String> = lost.clone().map(|lost| format!("{:.1}", lost * 100.0)).collect();
        table.rows.push(vec![
            task.into(),
            heads.into(),
            Entry::Count(seed),
            Entry::Share(whole),
            Entry::Text(each.join(", ")),
            Entry::Share(lost.fold(f64::NEG_INFINITY, f64::max)),
        ]);
    };
    for (heads, outcomes) in needles {
        for (outcome, &seed) in outcomes.iter().zip(seeds) {
            add("needles", *heads, seed, outcome.right, &outcome.without);
        }
    }
    for (heads, outcomes) in genres.unwrap_or_default() {
        for (outcome, &seed) in outcomes.iter().zip(seeds) {
            add(
                "whole clips",
                *heads,
                seed,
                outcome.outcome.whole.accuracy,
                &outcome.without,
            );
        }
    }
    table
}

/// Right answers by number of heads, and what is left without each head of the first seed.
pub(crate) fn picture(needles: &[Row<OfNeedles>], genres: Option<&[Row<OfGenres>]>) -> Sheet {
    let places: Vec<f64> = needles.iter().map(|(heads, _)| *heads as f64).collect();
    let line = |of: fn(&OfNeedles) -> f64| -> Vec<(f64, f64)> {
        let points = needles.iter();
        points
            .map(|(heads, all)| (*heads as f64, mean(all.iter().map(of))))
            .collect()
    };
    let mut marks = vec![
        Mark::Rule(
            (1.0, 1.0 / DIGITS as f64),
            (places.last().copied().unwrap_or(1.0), 1.0 / DIGITS as f64),
        ),
        Mark::Line(Ink::Series(0), line(|outcome| outcome.right)),
        Mark::Line(Ink::Series(1), line(|outcome| outcome.all)),
    ];
    let mut legend = vec![
        (Ink::Series(0), "digits".to_owned()),
        (Ink::Series(1), "all four".to_owned()),
    ];
    if let Some(genres) = genres {
        let points = genres.iter().map(|(heads, all)| {
            let right = mean(all.iter().map(|outcome| outcome.outcome.whole.accuracy));
            (*heads as f64, right)
        });
        marks.push(Mark::Line(Ink::Series(2), points.collect()));
        legend.push((Ink::Series(2), "genres of whole clips".to_owned()));
    }
    let (mut names, mut left) = (Vec::new(), Vec::new());
    for (heads, outcomes) in needles {
        for (head, without) in outcomes.iter().take(1).flat_map(|outcome| &outcome.without).enumerate() {
            names.push(format!("{}/{heads}", head + 1));
            left.push(*without);
        }
    }
    let bars = left.iter().enumerate();
    let bars = bars.map(|(place, value)| (place as f64 - 0.35, place as f64 + 0.35, *value));
    Sheet {
        title: "What more heads are good for".to_owned(),
        panels: vec![
            Panel::Chart(Chart {
                title: "Four needles at once".to_owned(),
                x: Axis::ratios("heads that share one width", &places),
                y: Axis::shares("right; dashed: a digit by chance"),
                marks,
                legend,
            }),
            Panel::Chart(Chart {
                title: "What is left without one head".to_owned(),
                x: Axis::places("head that is left out, of so many", names.iter().map(String::as_str)),
                y: Axis::shares("digits right"),
                marks: vec![Mark::Bars(Ink::Series(0), bars.collect())],
                legend: Vec::new(),
            }),
        ],
    }
}
