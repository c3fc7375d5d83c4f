//! The file of trained score functions, written.
//!
//! In: tensors of one trained score function. Out: the file. Thread: any.

use crate::LabError;
use attune_engine::files::{read_if_any, write_atomically};
use attune_model::load::tensors;
use attune_model::scores::Contents;
use attune_nn::score::ScorePoolingShape;
use attune_train::checkpoint::serialize;
use candle_core::Tensor;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::Path;

/// Adds a trained score function to the file at `path`, in place of one of the same kind; a file over another model's
/// features, or one that does not exist, starts empty.
///
/// # Errors
/// If the file cannot be read or written.
pub fn add(
    path: &Path,
    shape: ScorePoolingShape,
    (classes, encoder): (usize, &str),
    trained: &HashMap<String, Tensor, impl BuildHasher>,
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
    all.extend(trained.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
    contents.poolings.retain(|other| other.kind != shape.kind);
    contents.poolings.push(shape);
    contents.poolings.sort_by_key(|shape| shape.kind);
    write_atomically(path, &serialize(&all, Some(contents.metadata()?))?)?;
    Ok(())
}
