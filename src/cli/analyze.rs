//! `attune analyze`: says which genres files have.
//!
//! In: files. Out: a table or JSON on stdout, progress on stderr. Thread: main.

use super::analyze_text::readable;
use super::args::AnalyzeArgs;
use super::error::{AppError, Context};
use super::print_line;
use attune_engine::HopResult;
use attune_engine::offline::{
    ChangeLine, FailureLine, FailureReport, HopLine, ModelHop, Progress, SectionLine, StateLine, SurpriseLines,
    analyze, document, segments_of_file,
};
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_model::ModelSet;
use attune_model::hierarchical::SegmentReader;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

/// Analyses each file; one that fails does not stop the others, but the exit code says so.
pub(super) fn run(args: &AnalyzeArgs, models: &ModelSet, smoothing: &SmoothingConfig) -> Result<ExitCode, AppError> {
    let mut code = ExitCode::SUCCESS;
    let reader = match &args.segments {
        None => None,
        Some(None) => {
            Some(SegmentReader::bundled(models).context("the bundled network for whole files cannot be used")?)
        }
        Some(Some(manifest)) => {
            let loaded = SegmentReader::load(manifest, models);
            Some(loaded.with_context(|| format!("{} cannot be used", manifest.display()))?)
        }
    };
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
            lines.push(hop);
            unread.set(lines.stop.is_some());
        };
        let mut result = analyze(path, models, smoothing, on_hop, on_progress);
        if let (Ok(report), Some(reader)) = (&mut result, &reader) {
            match segments_of_file(path, reader) {
                Ok(decided) => report.decided = decided,
                Err(error) => {
                    code = ExitCode::FAILURE;
                    eprintln!(
                        "attune: {}: which segments decided is unknown: {error}\n  {}",
                        path.display(),
                        error.remedy()
                    );
                }
            }
        }
        progress.finish_and_clear();
        if let Some(stop) = lines.stop {
            // Nobody reads stdout any more: that is no failure of ours.
            return stop.map(|()| code);
        }
        if let Ok(report) = &result
            && !report.warnings.is_empty()
        {
            // What could be decoded is reported; that it is not the whole file must not go unnoticed.
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

/// Writes a line for each hop and model, and for each change of state.
struct HopLines<'a> {
    models: &'a ModelSet,
    on: bool,
    state: Option<AnswerState>,
    surprise: SurpriseLines,
    /// Why no more lines can be written: an error, or nobody reads.
    stop: Option<Result<(), AppError>>,
}

impl<'a> HopLines<'a> {
    fn new(models: &'a ModelSet, on: bool) -> Self {
        Self {
            models,
            on,
            state: None,
            surprise: SurpriseLines::default(),
            stop: None,
        }
    }

    fn push(&mut self, hop: &HopResult) {
        if !self.on || self.stop.is_some() {
            return;
        }
        let genres = &self.models.genres;
        let change = ChangeLine::new(&hop.column, self.models.front_end.hop());
        let mut lines: Vec<String> = change.iter().map(document).collect();
        lines.extend(SectionLine::new(&hop.column, genres).map(|line| document(&line)));
        let surprise = self.surprise.push(&hop.column, self.models.front_end.hop(), genres);
        lines.extend(surprise.map(|line| document(&line)));
        for (index, model) in self.models.models.iter().enumerate() {
            let name = &model.manifest().name;
            lines
                .extend(HopLine::new(&hop.column, ModelHop { name, model: index }, genres).map(|line| document(&line)));
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
