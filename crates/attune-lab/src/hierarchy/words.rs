//! Whole segments of words, of music and of noise, by an encoder whose state is reset at each segment.
//!
//! In: normalised frames, or a seed. Out: words. Thread: any.

use crate::LabError;
use attune_audio::features::FeatureExtractor;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::{LoadedModel, ModelError};
use attune_train::noises::Noise;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Frames of a word.
pub(crate) const WORD: usize = 4;
/// Words of a whole segment.
pub(crate) const SEGMENT: usize = 32;
/// A little longer than a segment.
const NOISE: Seconds = Seconds(3.2);

/// The whole segments of a clip's normalised frames, (segments, words, width).
///
/// # Errors
/// If the encoder fails.
pub(crate) fn whole_segments(encoder: &LoadedModel, frames: &[f32]) -> Result<Vec<f32>, ModelError> {
    let size = SEGMENT * WORD * encoder.manifest().front_end.bands;
    let mut segments = Vec::new();
    for frames in frames.chunks_exact(size) {
        segments.extend(encoder.encode_means(frames, WORD)?);
    }
    Ok(segments)
}

/// `of_each` segments of each kind of noise, none of them music: (segments, words, width).
///
/// # Errors
/// If front end or encoder fail.
pub(crate) fn noises(encoder: &LoadedModel, of_each: usize, seed: u64) -> Result<Vec<f32>, LabError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let spec = &encoder.manifest().front_end;
    let rate = SampleRate(spec.rate.0);
    let mut segments = Vec::new();
    for kind in Noise::ALL {
        for _ in 0..of_each {
            let mut extractor = FeatureExtractor::new(spec, rate).map_err(ModelError::from)?;
            let frames = extractor
                .push(&kind.samples(rate, NOISE, &mut rng))
                .map_err(ModelError::from)?;
            segments.extend(whole_segments(encoder, &frames.normalized)?);
        }
    }
    Ok(segments)
}
