//! An explanation as text for a terminal.
//!
//! In: an explanation. Out: text. Thread: main.

use super::super::bars::{bar, percent};
use attune_engine::explain::document::ExportContext;
use attune_engine::explain::wording::faithfulness;
use std::fmt::Write;

/// Widths of the bars.
const BAR: usize = 20;

/// The text.
pub(super) fn of(of: &ExportContext<'_>) -> String {
    let it = of.explanation;
    let genres = of.genres;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} at {}", of.source, of.at.clock());
    let (answer, p) = it.ensemble.whole.top();
    let names: Vec<&str> = it.models.iter().map(|of| of.model.as_str()).collect();
    let _ = writeln!(
        text,
        "  {:<21}{}  {}   mean of {}\n",
        genres.title(answer),
        bar(f64::from(p), BAR),
        percent(f64::from(p)),
        names.join(", ")
    );
    let class = usize::from(of.class.0);
    let _ = writeln!(
        text,
        "  What changed {}: points it loses without each half second (−: gains), and where attention lay",
        genres.title(of.class)
    );
    let added = it.ensemble.contributions(class);
    let most = added.iter().fold(0.0f32, |most, x| most.max(x.abs())).max(1e-6);
    let weights: Vec<f32> = it
        .segments
        .iter()
        .map(|&segment| it.attention.iter().map(|report| it.attention_at(report, segment)).sum())
        .collect();
    let heaviest = weights.iter().copied().fold(1e-9, f32::max);
    for ((&segment, added), weight) in it.segments.iter().zip(added).zip(weights) {
        let (from, to) = it.back(segment);
        let length = bar(f64::from((added / most).abs()), BAR / 2);
        // Evidence against the class grows to the left.
        let sides = if added < 0.0 {
            // Whole blocks only: a part of one stands at its left edge.
            let drawn = "█".repeat(length.chars().filter(|c| *c == '█').count());
            format!("{drawn:>10}│{:10}", "")
        } else {
            format!("{:10}│{length}", "")
        };
        let attention = if it.attention.is_empty() {
            String::new()
        } else {
            format!("   {}", bar(f64::from(weight / heaviest), BAR / 2))
        };
        let line = format!(
            "  −{from:>4.1} … −{to:>4.1} s  {:>+6.1}  {sides}{attention}",
            100.0 * added
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for report in &it.attention {
        let _ = writeln!(text, "\n  {}: {}", report.model, faithfulness(report, genres));
    }
    text.truncate(text.trim_end().len());
    text
}
