//! Several trained score functions in one file, the tensors of each named after it.
//!
//! In: bytes of a file. Out: networks that passed every check. Thread: any.

use super::net::{PackedScoreNet, ScoreNet};
use crate::ModelError;
use crate::load::tensors;
use attune_nn::score::{ScoreKind, ScorePoolingShape};
use attune_nn::weights::WeightStore;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The key of [`Contents`] in the file's metadata.
const CONTENTS: &str = "contents";

/// Its description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// SHA-256 of the weights of the model over whose features they were trained.
    pub encoder_sha256: String,
    /// Classes of each.
    pub classes: usize,
    /// Those in the file.
    pub poolings: Vec<ScorePoolingShape>,
}

/// Trained score functions that passed every check.
#[derive(Debug)]
pub struct ScoreSet {
    /// Its description.
    pub contents: Contents,
    /// In the order of the file.
    pub nets: Vec<(ScoreKind, PackedScoreNet)>,
}

/// The most of each size that a file may ask for.
const LARGEST: usize = 4096;

impl ScoreSet {
    /// Checks and builds the score functions in the bytes of a file.
    ///
    /// # Errors
    /// If it is no such file, or holds the weights of another kind or shape than it says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (contents, tensors) = (Contents::of(bytes)?, tensors(bytes)?);
        let mut nets = Vec::with_capacity(contents.poolings.len());
        let mut store = WeightStore::from_tensors(tensors);
        for &shape in &contents.poolings {
            let sizes = [shape.inputs, shape.width, shape.context, contents.classes];
            if sizes.iter().any(|size| !(1..=LARGEST).contains(size)) {
                return Err(ModelError::Shape(format!(
                    "{shape:?} has a size that is not 1 to {LARGEST}"
                )));
            }
            nets.push((shape.kind, ScoreNet::new(&mut store, shape, contents.classes)?.pack()?));
        }
        match store.unused().first() {
            Some(name) => Err(ModelError::Shape(format!(
                "the file has a tensor {name:?} that none of its score functions has"
            ))),
            None => Ok(Self { contents, nets }),
        }
    }
}

impl Contents {
    /// The description of a file, without its weights.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn of(bytes: &[u8]) -> Result<Self, ModelError> {
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| ModelError::ScoreFile(error.to_string()))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(CONTENTS));
        let text = text.ok_or_else(|| ModelError::ScoreFile("it has no description of its contents".to_owned()))?;
        serde_json::from_str(text).map_err(|error| ModelError::ScoreFile(error.to_string()))
    }
    /// The metadata of a safetensors file with this description.
    ///
    /// # Errors
    /// If it cannot be serialised.
    pub fn metadata(&self) -> Result<HashMap<String, String>, ModelError> {
        let text = serde_json::to_string(self).map_err(|error| ModelError::ScoreFile(error.to_string()))?;
        Ok(HashMap::from([(CONTENTS.to_owned(), text)]))
    }
}
