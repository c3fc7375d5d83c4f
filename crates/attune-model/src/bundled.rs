//! The models that are part of the program, so that it runs from anywhere.

use super::hierarchical::HierarchicalModel;
use super::load::{from_bytes, hex, load};
use super::{LoadedModel, ModelError, ModelSet};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Manifest and weights of each: the engines in the order in which they are shown, and the gate.
const FILES: [(&[u8], &[u8]); 4] = [
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

/// Engines that are part of the program too, but listen only when they are asked to.
const OPTIONAL: [(&[u8], &[u8]); 1] = [(
    include_bytes!("../../../models/rnn.json"),
    include_bytes!("../../../models/rnn.safetensors"),
)];

/// The bundled models, each checked like any other.
pub fn bundled() -> Result<ModelSet, ModelError> {
    ModelSet::new(
        FILES
            .iter()
            .map(|(manifest, weights)| from_bytes(manifest, weights))
            .collect::<Result<_, _>>()?,
    )
}

/// The bundled engines that are off until someone switches them on: the plain recurrent one.
pub fn bundled_optional() -> Result<Vec<LoadedModel>, ModelError> {
    let all = OPTIONAL.iter();
    all.map(|(manifest, weights)| from_bytes(manifest, weights)).collect()
}

/// The bundled network that reads whole files.
pub fn bundled_hierarchical() -> Result<HierarchicalModel, ModelError> {
    HierarchicalModel::from_bytes(
        include_bytes!("../../../models/hierarchical.json"),
        include_bytes!("../../../models/hierarchical.safetensors"),
    )
}

/// The bundled weights file with this SHA-256 (in lower-case hexadecimal), as bytes of a safetensors file.
pub fn bundled_weights(sha256: &str) -> Option<&'static [u8]> {
    FILES
        .iter()
        .chain(&OPTIONAL)
        .map(|(_, weights)| *weights)
        .find(|weights| hex(&Sha256::digest(weights)) == sha256)
}

/// Models from files, by the paths of their manifests.
pub fn from_files(manifests: &[PathBuf]) -> Result<ModelSet, ModelError> {
    ModelSet::new(manifests.iter().map(|path| load(path)).collect::<Result<_, _>>()?)
}
