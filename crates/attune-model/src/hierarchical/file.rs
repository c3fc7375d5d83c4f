//! A trained hierarchical network in two files: weights, and beside them the manifest with its golden test.
//!
//! In: bytes, or a network. Out: a model that passed every check, or its files. Thread: any.

use super::{Hierarchical, HierarchicalShape, TrackReading};
use crate::ModelError;
use crate::genre::GenreSet;
use crate::load::{hex, read, tensors};
use crate::manifest::FORMAT;
use attune_nn::weights::WeightStore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The `kind` in its manifest.
pub const KIND: &str = "hierarchical";

/// The most of each size that a file may ask for.
const LARGEST: usize = 4096;

/// How far a logit or weight of the golden test may be off.
const TOLERANCE: f32 = 1e-3;

/// What stands beside the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HierarchicalManifest {
    /// The version of the format.
    pub format: u32,
    /// [`KIND`].
    pub kind: String,
    /// Short name for scripts.
    pub name: String,
    /// SHA-256 of the weights of the model over whose features it was trained.
    pub encoder_sha256: String,
    /// Its classes, in the order of its outputs.
    pub genres: GenreSet,
    /// Logits are divided by this before the softmax (Guo et al. 2017).
    pub temperature: f32,
    /// How many trained numbers it has.
    pub weight_count: usize,
    /// The network.
    pub shape: HierarchicalShape,
    /// SHA-256 of the weights file.
    pub weights_sha256: String,
    /// What it must compute for known words.
    pub golden: Golden,
    /// Licence of the weights.
    pub licence: String,
    /// How they were made.
    pub provenance: String,
}

/// The network's outputs for the words of [`Golden::measure`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Logits of the track.
    pub logits: Vec<f32>,
    /// α of its segments.
    pub segments: Vec<f32>,
}

impl Golden {
    /// Three segments of waves, the last one half as long.
    pub fn measure(net: &Hierarchical) -> Result<Self, ModelError> {
        let shape = net.shape();
        let segment = |number: usize| {
            let words = shape.segment_words.div_ceil(1 + number / 2);
            let wave = |n: usize| ((n as f32 + 1.0) * 0.37 * (number as f32 + 1.0)).sin();
            net.segment(&(0..words * shape.inputs).map(wave).collect::<Vec<f32>>())
        };
        let segments = (0..3).map(segment).collect::<Result<Vec<_>, _>>()?;
        let TrackReading { logits, segments, .. } = net.track(&segments)?;
        Ok(Self { logits, segments })
    }

    fn check(&self, measured: &Self) -> Result<(), ModelError> {
        let far = |a: &[f32], b: &[f32]| {
            a.len() != b.len()
                || a.iter()
                    .zip(b)
                    .any(|(a, b)| (a - b).abs() > TOLERANCE || !b.is_finite())
        };
        if far(&self.logits, &measured.logits) || far(&self.segments, &measured.segments) {
            return Err(ModelError::Golden("its outputs for known words differ".to_owned()));
        }
        Ok(())
    }
}

/// A trained network that passed every check.
#[derive(Debug)]
pub struct HierarchicalModel {
    /// Its manifest.
    pub manifest: HierarchicalManifest,
    /// The network.
    pub net: Hierarchical,
}

impl HierarchicalModel {
    /// Loads `NAME.json` and, beside it, `NAME.safetensors`.
    ///
    /// # Errors
    /// If a file cannot be read, or does not pass a check.
    pub fn load(manifest: &Path) -> Result<Self, ModelError> {
        Self::from_bytes(&read(manifest)?, &read(&manifest.with_extension("safetensors"))?)
    }

    /// Checks and builds a model from the bytes of its two files.
    ///
    /// # Errors
    /// If the manifest is not valid, or the weights are not those that it names.
    pub fn from_bytes(manifest: &[u8], weights: &[u8]) -> Result<Self, ModelError> {
        let manifest: HierarchicalManifest = serde_json::from_slice(manifest).map_err(ModelError::Manifest)?;
        let shape = manifest.shape;
        if manifest.format != FORMAT {
            return Err(ModelError::Format { found: manifest.format });
        }
        let sizes = [
            shape.inputs,
            shape.word_frames,
            shape.segment_words,
            shape.hidden,
            shape.width,
            shape.classes,
        ];
        if manifest.kind != KIND
            || sizes.iter().any(|size| !(1..=LARGEST).contains(size))
            || shape.classes != manifest.genres.len()
            || !(manifest.temperature.is_finite() && manifest.temperature > 0.0)
        {
            return Err(ModelError::Shape(format!(
                "a {:?} of {shape:?}, {} labels and temperature {} is impossible",
                manifest.kind,
                manifest.genres.len(),
                manifest.temperature
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
        let net = Hierarchical::new(store.root(), shape)?;
        let count: usize = store.params().map(|(_, var)| var.elem_count()).sum();
        if count != manifest.weight_count || !store.unused().is_empty() {
            return Err(ModelError::Shape(format!(
                "the manifest states {} weights; the network has {count}, and the file {:?} besides",
                manifest.weight_count,
                store.unused()
            )));
        }
        manifest.golden.check(&Golden::measure(&net)?)?;
        Ok(Self { manifest, net })
    }
}

/// Whether these bytes are the manifest of a hierarchical network.
pub(crate) fn is_hierarchical(manifest: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_slice::<Kind>(manifest).is_ok_and(|it| it.kind == KIND)
}
