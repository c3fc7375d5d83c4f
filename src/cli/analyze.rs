//! `attune analyze`: says which genres files have.
//!
//! In: files. Out: a table or JSON on stdout, progress on stderr. Thread: main.

use super::args::AnalyzeArgs;
use super::bars::{bar, percent};
use super::print_line;
use crate::engine::HopResult;
use crate::lab::hierarchy::Reader;
use crate::model::ModelSet;
use crate::offline::{
    AnswerReport, DecidedReport, DecidingSegment, EngineHop, FailureLine, FailureReport, HopLine, Progress, Report,
    StateLine, analyze, document,
};
use crate::smoothing::{AnswerState, SmoothingConfig};
use crate::units::Seconds;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

const BAR: usize = 24;

/// Analyses each file; one that fails does not stop the others, but the exit code tells.
pub(super) fn run(args: &AnalyzeArgs, models: &ModelSet, smoothing: &SmoothingConfig) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let reader = args.segments.as_ref().map(|manifest| {
        let loaded = Reader::load(manifest, models);
        loaded.with_context(|| format!("{} cannot be used", manifest.display()))
    });
    let reader = reader.transpose()?;
    for (i, path) in args.files.iter().enumerate() {
        let progress = progress_bar(path);
        let mut lines = HopLines::new(models, args.ndjson);
        let unread = Cell::new(false);
        let on_progress = |state: Progress| {
            progress.set_length(state.duration.unwrap_or(state.done).0.ceil() as u64);
            progress.set_position(state.done.0 as u64);
            if unread.get() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let on_hop = |hop: &HopResult| {
            lines.hear(hop);
            unread.set(lines.stop.is_some());
        };
        let mut result = analyze(path, models, smoothing, on_hop, on_progress);
        if let (Ok(report), Some(reader)) = (&mut result, &reader) {
            report.decided = reader.file(path)?;
        }
        progress.finish_and_clear();
        if let Some(stop) = lines.stop {
            // Nobody reads stdout any more: that is no failure of ours.
            return stop.map(|()| code);
        }
        if let Ok(report) = &result
            && !report.warnings.is_empty()
        {
            // What could be heard is reported; that it is not the whole file must not go unnoticed.
            code = ExitCode::FAILURE;
            for warning in &report.warnings {
                eprintln!(
                    "attune: {}: {warning}\n  copy or download the file again",
                    path.display()
                );
            }
        }
        let text = match result {
            Ok(report) if args.json => document(&report),
            Ok(_) if args.ndjson => continue,
            Ok(report) => readable(&report, models, i == 0),
            Err(error) => {
                code = ExitCode::FAILURE;
                eprintln!("attune: {error}\n  {}", error.remedy());
                let failure = FailureReport::new(path, &error);
                if args.json {
                    document(&failure)
                } else if args.ndjson {
                    document(&FailureLine::from(failure))
                } else {
                    continue;
                }
            }
        };
        if !print_line(&text)? {
            return Ok(code);
        }
    }
    Ok(code)
}

/// Visible only on a terminal.
fn progress_bar(path: &Path) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:30} {percent:>3} %  {eta} left");
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    ProgressBar::new(1)
        .with_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("█▌ "),
        )
        .with_prefix(name)
}

/// Writes a line for each hop and engine, and for each change of state.
struct HopLines<'a> {
    models: &'a ModelSet,
    on: bool,
    state: Option<AnswerState>,
    /// Why no more lines can be written: an error, or nobody reads.
    stop: Option<anyhow::Result<()>>,
}

impl<'a> HopLines<'a> {
    fn new(models: &'a ModelSet, on: bool) -> Self {
        Self {
            models,
            on,
            state: None,
            stop: None,
        }
    }

    fn hear(&mut self, hop: &HopResult) {
        if !self.on || self.stop.is_some() {
            return;
        }
        let genres = &self.models.genres;
        let mut lines = Vec::new();
        for (engine, model) in self.models.models.iter().enumerate() {
            let name = &model.manifest().name;
            lines.extend(HopLine::new(&hop.column, EngineHop { name, engine }, genres).map(|line| document(&line)));
        }
        if self.state != Some(hop.column.decision.state) {
            self.state = Some(hop.column.decision.state);
            lines.push(document(&StateLine::new(&hop.column, genres)));
        }
        for line in lines {
            match print_line(&line) {
                Ok(true) => {}
                Ok(false) => self.stop = Some(Ok(())),
                Err(error) => self.stop = Some(Err(error)),
            }
        }
    }
}

/// A report for people.
fn readable(report: &Report, models: &ModelSet, first: bool) -> String {
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
        .engines
        .iter()
        .map(|engine| engine.name.len())
        .max()
        .unwrap_or(0)
        .max(6);
    if !report.engines.is_empty() {
        let _ = writeln!(text);
    }
    for engine in &report.engines {
        let mut best: Vec<(String, f64)> = engine
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
        let _ = writeln!(text, "  {:<name_width$}  {}", engine.name, shown.join("    "));
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
    if let Some(decided) = &report.decided {
        text.push_str(&deciding(decided, &title));
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "\n  Note: {warning}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Segments that are told; the others are in the JSON.
const DECIDING: usize = 3;

/// The segments with most weight, in the order of time.
fn deciding(decided: &DecidedReport, title: &impl Fn(&str) -> String) -> String {
    let mut heaviest: Vec<&DecidingSegment> = decided.segments.iter().collect();
    heaviest.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    heaviest.truncate(DECIDING);
    heaviest.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let mut text = format!(
        "\n  As a whole ({}): {}, {}. What decided it, of {} segments, and what each is alone:\n",
        decided.model,
        title(&decided.genre),
        percent(decided.confidence).trim(),
        decided.segments.len()
    );
    for segment in heaviest {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:>7} – {:>7}  weight {}  {:<10}{}",
            Seconds(segment.start_s).clock(),
            Seconds(segment.end_s).clock(),
            percent(segment.weight),
            title(&segment.genre),
            percent(segment.confidence)
        );
    }
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
        other => other,
    }
}
