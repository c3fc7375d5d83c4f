//! A trained network of a lab in two files: weights, and beside them the manifest with its golden test.
//!
//! In: bytes, or tensors. Out: a [`Trained`] network that passed every check, or its files. Thread: any.

use crate::ModelError;
use crate::load::{hex, read_manifest, read_weights, tensors};
use crate::manifest::FORMAT;
use attune_nn::weights::{WeightStore, Weights};
use candle_core::Tensor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Debug;
use std::path::Path;

/// The most of each size that a file may ask for.
pub const LARGEST: usize = 4096;

/// The most labels of a manifest, and the most outputs of a golden test.
const MOST: usize = 4096;

/// How far an output of the golden test may be off.
const TOLERANCE: f32 = 1e-3;

/// A network that is stored in two files.
pub trait TrainedNet: Sized {
    /// The `kind` in its manifest.
    const KIND: &'static str;
    /// What it is built from.
    type Shape: Serialize + DeserializeOwned + Clone + Debug + PartialEq;

    /// Every size of the shape, each of which must be from 1 to [`LARGEST`], and whether they go together and with as
    /// many labels. It is asked before anything is built.
    fn is_possible(shape: &Self::Shape, labels: usize) -> bool;

    /// Weights are taken from below `weights`.
    ///
    /// # Errors
    /// If one is missing or has another shape.
    fn build(weights: Weights<'_>, shape: &Self::Shape) -> candle_core::Result<Self>;

    /// Its outputs for an input that follows from the shape.
    ///
    /// # Errors
    /// If it cannot be computed.
    fn golden(&self) -> Result<Vec<f32>, ModelError>;
}

/// Whether every size is from 1 to [`LARGEST`].
pub fn within_bounds(sizes: &[usize]) -> bool {
    sizes.iter().all(|size| (1..=LARGEST).contains(size))
}

/// What stands beside the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedManifest<S> {
    /// The version of the format.
    pub format: u32,
    /// [`TrainedNet::KIND`].
    pub kind: String,
    /// Short name for scripts.
    pub name: String,
    /// SHA-256 of the weights of the model over whose features it was trained; `None` if it reads sound.
    pub encoder_sha256: Option<String>,
    /// Its classes or words, in the order of its outputs.
    pub labels: Vec<String>,
    /// Logits are divided by this before the softmax (Guo et al. 2017).
    pub temperature: f32,
    /// How many trained numbers it has.
    pub weight_count: usize,
    /// What the network is built from.
    pub shape: S,
    /// SHA-256 of the weights file.
    pub weights_sha256: String,
    /// [`TrainedNet::golden`], which is computed again when it is loaded.
    pub golden: Vec<f32>,
    /// Licence of the weights.
    pub licence: String,
    /// How they were made.
    pub provenance: String,
}

/// What a manifest says that does not follow from the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Short name for scripts.
    pub name: String,
    /// SHA-256 of the weights of the model over whose features it was trained.
    pub encoder_sha256: Option<String>,
    /// Its classes or words.
    pub labels: Vec<String>,
    /// Of its logits.
    pub temperature: f32,
    /// How it was made.
    pub provenance: String,
}

/// Its two files.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedFiles<S> {
    /// What is in the manifest.
    pub manifest: TrainedManifest<S>,
    /// The bytes of the weights file.
    pub weights: Vec<u8>,
}

/// A trained network that passed every check.
#[derive(Debug)]
pub struct Trained<N: TrainedNet> {
    /// Its manifest.
    pub manifest: TrainedManifest<N::Shape>,
    /// The network.
    pub net: N,
}

impl<N: TrainedNet> Trained<N> {
    /// Loads `NAME.json` and, beside it, `NAME.safetensors`.
    ///
    /// # Errors
    /// If a file cannot be read, or does not pass a check.
    pub fn load(manifest: &Path) -> Result<Self, ModelError> {
        Self::from_bytes(&read_manifest(manifest)?, &read_weights(manifest)?)
    }

    /// Checks and builds a network from the bytes of its two files.
    ///
    /// # Errors
    /// If the manifest is not valid, or the weights are not those that it names.
    pub fn from_bytes(manifest: &[u8], weights: &[u8]) -> Result<Self, ModelError> {
        // First: the shapes of other kinds have other fields.
        let found = kind(manifest);
        if found != N::KIND {
            let expected = N::KIND;
            return Err(ModelError::Kind { found, expected });
        }
        let manifest: TrainedManifest<N::Shape> = serde_json::from_slice(manifest).map_err(ModelError::Manifest)?;
        if manifest.format != FORMAT {
            return Err(ModelError::Format { found: manifest.format });
        }
        let labels = manifest.labels.len();
        if labels > MOST
            || manifest.golden.len() > MOST
            || !N::is_possible(&manifest.shape, labels)
            || !(manifest.temperature.is_finite() && manifest.temperature > 0.0)
        {
            return Err(ModelError::Shape(format!(
                "a {:?} of {:?}, {labels} labels and temperature {} is impossible",
                manifest.kind, manifest.shape, manifest.temperature
            )));
        }
        let found = hex(&Sha256::digest(weights));
        if found != manifest.weights_sha256 {
            return Err(ModelError::Digest {
                expected: manifest.weights_sha256,
                found,
            });
        }
        let mut store = WeightStore::from_tensors(tensors(weights)?);
        let net = N::build(store.root(), &manifest.shape)?;
        let count = trained_numbers(&store);
        if count != manifest.weight_count || !store.unused().is_empty() {
            return Err(ModelError::Shape(format!(
                "the manifest states {} weights; the network has {count}, and the file {:?} besides",
                manifest.weight_count,
                store.unused()
            )));
        }
        check(&manifest.golden, &net.golden()?)?;
        Ok(Self { manifest, net })
    }
}

impl<S: Serialize + DeserializeOwned + Clone + Debug + PartialEq> TrainedFiles<S> {
    /// The files of a network with these weights.
    ///
    /// # Errors
    /// If the tensors are not those of the shape, or cannot be stored.
    pub fn new<N: TrainedNet<Shape = S>>(
        shape: &S,
        tensors: &HashMap<String, Tensor>,
        origin: Origin,
    ) -> Result<Self, ModelError> {
        let mut store = WeightStore::from_tensors(tensors.clone());
        let net = N::build(store.root(), shape)?;
        let weights = safetensors::serialize(tensors, None).map_err(ModelError::Weights)?;
        let manifest = TrainedManifest {
            format: FORMAT,
            kind: N::KIND.to_owned(),
            name: origin.name,
            encoder_sha256: origin.encoder_sha256,
            labels: origin.labels,
            temperature: origin.temperature,
            weight_count: trained_numbers(&store),
            shape: shape.clone(),
            weights_sha256: hex(&Sha256::digest(&weights)),
            golden: net.golden()?,
            licence: "MIT (weights; the training audio is not part of them)".to_owned(),
            provenance: origin.provenance,
        };
        Ok(Self { manifest, weights })
    }

    /// The bytes of the manifest file.
    ///
    /// # Errors
    /// If a number cannot be written as JSON.
    pub fn json(&self) -> Result<String, ModelError> {
        serde_json::to_string_pretty(&self.manifest).map_err(ModelError::Manifest)
    }
}

/// How many numbers were trained: running statistics are in the file too, but are no weights.
fn trained_numbers(store: &WeightStore) -> usize {
    store.params().map(|(_, var)| var.elem_count()).sum()
}

fn check(stated: &[f32], measured: &[f32]) -> Result<(), ModelError> {
    let mut pairs = stated.iter().zip(measured);
    let is_far = |(a, b): (&f32, &f32)| (a - b).abs() > TOLERANCE || !b.is_finite();
    if stated.len() != measured.len() || pairs.any(is_far) {
        return Err(ModelError::Golden(
            "its outputs for a known input differ from those in the manifest".to_owned(),
        ));
    }
    Ok(())
}

/// The kind that a manifest states; empty if it states none.
pub(crate) fn kind(manifest: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_slice::<Kind>(manifest).map_or_else(|_| String::new(), |it| it.kind)
}
