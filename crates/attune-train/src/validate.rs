//! Validation clips through a model: what [`crate::evaluate`] makes its figures of.

use super::TrainError;
use super::dataset::{Clip, Levels};
pub use crate::evaluate::{ClipLogits, Metrics, fit_temperature};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::GenreStream;
use attune_model::genre::{GenreId, Probabilities};

/// Which part of a clip is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Whole audio.
    Whole,
    /// The excerpt that came as features.
    Excerpt,
}

impl Part {
    fn of(self, clip: &Clip) -> Option<&Levels> {
        match self {
            Self::Whole => clip.whole.as_ref(),
            Self::Excerpt => clip.excerpt.as_ref(),
        }
    }
}

/// Streams every clip that has this part through the model, each from a fresh state.
pub fn listen(
    stream: &mut dyn GenreStream,
    clips: &[Clip],
    part: Part,
    spec: &FrontEndSpec,
) -> Result<Vec<ClipLogits>, TrainError> {
    let mut heard = Vec::new();
    let mut normalized = Vec::new();
    for clip in clips {
        let Some(levels) = part.of(clip) else { continue };
        normalized.clear();
        LoudnessNormalizer::new(spec).push(levels, &mut normalized);
        stream.reset()?;
        let output = stream.answers(FrameBlock::new(&normalized, spec.bands))?;
        heard.push(ClipLogits {
            truth: clip.genre,
            logits: output.logits,
            classes: output.classes,
        });
    }
    Ok(heard)
}

/// The answers of one model to what it heard.
pub fn answers(heard: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> Vec<(GenreId, Probabilities)> {
    heard
        .iter()
        .map(|clip| (clip.truth, clip.answer(temperature, spec)))
        .collect()
}
