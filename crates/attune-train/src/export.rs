//! The files of a finished run: weights, manifest, and a card that says how they were made.

use super::TrainError;
use super::attention_span::AttentionSpan;
use super::card::{Measured, ValidationSet, card, with_familiarity};
use super::checkpoint::serialize;
use super::dataset::{Clip, Dataset};
use super::familiarity;
use super::form_probe::FormProbe;
use super::trainer::Trainer;
use super::validate::{ClipLogits, Part, fit_temperature};
use attune_audio::features::FrontEndSpec;
use attune_engine::files::{create_folder, read_if_any, write_atomically};
use attune_model::familiarity::PREFIX;
use attune_model::golden::Golden;
use attune_model::load::{hex, load};
use attune_model::manifest::{FORMAT, Manifest};
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::weights::WeightStore;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The precision in which streams hold new weights: answers hardly change (`tests/engine/streaming_models.rs`), and a
/// step reads half the bytes.
const PRECISION: Precision = Precision::Bf16;

/// Licence of weights that this program's own training made.
const LICENCE: &str = "MIT (weights; the training audio is not part of them)";

/// What a card states about a model besides its metrics.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// What the model is called: its files, and itself in output.
    pub name: String,
    /// The command that made it.
    pub command: String,
    /// The data set, as people know it.
    pub data: String,
    /// Whose the data are.
    pub rights: String,
    /// The day, as `2026-11-22`.
    pub date: String,
    /// Where the initial weights come from, if not all are drawn.
    pub start: Option<String>,
}

/// Clips that came as features may be excerpts of three seconds or whole.
fn excerpts_in_words(clips: &[ClipLogits], spec: &FrontEndSpec) -> &'static str {
    match clips.iter().map(ClipLogits::frames).max() {
        Some(most) if most as f64 * spec.hop().0 > 4.0 => "validation, whole log-mel clips",
        _ => "validation, 3 s excerpts",
    }
}

/// Says how many whole clips are log-mels of which some frames were filled in.
fn whole_in_words(data: &Dataset) -> String {
    let is_filled = |clip: &&Clip| clip.filled.is_some() && clip.audio.is_none();
    match data.valid.iter().filter(is_filled).count() {
        0 => "validation, whole clips".to_owned(),
        filled => format!("validation, whole clips, {filled} of them log-mels without audio"),
    }
}

/// Writes `NAME.safetensors`, `NAME.md` and, last, `NAME.json` to `folder`: without its manifest there is no model.
pub fn export(
    trainer: &Trainer<'_>,
    data: &Dataset,
    folder: &Path,
    provenance: &Provenance,
) -> Result<Manifest, TrainError> {
    let recipe = trainer.recipe();
    let spec = &recipe.front_end;
    let name = provenance.name.as_str();
    let mut tensors = trainer.averaged()?;
    let mut store = WeightStore::from_tensors(tensors.clone());
    let net = recipe.architecture.build(&mut store)?;
    // A gate's answer is what a sound is; how familiar it is, nobody reads.
    let familiarity = if data.genres.is_gate() {
        None
    } else {
        familiarity::fit(net.as_ref(), data, spec, PRECISION)?
    };
    if let Some(fitted) = &familiarity {
        tensors.extend(fitted.statistics.tensors()?);
    }
    let weights = serialize(&tensors, None)?;
    let excerpts = trainer.validate(Part::Excerpt)?;
    let whole = trainer.validate(Part::Whole)?;
    let calibration: Vec<_> = excerpts.iter().chain(&whole).cloned().collect();
    let temperature = if calibration.is_empty() {
        1.0
    } else {
        fit_temperature(&calibration, spec)
    };
    let clips = data.train.iter().chain(&data.valid);
    let measured = Measured {
        form_probe: FormProbe::measure(net.as_ref(), clips, &data.genres, spec)?,
        attention_span: AttentionSpan::measure(net.pack(PRECISION)?.open()?.as_mut(), &data.valid, spec)?,
    };
    let weight_count = store.params().map(|(_, var)| var.elem_count()).sum();
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
        familiarity: familiarity.map(|fitted| fitted.scale),
        weights_sha256: hex(&Sha256::digest(&weights)),
        precision: PRECISION,
        golden: Golden::measure(spec, net.pack(PRECISION)?.open()?.as_mut())?,
        licence: LICENCE.to_owned(),
        provenance: format!("{} on {}, {}", provenance.command, provenance.data, provenance.date),
    };
    let card = card(
        trainer,
        data,
        &manifest,
        provenance,
        &measured,
        &[
            ValidationSet::new(
                excerpts_in_words(&excerpts, spec).to_owned(),
                Part::Excerpt,
                &excerpts,
                data,
            ),
            ValidationSet::new(whole_in_words(data), Part::Whole, &whole, data),
        ],
    );
    write_atomically(&folder.join(format!("{name}.safetensors")), &weights)?;
    write_atomically(&folder.join(format!("{name}.md")), card.as_bytes())?;
    write_manifest(&manifest, folder)?;
    Ok(manifest)
}

/// Fits the familiarity of the model at this path on these data and writes it to `folder`, with its card if it has one.
pub(super) fn refit(
    path: &Path,
    data: &Dataset,
    front_end: &FrontEndSpec,
    folder: &Path,
) -> Result<Manifest, TrainError> {
    let model = load(path)?;
    let mut manifest = model.manifest().clone();
    let refused = |message: String| TrainError::Data {
        path: path.to_owned(),
        message,
    };
    if manifest.genres != data.genres {
        return Err(refused(format!(
            "its classes are {}, those of the data {}",
            manifest.genres.labels().join(" "),
            data.genres.labels().join(" ")
        )));
    }
    if manifest.front_end != *front_end {
        return Err(refused(
            "it has another front end than the data are read with".to_owned(),
        ));
    }
    let fitted = familiarity::fit(model.trainable()?, data, &manifest.front_end, manifest.precision)?;
    let Some(fitted) = fitted else {
        return Err(refused(
            "its familiarity cannot be fitted: there must be training clips of each class and 19 validation clips"
                .to_owned(),
        ));
    };
    let mut tensors = model.tensors()?;
    tensors.retain(|name, _| !name.starts_with(PREFIX));
    tensors.extend(fitted.statistics.tensors()?);
    let weights = serialize(&tensors, None)?;
    manifest.weights_sha256 = hex(&Sha256::digest(&weights));
    manifest.familiarity = Some(fitted.scale);
    let card = match read_if_any(&path.with_extension("md"))? {
        Some(card) => Some(with_familiarity(&String::from_utf8_lossy(&card), &fitted.scale)),
        None => None,
    };
    let name = manifest.name.clone();
    create_folder(folder)?;
    write_atomically(&folder.join(format!("{name}.safetensors")), &weights)?;
    if let Some(card) = card {
        write_atomically(&folder.join(format!("{name}.md")), card.as_bytes())?;
    }
    write_manifest(&manifest, folder)?;
    Ok(manifest)
}

fn write_manifest(manifest: &Manifest, folder: &Path) -> Result<(), TrainError> {
    let path = folder.join(format!("{}.json", manifest.name));
    let json = serde_json::to_string_pretty(manifest).map_err(|error| TrainError::Data {
        path: path.clone(),
        message: error.to_string(),
    })?;
    Ok(write_atomically(&path, json.as_bytes())?)
}
