//! A hierarchical network over the model whose features it reads: what a file is, and which of its segments decided.
//!
//! In: log-mel levels or normalised frames of a whole file. Out: a [`DecidedReport`]. Thread: any.

use super::{HierarchicalModel, SegmentVector};
use crate::genre::Probabilities;
use crate::{LoadedModel, ModelError, ModelSet, bundled_hierarchical};
use attune_audio::features::{FrontEndSpec, LoudnessNormalizer};
use serde::Serialize;
use std::path::Path;

/// Words of the shortest segment: a shorter rest at the end of a track is not read.
const LEAST_WORDS: usize = 8;

/// The segments that speak most for the answer, this many, are left out one by one to see how it changes.
const LEFT_OUT: usize = 12;

/// What a network that reads whole files answers, and what the answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecidedReport {
    /// Its name.
    pub model: String,
    /// Label of its answer.
    pub genre: String,
    /// Probability of that, calibrated.
    pub confidence: f64,
    /// The segments of the file, in order.
    pub segments: Vec<DecidingSegment>,
}

impl DecidedReport {
    /// The places of the `most` segments that speak most for the answer, the highest share first; where none speaks for
    /// it, those that speak least against it.
    pub fn deciding(&self, most: usize) -> Vec<usize> {
        let contribution = |place: &usize| self.segments[*place].contribution;
        let mut places: Vec<usize> = (0..self.segments.len()).collect();
        places.sort_by(|a, b| contribution(b).total_cmp(&contribution(a)));
        places.truncate(most);
        places
    }
}

/// A segment of a file and its part in the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecidingSegment {
    /// Start, in seconds.
    pub start_s: f64,
    /// End, in seconds.
    pub end_s: f64,
    /// Its attention weight; all of a file sum to 1.
    pub weight: f64,
    /// What it adds to the logit of the file's answer beyond what it adds to the mean of all logits: its weight times
    /// the output layer's answer to it. Negative: it speaks against the answer.
    pub contribution: f64,
    /// Its share of all that speaks for the answer, of the positive contributions: 0 to 1.
    pub share: f64,
    /// The answer for this segment alone.
    pub genre: String,
    /// Probability of that, calibrated.
    pub confidence: f64,
    /// Probability of the answer for the whole with this segment left out; of those that speak most for it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<f64>,
}

/// A hierarchical network and the model whose features it reads.
#[derive(Debug)]
pub struct SegmentReader {
    encoder: LoadedModel,
    model: HierarchicalModel,
}

impl SegmentReader {
    /// The network of this manifest, over the features of one of these models.
    ///
    /// # Errors
    /// If it does not pass a check, or was trained over another model's features.
    pub fn load(manifest: &Path, models: &ModelSet) -> Result<Self, ModelError> {
        Self::new(HierarchicalModel::load(manifest)?, models)
    }

    /// The bundled network, over the features of one of these models.
    ///
    /// # Errors
    /// As [`SegmentReader::new`]: it was trained over the bundled TCN's features.
    pub fn bundled(models: &ModelSet) -> Result<Self, ModelError> {
        Self::new(bundled_hierarchical()?, models)
    }

    /// This network, over the features of one of these models.
    ///
    /// # Errors
    /// [`ModelError::EncoderMissing`] if it was trained over another model's features.
    pub fn new(model: HierarchicalModel, models: &ModelSet) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let encoder = models.encoder_of(manifest)?.clone();
        if manifest.shape.inputs != encoder.feature_width() {
            return Err(ModelError::Shape(format!(
                "{:?} reads {} features and {:?} computes {}",
                manifest.name,
                manifest.shape.inputs,
                encoder.manifest().name,
                encoder.feature_width()
            )));
        }
        Ok(Self { encoder, model })
    }

    /// The front end whose frames it reads.
    pub fn front_end(&self) -> &FrontEndSpec {
        &self.encoder.manifest().front_end
    }

    /// As [`SegmentReader::frames`], of log-mel levels in dB, (frames, bands).
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub fn levels(&self, levels_db: &[f32]) -> Result<Option<DecidedReport>, ModelError> {
        let mut frames = Vec::with_capacity(levels_db.len());
        LoudnessNormalizer::new(self.front_end()).push(levels_db, &mut frames);
        self.frames(&frames)
    }

    /// Which segments of these normalised frames (frames, bands) decided; `None` if they are shorter than the shortest
    /// segment.
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub fn frames(&self, frames: &[f32]) -> Result<Option<DecidedReport>, ModelError> {
        let spec = self.front_end();
        let (shape, manifest) = (self.model.manifest.shape, &self.model.manifest);
        let length = shape.segment_words * shape.word_frames;
        let least = LEAST_WORDS.min(shape.segment_words) * shape.inputs;
        let (mut places, mut vectors): (Vec<(usize, usize)>, Vec<SegmentVector>) = (Vec::new(), Vec::new());
        for (number, frames) in frames.chunks(length * spec.bands).enumerate() {
            let words = self.encoder.encode_means(frames, shape.word_frames)?;
            if words.len() >= least {
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
            (manifest.labels[usize::from(genre.0)].clone(), f64::from(confidence))
        };
        let secs = |frame: usize| (frame as f64 * spec.hop().0 * 1e3).round() / 1e3;
        let mut segments = Vec::with_capacity(places.len());
        let top = probabilities(&reading.logits).top().0;
        let contributions = reading.contributions(usize::from(top.0));
        let speaking: f32 = contributions.iter().map(|of| of.max(0.0)).sum();
        let parts = reading.segments.iter().zip(&contributions);
        for (((start, end), vector), (weight, contribution)) in places.into_iter().zip(&vectors).zip(parts) {
            let single = self.model.net.track(std::slice::from_ref(vector))?;
            let (genre, confidence) = answer(&single.logits);
            segments.push(DecidingSegment {
                start_s: secs(start),
                end_s: secs(end),
                weight: f64::from(*weight),
                contribution: f64::from(*contribution),
                share: f64::from(contribution.max(0.0) / speaking.max(f32::MIN_POSITIVE)),
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
        for place in decided.deciding(LEFT_OUT) {
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
