//! Taught poolings of several formulas in one file, each named after its formula.
//!
//! In: tensors of one taught pooling, or bytes of a file. Out: the file, or networks that passed every check. Thread: any.

use super::net::{PackedScoreNet, ScoreNet};
use crate::LabError;
use attune_engine::files::{read_if_any, write_atomically};
use attune_model::load::tensors;
use attune_nn::score::{ScoreKind, ScorePoolingShape};
use attune_nn::weights::WeightStore;
use attune_train::checkpoint::serialize;
use candle_core::Tensor;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::Path;

/// The key of [`Contents`] in the file's metadata.
const CONTENTS: &str = "contents";

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// SHA-256 of the weights of the engine on whose features they were taught.
    pub encoder_sha256: String,
    /// Classes of each.
    pub classes: usize,
    /// Those in the file.
    pub poolings: Vec<ScorePoolingShape>,
}

/// Taught poolings that passed every check.
#[derive(Debug)]
pub struct ScoreSet {
    /// What the file says of itself.
    pub contents: Contents,
    /// In the order of the file.
    pub nets: Vec<(ScoreKind, PackedScoreNet)>,
}

/// The most of each size that a file may ask for.
const LARGEST: usize = 4096;

impl ScoreSet {
    /// Checks and builds the poolings in the bytes of a file.
    ///
    /// # Errors
    /// If it is no such file, or holds the weights of another formula or shape than it says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LabError> {
        let (contents, tensors) = (Contents::of(bytes)?, tensors(bytes)?);
        let mut nets = Vec::with_capacity(contents.poolings.len());
        let mut store = WeightStore::from_tensors(tensors);
        for &shape in &contents.poolings {
            let sizes = [shape.inputs, shape.width, shape.context, contents.classes];
            if sizes.iter().any(|size| !(1..=LARGEST).contains(size)) {
                return Err(LabError::Asked(format!(
                    "{shape:?} has a size that is not 1 to {LARGEST}"
                )));
            }
            nets.push((shape.kind, ScoreNet::new(&mut store, shape, contents.classes)?.pack()?));
        }
        match store.unused().first() {
            Some(name) => Err(LabError::Asked(format!(
                "the file of poolings has a tensor {name:?} that none of its formulas knows"
            ))),
            None => Ok(Self { contents, nets }),
        }
    }
}

impl Contents {
    /// What a file says of itself, without its weights.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn of(bytes: &[u8]) -> Result<Self, LabError> {
        let damaged = |what: String| LabError::Asked(format!("not a file of taught poolings: {what}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(CONTENTS));
        let text = text.ok_or_else(|| damaged("it does not say what is in it".to_owned()))?;
        serde_json::from_str(text).map_err(|error| damaged(error.to_string()))
    }
}

/// Adds a taught pooling to the file at `path`, in place of one of the same formula; a file of another encoder or
/// that is not there is begun anew.
///
/// # Errors
/// If the file cannot be read or written.
pub fn add(
    path: &Path,
    shape: ScorePoolingShape,
    (classes, encoder): (usize, &str),
    taught: &HashMap<String, Tensor, impl BuildHasher>,
) -> Result<(), LabError> {
    let fresh = || Contents {
        encoder_sha256: encoder.to_owned(),
        classes,
        poolings: Vec::new(),
    };
    let (mut contents, mut all) = match read_if_any(path)? {
        Some(bytes) => (Contents::of(&bytes)?, tensors(&bytes)?),
        None => (fresh(), HashMap::new()),
    };
    if contents.encoder_sha256 != encoder || contents.classes != classes {
        (contents, all) = (fresh(), HashMap::new());
    }
    let prefix = format!("{}.", shape.kind.name());
    all.retain(|name, _| !name.starts_with(&prefix));
    all.extend(taught.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
    contents.poolings.retain(|other| other.kind != shape.kind);
    contents.poolings.push(shape);
    contents.poolings.sort_by_key(|shape| shape.kind);
    let text = serde_json::to_string(&contents).map_err(|error| LabError::Asked(error.to_string()))?;
    let metadata = HashMap::from([(CONTENTS.to_owned(), text)]);
    write_atomically(path, &serialize(&all, Some(metadata))?)?;
    Ok(())
}
