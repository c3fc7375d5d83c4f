//! What was found as one JSON document, and as a row for each piece, model and map.

use super::{MARK, Results};
use attune_engine::explain::planted::{Beats, BeatsCount, Found, Map, MapScores, PASSAGE, PIECE, WINDOWS};
use attune_engine::explain::{SEGMENT, Segment};
use attune_engine::table;
use attune_train::evaluate::wilson;
use serde_json::{Map as Object, Value, json};

/// All figures. Scripts rely on these names; a map that a model does not have is left out.
pub(super) fn json(of: &Results<'_>) -> Value {
    let left_out: Object<String, Value> = of
        .left_out
        .iter()
        .map(|(kind, why)| (kind.key().to_owned(), json!(why)))
        .collect();
    let mut engines = json!({});
    for model in &of.models.models {
        let manifest = model.manifest();
        engines[&manifest.name] = json!({ "weights": manifest.weights_sha256, "maps": {} });
    }
    for row in of.rows() {
        engines[row.model]["maps"][row.map.key()][row.around.key()] = figures(row.map, &row.scores);
    }
    json!({
        "program": concat!("attune ", env!("CARGO_PKG_VERSION")),
        "command": MARK,
        "examples": of.examples,
        "seed": of.seed,
        "piece_s": PIECE.0,
        "passage_s": PASSAGE.0,
        "window_s": SEGMENT.0,
        "windows": WINDOWS,
        "class": "of the passage",
        "left_out": left_out,
        "engines": engines,
    })
}

fn figures(map: Map, scores: &MapScores) -> Value {
    let pointing = &scores.pointing;
    let examples = pointing.examples as f64;
    let beats = |of: &BeatsCount| {
        let share = |count: usize| count as f64 / examples;
        json!({ "random": share(of.random), "even": share(of.even), "both": share(of.both) })
    };
    let mut figures = json!({
        "examples": pointing.examples,
        "hits": pointing.hits,
        "rate": pointing.rate(),
        "interval95": wilson(pointing.rate(), examples),
        "chance": pointing.chance(),
        "deletion": beats(&scores.deletion),
        "insertion": beats(&scores.insertion),
    });
    if map != Map::Occlusion {
        figures["correlation"] = json!(scores.correlation());
    }
    figures
}

/// A row for each piece, model and map: where the passage lies, in seconds of the piece, and where the map is highest.
pub(super) fn csv(of: &Results<'_>) -> String {
    let columns = [
        "around",
        "piece",
        "class",
        "passage_from_s",
        "passage_to_s",
        "model",
        "map",
        "highest_from_s",
        "highest_to_s",
        "hit",
        "chance",
        "correlation",
        "deletion_beats_random",
        "deletion_beats_even",
        "insertion_beats_random",
        "insertion_beats_even",
    ];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    for (kind, found) in &of.kinds {
        for (number, found) in found.iter().enumerate() {
            rows.extend(of_piece(of, (kind.key(), number), found));
        }
    }
    table::csv(rows)
}

fn of_piece(of: &Results<'_>, (around, number): (&str, usize), found: &Found) -> Vec<Vec<String>> {
    let hop = of.models.front_end.hop().0;
    let seconds = |Segment { start, end }| [start, end].map(|frame| format!("{:.3}", frame as f64 * hop));
    let beats = |Beats { random, even }| [random, even].map(|beats| beats.to_string());
    let mut rows = Vec::new();
    for (model, findings) in of.models.models.iter().zip(&found.findings) {
        for finding in findings {
            let mut row = vec![
                around.to_owned(),
                (number + 1).to_string(),
                of.models.genres.label(found.genre).to_owned(),
            ];
            row.extend(seconds(found.passage));
            row.extend([model.manifest().name.clone(), finding.map.key().to_owned()]);
            row.extend(seconds(found.windows[finding.highest]));
            row.extend([finding.is_hit.to_string(), format!("{:.4}", finding.chance)]);
            row.push(finding.correlation.map_or(String::new(), |rho| format!("{rho:.4}")));
            row.extend(beats(finding.deletion));
            row.extend(beats(finding.insertion));
            rows.push(row);
        }
    }
    rows
}
