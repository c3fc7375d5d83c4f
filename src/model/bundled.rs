//! The models that are part of the program, so that it runs from anywhere.

use super::load::{from_bytes, hex, load};
use super::{LoadedModel, ModelError, ModelSet};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Manifest and weights of each: the engines in the order in which they are shown, and the gate.
const FILES: [(&[u8], &[u8]); 4] = [
    (
        include_bytes!("../../models/lstm.json"),
        include_bytes!("../../models/lstm.safetensors"),
    ),
    (
        include_bytes!("../../models/tcn.json"),
        include_bytes!("../../models/tcn.safetensors"),
    ),
    (
        include_bytes!("../../models/attention.json"),
        include_bytes!("../../models/attention.safetensors"),
    ),
    (
        include_bytes!("../../models/gate.json"),
        include_bytes!("../../models/gate.safetensors"),
    ),
];

/// A plain recurrent engine, to measure the others by: the lab has it, the program does not listen through it.
const PLAIN_RNN: (&[u8], &[u8]) = (
    include_bytes!("../../models/rnn.json"),
    include_bytes!("../../models/rnn.safetensors"),
);

/// The plain recurrent engine, which is not one of those that listen.
pub fn bundled_rnn() -> Result<LoadedModel, ModelError> {
    from_bytes(PLAIN_RNN.0, PLAIN_RNN.1)
}

/// The bundled models, each checked like any other.
pub fn bundled() -> Result<ModelSet, ModelError> {
    ModelSet::new(
        FILES
            .iter()
            .map(|(manifest, weights)| from_bytes(manifest, weights))
            .collect::<Result<_, _>>()?,
    )
}

/// The bundled weights file with this SHA-256 (in lower-case hexadecimal), as bytes of a safetensors file.
pub fn bundled_weights(sha256: &str) -> Option<&'static [u8]> {
    let all = FILES.iter().chain([&PLAIN_RNN]);
    all.map(|(_, weights)| *weights)
        .find(|weights| hex(&Sha256::digest(weights)) == sha256)
}

/// Models from files, by the paths of their manifests.
pub fn from_files(manifests: &[PathBuf]) -> Result<ModelSet, ModelError> {
    ModelSet::new(manifests.iter().map(|path| load(path)).collect::<Result<_, _>>()?)
}
