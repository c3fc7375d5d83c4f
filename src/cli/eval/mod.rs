//! `attune eval`: how often the engines are right, and everything else one must know of them, on labelled clips.

mod document;
mod hear;
mod tables;

pub(super) use tables::table;

use super::EvalArgs;
use super::error::{AppError, bail};
use attune_engine::files::{FileError, write_atomically};
use attune_engine::page;
use attune_model::ModelSet;
use attune_model::genre::GenreSet;
use attune_train::evaluate::manifest::{self, Label, Row};
use attune_train::evaluate::{Evaluation, pictures};
use hear::Session;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::process::ExitCode;

/// Reads the table, listens to every clip, prints the figures. A clip that fails is told and left out; the exit code
/// is then 1.
pub(super) fn run(args: &EvalArgs, models: &ModelSet) -> Result<ExitCode, AppError> {
    let rows = manifest::read(&args.manifest, &models.genres)?;
    let name = args.manifest.file_stem().unwrap_or_default().to_string_lossy();
    let mark = format!("attune eval {name}");
    if let Some(file) = &args.page {
        page::check(file, &mark)?;
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let evaluation = match &args.mels {
        Some(mels) => {
            let clips = hear::excerpts(mels, &music_only(&rows, &args.manifest)?, models)?;
            let mut evaluation = Evaluation::of(&clips, &models.front_end, models.genres.len());
            let groups: Vec<&str> = rows.iter().map(|row| row.group.as_str()).collect();
            evaluation.add_groups(&groups);
            evaluation
        }
        None => Session::hear(&args.manifest, &rows, models, &bar).evaluate(args, &bar)?,
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

/// The rows, if all are music: silence and speech can only be told in sound.
fn music_only(rows: &[Row], table: &Path) -> Result<Vec<Row>, AppError> {
    for row in rows {
        if let Label::NotMusic(label) = row.label {
            bail!(
                "{}: {:?} is labelled {label}, which needs sound: leave --mels away, or that row out",
                table.display(),
                row.clip
            );
        }
    }
    Ok(rows.to_vec())
}

fn draw(evaluation: &Evaluation, genres: &GenreSet, folder: &Path) -> Result<(), FileError> {
    for (name, sheet) in pictures::sheets(evaluation, genres) {
        write_atomically(&folder.join(name), sheet.svg().as_bytes())?;
    }
    Ok(())
}
