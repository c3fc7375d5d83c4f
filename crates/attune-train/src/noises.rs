//! Sounds that are no music and need no recording: hum, noise of several colours, clicks, sirens, machines.
//!
//! In: a kind, a rate, a generator of random numbers. Out: samples, or log-mel levels. Thread: any.

use super::TrainError;
use super::pieces::{Piece, levels};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::{SampleRate, Seconds};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// What is made. Each draw of a kind differs in pitch, colour, pace and loudness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// All frequencies alike.
    White,
    /// 3 dB less in each octave.
    Pink,
    /// 6 dB less in each octave.
    Brown,
    /// Mains hum: 50 or 60 Hz and harmonics, in some noise.
    Hum,
    /// Steady sines, one to three.
    Tone,
    /// A tone that is switched on and off.
    Beeps,
    /// A tone that glides up and down.
    Siren,
    /// Sharp clicks, regular or not.
    Clicks,
    /// Rare impulses over rumble, as fire or an old cable.
    Crackle,
    /// A machine: noise through a resonance, beating at the pace of its blades.
    Machine,
    /// Noise that swells and fades, as wind and waves.
    Gusts,
}

impl Noise {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::White,
        Self::Pink,
        Self::Brown,
        Self::Hum,
        Self::Tone,
        Self::Beeps,
        Self::Siren,
        Self::Clicks,
        Self::Crackle,
        Self::Machine,
        Self::Gusts,
    ];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Pink => "pink",
            Self::Brown => "brown",
            Self::Hum => "hum",
            Self::Tone => "tone",
            Self::Beeps => "beeps",
            Self::Siren => "siren",
            Self::Clicks => "clicks",
            Self::Crackle => "crackle",
            Self::Machine => "machine",
            Self::Gusts => "gusts",
        }
    }

    /// `length` of it, between −1 and 1; its peak lies between −50 and 0 dB.
    pub fn samples(self, rate: SampleRate, length: Seconds, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let count = (length.0 * rate.hz()).round() as usize;
        let sound = match self {
            Self::White => coloured(count, 0.0, rng),
            Self::Pink => coloured(count, 1.0, rng),
            Self::Brown => coloured(count, 2.0, rng),
            Self::Hum => hum(count, rate, rng),
            Self::Tone => tone(count, rate, rng),
            Self::Beeps => beeps(count, rate, rng),
            Self::Siren => siren(count, rate, rng),
            Self::Clicks => clicks(count, rate, rng),
            Self::Crackle => crackle(count, rate, rng),
            Self::Machine => machine(count, rate, rng),
            Self::Gusts => gusts(count, rate, rng),
        };
        let peak = sound.iter().fold(f64::MIN_POSITIVE, |peak, x| peak.max(x.abs()));
        let gain = 10f64.powf(-rng.random_range(0.0..50.0) / 20.0) / peak;
        sound.into_iter().map(|x| (x * gain) as f32).collect()
    }
}

/// Log-mel levels, (frames, bands) each, of `of_each` draws of white, pink and brown noise, `length` of each.
///
/// # Errors
/// If the front end fails.
pub fn coloured_levels(
    of_each: usize,
    length: Seconds,
    spec: &FrontEndSpec,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let rate = SampleRate(spec.rate.0);
    let colours = [Noise::White, Noise::Pink, Noise::Brown];
    let draws = colours.into_iter().cycle().take(colours.len() * of_each);
    let each = draws.map(|noise| {
        let piece = Piece {
            name: noise.name().to_owned(),
            rate,
            samples: noise.samples(rate, length, rng),
        };
        levels(&piece, spec)
    });
    each.collect()
}

fn between(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    // Uniform in the logarithm, as pitch and tempo are perceived.
    (low.ln() + rng.random::<f64>() * (high / low).ln()).exp()
}

fn white(rng: &mut ChaCha8Rng) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}

/// Noise whose power falls as 1/f^colour, for colour 0, 1 or 2. Pink: a sum of leaky integrators an octave and more
/// apart (Kellet 1999), within 0.5 dB of 1/f over the audible range at 44.1 kHz.
fn coloured(count: usize, colour: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (mut b0, mut b1, mut b2, mut sum) = (0.0, 0.0, 0.0, 0.0);
    (0..count)
        .map(|_| {
            let w = white(rng);
            if colour < 0.5 {
                w
            } else if colour < 1.5 {
                b0 = 0.997_65 * b0 + w * 0.099_046;
                b1 = 0.963 * b1 + w * 0.296_516_4;
                b2 = 0.57 * b2 + w * 1.052_691_3;
                b0 + b1 + b2 + w * 0.1848
            } else {
                sum = 0.998 * sum + w;
                sum
            }
        })
        .collect()
}

/// Adds noise of a random colour, `least_db` to `most_db` below a unit sine.
fn in_noise(mut sound: Vec<f64>, least_db: f64, most_db: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let colour = f64::from(rng.random_range(0..3u8));
    let noise = coloured(sound.len(), colour, rng);
    let peak = noise.iter().fold(f64::MIN_POSITIVE, |peak, x| peak.max(x.abs()));
    let gain = 10f64.powf(-rng.random_range(least_db..most_db) / 20.0) / peak;
    for (x, n) in sound.iter_mut().zip(noise) {
        *x += gain * n;
    }
    sound
}

fn hum(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let base_hz = if rng.random_bool(0.5) { 50.0 } else { 60.0 } * (1.0 + 0.01 * white(rng));
    let slope = rng.random_range(0.3..2.0);
    let partials: Vec<(f64, f64, f64)> = (1..rng.random_range(3..40))
        .map(|k| {
            let k = f64::from(k);
            (
                k * base_hz,
                k.powf(-slope) * rng.random_range(0.1..1.0),
                rng.random::<f64>(),
            )
        })
        .filter(|(hz, _, _)| *hz < 0.45 * rate.hz())
        .collect();
    let sound = (0..count)
        .map(|n| {
            let t = n as f64 / rate.hz();
            partials.iter().map(|(hz, a, p)| a * (TAU * (hz * t + p)).sin()).sum()
        })
        .collect();
    in_noise(sound, 10.0, 60.0, rng)
}

fn tone(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let sines: Vec<(f64, f64)> = (0..rng.random_range(1..=3))
        .map(|_| (between(60.0, 6_000.0, rng), rng.random_range(0.2..1.0)))
        .collect();
    let sound = (0..count)
        .map(|n| {
            let t = n as f64 / rate.hz();
            sines.iter().map(|(hz, a)| a * (TAU * hz * t).sin()).sum()
        })
        .collect();
    in_noise(sound, 15.0, 80.0, rng)
}

fn beeps(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (hz, per_second) = (between(300.0, 4_000.0, rng), between(0.5, 12.0, rng));
    let (on, harmonic) = (rng.random_range(0.2..0.8), rng.random_range(0.0..0.6));
    let sound = (0..count)
        .map(|n| {
            let t = n as f64 / rate.hz();
            let gate = f64::from(u8::from((t * per_second).fract() < on));
            gate * ((TAU * hz * t).sin() + harmonic * (3.0 * TAU * hz * t).sin())
        })
        .collect();
    in_noise(sound, 15.0, 70.0, rng)
}

fn siren(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (low_hz, octaves) = (between(200.0, 1_200.0, rng), rng.random_range(0.3..2.0));
    let (per_second, stepped) = (between(0.1, 4.0, rng), rng.random_bool(0.3));
    let mut phase = 0.0;
    let sound = (0..count)
        .map(|n| {
            let t = n as f64 / rate.hz();
            let place = 0.5 - 0.5 * (TAU * per_second * t).cos();
            let place = if stepped { place.round() } else { place };
            phase += low_hz * (octaves * place).exp2() / rate.hz();
            (TAU * phase).sin() + 0.3 * (2.0 * TAU * phase).sin() + 0.2 * (3.0 * TAU * phase).sin()
        })
        .collect();
    in_noise(sound, 10.0, 60.0, rng)
}

/// Impulses through a decaying resonance, `chance` of one at each sample or one every `every` samples.
fn impulses(count: usize, rate: SampleRate, every: Option<f64>, chance: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (hz, decay) = (between(500.0, 8_000.0, rng), between(0.001, 0.03, rng));
    let fade = (-1.0 / (decay * rate.hz())).exp();
    let (mut level, mut since) = (0.0, 0.0);
    (0..count)
        .map(|n| {
            let due = match every {
                Some(every) => (n as f64 % every) < 1.0,
                None => rng.random_bool(chance),
            };
            if due {
                (level, since) = (rng.random_range(0.2..1.0), 0.0);
            }
            level *= fade;
            since += 1.0;
            level * (TAU * hz * since / rate.hz()).sin() + 0.3 * level * white(rng)
        })
        .collect()
}

fn clicks(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let per_second = between(0.7, 15.0, rng);
    let every = rng.random_bool(0.6).then_some(rate.hz() / per_second);
    let sound = impulses(count, rate, every, per_second / rate.hz(), rng);
    in_noise(sound, 20.0, 70.0, rng)
}

fn crackle(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let per_second = between(10.0, 200.0, rng);
    let sound = impulses(count, rate, None, per_second / rate.hz(), rng);
    in_noise(sound, 5.0, 40.0, rng)
}

fn machine(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (hz, width_hz) = (between(80.0, 3_000.0, rng), between(50.0, 2_000.0, rng));
    let (pace_hz, depth) = (between(5.0, 120.0, rng), rng.random_range(0.0..0.9));
    // A resonator of two poles (Smith & Angell 1982).
    let radius = (-std::f64::consts::PI * width_hz / rate.hz()).exp();
    let (a1, a2) = (2.0 * radius * (TAU * hz / rate.hz()).cos(), radius * radius);
    let (mut y1, mut y2) = (0.0, 0.0);
    let noise = coloured(count, f64::from(rng.random_range(0..2u8)), rng);
    let sound: Vec<f64> = noise
        .into_iter()
        .enumerate()
        .map(|(n, x)| {
            let y = x + a1 * y1 - a2 * y2;
            (y2, y1) = (y1, y);
            let t = n as f64 / rate.hz();
            y * (1.0 - depth * (0.5 + 0.5 * (TAU * pace_hz * t).sin()))
        })
        .collect();
    let peak = sound.iter().fold(f64::MIN_POSITIVE, |peak, x| peak.max(x.abs()));
    in_noise(sound.into_iter().map(|x| x / peak).collect(), 10.0, 50.0, rng)
}

fn gusts(count: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (per_second, shift) = (between(0.1, 1.5, rng), rng.random::<f64>());
    let noise = coloured(count, f64::from(rng.random_range(0..3u8)), rng);
    noise
        .into_iter()
        .enumerate()
        .map(|(n, x)| {
            let t = n as f64 / rate.hz();
            x * (0.08 + (0.5 + 0.5 * (TAU * (per_second * t + shift)).sin()).powi(2))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use realfft::RealFftPlanner;

    const RATE: SampleRate = SampleRate(22_050);

    fn made(noise: Noise, seed: u64) -> Vec<f32> {
        noise.samples(RATE, Seconds(3.0), &mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn every_kind_is_made_again_by_its_seed_and_stays_in_range() {
        for noise in Noise::ALL {
            let sound = made(noise, 7);
            assert_eq!(sound.len(), 66_150);
            assert_eq!(sound, made(noise, 7), "{}", noise.name());
            assert_ne!(sound, made(noise, 8), "{}", noise.name());
            let peak = sound.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
            assert!((0.003..=1.0).contains(&peak), "{}: {peak}", noise.name());
        }
    }

    /// Mean power in dB between two frequencies.
    fn power_db(sound: &[f32], low_hz: f64, high_hz: f64) -> f64 {
        let size = 4096;
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(size);
        let mut power = 0.0;
        let bins = (low_hz / RATE.hz() * size as f64) as usize..(high_hz / RATE.hz() * size as f64) as usize;
        for block in sound.chunks_exact(size) {
            let (mut block, mut spectrum) = (block.to_vec(), transform.make_output_vec());
            transform.process(&mut block, &mut spectrum).unwrap();
            power += spectrum[bins.clone()]
                .iter()
                .map(|bin| f64::from(bin.norm_sqr()))
                .sum::<f64>();
        }
        10.0 * (power / bins.len() as f64).log10()
    }

    #[test]
    fn the_colours_fall_as_their_names_say() {
        // From 250–500 Hz to 2–4 kHz are three octaves: 0, 9 and 18 dB. Hundreds of bins and 16 blocks: within 1 dB.
        for (noise, falls_db) in [(Noise::White, 0.0), (Noise::Pink, 9.0), (Noise::Brown, 18.0)] {
            let sound = made(noise, 1);
            let found = power_db(&sound, 250.0, 500.0) - power_db(&sound, 2_000.0, 4_000.0);
            assert!((found - falls_db).abs() < 1.0, "{}: {found}", noise.name());
        }
    }
}
