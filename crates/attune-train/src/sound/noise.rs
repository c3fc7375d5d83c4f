//! Noise that a microphone records along with the music.

use super::between;
use super::level::{mean_power, set_power};
use attune_audio::units::{Decibels, SampleRate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What noise is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseColour {
    /// Equal power in each hertz.
    White,
    /// Equal power in each octave: rooms and streets from afar.
    Pink,
    /// 6 dB less with each octave: wind, traffic, ventilation.
    Brown,
    /// The mains and its harmonics, 50 or 60 Hz.
    Hum,
}

impl NoiseColour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::White, Self::Pink, Self::Brown, Self::Hum];
}

/// `count` samples of noise, of mean power 1.
pub fn noise(colour: NoiseColour, count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut out = match colour {
        NoiseColour::White => white(count, rng),
        NoiseColour::Pink => pink(count, rng),
        NoiseColour::Brown => brown(count, rate, rng),
        NoiseColour::Hum => hum(count, rate, rng),
    };
    set_power(&mut out, 1.0);
    out
}

/// Close to normal: the sum of four even draws (Irwin 1927; Hall 1927), all from one random number. Noise takes
/// millions of them.
pub(super) fn white(count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count)
        .map(|_| {
            let bits: u64 = rng.random();
            let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u16).map(u32::from).sum();
            // Four draws of 0…65,535 have the mean 131,070 and the deviation 65,536/√3.
            (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
        })
        .collect()
}

/// White noise through Kellet's filter (1999): −3 dB an octave, within 0.05 dB above a five-thousandth of the rate.
fn pink(count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    const POLES: [f32; 6] = [0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616];
    const GAINS: [f32; 6] = [
        0.055_517_9,
        0.075_075_9,
        0.153_852,
        0.310_485_6,
        0.532_952_2,
        -0.016_898,
    ];
    let mut memory = [0.0f32; 6];
    let mut last = 0.0;
    let mut out = white(count, rng);
    for sample in &mut out {
        let x = *sample;
        for ((memory, pole), gain) in memory.iter_mut().zip(POLES).zip(GAINS) {
            *memory = pole * *memory + gain * x;
        }
        *sample = memory.iter().sum::<f32>() + last + x * 0.5362;
        last = x * 0.115_926;
    }
    out
}

/// White noise summed up, with a leak at 20 Hz so that it does not wander off.
fn brown(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let keep = (-std::f64::consts::TAU * 20.0 / rate.hz()).exp() as f32;
    let mut sum = 0.0;
    let mut out = white(count, rng);
    for sample in &mut out {
        sum = keep * sum + *sample;
        *sample = sum;
    }
    out
}

/// Mains hum: the mains frequency and eleven harmonics, each weaker by a random share.
fn hum(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mains_hz = if rng.random_bool(0.5) { 50.0 } else { 60.0 };
    let mut out = vec![0.0; count];
    let mut amplitude = 1.0;
    for harmonic in 1..=12 {
        let hz = mains_hz * f64::from(harmonic);
        if hz >= rate.hz() / 2.0 {
            break;
        }
        add_sine(&mut out, hz / rate.hz(), amplitude, rng.random());
        amplitude *= between(0.5, 0.95, rng);
    }
    out
}

/// A sine by turning a pointer: no sine is computed for each sample.
fn add_sine(out: &mut [f32], turns_per_sample: f64, amplitude: f64, first_turn: f64) {
    let (sin, cos) = (std::f64::consts::TAU * turns_per_sample).sin_cos();
    let (mut y, mut x) = (std::f64::consts::TAU * first_turn).sin_cos();
    for sample in out {
        *sample += (amplitude * y) as f32;
        (x, y) = (x * cos - y * sin, x * sin + y * cos);
    }
}

/// Adds `disturbance`, repeated or cut to the length of the samples, at this ratio of the samples' power to its own.
/// If either is silent, nothing is added: there is no such ratio.
pub fn add_at_snr(samples: &mut [f32], disturbance: &[f32], snr: Decibels) {
    let used = &disturbance[..disturbance.len().min(samples.len())];
    let (signal, other) = (mean_power(samples), mean_power(used));
    if signal <= 0.0 || other <= 0.0 {
        return;
    }
    let factor = (signal / other / 10f64.powf(f64::from(snr.0) / 10.0)).sqrt() as f32;
    for (sample, other) in samples.iter_mut().zip(used.iter().cycle()) {
        *sample += factor * other;
    }
}

/// With noise of a random colour at this ratio of signal to noise.
pub fn noisy(samples: &[f32], rate: SampleRate, snr: Decibels, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let colour = NoiseColour::ALL[rng.random_range(0..NoiseColour::ALL.len())];
    let mut out = samples.to_vec();
    let disturbance = noise(colour, samples.len(), rate, rng);
    add_at_snr(&mut out, &disturbance, snr);
    out
}

#[cfg(test)]
mod tests {
    use super::super::equalizer::band_limited;
    use super::super::testing::{RATE, power_at, sine};
    use super::*;
    use rand::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(9)
    }

    /// How much more power the octave from 1,000 Hz has than that from 250 Hz, in dB.
    fn two_octaves_up(colour: NoiseColour) -> f64 {
        let samples = noise(colour, 400_000, RATE, &mut rng());
        let octave = |hz| mean_power(&band_limited(&samples, RATE, hz, 2.0 * hz));
        10.0 * (octave(1_000.0) / octave(250.0)).log10()
    }

    #[test]
    fn each_colour_falls_as_its_name_says() {
        // Octaves grow by 3 dB of width each: white +6, pink 0, brown −6 in two octaves.
        for (colour, gain) in [
            (NoiseColour::White, 6.02),
            (NoiseColour::Pink, 0.0),
            (NoiseColour::Brown, -6.02),
        ] {
            let measured = two_octaves_up(colour);
            assert!((measured - gain).abs() < 0.35, "{colour:?}: {measured} dB, not {gain}");
        }
    }

    #[test]
    fn all_colours_have_power_1_and_hum_is_at_the_mains() {
        for colour in NoiseColour::ALL {
            let samples = noise(colour, 44_100, RATE, &mut rng());
            assert!((mean_power(&samples) - 1.0).abs() < 1e-3, "{colour:?}");
        }
        let samples = noise(NoiseColour::Hum, 44_100, RATE, &mut rng());
        let mains = power_at(&samples, 50.0).max(power_at(&samples, 60.0));
        assert!(mains > 100.0 * power_at(&samples, 75.0), "{mains}");
    }

    #[test]
    fn white_noise_has_mean_0_and_deviation_1() {
        let samples = white(100_000, &mut rng());
        let mean: f64 = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e5;
        // Five standard errors of 100,000 draws.
        assert!(mean.abs() < 5.0 / 1e5f64.sqrt(), "{mean}");
        assert!((mean_power(&samples) - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_ratio_is_what_was_asked_for_whatever_the_lengths() {
        let clean = sine(441.0, 0.5);
        for disturbance in [vec![0.3, -0.3, 0.1], noise(NoiseColour::Pink, 50_000, RATE, &mut rng())] {
            let mut samples = clean.clone();
            add_at_snr(&mut samples, &disturbance, Decibels(12.0));
            let added: Vec<f32> = samples.iter().zip(&clean).map(|(a, b)| a - b).collect();
            let snr = 10.0 * (mean_power(&clean) / mean_power(&added)).log10();
            assert!((snr - 12.0).abs() < 0.01, "{snr}");
        }
        let mut silence = vec![0.0; 10];
        add_at_snr(&mut silence, &[1.0], Decibels(0.0));
        assert_eq!(silence, [0.0; 10]);
    }
}
