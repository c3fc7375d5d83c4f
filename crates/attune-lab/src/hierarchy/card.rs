//! What training a hierarchical network writes: weights, manifest, and a card that states how they were made.

use super::{Outcome, Plan};
use crate::LabError;
use crate::clip_features::FeatureSet;
use crate::export::{self, date, name_of};
use crate::planted::Found;
use attune_model::hierarchical::{Hierarchical, HierarchicalShape};
use attune_model::trained::{Origin, TrainedFiles, TrainedManifest, TrainedNet};
use candle_core::Tensor;
use std::collections::HashMap;
use std::path::Path;

/// Writes `hierarchical.safetensors`, `.md` and `.json` to the folder, the manifest last.
///
/// # Errors
/// If the network fails, or a file cannot be written.
pub(crate) fn export(
    to: &Path,
    plan: &Plan,
    tensors: &HashMap<String, Tensor>,
    (outcome, pieces): (&Outcome, &FeatureSet),
    (encoder, data): (&str, &Path),
) -> Result<(), LabError> {
    let (seed, share) = (plan.schedule.seed, plan.passages.share);
    let name = name_of(data);
    let command = format!("attune lab hierarchy --data {name} --seed {seed} --planted-share {share} --export FOLDER");
    let origin = Origin {
        name: Hierarchical::KIND.to_owned(),
        encoder_sha256: Some(encoder.to_owned()),
        labels: pieces.genres.labels().to_vec(),
        temperature: outcome.temperature,
        provenance: format!("{command} on {name}, {}", date()),
    };
    let files = TrainedFiles::new::<Hierarchical>(&plan.shape, tensors, origin)?;
    export::write(
        to,
        &files,
        &card(&files.manifest, plan, outcome, (pieces, encoder), &command),
    )
}

fn card(
    manifest: &TrainedManifest<HierarchicalShape>,
    plan: &Plan,
    outcome: &Outcome,
    (pieces, encoder): (&FeatureSet, &str),
    command: &str,
) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let right = |right: &crate::arena::Right| {
        let [low, high] = right.interval95.map(percent);
        format!("{} of {} ({low} to {high})", percent(right.accuracy), right.clips)
    };
    let found = |found: &Found| {
        let [weights, contribution] = [found.weights.rate(), found.contribution.rate()].map(percent);
        format!(
            "{weights}; {contribution} (by chance {})",
            percent(found.weights.chance())
        )
    };
    let excerpts = outcome.excerpts.as_ref().map_or("–".to_owned(), right);
    let rows = [
        ("command", format!("`{command}`")),
        ("made", manifest.provenance.clone()),
        ("weights", manifest.weight_count.to_string()),
        ("encoder", format!("the TCN whose weights have SHA-256 {encoder}")),
        ("steps", plan.schedule.steps.to_string()),
        (
            "clips and excerpts",
            format!(
                "{} to learn from, {} to judge by, artists apart",
                pieces.train.len(),
                pieces.valid.len()
            ),
        ),
        ("right of whole validation clips", right(&outcome.whole)),
        ("right of single segments", excerpts),
        (
            "calibration error",
            format!(
                "{} at temperature {:.3}, fitted on these clips",
                percent(outcome.ece),
                outcome.temperature
            ),
        ),
        (
            "one segment of music among nine of noise has the highest weight; contribution to its class",
            found(&outcome.among_noises),
        ),
        (
            "one segment of another genre in a clip has the highest weight; contribution to its class",
            found(&outcome.in_music),
        ),
        (
            "what the answer loses without the segment with most weight; without another",
            format!(
                "{:.1} points; {:.1} points",
                outcome.losses.without_top * 100.0,
                outcome.losses.without_other * 100.0
            ),
        ),
        ("licence", manifest.licence.clone()),
    ];
    let rows: Vec<String> = rows
        .iter()
        .map(|(what, value)| format!("| {what} | {value} |"))
        .collect();
    let rows = rows.join("\n");
    format!(
        "# Model card: {}\n\nWhich segments of a whole file decide its genre (Yang et al. 2016). Written by `attune lab hierarchy`; \
         not edited by hand.\n\n| | |\n|---|---|\n{rows}\n\n## Limits\n\nIt reads both ways and is never offered live. It knows the \
         classes of its data ({}) and was taught on a few hundred clips. A segment's weight tells \
         music from noise; how much it speaks for a class is told by its contribution, weight × (the output layer's \
         answer to the segment for that class, less the mean over all classes), taught on planted segments (share \
         {}).\n",
        manifest.name,
        manifest.labels.join(", "),
        plan.passages.share
    )
}
