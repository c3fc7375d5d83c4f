//! What a finished run leaves: weights, manifest, and a card that tells how they came to be.

use super::TrainError;
use super::checkpoint::{serialize, write_atomically};
use super::dataset::Dataset;
use super::evaluate::{Figures, Part, answers, fit_temperature};
use super::split::SplitChoice;
use super::trainer::Trainer;
use crate::model::golden::Golden;
use crate::model::load::hex;
use crate::model::manifest::{FORMAT, Manifest};
use crate::nn::weights::WeightStore;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// Licence of weights that this program's own training made.
const LICENCE: &str = "MIT (weights; the training audio is not part of them)";

/// What is told of a model besides its figures.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// The command that made it.
    pub command: String,
    /// The data set, as people know it.
    pub data: String,
    /// Whose the data are.
    pub rights: String,
    /// The day, as `2026-11-22`.
    pub date: String,
}

/// Writes `NAME.safetensors`, `NAME.json` and `NAME.md` to `folder`, the manifest last: while it is missing, the model is.
pub fn export(
    trainer: &Trainer<'_>,
    data: &Dataset,
    folder: &Path,
    provenance: &Provenance,
) -> Result<Manifest, TrainError> {
    let recipe = trainer.recipe();
    let spec = &recipe.front_end;
    let name = recipe.engine.name();
    let tensors = trainer.averaged()?;
    let weights = serialize(&tensors, None)?;
    let excerpts = trainer.validate(Part::Excerpt)?;
    let whole = trainer.validate(Part::Whole)?;
    let calibration: Vec<_> = excerpts.iter().chain(&whole).cloned().collect();
    let temperature = if calibration.is_empty() {
        1.0
    } else {
        fit_temperature(&calibration, spec)
    };
    let mut store = WeightStore::from_tensors(tensors);
    let net = recipe.architecture.build(&mut store)?;
    let weight_count = store.learnt().map(|(_, var)| var.elem_count()).sum();
    let context_frames = net.context_frames();
    let manifest = Manifest {
        format: FORMAT,
        name: name.to_owned(),
        front_end: spec.clone(),
        genres: data.genres.clone(),
        temperature,
        weight_count,
        context_frames,
        architecture: recipe.architecture.clone(),
        weights_sha256: hex(&Sha256::digest(&weights)),
        golden: Golden::measure(spec, net.open()?.as_mut())?,
        licence: LICENCE.to_owned(),
        provenance: format!("{} on {}, {}", provenance.command, provenance.data, provenance.date),
    };
    let mut card = String::new();
    let classes = data.genres.len();
    let rows = [
        ("validation, 3 s excerpts", &excerpts),
        ("validation, whole clips", &whole),
    ];
    let figures: Vec<(&str, Figures, Figures)> = rows
        .into_iter()
        .filter(|(_, heard)| !heard.is_empty())
        .map(|(what, heard)| {
            let at = |temperature| Figures::of(&answers(heard, temperature, spec), classes);
            (what, at(1.0), at(temperature))
        })
        .collect();
    // Writing to a String cannot fail.
    let _ = write_card(&mut card, trainer, data, &manifest, provenance, &figures);
    let json = serde_json::to_string_pretty(&manifest).map_err(|error| TrainError::Data {
        path: folder.join(name),
        message: error.to_string(),
    })?;
    write_atomically(&folder.join(format!("{name}.safetensors")), &weights)?;
    write_atomically(&folder.join(format!("{name}.md")), card.as_bytes())?;
    write_atomically(&folder.join(format!("{name}.json")), json.as_bytes())?;
    Ok(manifest)
}

/// Which step's weights these are.
fn step_in_words(trainer: &Trainer<'_>) -> String {
    match trainer.best_so_far() {
        Some(best) if trainer.recipe().patience > 0 => {
            format!("at step {}, which was chosen by the −ln p of these clips", best.step)
        }
        _ => "at the last step; no step was chosen by these clips".to_owned(),
    }
}

/// Which clips were learnt from.
fn split_in_words(split: &SplitChoice) -> String {
    let fold = match split.fold {
        Some(fold) => format!("fold {fold} of a cross-validation by artist"),
        None => "as the data set's index says".to_owned(),
    };
    match split.share {
        share if share < 1.0 => format!("{fold}, {:.0} % of the artists of each genre", share * 100.0),
        _ => fold,
    }
}

fn write_card(
    card: &mut String,
    trainer: &Trainer<'_>,
    data: &Dataset,
    manifest: &Manifest,
    provenance: &Provenance,
    figures: &[(&str, Figures, Figures)],
) -> std::fmt::Result {
    let recipe = trainer.recipe();
    writeln!(card, "# Model card: {}\n", manifest.name)?;
    writeln!(
        card,
        "Genre from sound, frame by frame, causal. Written by `attune train`; not edited by hand.\n"
    )?;
    writeln!(card, "| | |\n|---|---|")?;
    writeln!(card, "| command | `{}` |", provenance.command)?;
    writeln!(card, "| date | {} |", provenance.date)?;
    writeln!(card, "| data | {} |", provenance.data)?;
    let with_audio = |clips: &[super::dataset::Clip]| clips.iter().filter(|clip| clip.whole.is_some()).count();
    writeln!(
        card,
        "| split | {} train clips ({} with whole audio), {} validation clips ({}); {}; no clip and no known artist on both sides, checked at every start |",
        data.train.len(),
        with_audio(&data.train),
        data.valid.len(),
        with_audio(&data.valid),
        split_in_words(&recipe.split)
    )?;
    let takes: usize = data.train.iter().map(|clip| clip.takes.len()).sum();
    if takes > 0 {
        writeln!(
            card,
            "| takes | {takes} altered versions of the train clips: re-recorded, played otherwise, mixed |"
        )?;
    }
    if !data.unlabelled.is_empty() {
        writeln!(
            card,
            "| music without labels | {} pieces, learnt from by the teacher alone |",
            data.unlabelled.len()
        )?;
    }
    if data.teacher_width > 0 {
        writeln!(
            card,
            "| teacher | {} features of another network for each clip, as a second target in training (weight {}) |",
            data.teacher_width, recipe.teacher_weight
        )?;
    }
    writeln!(card, "| rights in the data | {} |", provenance.rights)?;
    writeln!(card, "| seed | {} |", recipe.seed)?;
    writeln!(card, "| steps | {} |", trainer.step_count())?;
    writeln!(card, "| weights | {} |", manifest.weight_count)?;
    let reach = match manifest.context_frames {
        Some(frames) => format!("{frames} frames ({:.1} s)", frames as f64 * recipe.front_end.hop().0),
        None => "no bound (recurrence)".to_owned(),
    };
    writeln!(card, "| reach of the body | {reach} |")?;
    writeln!(
        card,
        "| temperature | {:.3}, fitted on the validation clips |",
        manifest.temperature
    )?;
    writeln!(card, "| licence | {} |\n", manifest.licence)?;
    writeln!(card, "## Figures\n")?;
    writeln!(
        card,
        "| set | clips | accuracy | 95 % interval | calibration error before → after | −ln p |"
    )?;
    writeln!(card, "|---|---|---|---|---|---|")?;
    for (what, before, after) in figures {
        writeln!(
            card,
            "| {what} | {} | {:.1} % | {:.1}–{:.1} % | {:.1} → {:.1} % | {:.3} |",
            after.clips,
            after.accuracy * 100.0,
            after.interval95[0] * 100.0,
            after.interval95[1] * 100.0,
            before.ece * 100.0,
            after.ece * 100.0,
            after.nll
        )?;
    }
    let chosen = step_in_words(trainer);
    writeln!(
        card,
        "\nThe answer for a clip is the mean of the calibrated probabilities over its frames after the first second. The \
         weights are the running mean {chosen}. The shape of the front and of the \
         pooling follows prototypes that were compared on them, and the temperature was fitted on them: read the figures as \
         somewhat optimistic.\n"
    )?;
    if let Some((what, _, after)) = figures.last() {
        writeln!(card, "Per class ({what}):\n\n| class | clips | right |\n|---|---|---|")?;
        for (id, row) in data.genres.ids().zip(&after.confusion) {
            let (clips, right): (usize, usize) = (row.iter().sum(), row[usize::from(id.0)]);
            writeln!(card, "| {} | {clips} | {right} |", data.genres.label(id))?;
        }
    }
    writeln!(
        card,
        "\n## Limits\n\nTrained on a small collection of Western popular and classical music of the 20th century; other \
         music gets the nearest of these labels. It does not know speech or noise as such. Genre is a convention, not a \
         property of sound: read the probabilities as resemblance."
    )
}
