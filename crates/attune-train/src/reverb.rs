//! Reverberation and noise of a room, applied to log-mel levels.
//!
//! Renditions ([`super::renditions`]) do this to samples, along with a loudspeaker and a microphone, a few times for
//! each clip with audio. This does it for every draw, also to excerpts that exist only as levels.
//!
//! In and out: log-mel levels (frames, bands) in dB. Thread: any.

use super::augment::normal;
use attune_audio::features::FrontEndSpec;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Reverberation times of the lowest band, in s: a furnished room to a hall.
const RINGS_FOR: (f32, f32) = (0.2, 1.2);
/// The highest band's, as a share of that: air and curtains absorb the treble first.
const HIGHEST_RINGS_FOR: (f32, f32) = (0.3, 0.9);
/// The room's sound, above the direct one's.
const RING_DB: (f32, f32) = (-12.0, 6.0);
/// Music above noise, where there is noise.
const ABOVE_NOISE_DB: (f32, f32) = (5.0, 40.0);
/// How often there is audible noise.
const NOISY: f64 = 0.85;
/// Deviation of the noise's slope from the lowest band to the highest.
const NOISE_SLOPE_DB: f32 = 12.0;
/// ln 10 / 10.
const NEPERS: f32 = std::f32::consts::LN_10 / 10.0;

/// A room, a distance in it, and its noise.
struct Acoustics {
    /// Power of what rings on against that of what comes straight.
    ring_gain: f32,
    /// Share of its power that the ringing of each band keeps from frame to frame.
    kept: Vec<f32>,
    /// Mean power of the noise in each band.
    noise: Vec<f32>,
}

/// Adds the reverberation and noise of a random room to levels.
pub fn reverb(levels: &mut [f32], spec: &FrontEndSpec, rng: &mut ChaCha8Rng) {
    if !levels.is_empty() {
        Acoustics::random(levels, spec, rng).apply(levels, rng);
    }
}

impl Acoustics {
    fn random(levels: &[f32], spec: &FrontEndSpec, rng: &mut ChaCha8Rng) -> Self {
        let bands = spec.bands;
        let lasting = between((RINGS_FOR.0.ln(), RINGS_FOR.1.ln()), rng).exp();
        let highest = between(HIGHEST_RINGS_FOR, rng);
        let ring_gain = (between(RING_DB, rng) * NEPERS).exp();
        let frame_seconds = spec.hop_samples as f32 / spec.rate.hz() as f32;
        let lasts = |band: usize| lasting * (1.0 + (highest - 1.0) * band as f32 / (bands - 1).max(1) as f32);
        // 60 dB less after the reverberation time.
        let kept = (0..bands).map(|band| (-60.0 * NEPERS * frame_seconds / lasts(band)).exp());
        Self {
            ring_gain,
            kept: kept.collect(),
            noise: room_noise(levels, bands, rng),
        }
    }

    /// Power adds up: what rings on from earlier frames, dying away exponentially (Polack 1988), and the noise.
    fn apply(&self, levels: &mut [f32], rng: &mut ChaCha8Rng) {
        let mut ring = vec![0.0; self.kept.len()];
        for frame in levels.chunks_exact_mut(ring.len()) {
            let bands = self.kept.iter().zip(&self.noise).zip(&mut ring);
            for (level, ((kept, noise), ring)) in frame.iter_mut().zip(bands) {
                let power = (*level * NEPERS).exp();
                // A band of noise is not steady.
                let sum = power + self.ring_gain * *ring + noise * (0.4 + 1.2 * rng.random::<f32>());
                *ring = kept * (*ring + (1.0 - kept) * power);
                *level = sum.max(f32::MIN_POSITIVE).ln() / NEPERS;
            }
        }
    }
}

/// Mean power of noise in each band: as much below the music, and as steep, as is drawn; or none.
fn room_noise(levels: &[f32], bands: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let below = between(ABOVE_NOISE_DB, rng);
    let slope = normal(rng) * NOISE_SLOPE_DB;
    if !rng.random_bool(NOISY) {
        return vec![0.0; bands];
    }
    let powers = levels.iter().map(|level| (level * NEPERS).exp());
    let music = powers.sum::<f32>() / (levels.len() / bands) as f32;
    let shape: Vec<f32> = (0..bands)
        .map(|band| (slope * band as f32 / bands as f32 * NEPERS).exp())
        .collect();
    let scale = music * (-below * NEPERS).exp() / shape.iter().sum::<f32>();
    shape.into_iter().map(|x| x * scale).collect()
}

fn between((low, high): (f32, f32), rng: &mut ChaCha8Rng) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn what_rings_on_dies_away_by_the_bands_own_rate() {
        let acoustics = Acoustics {
            ring_gain: 1.0,
            kept: vec![0.5, 0.1],
            noise: vec![0.0; 2],
        };
        // One loud frame and silence after it.
        let mut levels = [vec![0.0; 2], vec![-200.0; 8]].concat();
        acoustics.apply(&mut levels, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(levels[0].abs() < 1e-4, "what comes straight stays: {levels:?}");
        let band = |n: usize| -> Vec<f32> { levels[2 + n..].iter().step_by(2).copied().collect() };
        for (n, first, step) in [(0, 0.25f32, 0.5f32), (1, 0.09, 0.1)] {
            assert!((band(n)[0] - 10.0 * first.log10()).abs() < 1e-3, "{levels:?}");
            for pair in band(n).windows(2) {
                assert!((pair[1] - pair[0] - 10.0 * step.log10()).abs() < 1e-3, "{levels:?}");
            }
        }
    }

    #[test]
    fn noise_lies_5_to_40_db_below_the_music_in_most_rooms() {
        let spec = FrontEndSpec::default();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let levels: Vec<f32> = (0..50 * spec.bands).map(|_| -40.0 + 10.0 * normal(&mut rng)).collect();
        let music: f32 = levels.iter().map(|level| (level * NEPERS).exp()).sum::<f32>() / 50.0;
        let mut quiet = 0;
        for _ in 0..200 {
            let noise: f32 = room_noise(&levels, spec.bands, &mut rng).iter().sum();
            if noise == 0.0 {
                quiet += 1;
                continue;
            }
            let above = 10.0 * (music / noise).log10();
            assert!((4.99..=40.01).contains(&above), "{above}");
        }
        assert!((10..60).contains(&quiet), "{quiet} of 200 without noise, not about 30");
    }

    #[test]
    fn louder_music_is_as_much_louder_and_a_generator_makes_one_room() {
        let spec = FrontEndSpec::default();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let levels: Vec<f32> = (0..60 * spec.bands).map(|_| -40.0 + 15.0 * normal(&mut rng)).collect();
        for seed in 0..20 {
            let of = |gain: f32| {
                let mut out: Vec<f32> = levels.iter().map(|level| level + gain).collect();
                reverb(&mut out, &spec, &mut ChaCha8Rng::seed_from_u64(seed));
                out
            };
            let (quiet, loud) = (of(0.0), of(12.0));
            for (quiet, loud) in quiet.iter().zip(loud) {
                assert!((loud - quiet - 12.0).abs() < 1e-3, "{quiet} {loud}");
            }
            // Power only adds up.
            assert!(quiet.iter().zip(&levels).all(|(out, level)| *out > level - 1e-3));
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        reverb(&mut [], &FrontEndSpec::default(), &mut ChaCha8Rng::seed_from_u64(4));
    }
}
