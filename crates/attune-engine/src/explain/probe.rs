//! A model that is run again and again on variants of one input.
//!
//! In: normalised frames. Out: the answer at the newest frame. Thread: any.

use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::genre::Probabilities;
use attune_model::{AttentionWeights, EvidenceMap, GenreStream, LoadedModel, ModelError, StreamOutput};

/// Frames up to the moment in question.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Normalised frames, (frames, bands), oldest first.
    pub frames: Vec<f32>,
    /// Bands of a frame.
    pub bands: usize,
}

impl Input {
    /// From log-mel levels in dB, (frames, bands): their loudness is normalised from the first one on.
    pub fn of_levels(levels_db: &[f32], spec: &FrontEndSpec) -> Self {
        let mut frames = Vec::with_capacity(levels_db.len());
        LoudnessNormalizer::new(spec).push(levels_db, &mut frames);
        Self {
            frames,
            bands: spec.bands,
        }
    }

    /// How many frames there are.
    pub fn count(&self) -> usize {
        self.frames.len() / self.bands
    }

    pub(super) fn rows(&self, from: usize, to: usize) -> &[f32] {
        &self.frames[from * self.bands..to * self.bands]
    }
}

/// One model, part of the way through an input.
pub struct Probe {
    stream: Box<dyn GenreStream>,
    output: StreamOutput,
    temperature: f32,
}

impl Probe {
    /// A fresh stream.
    pub fn new(model: &LoadedModel) -> Result<Self, ModelError> {
        Ok(Self {
            stream: model.stream()?,
            output: StreamOutput::default(),
            temperature: model.manifest().temperature,
        })
    }

    /// Processes frames (frames, bands).
    pub fn push(&mut self, frames: &[f32], bands: usize) -> Result<(), ModelError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.stream.push(FrameBlock::new(frames, bands), &mut self.output)
    }

    /// A copy in the same state.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            stream: self.stream.fork(),
            output: self.output.clone(),
            temperature: self.temperature,
        }
    }

    /// From now on the output of a head counts as zeros; `false` if there is no such head.
    pub fn ablate_head(&mut self, layer: usize, head: usize) -> bool {
        self.stream.ablate_head(layer, head)
    }

    /// The calibrated answer at the newest frame; `None` before the first one.
    pub fn answer(&self) -> Option<Probabilities> {
        let classes = self.output.classes;
        let row = self.output.logits.rchunks(classes.max(1)).next()?;
        Some(Probabilities::softmax(row, self.temperature))
    }

    /// The attention weights at the newest frame, if it attends.
    pub fn attention(&self) -> Option<&AttentionWeights> {
        self.output.attention.as_ref()
    }

    /// Reads what the logits at the newest frame are the sum of, if they are one.
    pub fn evidence(&self, into: &mut EvidenceMap) -> bool {
        self.stream.evidence(into)
    }

    /// The answer with these attention weights in place of its own; `None` if it does not attend.
    pub fn override_attention(&self, weights: &[f32]) -> Option<Probabilities> {
        let logits = self.stream.override_attention(weights)?;
        Some(Probabilities::softmax(&logits, self.temperature))
    }
}
