//! The figures behind each plot, as tables: what *Save as CSV* writes.
//!
//! In: a plot's name, and what is shown. Out: rows, the first of them names. Thread: window.

mod held;
mod over_time;

use super::Scene;
use crate::ui::choices::TWO_MODELS;
use crate::ui::view_state::ViewState;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::{GenreSet, Probabilities};

/// A heading and rows under it.
pub(crate) type Table = Vec<Vec<String>>;

/// The figures behind a plot; `None` if there are none yet, or no such plot. Of plots over time, all columns that are
/// kept.
pub(crate) fn figures_of(plot: &str, scene: &Scene<'_>, view: &ViewState) -> Option<Table> {
    let table = match plot {
        "Spectrogram" => over_time::levels(scene),
        "Answers and disagreement" | "Raw and smoothed" => over_time::answers(scene),
        TWO_MODELS => over_time::compared(scene, view)?,
        "Timeline" => over_time::timeline(scene, view)?,
        "Units" => over_time::units(scene, view)?,
        "Attention heads" => over_time::heads(scene),
        "What changed the answer" => held::changed(scene)?,
        "Attention scores" => held::scores(scene)?,
        "Receptive field" => held::field(scene)?,
        "Matrix of a head" => held::matrix(scene, view)?,
        _ => return None,
    };
    (table.len() > 1).then_some(table)
}

/// A heading of fixed names, then one for each class.
fn heading(names: &[&str], prefix: &str, genres: &GenreSet) -> Vec<String> {
    let classes = genres.labels().iter().map(|label| format!("{prefix}{label}"));
    names.iter().map(|name| (*name).to_owned()).chain(classes).collect()
}

fn shares(probabilities: &Probabilities) -> impl Iterator<Item = String> {
    probabilities.as_slice().iter().map(|share| format!("{share:.5}"))
}

/// The genre that is answered, or why none is.
fn state(state: AnswerState, genres: &GenreSet) -> String {
    match state {
        AnswerState::Genre(id) => genres.label(id).to_owned(),
        other => other.name().to_owned(),
    }
}

/// Seconds before the newest column.
fn back(frames: usize, scene: &Scene<'_>) -> String {
    format!("{:.4}", frames as f64 * scene.snapshot.hop.0)
}
