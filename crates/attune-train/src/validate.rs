//! Validation clips through a model: what [`crate::evaluate`] makes its figures of.

use super::TrainError;
use super::dataset::{Clip, Levels};
pub use crate::evaluate::{ClipLogits, Metrics, fit_temperature};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{GenreStream, ModelError};

/// Which part of a clip is used.
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
pub fn clip_logits(
    stream: &mut dyn GenreStream,
    clips: &[Clip],
    part: Part,
    spec: &FrontEndSpec,
) -> Result<Vec<ClipLogits>, TrainError> {
    let with_part = clips.iter().filter_map(|clip| Some((clip, part.of(clip)?)));
    with_part
        .map(|(clip, levels)| Ok(logits_of_levels(stream, levels, clip.genre, spec)?))
        .collect()
}

/// Streams one clip's levels (frames, bands) through the model, from a fresh state.
pub(crate) fn logits_of_levels(
    stream: &mut dyn GenreStream,
    levels: &[f32],
    truth: GenreId,
    spec: &FrontEndSpec,
) -> Result<ClipLogits, ModelError> {
    let mut normalized = Vec::with_capacity(levels.len());
    LoudnessNormalizer::new(spec).push(levels, &mut normalized);
    stream.reset()?;
    let output = stream.answers(FrameBlock::new(&normalized, spec.bands))?;
    Ok(ClipLogits {
        truth,
        logits: output.logits,
        classes: output.classes,
    })
}

/// The answers of one model to each clip.
pub fn answers(clips: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> Vec<(GenreId, Probabilities)> {
    clips
        .iter()
        .map(|clip| (clip.truth, clip.answer(temperature, spec)))
        .collect()
}
