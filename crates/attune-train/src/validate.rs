//! Validation clips through a model: what [`crate::evaluate`] makes its figures of.

use super::TrainError;
use super::dataset::Clip;
pub use crate::evaluate::{ClipLogits, Metrics, fit_temperature};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{GenreStream, ModelError};
use half::slice::HalfFloatSliceExt;
use std::borrow::Cow;

/// Which part of a clip is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Whole audio.
    Whole,
    /// The excerpt that came as features.
    Excerpt,
}

impl Part {
    /// Its levels; whole clips without audio are those that were filled in, if there are any.
    fn levels(self, clip: &Clip) -> Option<Cow<'_, [f32]>> {
        let in_full = match self {
            Self::Whole => &clip.whole,
            Self::Excerpt => &clip.excerpt,
        };
        match (self, in_full, &clip.filled) {
            (_, Some(levels), _) => Some(Cow::Borrowed(levels)),
            (Self::Whole, None, Some(filled)) => {
                let mut levels = vec![0.0; filled.len()];
                filled.convert_to_f32_slice(&mut levels);
                Some(Cow::Owned(levels))
            }
            _ => None,
        }
    }

    /// Whether a clip has this part.
    pub(crate) fn is_of(self, clip: &Clip) -> bool {
        match self {
            Self::Whole => clip.whole.is_some() || clip.filled.is_some(),
            Self::Excerpt => clip.excerpt.is_some(),
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
    let with_part = clips.iter().filter_map(|clip| Some((clip, part.levels(clip)?)));
    with_part
        .map(|(clip, levels)| Ok(logits_of_levels(stream, &levels, clip.genre, spec)?))
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
        novelty: output.novelty,
    })
}

/// The answers of one model to each clip.
pub fn answers(clips: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> Vec<(GenreId, Probabilities)> {
    clips
        .iter()
        .map(|clip| (clip.truth, clip.answer(temperature, spec)))
        .collect()
}
