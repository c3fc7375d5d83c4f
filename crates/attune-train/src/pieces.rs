//! Prepares recordings for training: trims silence at the ends, joins short words, repeats the levels of short sounds.
//!
//! In: samples. Out: samples, or log-mel levels. Thread: training's.

use super::TrainError;
use super::augment::normal;
use attune_audio::features::{FeatureExtractor, FrontEndSpec};
use attune_audio::units::{SampleRate, Seconds};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What lies 60 dB below the loudest sample is silence.
const RANGE: f32 = 1e-3;
/// What is left on both sides of the sound.
const MARGIN: Seconds = Seconds(0.1);
/// The least that is left of a recording that has as much.
const LEAST: Seconds = Seconds(0.5);
/// A training clip is repeated until it has this many frames: an excerpt, stretched by as much as they are.
const EXCERPT_FRAMES: usize = 150;
/// Shortest and longest pause between joined pieces.
const PAUSES: [f64; 2] = [0.05, 0.6];

/// Mono samples with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Where they are from.
    pub name: String,
    /// Their rate.
    pub rate: SampleRate,
    /// The samples.
    pub samples: Vec<f32>,
}

/// The part from the first to the last sound, with a margin; `None` if there is no sound.
pub fn trimmed(mut samples: Vec<f32>, rate: SampleRate) -> Option<Vec<f32>> {
    let peak = samples.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
    let loud = |x: &f32| x.abs() > RANGE * peak;
    let first = samples.iter().position(loud)?;
    let last = samples.iter().rposition(loud)?;
    let count = |length: Seconds| (length.0 * rate.hz()) as usize;
    let short = count(LEAST).saturating_sub(last - first) / 2;
    let margin = count(MARGIN).max(short);
    let end = (last + margin + 1).min(samples.len());
    samples.truncate(end);
    samples.drain(..first.saturating_sub(margin));
    Some(samples)
}

/// Pieces of one rate, end to end with pauses of faint noise, until each result has `length`.
pub fn join(pieces: Vec<Piece>, length: Seconds, rng: &mut ChaCha8Rng) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match out.last_mut() {
            Some(last) if last.rate.duration(last.samples.len() as u64).0 < length.0 => {
                let pause = rng.random_range(PAUSES[0]..PAUSES[1]) * last.rate.hz();
                let peak = last.samples.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
                // A room is never quite silent; how nearly depends on the room.
                let faint = peak * 10f32.powf(-rng.random_range(45.0..80.0) / 20.0);
                last.samples.extend((0..pause as usize).map(|_| faint * normal(rng)));
                last.samples.extend(piece.samples);
            }
            _ => out.push(piece),
        }
    }
    out
}

/// Log-mel levels (frames, bands) by the live front end.
pub fn levels(piece: &Piece, spec: &FrontEndSpec) -> Result<Vec<f32>, TrainError> {
    let front_end = |error: attune_audio::features::FrontEndError| TrainError::Model(error.into());
    let mut extractor = FeatureExtractor::new(spec, piece.rate).map_err(front_end)?;
    let mut levels = extractor.push(&piece.samples).map_err(front_end)?.mel_db;
    levels.extend(extractor.finish().map_err(front_end)?.mel_db);
    Ok(levels)
}

/// Levels of a short sound again and again, until they are as long as an excerpt.
pub fn repeated(levels: Vec<f32>, spec: &FrontEndSpec) -> Vec<f32> {
    let wanted = EXCERPT_FRAMES * spec.bands;
    if levels.len() >= wanted {
        return levels;
    }
    let times = wanted.div_ceil(levels.len());
    levels.repeat(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const RATE: SampleRate = SampleRate(8_000);

    #[test]
    fn silence_at_the_ends_is_left_out_and_a_short_sound_keeps_half_a_second() {
        let mut samples = vec![0.0; 40_000];
        samples[10_000..20_000].fill(0.5);
        // 0.1 s on both sides.
        assert_eq!(trimmed(samples, RATE).unwrap().len(), 10_000 + 2 * 800);
        let mut click = vec![0.0; 40_000];
        click[20_000] = 0.5;
        assert_eq!(trimmed(click, RATE).unwrap().len(), 4_001);
        assert_eq!(trimmed(vec![0.0; 100], RATE), None);
        assert_eq!(trimmed(Vec::new(), RATE), None);
        // A quiet recording is measured against its own loudest sample.
        assert_eq!(trimmed(vec![1e-4; 8_000], RATE).unwrap().len(), 8_000);
    }

    #[test]
    fn words_are_joined_with_pauses_to_the_length_wanted() {
        let words = (0..10)
            .map(|n| Piece {
                name: format!("word{n}"),
                rate: RATE,
                samples: vec![0.5; 4_000],
            })
            .collect();
        let joined = join(words, Seconds(2.0), &mut ChaCha8Rng::seed_from_u64(1));
        assert!((2..=5).contains(&joined.len()), "{}", joined.len());
        for piece in &joined[..joined.len() - 1] {
            // No more than one word and one pause beyond the two seconds.
            assert!((16_000..=16_000 + 4_000 + 4_800).contains(&piece.samples.len()));
            assert!(piece.samples.iter().any(|x| x.abs() < 0.01), "there is a pause");
        }
    }

    #[test]
    fn short_levels_are_repeated_and_long_ones_kept() {
        let spec = FrontEndSpec::default();
        let short = vec![1.0; 40 * spec.bands];
        assert_eq!(repeated(short, &spec).len(), 160 * spec.bands);
        let long = vec![1.0; 200 * spec.bands];
        assert_eq!(repeated(long.clone(), &spec), long);
    }
}
