//! What was found as a table, for a terminal or a page.

use super::super::super::eval::table;
use super::{Results, Row};
use attune_engine::explain::SEGMENT;
use attune_engine::explain::planted::{Map, PASSAGE, PIECE};
use attune_engine::page;
use attune_train::evaluate::wilson;
use std::fmt::Write;

const COLUMNS: [&str; 9] = [
    "model",
    "map",
    "around the passage",
    "in the passage",
    "95 %",
    "chance",
    "rank correlation with occlusion",
    "deletion",
    "insertion",
];
/// Columns of words.
const WORDS: usize = 3;

/// For a terminal.
pub(super) fn text(of: &Results<'_>) -> String {
    let table = table(&COLUMNS, rows(of));
    format!("{}\n\n{table}\n\n{}", heading(of), legend())
}

/// For a page, with what the maps are of.
pub(super) fn markdown(of: &Results<'_>, models: &str) -> String {
    let table = page::table(&COLUMNS, |column| column < WORDS, &rows(of));
    format!("Of {models}. {}\n\n{table}\n{}\n", heading(of), legend())
}

fn heading(of: &Results<'_>) -> String {
    let mut text = format!(
        "{} pieces of {} s of each kind, each with a passage of {} s at a random place in its last 8 s (seed {}). \
         Every map is asked about the class of the passage.",
        of.examples, PIECE.0, PASSAGE.0, of.seed
    );
    for (kind, why) in &of.left_out {
        // Writing to a String cannot fail.
        let _ = write!(text, " Left out: {}, as {why}.", kind.title());
    }
    text
}

fn legend() -> String {
    format!(
        "In the passage: how often the highest {} s of a map lie there. Deletion, insertion: share of pieces in which \
         the probability of the class falls faster when half seconds are occluded in the order of the map, or rises \
         faster when they come back in that order, than both in random order and evenly spread.",
        SEGMENT.0
    )
}

fn rows(of: &Results<'_>) -> Vec<Vec<String>> {
    of.rows().iter().map(row).collect()
}

fn row(row: &Row<'_>) -> Vec<String> {
    let pointing = &row.scores.pointing;
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let [low, high] = wilson(pointing.rate(), pointing.examples as f64).map(|share| share * 100.0);
    let of_pieces = |count: usize| percent(count as f64 / pointing.examples as f64);
    let correlation = match row.map {
        Map::Occlusion => String::new(),
        _ => row
            .scores
            .correlation()
            .map_or("–".to_owned(), |rho| format!("{rho:.2}")),
    };
    vec![
        row.model.to_owned(),
        row.map.title().to_owned(),
        row.around.title().to_owned(),
        percent(pointing.rate()),
        format!("{low:.0}–{high:.0} %"),
        percent(pointing.chance()),
        correlation,
        of_pieces(row.scores.deletion.both),
        of_pieces(row.scores.insertion.both),
    ]
}
