//! `attune eval`: how accurate the models are on labelled clips, how well calibrated, and how fast.

mod document;
mod tables;

pub(super) use tables::table;

use super::EvalArgs;
use super::error::AppError;
use attune_engine::files::{FileError, write_atomically};
use attune_engine::page;
use attune_model::ModelSet;
use attune_model::genre::GenreSet;
use attune_train::evaluate::{
    Evaluation, EvaluationConfig, EvaluationEvent, EvaluationSession, EvaluationStage, evaluate_log_mels, manifest,
    pictures,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::process::ExitCode;

/// Reads the table, runs the models over every clip, prints the metrics. A clip that fails is reported and left out;
/// the exit code is then 1.
pub(super) fn run(args: &EvalArgs, models: &ModelSet) -> Result<ExitCode, AppError> {
    let mut rows = manifest::read(&args.manifest, &models.genres)?;
    if let Some(split) = &args.split {
        rows = manifest::of_split(&args.manifest, rows, split)?;
    }
    if args.mels.is_none() {
        let all = rows.len();
        rows.retain(|row| row.has_audio);
        if rows.len() < all {
            eprintln!("{} of {all} clips have no audio and are left out", all - rows.len());
        }
        manifest::check_files(&args.manifest, &rows)?;
    }
    let name = args.manifest.file_stem().unwrap_or_default().to_string_lossy();
    let mark = format!("attune eval {name}");
    if let Some(file) = &args.page {
        page::check(file, &mark)?;
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut observer = |event: EvaluationEvent<'_>| show(&bar, &event);
    let evaluation = if let Some(mels) = &args.mels {
        evaluate_log_mels(mels, &args.manifest, &rows, models, &mut observer)?
    } else {
        let config = EvaluationConfig {
            conditions: args.conditions,
            genre_changes: args.splices,
            seed: args.seed,
        };
        EvaluationSession::run(&args.manifest, &rows, models, &mut observer).evaluate(&config, &mut observer)?
    };
    bar.finish_and_clear();
    if let Some(folder) = &args.pictures {
        draw(&evaluation, &models.genres, folder)?;
    }
    if let Some(file) = &args.page {
        page::put(file, &mark, &tables::markdown(&evaluation, models))?;
    }
    let shown = if args.json {
        document::of(&evaluation, &models.genres).to_string()
    } else {
        tables::of(&evaluation, &models.genres)
    };
    super::print_line(&shown)?;
    Ok(if evaluation.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
        EvaluationEvent::Failed(error) => bar.suspend(|| eprintln!("{error}")),
    }
}

fn draw(evaluation: &Evaluation, genres: &GenreSet, folder: &Path) -> Result<(), FileError> {
    for (name, sheet) in pictures::sheets(evaluation, genres) {
        write_atomically(&folder.join(name), sheet.svg().as_bytes())?;
    }
    Ok(())
}
