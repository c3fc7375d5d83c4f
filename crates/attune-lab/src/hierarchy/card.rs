//! What training a hierarchical network writes: weights, manifest, and a card that states how they were made.

use super::{Outcome, Plan, restored};
use crate::LabError;
use crate::clip_features::FeatureSet;
use crate::planted::Found;
use attune_engine::files::write_atomically;
use attune_model::hierarchical::{Golden, HierarchicalManifest, KIND};
use attune_model::load::hex;
use attune_model::manifest::FORMAT;
use attune_train::checkpoint::serialize;
use candle_core::Tensor;
use sha2::{Digest, Sha256};
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
    let weights = serialize(tensors, None)?;
    let name = data.file_name().unwrap_or(data.as_os_str()).to_string_lossy();
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let seed = plan.schedule.seed;
    let share = plan.passages.share;
    let command = format!("attune lab hierarchy --data {name} --seed {seed} --planted-share {share} --export FOLDER");
    let manifest = HierarchicalManifest {
        format: FORMAT,
        kind: KIND.to_owned(),
        name: KIND.to_owned(),
        encoder_sha256: encoder.to_owned(),
        genres: pieces.genres.clone(),
        temperature: outcome.temperature,
        weight_count: tensors.values().map(Tensor::elem_count).sum(),
        shape: plan.shape,
        weights_sha256: hex(&Sha256::digest(&weights)),
        golden: Golden::measure(&restored(tensors.clone(), plan.shape)?)?,
        licence: "MIT (weights; the training audio is not part of them)".to_owned(),
        provenance: format!("{command} on {name}, {date}"),
    };
    let json = serde_json::to_string_pretty(&manifest)
        .map_err(|error| LabError::Refused(format!("the manifest cannot be written as JSON: {error}")))?;
    let at = |extension: &str| to.join(KIND).with_extension(extension);
    write_atomically(&at("safetensors"), &weights)?;
    write_atomically(&at("md"), card(&manifest, plan, outcome, pieces, &command).as_bytes())?;
    write_atomically(&at("json"), json.as_bytes())?;
    Ok(())
}

fn card(manifest: &HierarchicalManifest, plan: &Plan, outcome: &Outcome, pieces: &FeatureSet, command: &str) -> String {
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
        (
            "encoder",
            format!("the TCN whose weights have SHA-256 {}", manifest.encoder_sha256),
        ),
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
        manifest.genres.labels().join(", "),
        plan.passages.share
    )
}
