//! Export of an explanation: JSON, CSV and SVG, each with its provenance.
//!
//! In: an explanation and where it comes from. Out: text. Thread: any.

use super::explanation::{AttentionReport, Explanation};
use super::faithfulness::SHARES;
use super::segments::Segment;
use crate::picture::{Axis, Chart, Ink, Mark, Panel, Scale, Sheet};
use crate::table;
use attune_audio::units::Seconds;
use attune_model::genre::{GenreId, GenreSet, Probabilities};
use serde_json::{Value, json};

/// One explained moment, with its provenance.
#[derive(Debug, Clone, Copy)]
pub struct ExportContext<'a> {
    /// The file or device.
    pub source: &'a str,
    /// The moment.
    pub at: Seconds,
    /// The class whose contributions are drawn.
    pub class: GenreId,
    /// The classes.
    pub genres: &'a GenreSet,
    /// SHA-256 of each model's weights.
    pub weights: &'a [String],
    /// The explanation.
    pub explanation: &'a Explanation,
}

fn probabilities(of: &ExportContext<'_>, p: &Probabilities) -> Value {
    let labels = of.genres.labels().iter().zip(p.as_slice());
    Value::Object(labels.map(|(label, p)| (label.clone(), json!(p))).collect())
}

/// What a segment adds to each class.
fn contributions(of: &ExportContext<'_>, number: usize) -> Value {
    let ensemble = &of.explanation.ensemble;
    let pairs = ensemble
        .whole
        .as_slice()
        .iter()
        .zip(ensemble.without[number].as_slice());
    let labels = of.genres.labels().iter();
    Value::Object(
        labels
            .zip(pairs)
            .map(|(label, (whole, without))| (label.clone(), json!(whole - without)))
            .collect(),
    )
}

/// The whole of it.
pub fn json(of: &ExportContext<'_>) -> Value {
    let it = of.explanation;
    let segments: Vec<Value> = it
        .segments
        .iter()
        .enumerate()
        .map(|(number, &segment)| {
            let (from, to) = it.back(segment);
            let attended: serde_json::Map<String, Value> = it
                .attention
                .iter()
                .map(|report| (report.model.clone(), json!(it.attention_at(report, segment))))
                .collect();
            let overridden: serde_json::Map<String, Value> = it
                .attention
                .iter()
                .filter_map(|report| Some((report.model.clone(), probabilities(of, &report.overridden[number]?))))
                .collect();
            json!({
                "from_s": of.at.0 - from,
                "to_s": of.at.0 - to,
                "contribution": contributions(of, number),
                "attention": attended,
                "forced": overridden,
            })
        })
        .collect();
    let faithfulness: serde_json::Map<String, Value> = it
        .attention
        .iter()
        .map(|report| (report.model.clone(), faithfulness(of, report)))
        .collect();
    let engines: serde_json::Map<String, Value> = it
        .models
        .iter()
        .map(|of_model| (of_model.model.clone(), probabilities(of, &of_model.occlusion.whole)))
        .collect();
    json!({
        "program": concat!("attune ", env!("CARGO_PKG_VERSION")),
        "models": of.weights,
        "source": of.source,
        "at_s": of.at.0,
        "genre": of.genres.label(it.class()),
        "probabilities": probabilities(of, &it.ensemble.whole),
        "engines": engines,
        "places": segments,
        "faithfulness": faithfulness,
    })
}

fn faithfulness(of: &ExportContext<'_>, report: &AttentionReport) -> Value {
    let it = &report.faithfulness;
    let (attended, random) = it.areas();
    json!({
        "class": of.genres.label(it.class),
        "frames": it.frames,
        "whole": it.whole,
        "uniform_attention": it.uniform,
        "shares_taken": SHARES,
        "left_attended_first": it.deletion.attended,
        "left_at_random": it.deletion.random,
        "area_attended_first": attended,
        "area_at_random": random,
    })
}

/// A row for each segment, in seconds of the file.
pub fn csv(of: &ExportContext<'_>) -> String {
    let it = of.explanation;
    let labels = of.genres.labels().iter().map(|label| format!("contribution_{label}"));
    let attention = it.attention.iter().map(|report| format!("attention_{}", report.model));
    let heading: Vec<String> = ["from_s".to_owned(), "to_s".to_owned()]
        .into_iter()
        .chain(labels)
        .chain(attention)
        .collect();
    let rows = it.segments.iter().enumerate().map(|(number, &segment)| {
        let (from, to) = it.back(segment);
        let mut row = vec![format!("{:.3}", of.at.0 - from), format!("{:.3}", of.at.0 - to)];
        row.extend((0..of.genres.len()).map(|class| {
            let whole = it.ensemble.whole.as_slice()[class];
            format!("{:.5}", whole - it.ensemble.without[number].as_slice()[class])
        }));
        row.extend(
            it.attention
                .iter()
                .map(|report| format!("{:.6}", it.attention_at(report, segment))),
        );
        row
    });
    let engines: Vec<&str> = it.models.iter().map(|of_model| of_model.model.as_str()).collect();
    format!(
        "# attune {}, {}, {:.3} s, models {}\n{}",
        env!("CARGO_PKG_VERSION"),
        of.source,
        of.at.0,
        engines.join(" "),
        table::csv(std::iter::once(heading).chain(rows))
    )
}

/// What changed the answer and what was attended to, on one time axis; and the deletion curves.
pub fn sheet(of: &ExportContext<'_>) -> Sheet {
    let it = of.explanation;
    let middle = |segment: Segment| {
        let (from, to) = it.back(segment);
        -f64::midpoint(from, to)
    };
    let class = usize::from(of.class.0);
    let title = of.genres.title(of.class);
    let line = |values: Vec<f32>| -> Vec<(f64, f64)> {
        let points = it.segments.iter().zip(values);
        points
            .map(|(&segment, value)| (middle(segment), f64::from(value)))
            .collect()
    };
    let ensemble = line(it.ensemble.contributions(class));
    let mut panels = vec![Panel::Chart(Chart {
        title: format!("What changed the answer: {title}"),
        x: seconds_before(it.back(it.segments[0]).0),
        y: around_zero("points that a segment adds", ensemble.iter().map(|(_, y)| *y)),
        marks: vec![
            Mark::Rule((-it.back(it.segments[0]).0, 0.0), (0.0, 0.0)),
            Mark::Line(Ink::Strong, ensemble),
        ],
        legend: Vec::new(),
    })];
    for report in &it.attention {
        let weights = line(
            it.segments
                .iter()
                .map(|&segment| it.attention_at(report, segment))
                .collect(),
        );
        panels.push(Panel::Chart(Chart {
            title: format!("What {} attends to", report.model),
            x: seconds_before(it.back(it.segments[0]).0),
            y: from_zero("weight of a frame", weights.iter().map(|(_, y)| *y)),
            marks: vec![Mark::Line(Ink::Series(0), weights)],
            legend: Vec::new(),
        }));
        let faith = &report.faithfulness;
        let curve = |left: &[f64]| -> Vec<(f64, f64)> {
            let whole = std::iter::once((0.0, faith.whole));
            whole.chain(SHARES.iter().copied().zip(left.iter().copied())).collect()
        };
        panels.push(Panel::Chart(Chart {
            title: format!(
                "What is left of {} when it is occluded ({})",
                of.genres.title(faith.class),
                report.model
            ),
            x: Axis::shares("frames occluded"),
            y: Axis::shares("probability"),
            marks: vec![
                Mark::Line(Ink::Faint, curve(&faith.deletion.random)),
                Mark::Line(Ink::Series(0), curve(&faith.deletion.attended)),
            ],
            legend: vec![
                (Ink::Series(0), "most attended first".to_owned()),
                (Ink::Faint, "in random order".to_owned()),
            ],
        }));
    }
    Sheet {
        title: format!(
            "{} at {}: {}, explained by attune {}",
            of.source,
            of.at.clock(),
            title,
            env!("CARGO_PKG_VERSION")
        ),
        panels,
    }
}

/// Seconds before the moment.
fn seconds_before(span: f64) -> Axis {
    let ticks = (0..=(span / 2.0) as i32).map(|n| {
        (
            f64::from(-2 * n),
            if n == 0 {
                "now".to_owned()
            } else {
                format!("−{} s", 2 * n)
            },
        )
    });
    Axis {
        label: "seconds before the moment".to_owned(),
        scale: Scale::Linear,
        least: -span,
        most: 0.0,
        ticks: ticks.collect(),
    }
}

fn from_zero(label: &str, values: impl Iterator<Item = f64>) -> Axis {
    let most = values.fold(0.0, f64::max).max(1e-4);
    Axis {
        label: label.to_owned(),
        scale: Scale::Linear,
        least: 0.0,
        most,
        ticks: vec![(0.0, "0".to_owned()), (most, format!("{:.1} %", 100.0 * most))],
    }
}

fn around_zero(label: &str, values: impl Iterator<Item = f64>) -> Axis {
    let most = values.map(f64::abs).fold(0.0, f64::max).max(1e-3);
    let tick = |value: f64| (value, format!("{:+.1}", 100.0 * value));
    Axis {
        label: label.to_owned(),
        scale: Scale::Linear,
        least: -most,
        most,
        ticks: vec![tick(-most), (0.0, "0".to_owned()), tick(most)],
    }
}
