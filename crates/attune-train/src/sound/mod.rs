//! What happens to music between the master and a microphone, and small changes that leave its genre: effects on mono
//! samples.
//!
//! In: mono samples at any rate, and a generator of random numbers. Out: samples. Everything random comes from the
//! generator given, so the same generator makes the same sound. Thread: any.

mod chain;
mod clipping;
mod codec;
mod convolve;
mod equalizer;
mod level;
mod noise;
mod room;
mod tempo;

pub use chain::{microphone_chain, performance_chain};
pub use clipping::{clip_hard, clip_soft};
pub use codec::{CODECS, Codec, CodecError};
pub use convolve::convolved;
pub use equalizer::{Biquad, band_limited, low_passed, random_equalizer};
pub use level::{amplify, mean_power};
pub use noise::{NoiseColour, add_at_snr, noise, noisy};
pub use room::Room;
pub use tempo::{pitch_shifted, stretched, varispeed};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// An even draw from `low` to `high`.
fn between(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// A draw from `low` to `high`, even on a logarithmic scale: as frequencies and ratios are.
fn between_ratios(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    low * (high / low).powf(rng.random::<f64>())
}

#[cfg(test)]
pub(super) mod testing {
    use attune_audio::units::SampleRate;

    pub(crate) const RATE: SampleRate = SampleRate(22_050);

    /// A sine of `hz` and amplitude 0.5.
    pub(crate) fn sine(hz: f64, seconds: f64) -> Vec<f32> {
        (0..(seconds * RATE.hz()) as usize)
            .map(|n| 0.5 * (std::f64::consts::TAU * hz * n as f64 / RATE.hz()).sin() as f32)
            .collect()
    }

    /// Power at `hz` (Goertzel 1958), of a sine of amplitude a: a²/4.
    pub(crate) fn power_at(samples: &[f32], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &x) in samples.iter().enumerate() {
            let turn = std::f64::consts::TAU * hz * n as f64 / RATE.hz();
            re += f64::from(x) * turn.cos();
            im -= f64::from(x) * turn.sin();
        }
        (re * re + im * im) / (samples.len() as f64).powi(2)
    }

    /// The frequency of the strongest bin of 1 Hz between two frequencies.
    pub(crate) fn loudest_hz(samples: &[f32], low: u32, high: u32) -> u32 {
        (low..=high)
            .max_by(|a, b| power_at(samples, f64::from(*a)).total_cmp(&power_at(samples, f64::from(*b))))
            .unwrap_or(low)
    }
}
