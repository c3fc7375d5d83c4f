//! `attune eval`: how accurate the models are on labelled clips, how well calibrated, and how fast.

mod document;
mod recall_tables;
mod section;
mod tables;

pub(super) use tables::table;

use self::tables::Contents;
use super::EvalArgs;
use super::error::AppError;
use attune_engine::files::{FileError, write_atomically};
use attune_engine::page;
use attune_model::genre::{GenreId, GenreSet};
use attune_model::{LoadedModel, Manifest, ModelSet};
use attune_train::evaluate::manifest::UnknownLabel;
use attune_train::evaluate::{
    Evaluation, EvaluationConfig, EvaluationEvent, EvaluationSession, EvaluationStage, clips_csv, evaluate_folds,
    evaluate_log_mels, manifest, pictures,
};
use attune_train::validate::Part;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::process::ExitCode;

/// Evaluates a table of clips or finished cross-validations, and prints the metrics. A clip that fails is reported and
/// left out; the exit code is then 1.
pub(super) fn run(args: &EvalArgs, models: &ModelSet) -> Result<ExitCode, AppError> {
    let usual = match &args.manifest {
        Some(table) => table.file_stem().unwrap_or_default().to_string_lossy(),
        None => "folds".into(),
    };
    let mark = format!("attune eval {}", args.page_name.as_deref().unwrap_or(&usual));
    if let Some(file) = &args.page {
        page::check(file, &mark)?;
    }
    let pooled;
    let (evaluation, genres, of) = if let Some(table) = &args.manifest {
        (of_table(args, table, models)?, &models.genres, of_models(models))
    } else {
        let part = args.part.as_deref().map(|part| match part {
            "whole" => Part::Whole,
            _ => Part::Excerpt,
        });
        let found = evaluate_folds(&args.folds, part)?;
        pooled = found.genres;
        (found.evaluation, &pooled, found.of)
    };
    let output = Output {
        evaluation: &evaluation,
        genres,
        of,
        contents: Contents {
            focus: focus(args.focus.as_deref(), genres)?,
            is_brief: args.brief,
        },
        mark,
    };
    output.write(args)?;
    Ok(if evaluation.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the models over the clips of a table.
fn of_table(args: &EvalArgs, table: &Path, models: &ModelSet) -> Result<Evaluation, AppError> {
    // A wrong name is said before anything slow.
    focus(args.focus.as_deref(), &models.genres)?;
    let unknown = if args.unfamiliar {
        UnknownLabel::Unfamiliar
    } else {
        UnknownLabel::Refused
    };
    let mut rows = manifest::read(table, &models.genres, unknown)?;
    if let Some(split) = &args.split {
        rows = manifest::of_split(table, rows, split)?;
    }
    if args.mels.is_none() {
        let all = rows.len();
        rows.retain(|row| row.has_audio);
        if rows.len() < all {
            crate::note!("{} of {all} clips have no audio and are left out", all - rows.len());
        }
        manifest::check_files(table, &rows)?;
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut observer = |event: EvaluationEvent<'_>| show(&bar, &event);
    let config = EvaluationConfig {
        conditions: args.conditions,
        genre_changes: args.splices,
        seed: args.seed,
    };
    let evaluation = match &args.mels {
        Some(mels) => evaluate_log_mels(mels, table, &rows, models, &config, &mut observer)?,
        None => EvaluationSession::run(table, &rows, models, &mut observer).evaluate(&config, &mut observer)?,
    };
    bar.finish_and_clear();
    if let Some(why) = &evaluation.left_out {
        crate::note!("conditions are missing: {why}");
    }
    Ok(evaluation)
}

/// What is written of an evaluation, and where.
struct Output<'a> {
    evaluation: &'a Evaluation,
    genres: &'a GenreSet,
    /// What the answers are of.
    of: String,
    /// What the tables hold.
    contents: Contents,
    /// The page's mark.
    mark: String,
}

impl Output<'_> {
    /// Files first, then tables or the document on stdout.
    fn write(&self, args: &EvalArgs) -> Result<(), AppError> {
        let Self {
            evaluation,
            genres,
            contents,
            ..
        } = *self;
        if let Some(folder) = &args.pictures {
            draw(evaluation, genres, folder)?;
        }
        if let Some(file) = &args.clips {
            let models: Vec<&str> = evaluation.models.iter().map(|model| model.name.as_str()).collect();
            let (_, models) = models.split_last().unwrap_or((&"", &[]));
            write_atomically(file, clips_csv(&evaluation.rows, models, genres).as_bytes())?;
        }
        if let Some(file) = &args.page {
            page::put(
                file,
                &self.mark,
                &tables::markdown(evaluation, &self.of, genres, contents),
            )?;
        }
        let shown = if args.json {
            document::of(evaluation, genres, contents.focus).to_string()
        } else {
            tables::of(evaluation, genres, contents)
        };
        super::print_line(&shown)?;
        Ok(())
    }
}

/// The models with the beginnings of their digests.
pub(super) fn of_models(models: &ModelSet) -> String {
    let model = |model: &LoadedModel| {
        let Manifest {
            name, weights_sha256, ..
        } = model.manifest();
        format!("{name} (weights {}…)", &weights_sha256[..8])
    };
    let named: Vec<String> = models.models.iter().map(model).collect();
    named.join(", ")
}

/// The class that `--focus` names.
fn focus(name: Option<&str>, genres: &GenreSet) -> Result<Option<GenreId>, AppError> {
    let Some(name) = name else { return Ok(None) };
    match genres.find_name(name) {
        Some(class) => Ok(Some(class)),
        None => Err(AppError::usage(
            format!("--focus: there is no class {name:?}"),
            format!("The classes are {}.", genres.labels().join(", ")),
        )),
    }
}

fn show(bar: &ProgressBar, event: &EvaluationEvent<'_>) {
    match event {
        EvaluationEvent::Begin(stage, count) => {
            bar.set_prefix(match stage {
                EvaluationStage::Clips => "clips",
                EvaluationStage::Conditions => "conditions",
                EvaluationStage::GenreChanges => "changes of genre",
            });
            bar.set_length(*count as u64);
            bar.set_position(0);
        }
        EvaluationEvent::Advance => bar.inc(1),
        EvaluationEvent::Failed(error) => bar.suspend(|| crate::note!("{error}")),
    }
}

fn draw(evaluation: &Evaluation, genres: &GenreSet, folder: &Path) -> Result<(), FileError> {
    for (name, sheet) in pictures::sheets(evaluation, genres) {
        write_atomically(&folder.join(name), sheet.svg().as_bytes())?;
    }
    Ok(())
}
