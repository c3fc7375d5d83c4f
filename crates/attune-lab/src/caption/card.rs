//! What training a captioning network writes: weights, manifest, and a card that states how they were made.
//!
//! In: weights, outcome. Out: three files. Thread: the caller's.

use super::judge::{LEAST_DIVERGENCE, Outcome, Pointing};
use super::learn::Plan;
use super::shown::{bits, points, share};
use super::{Tensors, words};
use crate::LabError;
use crate::export::{self, date};
use attune_model::caption::CaptionNet;
use attune_model::trained::{Origin, TrainedFiles, TrainedNet};
use std::path::Path;

/// Writes `caption.safetensors`, `.md` and `.json` to the folder, the manifest last.
///
/// # Errors
/// If the network fails, or a file cannot be written.
pub(super) fn export(to: &Path, plan: &Plan, tensors: &Tensors, outcome: &Outcome) -> Result<(), LabError> {
    let command = format!(
        "attune lab caption --spread {} --guide {} --steps {} --seed {} --export FOLDER",
        plan.spread, plan.guide, plan.schedule.steps, plan.schedule.seed
    );
    let origin = Origin {
        name: CaptionNet::KIND.to_owned(),
        encoder_sha256: None,
        labels: words::all().into_iter().map(str::to_owned).collect(),
        temperature: 1.0,
        provenance: format!("{command}, {}", date()),
    };
    let files = TrainedFiles::new::<CaptionNet>(&plan.shape, tensors, origin)?;
    export::write(to, &files, &card(plan, outcome, &command))
}

fn card(plan: &Plan, of: &Outcome, command: &str) -> String {
    let against = |pointing: &Pointing| {
        let [uniform, loudest, gradient] = pointing.ahead.map(points);
        format!(
            "{}; uniform {}, loudest tile {}, gradient {}; ahead of them by {uniform}, {loudest}, {gradient} points",
            share(pointing.attention),
            share(pointing.uniform),
            share(pointing.loudest),
            share(pointing.gradient)
        )
    };
    let [instruments, tempo, mode] = of.f1_of_kinds.map(share);
    let rows = [
        ("command", format!("`{command}`")),
        ("made", date()),
        ("weights", of.weights.to_string()),
        (
            "loss",
            format!("λ {}, γ {}; {:.3} at the end", plan.spread, plan.guide, of.loss),
        ),
        (
            "learnt from",
            format!("{} composed pieces, {} examples of each", plan.pieces, plan.examples),
        ),
        (
            "tested on",
            format!("{} composed pieces, seeds and presets unseen", of.pieces),
        ),
        ("F1 of the words", share(of.f1)),
        ("of instruments; tempo; mode", format!("{instruments}; {tempo}; {mode}")),
        ("by a beam of 3", share(of.f1_of_beam)),
        ("right in every word", share(of.exact)),
        ("pointing game, one tile of tolerance", against(&of.pointing)),
        ("without tolerance", against(&of.pointing_exactly)),
        (
            "α on the instrument's tiles; their share of all",
            format!("{}; {}", share(of.mass[0]), share(of.mass[1])),
        ),
        (
            "divergence of two words' maps",
            format!("{} bits (alarm below {LEAST_DIVERGENCE})", bits(of.divergence)),
        ),
        (
            "an instrument is muted: its word goes; others stay",
            format!("{}; {}", share(of.muted), share(of.kept)),
        ),
        ("licence", "MIT (weights and training pieces)".to_owned()),
    ];
    let rows: Vec<String> = rows
        .iter()
        .map(|(what, value)| format!("| {what} | {value} |"))
        .collect();
    format!(
        "# Model card: caption\n\nWords for what sounds, and where the network looked for each (Xu et al. 2015). \
         Written by `attune lab caption`;\nnot edited by hand.\n\n| | |\n|---|---|\n{}\n\n## Limits\n\nIt learnt from \
         synthesised pieces only: twelve instruments, six styles, 56 to 210 beats per minute. What it\nwrites of a \
         recording is outside of what it learnt from. Intervals are 95 %, by bootstrap over pieces.\n",
        rows.join("\n")
    )
}
