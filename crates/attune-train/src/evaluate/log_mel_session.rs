//! An evaluation of clips that are log-mel levels, clean and under the conditions that levels allow.
//!
//! In: a file of log-mel clips, a table, models. Out: an [`Evaluation`], and events while it runs. Thread: the
//! caller's.

use super::clip_rows::ClipRow;
use super::effects::LEVEL_EFFECTS;
use super::groups::group_numbers;
use super::log_mels::LogMels;
use super::manifest::{Label, Row};
use super::session::{EvaluationConfig, EvaluationEvent, EvaluationStage, generator};
use super::unfamiliar::{MusicAnswer, UnfamiliarMetrics};
use super::{ClipLogits, EvaluateError, Evaluation, ModelClips};
use crate::validate::logits_of_levels;
use attune_model::genre::GenreId;
use attune_model::{GenreStream, LoadedModel, ModelError, ModelSet};
use std::path::Path;

/// An evaluation of clips that are log-mel levels in a safetensors file, by the names in the table. There is no gate:
/// the displayed answer follows from the ensemble alone.
///
/// # Errors
/// If the file lacks a clip of the table or one is not as it must be, a row is not music, or a model fails.
pub fn evaluate_log_mels(
    path: &Path,
    table: &Path,
    rows: &[Row],
    models: &ModelSet,
    config: &EvaluationConfig,
    observer: &mut dyn FnMut(EvaluationEvent<'_>),
) -> Result<Evaluation, EvaluateError> {
    let spec = &models.front_end;
    let all = rows;
    let (unfamiliar, rows): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.label == Label::Unfamiliar);
    let truths = truths(table, &rows)?;
    if rows.is_empty() {
        return Err(EvaluateError::NoMusic {
            table: table.to_owned(),
            others: unfamiliar.len(),
        });
    }
    // What is wrong with the table is said before the file is opened.
    let mut mels = LogMels::open(path)?;
    mels.check(table, all)?;
    observer(EvaluationEvent::Begin(
        EvaluationStage::Clips,
        rows.len() + unfamiliar.len(),
    ));
    let mut streams = models
        .models
        .iter()
        .map(LoadedModel::stream)
        .collect::<Result<Vec<_>, _>>()?;
    let mut run = |levels: &[f32], truth: GenreId| -> Result<Vec<ClipLogits>, ModelError> {
        let each = streams.iter_mut();
        each.map(|stream: &mut Box<dyn GenreStream>| logits_of_levels(stream.as_mut(), levels, truth, spec))
            .collect()
    };
    let effects = if config.conditions { &LEVEL_EFFECTS[..] } else { &[] };
    let mut clean = Vec::with_capacity(rows.len());
    let mut changed: Vec<Vec<Vec<ClipLogits>>> = vec![Vec::new(); effects.len()];
    let mut seconds = Vec::with_capacity(rows.len());
    let mut music = Vec::with_capacity(rows.len() + unfamiliar.len());
    for (number, (row, &truth)) in rows.iter().zip(&truths).enumerate() {
        let levels = mels.levels(&row.clip, spec.bands)?;
        let of_models = run(&levels, truth)?;
        music.push(MusicAnswer::of_log_mels(Some(truth), &of_models, models));
        clean.push(of_models);
        for (effect, clips) in effects.iter().zip(&mut changed) {
            let mut copy = levels.clone();
            (effect.apply)(&mut copy, spec, &mut generator(config.seed, number));
            clips.push(run(&copy, truth)?);
        }
        seconds.push((levels.len() / spec.bands) as f64 * spec.hop().0);
        observer(EvaluationEvent::Advance);
    }
    for row in unfamiliar {
        // No metric compares them with a class.
        let of_models = run(&mels.levels(&row.clip, spec.bands)?, GenreId(0))?;
        music.push(MusicAnswer::of_log_mels(None, &of_models, models));
        observer(EvaluationEvent::Advance);
    }
    let groups = group_numbers(rows.iter().map(|row| (row.clip.as_str(), row.group.as_str())));
    let clips = ModelClips::by_model(&models.models, &mut clean);
    let mut evaluation = Evaluation::of(&clips, groups.as_deref(), spec, models.genres.len());
    evaluation.unfamiliar = UnfamiliarMetrics::of(&music);
    for (effect, mut clips) in effects.iter().zip(changed) {
        evaluation.add_condition(effect.name, &ModelClips::by_model(&models.models, &mut clips));
    }
    let rows = rows.iter().zip(truths).zip(seconds).enumerate();
    let rows = rows.map(|(clip, ((row, truth), seconds))| {
        let answers = evaluation.answers_to(clip);
        let displayed = music[clip].displayed();
        ClipRow {
            line: row.line,
            name: row.clip.clone(),
            label: models.genres.label(truth).to_owned(),
            truth: Some(truth),
            group: row.group.clone(),
            seconds,
            state: music[clip].state,
            displayed,
            answers,
        }
    });
    let rows = rows.collect();
    evaluation.set_rows(rows);
    Ok(evaluation)
}

/// The classes of the rows.
fn truths(table: &Path, rows: &[&Row]) -> Result<Vec<GenreId>, EvaluateError> {
    let truth = |row: &&Row| match row.label {
        Label::Genre(genre) => Ok(genre),
        Label::Unfamiliar => Err(EvaluateError::NoMusic {
            table: table.to_owned(),
            others: 1,
        }),
        Label::NotMusic(label) => Err(EvaluateError::NeedsSound {
            table: table.to_owned(),
            line: row.line,
            clip: row.clip.clone(),
            label,
        }),
    };
    rows.iter().map(truth).collect()
}
