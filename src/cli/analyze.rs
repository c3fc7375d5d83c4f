//! `attune analyze`: says which genres files have.
//!
//! In: files. Out: a table or JSON on stdout, files in a folder, progress on stderr. Thread: main.

use super::analyze_export::Exports;
use super::analyze_files::Files;
use super::analyze_lines::FileFollower;
use super::analyze_text::readable;
use super::args::AnalyzeArgs;
use super::error::{AppError, Context};
use super::print_line;
use attune_engine::offline::{
    AnalyzeError, FailureLine, FailureReport, FileLine, Report, analyze_for, document, segments_of_file,
};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::text::Printable;
use attune_model::ModelSet;
use attune_model::hierarchical::SegmentReader;
use std::path::Path;
use std::process::ExitCode;

/// Analyses each file; one that fails does not stop the others, but the exit code says so.
pub(super) fn run(args: &AnalyzeArgs, models: &ModelSet, smoothing: &SmoothingConfig) -> Result<ExitCode, AppError> {
    args.raw.apply()?;
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
    let mut run = Run {
        args,
        models,
        smoothing,
        reader,
        exports: None,
        has_failed: false,
        files: 0,
    };
    let mut files = Files::new(args)?;
    let known;
    let paths: &mut dyn Iterator<Item = Result<_, AppError>> = if args.out.is_some() {
        // No output may be an input, so all inputs have to be known.
        known = files.all()?;
        run.exports = Exports::new(args, known.clone(), models, smoothing)?;
        &mut known.into_iter().map(Ok)
    } else {
        &mut files
    };
    for path in paths {
        if !run.one(&path?)? {
            break;
        }
    }
    Ok(if run.has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

struct Run<'a> {
    args: &'a AnalyzeArgs,
    models: &'a ModelSet,
    smoothing: &'a SmoothingConfig,
    reader: Option<SegmentReader>,
    exports: Option<Exports<'a>>,
    has_failed: bool,
    files: usize,
}

impl Run<'_> {
    /// Analyses one file and prints what is said of it. False: nobody reads any more.
    fn one(&mut self, path: &Path) -> Result<bool, AppError> {
        let mut follower = FileFollower::new(path, self.models, self.args.ndjson);
        let result = self.analyzed(path, &mut follower);
        follower.finish();
        if let Some(stop) = follower.stop {
            // Nobody reads stdout any more: that is no failure of ours.
            return stop.map(|()| false);
        }
        self.files += 1;
        let text = match result {
            Ok(report) => {
                // What could be decoded is reported; that it is not the whole file must not go unnoticed.
                self.has_failed |= report.is_damaged;
                let remedy = if report.is_damaged {
                    "\n  copy or download the file again"
                } else {
                    ""
                };
                for warning in &report.warnings {
                    note!("attune: {}: {warning}{remedy}", Printable::path(path));
                }
                if self.args.json {
                    document(&report)
                } else if self.args.ndjson {
                    follower.line(FileLine::from(&report))
                } else {
                    readable(&report, self.models, self.files == 1)
                }
            }
            Err(error) => {
                self.has_failed = true;
                note!("attune: {error}\n  {}", error.remedy());
                let failure = FailureReport::new(path, &error);
                if self.args.json {
                    document(&failure)
                } else if self.args.ndjson {
                    follower.line(FailureLine::from(failure))
                } else {
                    return Ok(true);
                }
            }
        };
        print_line(&text)
    }

    /// The report of a file; with it its exports are written. What fails beside the analysis is said, and the report
    /// holds the rest.
    fn analyzed(&mut self, path: &Path, follower: &mut FileFollower<'_>) -> Result<Report, AnalyzeError> {
        let base = self.exports.as_mut().map(|exports| exports.base(path));
        let base = match base.transpose() {
            Ok(base) => base,
            Err(error) => {
                self.complain(&error);
                None
            }
        };
        let Some((job, base)) = self.exports.as_ref().map(|exports| exports.job).zip(base) else {
            let mut report = analyze_for(path, self.models, self.smoothing, follower)?;
            self.decide(&mut report, path);
            return Ok(report);
        };
        let mut analysis = job.run(path, follower)?;
        self.decide(&mut analysis.report, path);
        if let Some(Err(error)) = self.exports.as_ref().map(|exports| exports.write(&analysis, &base)) {
            self.complain(&error);
        }
        Ok(analysis.report)
    }

    /// Adds which segments decided, if that is asked for.
    fn decide(&mut self, report: &mut Report, path: &Path) {
        let Some(reader) = &self.reader else { return };
        match segments_of_file(path, reader) {
            Ok(decided) => report.decided = decided,
            Err(error) => {
                self.has_failed = true;
                note!(
                    "attune: {}: which segments decided is unknown: {error}\n  {}",
                    path.display(),
                    error.remedy()
                );
            }
        }
    }

    fn complain(&mut self, error: &AppError) {
        self.has_failed = true;
        note!("attune: {error}");
    }
}
