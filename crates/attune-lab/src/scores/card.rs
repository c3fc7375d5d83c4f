//! The card beside the exported score functions: how they were made, and the validation figures of their seed.
//!
//! In: outcomes. Out: a Markdown file. Thread: any.

use super::genre::Outcome;
use super::shown::Row;
use crate::LabError;
use crate::export::{date, name_of};
use attune_engine::files::write_atomically;
use attune_nn::score::ScoreKind;
use attune_train::planted::PlantedPlan;
use std::fmt::Write;
use std::path::Path;

/// How they were made.
pub(super) struct Made<'a> {
    pub(super) data: &'a Path,
    pub(super) seed: u64,
    pub(super) steps: u64,
    pub(super) passages: &'a PlantedPlan,
    /// SHA-256 of the encoder's weights.
    pub(super) encoder: &'a str,
}

/// Writes `FILE.md` beside `FILE.safetensors`; the figures are those of the first outcome of each row, which is the one
/// that is exported.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write(exported: &Path, made: &Made<'_>, rows: &[Row<Outcome>]) -> Result<(), LabError> {
    write_atomically(&exported.with_extension("md"), text(made, rows).as_bytes())?;
    Ok(())
}

fn text(made: &Made<'_>, rows: &[Row<Outcome>]) -> String {
    let name = name_of(made.data);
    let (seed, share) = (made.seed, made.passages.share);
    let date = date();
    let first = rows
        .iter()
        .filter_map(|(kind, outcomes)| Some((*kind, outcomes.first()?)));
    let exported: Vec<(ScoreKind, &Outcome)> = first.filter(|(kind, _)| *kind != ScoreKind::Even).collect();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let (excerpts, whole) = exported
        .first()
        .map_or((0, 0), |(_, of)| (of.excerpts.clips, of.whole.clips));
    let chance = exported.first().map_or(0.0, |(_, of)| of.in_music.weights.chance());
    let mut text = format!(
        "# Model card: scores\n\n\
         Attention scores, each with a pooling and a dense layer of its own over the frozen features of the bundled\n\
         TCN, trained separately. They are there for comparison (`attune lab scores`, *Scores* in the window) and play\n\
         no part in Attune's answer. Written by `attune lab scores`; not edited by hand.\n\n\
         | | |\n|---|---|\n\
         | command | `attune lab scores --data {name} --seed {seed} --planted-share {share} --export FILE.safetensors` |\n\
         | made | {date} |\n\
         | encoder | the TCN whose weights have SHA-256 {}; others are refused |\n\
         | steps | {} each |\n\
         | licence | MIT (weights; the training audio is not part of them) |\n\n\
         Right of {excerpts} validation excerpts of 3 s and {whole} whole clips, artists apart from training. *In music*,\n\
         *in noise*: how often the highest half second of a map lies in a planted passage of 2 s ({} pieces each,\n\
         chance {}). *Weights* are the attention weights; *contribution* is weight × (the dense layer's answer to the\n\
         frame for the passage's class, less the mean over all classes).\n\n\
         | score | weights | 3 s | whole | in music: weights | contribution | in noise: weights | contribution |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        made.encoder,
        made.steps,
        exported.first().map_or(0, |(_, of)| of.in_music.weights.examples),
        percent(chance),
    );
    for (kind, of) in exported {
        let shares = [
            of.excerpts.accuracy,
            of.whole.accuracy,
            of.in_music.weights.rate(),
            of.in_music.contribution.rate(),
            of.among_noise.weights.rate(),
            of.among_noise.contribution.rate(),
        ];
        let cells = shares.map(percent).join(" | ");
        let _ = writeln!(text, "| {} | {} | {cells} |", kind.name(), of.weights);
    }
    text.push_str(
        "\n## Limits\n\nValidation figures of one seed; docs/lab.md has means of three. The weights serve every class \
         alike, so\namong music of another genre they need not point at the passage; contributions are asked about one \
         class.\n",
    );
    text
}
