//! What the lab of depth found, as tables and a picture.

use super::{FORMS, Form, Outcome, Row};
use crate::token_encoder::order_task;
use crate::{Entry, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_train::evaluate::wilson;

/// As it is called.
pub(crate) fn name(form: Form) -> &'static str {
    match form {
        (true, true) => "both",
        (true, false) => "residual only",
        (false, true) => "norm only",
        (false, false) => "neither",
    }
}

/// Losses and gradients, means over the seeds; every layer of every seed.
pub(crate) fn tables(rows: &[Row], seeds: &[u64], tested: usize) -> Vec<Table> {
    let columns = ["form", "layers", "loss", "right", "95 %", "by chance"];
    let mut losses = Table::new("losses", "The order task by depth: means over the seeds", &columns);
    let columns = [
        "form",
        "layers",
        "first step, layer 1, 2, …",
        "last step, layer 1, 2, …",
        "lowest / highest, first step",
    ];
    let mut gradients = Table::new(
        "gradients",
        "Norm of the gradient by a layer's weights: means over the seeds",
        &columns,
    );
    let mut each = Table::new(
        "seeds",
        "Every layer of every seed",
        &["form", "layers", "seed", "loss", "right", "layer", "first", "last"],
    );
    each.long = true;
    for (form, layers, outcomes) in rows {
        let right = mean(outcomes.iter().map(|outcome| outcome.accuracy));
        let [low, high] = wilson(right, tested as f64);
        losses.rows.push(vec![
            name(*form).into(),
            (*layers).into(),
            Entry::Number(mean(outcomes.iter().map(|outcome| outcome.loss)), 3),
            Entry::Share(right),
            Entry::Text(format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)),
            Entry::Share(1.0 / order_task::CLASSES as f64),
        ]);
        let first = by_layer(outcomes, |outcome| &outcome.first);
        let last = by_layer(outcomes, |outcome| &outcome.last);
        let ends = first
            .first()
            .zip(first.last())
            .map(|(lowest, highest)| lowest / highest);
        gradients.rows.push(vec![
            name(*form).into(),
            (*layers).into(),
            powers(&first),
            powers(&last),
            ends.map_or(Entry::Absent, Entry::Power),
        ]);
        for (outcome, &seed) in outcomes.iter().zip(seeds) {
            for (layer, (first, last)) in outcome.first.iter().zip(&outcome.last).enumerate() {
                each.rows.push(vec![
                    name(*form).into(),
                    (*layers).into(),
                    Entry::Count(seed),
                    Entry::Number(outcome.loss, 3),
                    Entry::Share(outcome.accuracy),
                    (layer + 1).into(),
                    Entry::Power(*first),
                    Entry::Power(*last),
                ]);
            }
        }
    }
    vec![losses, gradients, each]
}

/// The mean over the seeds of each layer's norm.
fn by_layer(outcomes: &[Outcome], of: fn(&Outcome) -> &Vec<f64>) -> Vec<f64> {
    let layers = outcomes.first().map_or(0, |outcome| of(outcome).len());
    (0..layers)
        .map(|layer| mean(outcomes.iter().map(|outcome| of(outcome)[layer])))
        .collect()
}

fn powers(values: &[f64]) -> Entry {
    let shown: Vec<String> = values.iter().map(|value| Entry::Power(*value).to_string()).collect();
    Entry::Text(shown.join(", "))
}

/// Losses by depth, and gradients by layer of the deepest network.
pub(crate) fn picture(rows: &[Row]) -> Sheet {
    let mut depths: Vec<f64> = rows.iter().map(|row| row.1 as f64).collect();
    depths.sort_by(f64::total_cmp);
    depths.dedup();
    let deepest = rows.iter().map(|row| row.1).max().unwrap_or(1);
    let chance = (order_task::CLASSES as f64).ln();
    let (mut losses, mut first, mut last, mut norms) = (Vec::new(), Vec::new(), Vec::new(), vec![1.0]);
    let mut greatest = chance;
    for (number, form) in FORMS.into_iter().enumerate() {
        let ink = Ink::Series(number);
        let of: Vec<&Row> = rows.iter().filter(|row| row.0 == form).collect();
        let points: Vec<(f64, f64)> = of
            .iter()
            .map(|row| (row.1 as f64, mean(row.2.iter().map(|outcome| outcome.loss))))
            .collect();
        greatest = points.iter().fold(greatest, |greatest, point| greatest.max(point.1));
        losses.push(Mark::Line(ink, points));
        let Some(deep) = of.iter().find(|row| row.1 == deepest) else {
            continue;
        };
        let line = |of: fn(&Outcome) -> &Vec<f64>, norms: &mut Vec<f64>| {
            let values = by_layer(&deep.2, of).into_iter().map(|norm| norm.max(LEAST));
            let points: Vec<(f64, f64)> = values.enumerate().map(|(at, norm)| (at as f64 + 1.0, norm)).collect();
            norms.extend(points.iter().map(|point| point.1));
            Mark::Line(ink, points)
        };
        first.push(line(|outcome| &outcome.first, &mut norms));
        last.push(line(|outcome| &outcome.last, &mut norms));
    }
    if let (Some(&least), Some(&most)) = (depths.first(), depths.last()) {
        losses.push(Mark::Rule((least, chance), (most, chance)));
    }
    let legend: Vec<(Ink, String)> = FORMS
        .into_iter()
        .enumerate()
        .map(|(number, form)| (Ink::Series(number), name(form).to_owned()))
        .collect();
    let layers: Vec<f64> = (1..=deepest).map(|layer| layer as f64).collect();
    let gradients = |title: &str, marks| {
        Panel::Chart(Chart {
            title: format!("{title} of {deepest} layers"),
            x: Axis::ratios("layer, 1: the lowest", &layers),
            y: Axis::decades("norm of the gradient", norms.iter().copied()),
            marks,
            legend: legend.clone(),
        })
    };
    Sheet {
        title: "What residual connections and layer normalisation are good for".to_owned(),
        panels: vec![
            Panel::Chart(Chart {
                title: "Loss by depth".to_owned(),
                x: Axis::ratios("layers", &depths),
                y: Axis {
                    ticks: (0..=6)
                        .map(|n| (f64::from(n) * 0.2, format!("{:.1}", f64::from(n) * 0.2)))
                        .collect(),
                    ..Axis::quarters("loss at the end; dashed: chance", greatest.max(1.2))
                },
                marks: losses,
                legend: legend.clone(),
            }),
            gradients("The first step", first),
            gradients("The last step", last),
        ],
    }
}

/// A norm below this is drawn at it.
const LEAST: f64 = 1e-12;
