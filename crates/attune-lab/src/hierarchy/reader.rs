//! A file through a taught network: what it is, and which segments decided.

use super::words::{LEAST, words};
use crate::LabError;
use crate::frozen::FrozenEncoder;
use attune_engine::explain::Input;
use attune_engine::offline::{DecidedReport, DecidingSegment};
use attune_model::genre::Probabilities;
use attune_model::hierarchical::{HierarchicalModel, SegmentVector};
use attune_model::{ModelError, ModelSet, bundled_hierarchical};
use attune_train::dataset::mel_of_file;
use std::path::Path;

/// So many segments, those with most weight, are left out one by one to see what the answer is without them.
const LEFT_OUT: usize = 12;

/// A network and the encoder that it was taught on.
#[derive(Debug)]
pub struct Reader {
    encoder: FrozenEncoder,
    model: HierarchicalModel,
}

impl Reader {
    /// The network of this manifest, on the encoder of the bundled TCN among these models.
    ///
    /// # Errors
    /// If it does not pass a check, or was taught on another encoder.
    pub fn load(manifest: &Path, models: &ModelSet) -> Result<Self, LabError> {
        Self::new(FrozenEncoder::of(models)?, HierarchicalModel::load(manifest)?)
    }

    /// The bundled network, on the encoder of the bundled TCN among these models.
    ///
    /// # Errors
    /// If the TCN among them is another.
    pub fn bundled(models: &ModelSet) -> Result<Self, LabError> {
        Self::new(FrozenEncoder::of(models)?, bundled_hierarchical()?)
    }

    /// This network on this encoder.
    ///
    /// # Errors
    /// If it was taught on another.
    pub fn new(encoder: FrozenEncoder, model: HierarchicalModel) -> Result<Self, LabError> {
        if model.manifest.encoder_sha256 != encoder.digest() || model.manifest.shape.inputs != encoder.width() {
            return Err(ModelError::Shape(format!(
                "{:?} was taught on the features of weights with SHA-256 {}; the TCN here has {}",
                model.manifest.name,
                model.manifest.encoder_sha256,
                encoder.digest()
            ))
            .into());
        }
        Ok(Self { encoder, model })
    }

    /// Which segments of this file decided; none if it is shorter than the shortest segment.
    ///
    /// # Errors
    /// If it cannot be decoded, or the network fails.
    pub fn file(&self, path: &Path) -> Result<Option<DecidedReport>, LabError> {
        let levels = mel_of_file(path, self.encoder.spec())?;
        self.frames(&Input::of_levels(&levels, self.encoder.spec()).frames)
    }

    /// Which segments of these normalised frames (frames, bands) decided.
    ///
    /// # Errors
    /// If the network fails.
    pub fn frames(&self, frames: &[f32]) -> Result<Option<DecidedReport>, LabError> {
        let spec = self.encoder.spec();
        let (shape, manifest) = (self.model.manifest.shape, &self.model.manifest);
        let length = shape.segment_words * shape.word_frames;
        let (mut places, mut vectors): (Vec<(usize, usize)>, Vec<SegmentVector>) = (Vec::new(), Vec::new());
        for (number, frames) in frames.chunks(length * spec.bands).enumerate() {
            let words = words(&self.encoder, frames);
            if words.len() >= LEAST * shape.inputs {
                places.push((number * length, number * length + frames.len() / spec.bands));
                vectors.push(self.model.net.segment(&words)?);
            }
        }
        if vectors.is_empty() {
            return Ok(None);
        }
        let reading = self.model.net.track(&vectors)?;
        let probabilities = |logits: &[f32]| Probabilities::softmax(logits, manifest.temperature);
        let answer = |logits: &[f32]| {
            let (genre, confidence) = probabilities(logits).top();
            (manifest.genres.label(genre).to_owned(), f64::from(confidence))
        };
        let secs = |frame: usize| (frame as f64 * spec.hop().0 * 1e3).round() / 1e3;
        let mut segments = Vec::with_capacity(places.len());
        for (((start, end), vector), weight) in places.into_iter().zip(&vectors).zip(&reading.segments) {
            let alone = self.model.net.track(std::slice::from_ref(vector))?;
            let (genre, confidence) = answer(&alone.logits);
            segments.push(DecidingSegment {
                start_s: secs(start),
                end_s: secs(end),
                weight: f64::from(*weight),
                genre,
                confidence,
                without: None,
            });
        }
        let (genre, confidence) = answer(&reading.logits);
        let mut decided = DecidedReport {
            model: manifest.name.clone(),
            genre,
            confidence,
            segments,
        };
        let top = probabilities(&reading.logits).top().0;
        for place in decided.heaviest(LEFT_OUT) {
            let mut others = vectors.clone();
            others.remove(place);
            if !others.is_empty() {
                let without = self.model.net.track(&others)?;
                decided.segments[place].without = Some(f64::from(probabilities(&without.logits).of(top)));
            }
        }
        Ok(Some(decided))
    }
}
