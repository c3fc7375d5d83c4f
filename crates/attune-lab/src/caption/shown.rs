//! What the lab of captions found, as tables and a picture.
//!
//! In: outcomes. Out: tables, notes, a picture. Thread: any.

use super::judge::{LEAST_DIVERGENCE, Outcome, Pointing};
use super::learn::Plan;
use crate::medley::score::Figure;
use crate::{Entry, Table};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};

/// A share with its interval.
pub(super) fn share(figure: Figure) -> String {
    let interval = figure
        .interval95
        .map(|[low, high]| format!(" ({:.1}–{:.1})", low * 100.0, high * 100.0));
    format!("{:.1} %{}", figure.value * 100.0, interval.unwrap_or_default())
}

/// A difference of shares in points, with its interval.
pub(super) fn points(figure: Figure) -> String {
    let interval = figure
        .interval95
        .map(|[low, high]| format!(" ({:+.1} to {:+.1})", low * 100.0, high * 100.0));
    format!("{:+.1}{}", figure.value * 100.0, interval.unwrap_or_default())
}

/// Divergence with its interval, in bits.
pub(super) fn bits(figure: Figure) -> String {
    let interval = figure.interval95.map(|[low, high]| format!(" ({low:.2}–{high:.2})"));
    format!("{:.2}{}", figure.value, interval.unwrap_or_default())
}

fn switches(plan: &Plan) -> [Entry; 2] {
    [Entry::Number(plan.spread, 2), Entry::Number(plan.guide, 2)]
}

/// All tables.
pub(super) fn tables(found: &[(Plan, Outcome)]) -> Vec<Table> {
    let mut tables = vec![
        written(found),
        pointing(found, "pointing", false),
        pointing(found, "exactly", true),
    ];
    if let Some((_, first)) = found.first() {
        tables.push(words(first));
    }
    tables
}

fn written(found: &[(Plan, Outcome)]) -> Table {
    let columns = [
        "λ",
        "γ",
        "weights",
        "F1 of words (95 %)",
        "by a beam of 3",
        "instruments",
        "tempo",
        "mode",
        "right in every word",
        "muted: its word goes",
        "others stay",
    ];
    let title = "Captions of pieces whose seeds and presets are unseen";
    let mut table = Table::new("captions", title, &columns);
    for (plan, of) in found {
        let mut row = switches(plan).to_vec();
        row.push(of.weights.into());
        let figures = [of.f1, of.f1_of_beam].into_iter().chain(of.f1_of_kinds);
        row.extend(figures.map(|figure| Entry::Text(share(figure))));
        row.extend([of.exact, of.muted, of.kept].map(|figure| Entry::Text(share(figure))));
        table.rows.push(row);
    }
    table
}

fn pointing(found: &[(Plan, Outcome)], name: &'static str, exactly: bool) -> Table {
    let columns = [
        "λ",
        "γ",
        "attention",
        "uniform",
        "loudest tile",
        "gradient",
        "ahead of uniform (points)",
        "of the loudest",
        "of the gradient",
        "α on the instrument's tiles",
        "their share of all",
        "divergence of two words (bits)",
    ];
    let title = if exactly {
        "The same, the highest tile alone"
    } else {
        "Where maps are highest: on a tile of the word's instrument, or one that touches it"
    };
    let mut table = Table::new(name, title, &columns);
    table.long = exactly;
    for (plan, of) in found {
        let Pointing {
            attention,
            uniform,
            loudest,
            gradient,
            ahead,
        } = if exactly { of.pointing_exactly } else { of.pointing };
        let mut row = switches(plan).to_vec();
        row.extend([attention, uniform, loudest, gradient].map(|figure| Entry::Text(share(figure))));
        row.extend(ahead.map(|figure| Entry::Text(points(figure))));
        row.extend(of.mass.map(|figure| Entry::Text(share(figure))));
        row.push(Entry::Text(bits(of.divergence)));
        table.rows.push(row);
    }
    table
}

fn words(outcome: &Outcome) -> Table {
    let columns = ["word", "true in pieces", "precision", "recall"];
    let mut table = Table::new("words", "Each word, of the first network", &columns);
    for word in &outcome.words {
        table.rows.push(vec![
            word.word.as_str().into(),
            word.is_true.into(),
            Entry::Share(word.precision),
            Entry::Share(word.recall),
        ]);
    }
    table
}

/// What must be known of the tables.
pub(super) fn notes(found: &[(Plan, Outcome)]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some((plan, outcome)) = found.first() {
        notes.push(format!(
            "seed {}, {} steps, {} pieces to learn from, {} to test by; intervals by bootstrap over pieces",
            plan.schedule.seed, plan.schedule.steps, plan.pieces, outcome.pieces
        ));
    }
    for (plan, outcome) in found {
        if outcome.divergence.value < LEAST_DIVERGENCE {
            notes.push(format!(
                "collapse: with λ {} and γ {} the maps of two words differ by {:.2} bits, less than {LEAST_DIVERGENCE}",
                plan.spread, plan.guide, outcome.divergence.value
            ));
        }
    }
    notes
}

/// The pointing game.
pub(super) fn picture(found: &[(Plan, Outcome)]) -> Sheet {
    let maps = ["attention", "uniform", "loudest tile", "gradient"];
    let width = 0.8 / found.len().max(1) as f64;
    let marks = found.iter().enumerate().map(|(row, (_, outcome))| {
        let Pointing {
            attention,
            uniform,
            loudest,
            gradient,
            ..
        } = outcome.pointing;
        let figures = [attention, uniform, loudest, gradient];
        let bars = figures.iter().enumerate().map(|(place, figure)| {
            let left = place as f64 - 0.4 + width * row as f64;
            (left, left + width * 0.9, figure.value)
        });
        Mark::Bars(Ink::Series(row), bars.collect())
    });
    let legend = found.iter().enumerate();
    let legend = legend.map(|(row, (plan, _))| (Ink::Series(row), format!("λ {}, γ {}", plan.spread, plan.guide)));
    Sheet {
        title: "Captions".to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: "Where maps are highest".to_owned(),
            x: Axis::places("map", maps.into_iter()),
            y: Axis::shares("words whose instrument is there"),
            marks: marks.collect(),
            legend: legend.collect(),
        })],
    }
}
