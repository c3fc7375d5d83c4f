//! The report of `attune analyze` as text for people.
//!
//! In: a report. Out: text. Thread: main.

use super::bars::{bar, percent};
use attune_audio::units::Seconds;
use attune_engine::offline::{AnswerReport, Report, SectionReport};
use attune_model::ModelSet;
use attune_model::hierarchical::DecidedReport;
use std::fmt::Write;

const BAR: usize = 24;

/// All of it, as the first text on the screen or below another.
pub(super) fn readable(report: &Report, models: &ModelSet, first: bool) -> String {
    let genres = &models.genres;
    let title = |label: &str| {
        genres
            .find(label)
            .map_or_else(|| label.to_owned(), |id| genres.title(id))
    };
    let source = &report.source;
    let mut text = String::new();
    if !first {
        text.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", source.path);
    let _ = writeln!(
        text,
        "  {} · {} · {} Hz · {}",
        Seconds(source.duration_s).clock(),
        source.decoder,
        source.rate_hz,
        match source.channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            more => format!("{more} channels"),
        }
    );
    let _ = writeln!(text);
    answer_line(&mut text, &report.answer, &title);
    let _ = writeln!(text, "  {}", report.answer.reason);
    let name_width = report
        .models
        .iter()
        .map(|model| model.name.len())
        .max()
        .unwrap_or(0)
        .max(6);
    if !report.models.is_empty() {
        let _ = writeln!(text);
    }
    for model in &report.models {
        let mut best: Vec<(String, f64)> = model
            .probabilities
            .iter()
            .map(|(label, p)| (title(label), p.as_f64().unwrap_or(0.0)))
            .collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown: Vec<String> = best
            .iter()
            .take(3)
            .map(|(name, p)| format!("{name:<10}{}", percent(*p)))
            .collect();
        let _ = writeln!(text, "  {:<name_width$}  {}", model.name, shown.join("    "));
    }
    if !report.segments.is_empty() {
        let _ = writeln!(text);
    }
    for segment in &report.segments {
        let name = segment
            .genre
            .as_deref()
            .map_or_else(|| state_title(segment.state).to_owned(), title);
        let sure = if segment.genre.is_some() {
            format!("{}  {}", bar(segment.confidence, BAR), percent(segment.confidence))
        } else {
            String::new()
        };
        let line = format!(
            "  {:>7} – {:>7}  {name:<12}{sure}",
            Seconds(segment.start_s).clock(),
            Seconds(segment.end_s).clock()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(sections) = &report.sections {
        text.push_str(&listed(sections, &title));
    }
    if let Some(surprise) = &report.surprise {
        let _ = writeln!(text, "\n  Surprise: {}", surprise.sentence());
    }
    if let Some(decided) = &report.decided {
        text.push_str(&deciding(decided, &title));
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "\n  Note: {warning}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// The list of sections as it was written while the file played.
fn listed(sections: &[SectionReport], title: &impl Fn(&str) -> String) -> String {
    let mut text = "\n  Sections, as they were written while it played:\n".to_owned();
    for section in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:>7}  {:<12}{}   written at {}",
            Seconds(section.since_s).clock(),
            title(&section.genre),
            percent(section.confidence),
            Seconds(section.written_s).clock()
        );
    }
    if sections.is_empty() {
        text += "  none\n";
    }
    text
}

/// Segments that are listed; the others are in the JSON.
const DECIDING: usize = 3;

/// The segments that speak most for the answer, in the order of time.
fn deciding(decided: &DecidedReport, title: &impl Fn(&str) -> String) -> String {
    let mut listed = decided.deciding(DECIDING);
    listed.sort_unstable();
    let mut text = format!(
        "\n  As a whole ({}): {}, {}. Of {} segments, these speak most for it (at the right, each alone):\n",
        decided.model,
        title(&decided.genre),
        percent(decided.confidence).trim(),
        decided.segments.len()
    );
    for segment in listed.into_iter().map(|place| &decided.segments[place]) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:>7} – {:>7}  share {}  {:<10}{}{}",
            Seconds(segment.start_s).clock(),
            Seconds(segment.end_s).clock(),
            percent(segment.share),
            title(&segment.genre),
            percent(segment.confidence),
            segment
                .without
                .map_or_else(String::new, |without| format!("   without it {}", percent(without)))
        );
    }
    text += "  Share: of all that speaks for the answer, weight times what the network answers to the segment.\n";
    text
}

fn answer_line(text: &mut String, answer: &AnswerReport, title: &impl Fn(&str) -> String) {
    let name = answer
        .genre
        .as_deref()
        .map_or_else(|| state_title(answer.state).to_owned(), title);
    let _ = match (&answer.genre, answer.confidence) {
        (Some(_), Some(confidence)) => writeln!(text, "  {name:<21}{}  {}", bar(confidence, BAR), percent(confidence)),
        _ => writeln!(text, "  {name}"),
    };
}

fn state_title(state: &str) -> &str {
    match state {
        "silence" => "Silence",
        "warming_up" => "warming up",
        "unsure" => "unsure",
        "speech" => "speech",
        "not_music" => "not music",
        "unfamiliar" => "unfamiliar",
        other => other,
    }
}
