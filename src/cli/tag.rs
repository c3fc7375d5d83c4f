//! `attune tag`: writes genres into music files, or shows what it would write, or takes it back.
//!
//! In: files and folders. Out: a line or two for each file, a summary on stderr. Thread: main.

use super::args::TagArgs;
use super::error::{AppError, Context};
use super::print_line;
use attune_engine::offline::{AnswerReport, analyze};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::text::Printable;
use attune_library::scan::{Found, Walk};
use attune_model::ModelSet;
use attune_tags::{Journal, Undone, read, write};
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What becomes of a file.
enum Outcome {
    /// Values before, the value, its probability.
    Changes(Vec<String>, String, f64),
    /// Why it is left alone.
    LeftAlone(String),
    /// What went wrong, and what to do about it.
    Failed(String, String),
}

/// Goes through all files; one that fails does not stop the others, but the exit code says so.
pub(super) fn run(
    args: &TagArgs,
    models: &dyn Fn() -> Result<ModelSet, AppError>,
    smoothing: &SmoothingConfig,
) -> Result<ExitCode, AppError> {
    let folder = crate::folders()
        .map(|folders| folders.data_dir().join("tags"))
        .ok_or_else(|| AppError::failed("there is no home folder to keep the undo journal in"))?;
    if args.undo {
        return undo(&folder, args.json);
    }
    let (files, unread) = found(&args.paths);
    let models = models()?;
    let mut journal = Journal::begin(&folder);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let unread = unread.into_iter().map(|(path, why)| {
        let remedy = "Check the path and its permissions.".to_owned();
        (path, Some(Outcome::Failed(why, remedy)))
    });
    for (path, outcome) in files.into_iter().map(|path| (path, None)).chain(unread) {
        let outcome = outcome.unwrap_or_else(|| treat(&path, args, (&models, smoothing), &mut journal));
        let kind = match &outcome {
            Outcome::Changes(..) if args.write => "written",
            Outcome::Changes(..) => "to be written",
            Outcome::LeftAlone(_) => "left alone",
            Outcome::Failed(..) => "failed",
        };
        *counts.entry(kind).or_default() += 1;
        let shown = if args.json {
            Some(document(&path, args, &outcome))
        } else {
            readable(&path, args, &outcome)
        };
        if let Some(text) = shown
            && !print_line(&text)?
        {
            break;
        }
    }
    let said: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let next = match (
        args.write,
        counts.contains_key("to be written"),
        counts.contains_key("written"),
    ) {
        (false, true, _) => ". Nothing was written; --write writes it",
        (true, _, true) => ". attune tag --undo takes it back",
        _ => "",
    };
    if counts.is_empty() {
        crate::note!("attune tag: there are no music files in these folders");
    } else {
        crate::note!("attune tag: {}{next}", said.join(", "));
    }
    Ok(if counts.contains_key("failed") {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The sound files of all paths, each once, and what could not be read.
fn found(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, String)>) {
    let (mut files, mut unread, mut walk) = (Vec::new(), Vec::new(), Walk::default());
    for path in paths {
        let mut on_file = |found: Found| {
            files.push(found.path);
            Ok::<_, Infallible>(())
        };
        let mut on_error = |path: &Path, error: &std::io::Error| unread.push((path.to_owned(), error.to_string()));
        // A function that cannot fail does not.
        let _ = walk.run(path, &mut on_file, &mut on_error);
    }
    (files, unread)
}

fn treat(
    path: &Path,
    args: &TagArgs,
    (models, smoothing): (&ModelSet, &SmoothingConfig),
    journal: &mut Journal,
) -> Outcome {
    let refused = |error: &attune_tags::TagError| Outcome::Failed(error.why.to_string(), error.why.remedy().to_owned());
    let before = match read(path, &args.field) {
        Ok(tags) => tags.values,
        Err(error) => return refused(&error),
    };
    if !before.is_empty() && !args.overwrite {
        let values = before.join("; ");
        return Outcome::LeftAlone(format!("its {} is {}", args.field.name(), Printable(values)));
    }
    let report = match analyze(path, models, smoothing, |_| (), |_| ControlFlow::Continue(())) {
        Ok(report) => report,
        Err(error) => return Outcome::Failed(error.to_string(), error.remedy().to_owned()),
    };
    if let Some(warning) = report.warnings.first().filter(|_| report.is_damaged) {
        return Outcome::LeftAlone(warning.clone());
    }
    let (value, confidence) = match wanted(&report.answer, args, models) {
        Ok(wanted) => wanted,
        Err(why) => return Outcome::LeftAlone(why),
    };
    // More genres may follow; the first is what players show.
    if before.first() == Some(&value) {
        return Outcome::LeftAlone(format!("its {} is {value} already", args.field.name()));
    }
    if args.write
        && let Err(error) = write(path, &args.field, &value, journal)
    {
        return refused(&error);
    }
    Outcome::Changes(before, value, confidence)
}

/// The genre to be written and its probability, or why none is.
fn wanted(answer: &AnswerReport, args: &TagArgs, models: &ModelSet) -> Result<(String, f64), String> {
    let (Some(label), Some(confidence)) = (&answer.genre, answer.confidence) else {
        return Err(answer.reason.clone());
    };
    let title = models
        .genres
        .find(label)
        .map_or_else(|| label.clone(), |id| models.genres.title(id));
    if 100.0 * confidence < f64::from(args.at_least) {
        return Err(format!(
            "{title} has {:.0} %, less than {} %",
            100.0 * confidence,
            args.at_least
        ));
    }
    Ok((title, confidence))
}

/// `None`: it is said on stderr.
fn readable(path: &Path, args: &TagArgs, outcome: &Outcome) -> Option<String> {
    let name = Printable::path(path);
    match outcome {
        Outcome::Changes(before, value, confidence) => {
            let field = args.field.name();
            let old = before.iter().map(|old| format!("\n  - {field}: {}", Printable(old)));
            let old: String = old.collect();
            Some(format!(
                "{name}{old}\n  + {field}: {value}   ({:.0} %)",
                100.0 * confidence
            ))
        }
        Outcome::LeftAlone(why) => Some(format!("{name}\n    left alone: {}", Printable(why))),
        Outcome::Failed(why, remedy) => {
            crate::note!("attune: {name}: {}\n  {}", Printable(why), Printable(remedy));
            None
        }
    }
}

fn document(path: &Path, args: &TagArgs, outcome: &Outcome) -> String {
    let mut line = json!({"path": path.display().to_string(), "field": args.field.name()});
    let more = match outcome {
        Outcome::Changes(before, value, confidence) => json!({
            "outcome": if args.write { "written" } else { "to_be_written" },
            "before": before, "value": value, "confidence": confidence,
        }),
        Outcome::LeftAlone(why) => json!({"outcome": "left_alone", "reason": why}),
        Outcome::Failed(why, remedy) => json!({"outcome": "failed", "reason": why, "remedy": remedy}),
    };
    if let (Some(line), serde_json::Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    line.to_string()
}

/// Takes back what the last run wrote.
fn undo(folder: &Path, json: bool) -> Result<ExitCode, AppError> {
    let Some(restored) = Journal::undo_last(folder).context("the undo journal cannot be read")? else {
        crate::note!("attune tag: there is nothing to undo");
        return Ok(ExitCode::SUCCESS);
    };
    let mut code = ExitCode::SUCCESS;
    for file in restored {
        let name = Printable::path(&file.path);
        let (outcome, said) = match &file.result {
            Ok(Undone::Restored) => ("restored", "as it was".to_owned()),
            Ok(Undone::WasOld) => ("unchanged", "had not been changed".to_owned()),
            Err(error) => {
                code = ExitCode::FAILURE;
                crate::note!("attune: {name}: {}\n  {}", error.why, error.why.remedy());
                ("failed", error.why.to_string())
            }
        };
        let line = match json {
            true => json!({"path": file.path.display().to_string(), "outcome": outcome}).to_string(),
            false if file.result.is_err() => continue,
            false => format!("{name}: {said}"),
        };
        if !print_line(&line)? {
            break;
        }
    }
    Ok(code)
}
