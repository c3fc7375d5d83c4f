//! Normalised frames to words and segments, by an encoder that begins anew with each segment.

use crate::LabError;
use crate::frozen::FrozenEncoder;
use attune_audio::features::FeatureExtractor;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::ModelError;
use attune_train::noises::Noise;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Frames of a word.
pub const WORD: usize = 4;
/// Words of a whole segment.
pub const SEGMENT: usize = 32;
/// Words of the shortest segment: what is left at the end of a track and shorter is left out.
pub const LEAST: usize = 8;
/// A little longer than a segment.
const NOISE: Seconds = Seconds(3.2);

/// The whole words of one segment's frames, (words, width).
pub fn words(encoder: &FrozenEncoder, frames: &[f32]) -> Vec<f32> {
    let width = encoder.width();
    let features = encoder.whole(frames);
    let mut words = Vec::with_capacity(features.len() / WORD);
    for word in features.chunks_exact(WORD * width) {
        words.extend((0..width).map(|feature| {
            let of = word.iter().skip(feature).step_by(width);
            of.sum::<f32>() / WORD as f32
        }));
    }
    words
}

/// The whole segments of a clip's normalised frames, (segments, words, width).
pub fn whole_segments(encoder: &FrozenEncoder, frames: &[f32]) -> Vec<f32> {
    let size = SEGMENT * WORD * encoder.spec().bands;
    frames
        .chunks_exact(size)
        .flat_map(|frames| words(encoder, frames))
        .collect()
}

/// So many segments of each kind of noise, none of them music: (segments, words, width).
///
/// # Errors
/// If the front end fails.
pub fn noises(encoder: &FrozenEncoder, of_each: usize, seed: u64) -> Result<Vec<f32>, LabError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let spec = encoder.spec();
    let rate = SampleRate(spec.rate.0);
    let mut segments = Vec::new();
    for kind in Noise::ALL {
        for _ in 0..of_each {
            let mut extractor = FeatureExtractor::new(spec, rate).map_err(ModelError::from)?;
            let frames = extractor
                .push(&kind.samples(rate, NOISE, &mut rng))
                .map_err(ModelError::from)?;
            segments.extend(whole_segments(encoder, &frames.normalized));
        }
    }
    Ok(segments)
}
