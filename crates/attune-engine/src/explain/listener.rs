//! Engines asked the same question again and again.

use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::genre::Probabilities;
use attune_model::{AttentionPicture, GenreStream, LoadedModel, ModelError, StreamOutput};

/// What was heard up to the moment in question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Normalised frames, (frames, bands), oldest first.
    pub frames: Vec<f32>,
    /// Bands of a frame.
    pub bands: usize,
}

impl Question {
    /// From log-mel levels in dB, (frames, bands): their loudness is taken out from the first one on.
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

/// One engine on its way through a question.
pub struct Listener {
    stream: Box<dyn GenreStream>,
    output: StreamOutput,
    temperature: f32,
}

impl Listener {
    /// Nothing heard yet.
    pub fn new(model: &LoadedModel) -> Result<Self, ModelError> {
        Ok(Self {
            stream: model.stream()?,
            output: StreamOutput::default(),
            temperature: model.manifest().temperature,
        })
    }

    /// Hears frames (frames, bands).
    pub fn hear(&mut self, frames: &[f32], bands: usize) -> Result<(), ModelError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.stream.push(FrameBlock::new(frames, bands), &mut self.output)
    }

    /// Another one that has heard the same.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            stream: self.stream.fork(),
            output: self.output.clone(),
            temperature: self.temperature,
        }
    }

    /// Takes what a head mixes for zeros from now on; `false` if there is no such head.
    pub fn ablate_head(&mut self, layer: usize, head: usize) -> bool {
        self.stream.ablate_head(layer, head)
    }

    /// The calibrated answer at the newest frame; `None` before the first one.
    pub fn answer(&self) -> Option<Probabilities> {
        let classes = self.output.classes;
        let row = self.output.logits.rchunks(classes.max(1)).next()?;
        Some(Probabilities::softmax(row, self.temperature))
    }

    /// What it weighted at the newest frame, if it attends.
    pub fn attention(&self) -> Option<&AttentionPicture> {
        self.output.attention.as_ref()
    }

    /// The answer with these weights in place of its own; `None` if it has none.
    pub fn override_attention(&self, weights: &[f32]) -> Option<Probabilities> {
        let logits = self.stream.override_attention(weights)?;
        Some(Probabilities::softmax(&logits, self.temperature))
    }
}
