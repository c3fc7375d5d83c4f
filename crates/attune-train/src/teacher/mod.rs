//! The teacher: a small convolutional network trained on many tagged tracks (Choi, Fazekas & Sandler 2016). Its output
//! for any audio is a training target.
//!
//! In: mono samples. Out: 160 features (the means of 5 × 32 maps) and the probabilities of its tags. Thread: any; one
//! net serves many.

pub mod genres;
mod input;
mod layer;

use super::TrainError;
use attune_audio::units::SampleRate;
use attune_engine::files;
use attune_model::load::hex;
use input::{BANDS, BINS, log_mel};
use layer::Layer;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Sizes of the max pools, (bands, frames), one after each convolution.
const POOLS: [(usize, usize); 5] = [(2, 4), (3, 4), (2, 5), (2, 4), (4, 4)];
/// Added to the variance in batch norm.
const NORM_EPSILON: f32 = 1e-3;

/// The network with its weights.
#[derive(Debug)]
pub struct TeacherNet {
    /// Mel weights, (bins, bands).
    mel: Vec<f32>,
    layers: Vec<Layer>,
    /// (tags, last features), row-major.
    tag_weights: Vec<f32>,
    tag_bias: Vec<f32>,
    sha256: String,
}

/// The teacher's output for one sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TeacherOutput {
    /// The means of its maps after each layer.
    pub features: Vec<f32>,
    /// The probability of each of its tags.
    pub tags: Vec<f32>,
}

impl TeacherNet {
    /// Reads a safetensors file: `mel` (257, 96); for each layer n of five `convn.weight` (out, in, 3, 3), `convn.bias`
    /// and `normn.weight`, `.bias`, `.mean`, `.var`; `tags.weight` (tags, features), `tags.bias`; and in its metadata
    /// `tags`, their names.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let bytes = files::read(path)?;
        Self::from_bytes(&bytes).map_err(|message| TrainError::Data {
            path: path.to_owned(),
            message: format!("{message}: not a teacher network for --teacher"),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let names = header.metadata().as_ref().and_then(|metadata| metadata.get("tags"));
        let tag_names: Vec<String> = names.map_or_else(Vec::new, |names| names.split(',').map(str::to_owned).collect());
        let (mel, _) = tensor(&file, "mel", &[Some(BINS), Some(BANDS)])?;
        let mut inputs = 1;
        let mut layers = Vec::new();
        for (number, pool) in (1..).zip(POOLS) {
            let (weights, shape) = tensor(
                &file,
                &format!("conv{number}.weight"),
                &[None, Some(inputs), Some(3), Some(3)],
            )?;
            let outputs = shape[0];
            let of = |name: String| tensor(&file, &name, &[Some(outputs)]).map(|(values, _)| values);
            let bias = of(format!("conv{number}.bias"))?;
            let norm = |what: &str| of(format!("norm{number}.{what}"));
            let (gain, shift, mean, variance) = (norm("weight")?, norm("bias")?, norm("mean")?, norm("var")?);
            let mut layer = Layer::new(inputs, weights, bias, pool);
            for output in 0..outputs {
                let factor = gain[output] / (variance[output] + NORM_EPSILON).sqrt();
                layer.scale(output, factor, shift[output] - factor * mean[output]);
            }
            layers.push(layer);
            inputs = outputs;
        }
        let (tag_weights, shape) = tensor(&file, "tags.weight", &[None, Some(inputs)])?;
        let (tag_bias, _) = tensor(&file, "tags.bias", &[Some(shape[0])])?;
        if !tag_names.is_empty() && tag_names.len() != tag_bias.len() {
            return Err(format!("it names {} tags and has {}", tag_names.len(), tag_bias.len()));
        }
        Ok(Self {
            mel,
            layers,
            tag_weights,
            tag_bias,
            sha256: hex(&Sha256::digest(bytes)),
        })
    }

    /// SHA-256 of its file: which teacher it is.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Runs it on the first 29 s; shorter audio is repeated.
    ///
    /// # Errors
    /// If the rate is not one that the resampler supports.
    pub fn run(&self, samples: &[f32], rate: SampleRate) -> Result<TeacherOutput, TrainError> {
        let mut maps = log_mel(samples, rate, &self.mel)?;
        let mut features = Vec::new();
        for layer in &self.layers {
            maps = layer.forward(&maps);
            features.extend(maps.means());
        }
        let tags = self.tags_of(&features);
        Ok(TeacherOutput { features, tags })
    }

    /// The probability of each tag, from all features: the last layer's decide.
    pub(crate) fn tags_of(&self, features: &[f32]) -> Vec<f32> {
        let width = self.tag_weights.len() / self.tag_bias.len().max(1);
        let last = &features[features.len().saturating_sub(width)..];
        self.tag_weights
            .chunks_exact(width)
            .zip(&self.tag_bias)
            .map(|(row, bias)| {
                let sum: f32 = row.iter().zip(last).map(|(w, x)| w * x).sum();
                1.0 / (1.0 + (-(sum + bias)).exp())
            })
            .collect()
    }

    /// Number of its features.
    pub(crate) fn feature_count(&self) -> usize {
        self.layers.iter().map(Layer::outputs).sum()
    }
}

/// A tensor of f32 with its shape, which must be as `wanted`, `None` standing for any size.
fn tensor(file: &SafeTensors<'_>, name: &str, wanted: &[Option<usize>]) -> Result<(Vec<f32>, Vec<usize>), String> {
    let view = file.tensor(name).map_err(|error| error.to_string())?;
    let fits = view.shape().len() == wanted.len()
        && view
            .shape()
            .iter()
            .zip(wanted)
            .all(|(&size, wanted)| wanted.is_none_or(|wanted| wanted == size));
    if view.dtype() != Dtype::F32 || !fits {
        return Err(format!(
            "{name} is {:?} {:?}, not F32 {wanted:?}",
            view.dtype(),
            view.shape()
        ));
    }
    let values: Vec<f32> = view
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("{name} has {value}")),
        None => Ok((values, view.shape().to_vec())),
    }
}

/// Features of one clip: computed now, and stored.
pub(crate) type Pair<'a> = (&'a [f32], &'a [f32]);

/// How well a teacher's features of clips agree with those stored for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Clips compared.
    pub clips: usize,
    /// Mean over the features of the correlation over the clips.
    pub correlation: f64,
    /// Mean |Δ|, in deviations of each feature over the clips.
    pub mean_error: f64,
    /// Greatest |Δ|, in the same.
    pub greatest_error: f64,
}

impl Agreement {
    /// Of pairs of features, computed and stored; `None` for fewer than two pairs or pairs of unequal widths.
    pub fn of(pairs: &[Pair<'_>]) -> Option<Self> {
        let width = pairs.first()?.0.len();
        if pairs.len() < 2
            || pairs
                .iter()
                .any(|(computed, stored)| computed.len() != width || stored.len() != width)
        {
            return None;
        }
        let n = pairs.len() as f64;
        let (mut correlation, mut mean_error, mut greatest_error) = (0.0, 0.0, 0.0f64);
        for i in 0..width {
            let (computed, stored): (Vec<f64>, Vec<f64>) = pairs
                .iter()
                .map(|(computed, stored)| (f64::from(computed[i]), f64::from(stored[i])))
                .unzip();
            let moments = |values: &[f64]| {
                let mean = values.iter().sum::<f64>() / n;
                let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                (mean, variance.sqrt().max(1e-9))
            };
            let ((computed_mean, computed_deviation), (mean, deviation)) = (moments(&computed), moments(&stored));
            let covariance = computed
                .iter()
                .zip(&stored)
                .map(|(a, b)| (a - computed_mean) * (b - mean))
                .sum::<f64>()
                / n;
            correlation += covariance / (computed_deviation * deviation) / width as f64;
            for (a, b) in computed.iter().zip(&stored) {
                let error = (a - b).abs() / deviation;
                mean_error += error / (n * width as f64);
                greatest_error = greatest_error.max(error);
            }
        }
        Some(Self {
            clips: pairs.len(),
            correlation,
            mean_error,
            greatest_error,
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
