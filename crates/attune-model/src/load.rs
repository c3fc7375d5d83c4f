//! Weights are data from strangers: everything is checked before it is used.
//!
//! In: manifest and weights, as files or bytes. Out: a [`LoadedModel`]. Thread: any.

use super::familiarity::{Familiarity, FamiliarityScale, HiddenStatistics};
use super::golden::Golden;
use super::manifest::{FORMAT, Manifest};
use super::plain_file;
use super::trained::kind;
use super::{LoadedModel, ModelError};
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The most bytes a weights file may have: a model of this program has a few megabytes. In memory it takes up to five
/// times as much.
const LARGEST_WEIGHTS: u64 = 64 << 20;
/// The most bytes a manifest may have: one of this program has some thousands.
const LARGEST_MANIFEST: u64 = 4 << 20;
/// The most bytes the list of a file's tensors may have: that of a checkpoint of this program has some ten thousands.
const LARGEST_HEADER: u64 = 4 << 20;
/// The most frames a second: the bundled models have 43.
const MOST_FRAMES_PER_SECOND: f64 = 1_000.0;

/// Which golden tests were passed before, so that they need not be repeated: they are most of what loading costs.
/// Everything else about a model (digest, shapes, values) is checked each time.
pub trait Proofs {
    /// Whether the model with this key has passed on this machine.
    fn is_proved(&self, key: &str) -> bool;
    /// It has.
    fn proved(&self, key: &str);
}

/// Every golden test is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProveAll;

impl Proofs for ProveAll {
    fn is_proved(&self, _: &str) -> bool {
        false
    }

    fn proved(&self, _: &str) {}
}

/// Loads `NAME.json` and, beside it, `NAME.safetensors`.
pub fn load(manifest_path: &Path) -> Result<LoadedModel, ModelError> {
    load_with(manifest_path, &ProveAll)
}

/// The same, without the golden tests that were passed before.
pub fn load_with(manifest_path: &Path, proofs: &dyn Proofs) -> Result<LoadedModel, ModelError> {
    from_bytes_with(&read_manifest(manifest_path)?, read_weights(manifest_path)?, proofs)
}

/// Checks and builds a model from the bytes of its two files; the model keeps those of the weights.
pub fn from_bytes(
    manifest: &[u8],
    weights: impl AsRef<[u8]> + Send + Sync + 'static,
) -> Result<LoadedModel, ModelError> {
    from_bytes_with(manifest, weights, &ProveAll)
}

/// The same, without the golden tests that were passed before.
pub fn from_bytes_with(
    manifest: &[u8],
    weights: impl AsRef<[u8]> + Send + Sync + 'static,
    proofs: &dyn Proofs,
) -> Result<LoadedModel, ModelError> {
    let parsed = parse(manifest)?;
    // The manifest states the digest of the weights, which is compared with theirs.
    let key = hex(&Sha256::new()
        .chain_update(env!("CARGO_PKG_VERSION"))
        .chain_update(manifest)
        .finalize());
    build(parsed, weights, &key, proofs)
}

/// The bytes of a manifest.
pub(super) fn read_manifest(path: &Path) -> Result<Vec<u8>, ModelError> {
    read(path, LARGEST_MANIFEST)
}

/// The bytes of the weights beside a manifest.
pub(super) fn read_weights(manifest_path: &Path) -> Result<Vec<u8>, ModelError> {
    read(&manifest_path.with_extension("safetensors"), LARGEST_WEIGHTS)
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    plain_file::read(path, most).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })
}

fn parse(manifest: &[u8]) -> Result<Manifest, ModelError> {
    let found = kind(manifest);
    if !found.is_empty() {
        let expected = "a classifier of frames: it cannot run on a live stream";
        return Err(ModelError::Kind { found, expected });
    }
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(ModelError::Manifest)?;
    if manifest.format != FORMAT {
        return Err(ModelError::Format { found: manifest.format });
    }
    manifest.front_end.validate()?;
    let frames_per_second = manifest.front_end.rate.hz() / manifest.front_end.hop_samples as f64;
    if frames_per_second > MOST_FRAMES_PER_SECOND {
        return Err(ModelError::Costly(format!(
            "its front end makes {frames_per_second:.0} frames a second, {MOST_FRAMES_PER_SECOND} at the most are run"
        )));
    }
    if !(manifest.temperature.is_finite() && manifest.temperature > 0.0) {
        return Err(ModelError::Shape(format!(
            "temperature is {}, not a positive number",
            manifest.temperature
        )));
    }
    if let Some(scale @ FamiliarityScale { median, threshold, .. }) = &manifest.familiarity
        && !scale.is_valid()
    {
        return Err(ModelError::Shape(format!(
            "familiarity has the median {median} and the threshold {threshold}, which must be a greater number"
        )));
    }
    if manifest.architecture.front.bands != manifest.front_end.bands
        || manifest.architecture.head.classes != manifest.genres.len()
    {
        return Err(ModelError::Shape(format!(
            "the network takes {} bands and gives {} classes; front end and labels have {} and {}",
            manifest.architecture.front.bands,
            manifest.architecture.head.classes,
            manifest.front_end.bands,
            manifest.genres.len()
        )));
    }
    Ok(manifest)
}

fn build(
    manifest: Manifest,
    weights: impl AsRef<[u8]> + Send + Sync + 'static,
    key: &str,
    proofs: &dyn Proofs,
) -> Result<LoadedModel, ModelError> {
    let bytes = weights.as_ref();
    let digest = hex(&Sha256::digest(bytes));
    if digest != manifest.weights_sha256 {
        return Err(ModelError::Digest {
            expected: manifest.weights_sha256,
            found: digest,
        });
    }
    let mut tensors = tensors(bytes)?;
    let head = &manifest.architecture.head;
    let statistics = HiddenStatistics::take(&mut tensors, head.hidden, head.classes)?;
    let familiarity = match (statistics, &manifest.familiarity) {
        (Some(statistics), Some(scale)) => Some(Familiarity::new(&statistics, head.classes, Some(scale))),
        (None, None) => None,
        _ => {
            return Err(ModelError::Shape(
                "`familiarity` must be both in the manifest and among the tensors, or in neither".to_owned(),
            ));
        }
    };
    let mut store = WeightStore::from_tensors(tensors);
    let net = manifest.architecture.build(&mut store)?;
    if let Some(name) = store.unused().first() {
        return Err(ModelError::Shape(format!(
            "the file has a tensor {name:?} that the architecture does not have"
        )));
    }
    let weight_count: usize = store.params().map(|(_, var)| var.elem_count()).sum();
    if (manifest.weight_count, manifest.context_frames) != (weight_count, net.context_frames()) {
        return Err(ModelError::Shape(format!(
            "the manifest states {} weights and a context of {:?} frames; the network has {weight_count} and {:?}",
            manifest.weight_count,
            manifest.context_frames,
            net.context_frames()
        )));
    }
    let net = net.pack_with(manifest.precision, familiarity)?;
    if !proofs.is_proved(key) {
        let measured = Golden::measure_cheaply(&manifest.front_end, Arc::clone(&net).open()?.as_mut())?;
        manifest.golden.check(&measured)?;
        proofs.proved(key);
    }
    Ok(LoadedModel::new(manifest, weights, net))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            use std::fmt::Write;
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The tensors of a safetensors buffer: f32, finite, each of a shape that its bytes fill.
pub fn tensors(buffer: &[u8]) -> Result<HashMap<String, Tensor>, ModelError> {
    let header = buffer.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if header > LARGEST_HEADER {
        return Err(ModelError::Weights(safetensors::SafeTensorError::HeaderTooLarge));
    }
    let file = SafeTensors::deserialize(buffer).map_err(ModelError::Weights)?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(ModelError::Shape(format!(
                "the tensor {name} is {:?}, not F32",
                view.dtype()
            )));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::Shape(format!(
                "the tensor {name} has {} at {index}",
                values[index]
            )));
        }
        tensors.insert(name.to_owned(), Tensor::from_vec(values, view.shape(), &Device::Cpu)?);
    }
    Ok(tensors)
}
