//! Random chains of effects: re-recording by a microphone, and another performance.

use super::level::{peak, scale};
use super::{
    Biquad, Room, amplify, band_limited, between, between_ratios, clip_hard, clip_soft, low_passed, noisy,
    random_equalizer, stretched, varispeed,
};
use attune_audio::units::{Decibels, SampleRate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::FRAC_1_SQRT_2;

/// Music played by a loudspeaker in a room and taken up by a microphone: as long as before, and never beyond ±1.
///
/// In this order, each with its own chance and strength: a codec's low-pass; the loudspeaker (equaliser, and the band
/// of a telephone, a phone's or a table-top speaker); the room; noise 5 to 40 dB below; the microphone (high-pass,
/// equaliser); overload, hard or soft; a gain of ± 20 dB.
pub fn microphone_chain(samples: &[f32], rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut out = samples.to_vec();
    if rng.random_bool(0.3) {
        out = low_passed(&out, rate, between_ratios(4_000.0, 10_500.0, rng));
    }
    out = loudspeaker(out, rate, rng);
    if rng.random_bool(0.85) {
        out = Room::random(rng).applied(&out, rate, rng);
    }
    if rng.random_bool(0.85) {
        let snr = Decibels(between(5.0, 40.0, rng) as f32);
        out = noisy(&out, rate, snr, rng);
    }
    Biquad::high_pass(between_ratios(20.0, 150.0, rng), FRAC_1_SQRT_2, rate).apply(&mut out);
    equalize(&mut out, Decibels(4.0), rate, rng);
    let peak = peak(&out);
    if peak > 0.0 {
        scale(&mut out, 0.99 / peak);
    }
    if rng.random_bool(0.3) {
        let limit = 10f64.powf(-between(1.0, 12.0, rng) / 20.0) as f32;
        if rng.random_bool(0.5) {
            clip_hard(&mut out, limit);
        } else {
            clip_soft(&mut out, limit);
        }
    }
    // From the full scale that the peak stands at, ± 20 dB around −20: what was louder would only clip.
    amplify(&mut out, Decibels(between(-40.0, 0.0, rng) as f32));
    out
}

fn loudspeaker(mut out: Vec<f32>, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    equalize(&mut out, Decibels(6.0), rate, rng);
    let top = rate.hz() / 2.0;
    let (low_hz, high_hz) = match rng.random_range(0..10) {
        0 => (300.0, 3_400.0), // telephone
        1..=3 => (
            between_ratios(200.0, 600.0, rng),
            between_ratios(5_000.0, 12_000.0, rng),
        ), // a phone's speaker
        4..=6 => (between_ratios(60.0, 200.0, rng), top), // table-top
        _ => return out,       // large
    };
    band_limited(&out, rate, low_hz, high_hz)
}

fn equalize(samples: &mut [f32], most: Decibels, rate: SampleRate, rng: &mut ChaCha8Rng) {
    for filter in random_equalizer(most, rate, rng) {
        filter.apply(samples);
    }
}

/// As if other people had played it: higher or lower by up to two semitones, faster or slower by up to 12 %, mixed with
/// other weights of bass, middle and treble. The length changes with the tempo.
pub fn performance_chain(samples: &[f32], rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let speed = (between(-2.0, 2.0, rng) / 12.0).exp2();
    let longer = between(0.88, 1.12, rng);
    // Another speed changes both; the stretch takes the length back and to where it shall be, in one go.
    let mut out = stretched(&varispeed(samples, speed), rate, speed * longer);
    equalize(&mut out, Decibels(8.0), rate, rng);
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{RATE, sine};
    use super::super::{NoiseColour, mean_power, noise};
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_same_generator_makes_the_same_recording_and_another_another() {
        let samples = noise(NoiseColour::Pink, 22_050, RATE, &mut ChaCha8Rng::seed_from_u64(0));
        for chain in [microphone_chain, performance_chain] {
            let of = |seed| chain(&samples, RATE, &mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(of(1), of(1));
            assert_ne!(of(1), of(2));
        }
    }

    #[test]
    fn every_recording_is_finite_as_long_within_full_scale_and_no_silence() {
        let samples = sine(441.0, 1.0);
        for seed in 0..40 {
            let out = microphone_chain(&samples, RATE, &mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(out.len(), samples.len());
            assert!(out.iter().all(|x| x.is_finite() && x.abs() <= 1.0), "seed {seed}");
            assert!(mean_power(&out) > 1e-9, "seed {seed}");
        }
    }

    #[test]
    fn silence_and_nothing_stay_what_they_are() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        assert_eq!(microphone_chain(&vec![0.0; 5_000], RATE, &mut rng), vec![0.0; 5_000]);
        for chain in [microphone_chain, performance_chain] {
            assert!(chain(&[], RATE, &mut rng).is_empty());
        }
    }

    #[test]
    fn another_performance_lasts_88_to_112_percent() {
        let samples = sine(441.0, 2.0);
        for seed in 0..10 {
            let out = performance_chain(&samples, RATE, &mut ChaCha8Rng::seed_from_u64(seed));
            let longer = out.len() as f64 / samples.len() as f64;
            assert!((0.879..=1.121).contains(&longer), "{longer}");
        }
    }

    #[test]
    fn low_rates_work_too() {
        let rate = SampleRate(8_000);
        let samples = noise(NoiseColour::White, 16_000, rate, &mut ChaCha8Rng::seed_from_u64(0));
        for seed in 0..20 {
            let out = microphone_chain(&samples, rate, &mut ChaCha8Rng::seed_from_u64(seed));
            assert!(out.iter().all(|x| x.is_finite()));
        }
    }
}
