//! The models that are part of the program, so that it runs from anywhere.
//!
//! In: nothing. Out: models, each checked as a file would be. Thread: any.

use super::caption::CaptionModel;
use super::hierarchical::HierarchicalModel;
use super::load::{Proofs, ProveAll, from_bytes_with, load_with};
use super::scores::ScoreSet;
use super::sections::SectionModel;
use super::wavenet::WavenetModel;
use super::{LoadedModel, ModelError, ModelSet};
use serde::Deserialize;
use std::path::PathBuf;

/// Manifest and weights.
type Files = (&'static [u8], &'static [u8]);

/// Each model's, in display order, and the gate's.
const FILES: [Files; 4] = [
    (
        include_bytes!("../../../models/lstm.json"),
        include_bytes!("../../../models/lstm.safetensors"),
    ),
    (
        include_bytes!("../../../models/tcn.json"),
        include_bytes!("../../../models/tcn.safetensors"),
    ),
    (
        include_bytes!("../../../models/attention.json"),
        include_bytes!("../../../models/attention.safetensors"),
    ),
    (
        include_bytes!("../../../models/gate.json"),
        include_bytes!("../../../models/gate.safetensors"),
    ),
];

/// Models that are part of the program too, but off by default.
const OPTIONAL: [Files; 1] = [(
    include_bytes!("../../../models/rnn.json"),
    include_bytes!("../../../models/rnn.safetensors"),
)];

/// Trained by `attune lab scores --export`; the card is `models/scores.md`.
const SCORES: &[u8] = include_bytes!("../../../models/scores.safetensors");

/// The bundled models, each checked like any other.
pub fn bundled() -> Result<ModelSet, ModelError> {
    bundled_with(&ProveAll)
}

/// The same, without the golden tests that were passed before.
pub fn bundled_with(proofs: &dyn Proofs) -> Result<ModelSet, ModelError> {
    ModelSet::new(load_all(&FILES, proofs)?)
}

/// The bundled models that are off by default: the plain recurrent one.
pub fn bundled_optional() -> Result<Vec<LoadedModel>, ModelError> {
    load_all(&OPTIONAL, &ProveAll)
}

/// The bundled network that reads whole files.
pub(super) fn bundled_hierarchical() -> Result<HierarchicalModel, ModelError> {
    HierarchicalModel::from_bytes(
        include_bytes!("../../../models/hierarchical.json"),
        include_bytes!("../../../models/hierarchical.safetensors"),
    )
}

/// The bundled network that writes the sections of whole pieces.
pub(super) fn bundled_section_reader() -> Result<SectionModel, ModelError> {
    SectionModel::from_bytes(
        include_bytes!("../../../models/sections-transformer.json"),
        include_bytes!("../../../models/sections-transformer.safetensors"),
    )
}

/// The bundled network that lists the sections of a stream.
pub fn bundled_sections() -> Result<SectionModel, ModelError> {
    SectionModel::from_bytes(
        include_bytes!("../../../models/sections-live-transformer.json"),
        include_bytes!("../../../models/sections-live-transformer.safetensors"),
    )
}

/// The bundled captioning network; its card is `models/caption.md`.
pub(super) fn bundled_caption() -> Result<CaptionModel, ModelError> {
    CaptionModel::from_bytes(
        include_bytes!("../../../models/caption.json"),
        include_bytes!("../../../models/caption.safetensors"),
    )
}

/// The bundled WaveNet; its card is `models/wavenet.md`.
pub fn bundled_wavenet() -> Result<WavenetModel, ModelError> {
    WavenetModel::from_bytes(
        include_bytes!("../../../models/wavenet.json"),
        include_bytes!("../../../models/wavenet.safetensors"),
    )
}

/// The bundled score functions.
pub(super) fn bundled_scores() -> Result<ScoreSet, ModelError> {
    ScoreSet::from_bytes(SCORES)
}

/// Models from files, by the paths of their manifests.
pub fn from_files(manifests: &[PathBuf]) -> Result<ModelSet, ModelError> {
    from_files_with(manifests, &ProveAll)
}

/// The same, without the golden tests that were passed before.
pub fn from_files_with(manifests: &[PathBuf], proofs: &dyn Proofs) -> Result<ModelSet, ModelError> {
    let models = manifests.iter().map(|path| load_with(path, proofs));
    ModelSet::new(models.collect::<Result<_, _>>()?)
}

/// The name of the bundled model whose weights have this SHA-256 (in lower-case hexadecimal).
pub(super) fn bundled_name(weights_sha256: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Label {
        name: String,
        weights_sha256: String,
    }
    let labels = FILES.iter().chain(&OPTIONAL);
    let mut labels = labels.filter_map(|(manifest, _)| serde_json::from_slice::<Label>(manifest).ok());
    Some(labels.find(|label| label.weights_sha256 == weights_sha256)?.name)
}

fn load_all(files: &[Files], proofs: &dyn Proofs) -> Result<Vec<LoadedModel>, ModelError> {
    let files = files.iter();
    files
        .map(|&(manifest, weights)| from_bytes_with(manifest, weights, proofs))
        .collect()
}
