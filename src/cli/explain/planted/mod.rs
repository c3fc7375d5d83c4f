//! `attune explain --planted`: whether the models' maps point at passages that are planted in a table's clips.
//!
//! In: a table, folders of noise and speech, models. Out: tables, a document, a row for each piece. Thread: main, and
//! one for each core.

mod document;
mod sounds;
mod tables;

use super::super::ExplainArgs;
use super::super::error::AppError;
use super::super::eval::of_models;
use attune_engine::explain::planted::{Distractor, Found, Map, MapScores, PASSAGE, PIECE, Source, find_all, pieces};
use attune_engine::files::write_atomically;
use attune_engine::page;
use attune_model::ModelSet;
use attune_train::dataset::mel_of_file;
use attune_train::evaluate::log_mel_clips;
use attune_train::evaluate::manifest::{self, Label, UnknownLabel};
use indicatif::{ProgressBar, ProgressStyle};
use sounds::Sounds;
use std::path::Path;

/// Marks the place of the tables in a page.
const MARK: &str = "attune explain --planted";

/// What was found in the pieces of every kind.
struct Results<'a> {
    models: &'a ModelSet,
    /// Pieces of each kind.
    examples: u32,
    seed: u64,
    kinds: Vec<(Distractor, Vec<Found>)>,
    /// Kinds that are missing, and why.
    left_out: Vec<(Distractor, &'static str)>,
}

/// One map of one model among one kind of distractors.
struct Row<'a> {
    model: &'a str,
    map: Map,
    around: Distractor,
    scores: MapScores,
}

/// Plants passages, and counts how often each map of each model points at them.
pub(super) fn run(args: &ExplainArgs, table: &Path, models: &ModelSet) -> Result<String, AppError> {
    // What is typed wrong is said before anything slow.
    if let Some(file) = &args.page {
        page::check(file, MARK)?;
    }
    let mut rows = manifest::read(table, &models.genres, UnknownLabel::Refused)?;
    if let Some(split) = &args.split {
        rows = manifest::of_split(table, rows, split)?;
    }
    rows.retain(|row| (row.has_audio || args.mels.is_some()) && matches!(row.label, Label::Genre(_)));
    if args.mels.is_none() {
        manifest::check_files(table, &rows)?;
    }
    let spec = &models.front_end;
    let sounds = Sounds::read(args, spec)?;
    let clips = match &args.mels {
        Some(mels) => log_mel_clips(mels, table, &rows, spec.bands)?,
        None => rows
            .iter()
            .map(|row| mel_of_file(&row.path, spec))
            .collect::<Result<_, _>>()?,
    };
    let labelled = rows.iter().zip(&clips);
    let sources: Vec<Source<'_>> = labelled
        .filter_map(|(row, levels_db)| match row.label {
            Label::Genre(genre) => Some(Source { levels_db, genre }),
            _ => None,
        })
        .collect();
    let mut results = Results {
        models,
        examples: args.examples,
        seed: args.seed,
        kinds: Vec::new(),
        left_out: Vec::new(),
    };
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}");
    let bar = ProgressBar::new(u64::from(args.examples) * Distractor::ALL.len() as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix("pieces");
    for kind in Distractor::ALL {
        if kind == Distractor::Speech && sounds.speech.is_empty() {
            results.left_out.push((kind, "no folder of speech is named (--speech)"));
            continue;
        }
        let Some(pieces) = pieces(kind, &sources, sounds.of(kind), spec, args.seed) else {
            return Err(AppError::usage(
                format!("{}: no piece can be made of these clips", table.display()),
                format!(
                    "It needs clips of {} s and more, of two genres at the least; a passage of {} s.",
                    PIECE.0, PASSAGE.0
                ),
            ));
        };
        let count = args.examples as usize;
        let found = find_all(&models.models, pieces, count, spec.hop(), || bar.inc(1))?;
        results.kinds.push((kind, found));
    }
    bar.finish_and_clear();
    for (kind, why) in &results.left_out {
        crate::note!("pieces with {} are left out: {why}", kind.title());
    }
    if let Some(file) = &args.csv {
        write_atomically(file, document::csv(&results).as_bytes())?;
    }
    if let Some(file) = &args.page {
        page::put(file, MARK, &tables::markdown(&results, &of_models(models)))?;
    }
    Ok(if args.json {
        document::json(&results).to_string()
    } else {
        tables::text(&results)
    })
}

impl Results<'_> {
    /// Every model, map and kind for which there is a figure.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for (number, model) in self.models.models.iter().enumerate() {
            for map in Map::ALL {
                for (around, found) in &self.kinds {
                    let mut scores = MapScores::default();
                    let findings = found.iter().flat_map(|found| &found.findings[number]);
                    findings.filter(|of| of.map == map).for_each(|of| scores.add(of));
                    if scores.pointing.examples > 0 {
                        rows.push(Row {
                            model: &model.manifest().name,
                            map,
                            around: *around,
                            scores,
                        });
                    }
                }
            }
        }
        rows
    }
}
