//! `attune explain --pointing-game`: the pointing game on a table of labelled clips.
//!
//! In: a table, models. Out: hit rates of each model's maps. Thread: main.

use super::super::ExplainArgs;
use super::super::error::{AppError, bail};
use attune_engine::explain::pointing_game::{EXAMPLE, PASSAGE, Pointing, PointingScores, SEGMENT, Source, examples};
use attune_model::ModelSet;
use attune_model::genre::GenreId;
use attune_train::dataset::mel_of_file;
use attune_train::evaluate::manifest::{self, Label, UnknownLabel};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// Draws clips of one genre with a passage of another in them, and counts how often each model's maps point at it.
pub(super) fn run(args: &ExplainArgs, table: &Path, models: &ModelSet) -> Result<String, AppError> {
    let spec = &models.front_end;
    let mut clips: Vec<(Vec<f32>, GenreId)> = Vec::new();
    for row in manifest::read(table, &models.genres, UnknownLabel::Refused)? {
        if let Label::Genre(genre) = row.label {
            clips.push((mel_of_file(&row.path, spec)?, genre));
        }
    }
    let sources: Vec<Source<'_>> = clips.iter().map(source).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let Some(examples) = examples(&sources, spec, &mut rng) else {
        bail!(
            "{}: examples need clips of {} s and more of two genres at the least",
            table.display(),
            EXAMPLE.0
        );
    };
    let mut scores = vec![PointingScores::default(); models.models.len()];
    let made = args.examples;
    let bar = ProgressBar::new(u64::from(made));
    for example in examples.take(made as usize) {
        for (scores, model) in scores.iter_mut().zip(&models.models) {
            scores.add(model, &example, spec.hop())?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let names = models.models.iter().map(|model| model.manifest().name.as_str());
    if args.json {
        let each = names
            .zip(&scores)
            .map(|(name, scores)| (name.to_owned(), json!(scores)));
        return Ok(serde_json::Value::Object(each.collect()).to_string());
    }
    let mut text = format!(
        "{made} clips of {} s, each with a passage of {} s of another genre; segments of {} s\n\n  \
         {:<12}{:>22}{:>22}{:>22}\n",
        EXAMPLE.0, PASSAGE.0, SEGMENT.0, "model", "changes the answer", "attended to", "attended to alone"
    );
    for (name, scores) in names.zip(&scores) {
        let cell = |pointing: &Pointing| match pointing.examples {
            0 => "–".to_owned(),
            _ => format!(
                "{:.0} % (chance {:.0} %)",
                100.0 * pointing.rate(),
                100.0 * pointing.chance()
            ),
        };
        let cells = [&scores.occluded, &scores.attended, &scores.overridden].map(cell);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<12}{:>22}{:>22}{:>22}", cells[0], cells[1], cells[2]);
    }
    text.push_str("\nHow often the highest segment of each map lies in the passage.");
    Ok(text)
}

fn source((levels_db, genre): &(Vec<f32>, GenreId)) -> Source<'_> {
    Source {
        levels_db,
        genre: *genre,
    }
}
