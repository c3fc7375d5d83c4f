//! Source steps: what a model makes of a few frames.
//!
//! In: normalised frames of a stream. Out: for each whole step the means of the model's last features, and of its
//! calibrated probabilities, (features + classes). Thread: one.

use crate::genre::Probabilities;
use crate::loaded::mean_row;
use crate::{FeatureStream, GenreStream, LoadedModel, ModelError, StreamOutput};
use attune_audio::features::FrameBlock;

/// One stream. How frames are cut into calls makes no difference.
pub struct SourceSteps {
    features: Box<dyn FeatureStream>,
    answers: Box<dyn GenreStream>,
    output: StreamOutput,
    temperature: f32,
    bands: usize,
    features_width: usize,
    step_frames: usize,
    /// Rows of features and of probabilities that are no whole step yet.
    rows: Vec<f32>,
    probabilities: Vec<f32>,
}

impl SourceSteps {
    /// A fresh stream through a model, in steps of so many frames.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new(model: &LoadedModel, step_frames: usize) -> Result<Self, ModelError> {
        Ok(Self {
            features: model.features()?,
            answers: model.stream()?,
            output: StreamOutput::default(),
            temperature: model.manifest().temperature,
            bands: model.manifest().front_end.bands,
            features_width: model.feature_width(),
            step_frames,
            rows: Vec::new(),
            probabilities: Vec::new(),
        })
    }

    /// Features of a step.
    pub fn width(model: &LoadedModel) -> usize {
        model.feature_width() + model.manifest().genres.len()
    }

    /// Takes the next frames; the steps that they complete are appended to `steps`.
    ///
    /// # Errors
    /// If the model cannot be computed.
    pub fn push(&mut self, frames: &[f32], steps: &mut Vec<f32>) -> Result<(), ModelError> {
        let block = FrameBlock::new(frames, self.bands);
        self.features.push(block, &mut self.rows)?;
        self.answers.push(block, &mut self.output)?;
        let classes = self.output.classes;
        for logits in self.output.logits.chunks_exact(classes.max(1)) {
            let row = Probabilities::softmax(logits, self.temperature);
            self.probabilities.extend_from_slice(row.as_slice());
        }
        let (of_features, of_answers) = (self.step_frames * self.features_width, self.step_frames * classes);
        let whole = self.rows.len() / of_features;
        for step in 0..whole {
            steps.extend(mean_row(
                &self.rows[step * of_features..][..of_features],
                self.features_width,
            ));
            steps.extend(mean_row(
                &self.probabilities[step * of_answers..][..of_answers],
                classes,
            ));
        }
        self.rows.drain(..whole * of_features);
        self.probabilities.drain(..whole * of_answers);
        Ok(())
    }

    /// All whole steps of a clip.
    ///
    /// # Errors
    /// If the model cannot be computed.
    pub fn of_clip(model: &LoadedModel, step_frames: usize, frames: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut steps = Vec::new();
        Self::new(model, step_frames)?.push(frames, &mut steps)?;
        Ok(steps)
    }
}
