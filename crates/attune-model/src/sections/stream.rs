//! The live list of sections of a stream of frames.
//!
//! In: normalised frames. Out: sections that have begun, each at the frame at which it was written. Thread: one.

use super::{SectionModel, SectionNet, SectionTicker, SourceSteps, Ticked};
use crate::genre::GenreId;
use crate::{LoadedModel, ModelError, ModelSet};
use attune_audio::features::FrameBlock;
use std::sync::Arc;

/// A section that has begun, in frames of the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionStart {
    /// Its genre.
    pub genre: GenreId,
    /// The frame since which it holds, from 0.
    pub since: u64,
    /// Frames that had come when it was written.
    pub written: u64,
    /// Probability of the token.
    pub confidence: f32,
}

/// A trained network with the model whose features it reads; any number of streams run over it.
#[derive(Debug, Clone)]
pub struct SectionLister {
    encoder: LoadedModel,
    net: Arc<SectionNet>,
    temperature: f32,
    k: usize,
}

/// The same network read in the same way, not merely an equal one.
impl PartialEq for SectionLister {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.net, &other.net) && self.k == other.k
    }
}

/// One stream.
pub struct SectionStream {
    lister: SectionLister,
    steps: SourceSteps,
    ticker: SectionTicker,
}

impl SectionLister {
    /// A live network over the features of one of these models; `k`: source steps read before the first token.
    ///
    /// # Errors
    /// If the network reads whole pieces or other genres than the models have, `k` is out of range, or it was trained
    /// over another model's features.
    pub fn new(model: SectionModel, models: &ModelSet, k: usize) -> Result<Self, ModelError> {
        let encoder = models.encoder_of(&model.manifest)?.clone();
        let shape = model.net.shape();
        if shape.inputs != SourceSteps::width(&encoder) || model.manifest.labels != models.genres.labels() {
            return Err(ModelError::Shape(format!(
                "{:?} reads {} features and lists {}; the loaded models have {} features and {}",
                model.manifest.name,
                shape.inputs,
                model.manifest.labels.join(", "),
                SourceSteps::width(&encoder),
                models.genres.labels().join(", ")
            )));
        }
        let lister = Self {
            encoder,
            net: Arc::new(model.net),
            temperature: model.manifest.temperature,
            k,
        };
        lister.open()?;
        Ok(lister)
    }

    /// A fresh stream.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn open(&self) -> Result<SectionStream, ModelError> {
        Ok(SectionStream {
            steps: SourceSteps::new(&self.encoder, self.net.shape().step_frames)?,
            ticker: SectionTicker::new(Arc::clone(&self.net), self.temperature, self.k)?,
            lister: self.clone(),
        })
    }
}

impl SectionStream {
    /// Forgets the stream: the next frame is a first frame.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn reset(&mut self) -> Result<(), ModelError> {
        *self = self.lister.open()?;
        Ok(())
    }

    /// The next frames, any number: the sections that they say have begun. How frames are cut into calls makes no
    /// difference.
    ///
    /// # Errors
    /// If a network cannot be computed.
    pub fn push(&mut self, frames: FrameBlock<'_>) -> Result<Vec<SectionStart>, ModelError> {
        let mut steps = Vec::new();
        self.steps.push(frames.data(), &mut steps)?;
        let shape = self.ticker.shape();
        let mut begun = Vec::new();
        for step in steps.chunks_exact(shape.inputs) {
            begun.extend(self.ticker.push(step)?.map(|ticked| start(&ticked, shape.step_frames)));
        }
        Ok(begun)
    }
}

fn start(ticked: &Ticked, step_frames: usize) -> SectionStart {
    SectionStart {
        genre: GenreId(ticked.genre as u8),
        since: ticked.since * step_frames as u64,
        written: ticked.read * step_frames as u64,
        confidence: ticked.confidence,
    }
}
