//! `attune analyze --ndjson`: a line for each hop and model, and for each change of state, with the name of the file.
//!
//! In: hops. Out: stdout. Thread: main.

use super::error::AppError;
use super::print_line;
use attune_engine::HopResult;
use attune_engine::offline::{
    ChangeLine, Follower, HopLine, ModelHop, OfFile, Progress, SectionLine, StateLine, SurpriseLines, document,
};
use attune_engine::smoothing::AnswerState;
use attune_engine::text::Printable;
use attune_model::ModelSet;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::Path;

/// Follows the analysis of one file: a bar on a terminal, and lines if they are asked for.
pub(super) struct FileFollower<'a> {
    models: &'a ModelSet,
    path: String,
    /// Lines that are not printed yet; `None`: none are asked for.
    lines: Option<Vec<String>>,
    state: Option<AnswerState>,
    surprise: SurpriseLines,
    bar: ProgressBar,
    /// Why no more lines can be written: an error, or nobody reads.
    pub(super) stop: Option<Result<(), AppError>>,
}

impl<'a> FileFollower<'a> {
    pub(super) fn new(path: &Path, models: &'a ModelSet, prints_lines: bool) -> Self {
        Self {
            models,
            path: path.display().to_string(),
            lines: prints_lines.then(Vec::new),
            state: None,
            surprise: SurpriseLines::default(),
            bar: progress_bar(path),
            stop: None,
        }
    }

    /// A line that names the file.
    pub(super) fn line(&self, line: impl Serialize) -> String {
        document(&OfFile::new(&self.path, line))
    }

    /// Prints what has gathered, and takes the bar away.
    pub(super) fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.print();
    }

    fn print(&mut self) {
        let lines = self.lines.as_mut().map(std::mem::take).unwrap_or_default();
        if lines.is_empty() || self.stop.is_some() {
            return;
        }
        match print_line(&lines.join("\n")) {
            Ok(true) => {}
            Ok(false) => self.stop = Some(Ok(())),
            Err(error) => self.stop = Some(Err(error)),
        }
    }

    fn lines_of(&mut self, hop: &HopResult) -> Vec<String> {
        let genres = &self.models.genres;
        let column = &hop.column;
        let change = ChangeLine::new(column, self.models.front_end.hop());
        let mut lines: Vec<String> = change.map(|line| self.line(line)).into_iter().collect();
        lines.extend(SectionLine::new(column, genres).map(|line| self.line(line)));
        let surprise = self.surprise.push(column, self.models.front_end.hop(), genres);
        lines.extend(surprise.map(|line| self.line(line)));
        for (model, loaded) in self.models.models.iter().enumerate() {
            let name = &loaded.manifest().name;
            lines.extend(HopLine::new(column, ModelHop { name, model }, genres).map(|line| self.line(line)));
        }
        if self.state != Some(column.decision.state) {
            self.state = Some(column.decision.state);
            lines.push(self.line(StateLine::new(column, genres)));
        }
        lines
    }
}

impl Follower for FileFollower<'_> {
    fn hop(&mut self, hop: &HopResult) {
        if self.lines.is_some() && self.stop.is_none() {
            let new = self.lines_of(hop);
            self.lines.iter_mut().for_each(|lines| lines.extend_from_slice(&new));
        }
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.bar
            .set_length(progress.duration.unwrap_or(progress.done).0.ceil() as u64);
        self.bar.set_position(progress.done.0 as u64);
        self.print();
        if self.stop.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
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
        .with_prefix(Printable(name).to_string())
}
