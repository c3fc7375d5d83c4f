//! How often each map points at a passage that alone carries its class.

use super::super::ExplainArgs;
use super::super::error::{AppError, bail};
use attune_engine::explain::planted::{PASSAGE, PIECE, PLACE, Pointing, Source, Worth, pieces};
use attune_model::ModelSet;
use attune_model::genre::GenreId;
use attune_train::dataset::mel_of_file;
use attune_train::evaluate::manifest::{self, Label, beside};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// Draws pieces of which each has a passage of one genre in a clip of another, asks all engines, and tells how often
/// they pointed at it.
pub(super) fn run(args: &ExplainArgs, table: &Path, models: &ModelSet) -> Result<String, AppError> {
    let spec = &models.front_end;
    let mut clips: Vec<(Vec<f32>, GenreId)> = Vec::new();
    for row in manifest::read(table, &models.genres)? {
        if let Label::Genre(genre) = row.label {
            clips.push((mel_of_file(&beside(table, &row.clip), spec)?, genre));
        }
    }
    let sources: Vec<Source<'_>> = clips.iter().map(source).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let Some(pieces) = pieces(&sources, spec, &mut rng) else {
        bail!(
            "{}: pieces need clips of {} s and more of two genres at the least",
            table.display(),
            PIECE.0
        );
    };
    let mut worth = vec![Worth::default(); models.models.len()];
    let made = args.pieces;
    let bar = ProgressBar::new(u64::from(made));
    for planted in pieces.take(made as usize) {
        for (worth, model) in worth.iter_mut().zip(&models.models) {
            worth.ask(model, &planted, spec.hop())?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let names = models.models.iter().map(|model| model.manifest().name.as_str());
    if args.json {
        let each = names.zip(&worth).map(|(name, worth)| (name.to_owned(), json!(worth)));
        return Ok(serde_json::Value::Object(each.collect()).to_string());
    }
    let mut text = format!(
        "{made} pieces of {} s, each with a passage of {} s of another genre; places of {} s\n\n  {:<12}{:>22}{:>22}{:>22}\n",
        PIECE.0, PASSAGE.0, PLACE.0, "engine", "changes the answer", "attended to", "looked at alone"
    );
    for (name, worth) in names.zip(&worth) {
        let cell = |pointing: &Pointing| match pointing.pieces {
            0 => "–".to_owned(),
            _ => format!(
                "{:.0} % (chance {:.0} %)",
                100.0 * pointing.rate(),
                100.0 * pointing.chance()
            ),
        };
        let cells = [&worth.occluded, &worth.attended, &worth.forced].map(cell);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<12}{:>22}{:>22}{:>22}", cells[0], cells[1], cells[2]);
    }
    text.push_str("\nHow often the highest place of each map lies in the passage.");
    Ok(text)
}

fn source((levels_db, genre): &(Vec<f32>, GenreId)) -> Source<'_> {
    Source {
        levels_db,
        genre: *genre,
    }
}
