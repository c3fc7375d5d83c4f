//! Loudness: gain, and the power that ratios of signals and noise are made of.

use attune_audio::units::Decibels;

/// Multiplies by a gain.
///
/// ```
/// use attune_train::sound::amplify;
/// use attune_audio::units::Decibels;
/// let mut samples = [1.0, -0.5];
/// amplify(&mut samples, Decibels(-20.0));
/// assert!((samples[0] - 0.1).abs() < 1e-6 && (samples[1] + 0.05).abs() < 1e-6);
/// ```
pub fn amplify(samples: &mut [f32], gain: Decibels) {
    scale(samples, 10f32.powf(gain.0 / 20.0));
}

/// Multiplies by a factor.
pub(super) fn scale(samples: &mut [f32], factor: f32) {
    for sample in samples {
        *sample *= factor;
    }
}

/// Mean of the squared samples; 0 of none. A sine of amplitude a has a²/2.
///
/// ```
/// assert_eq!(attune_train::sound::mean_power(&[3.0, -1.0]), 5.0);
/// ```
pub fn mean_power(samples: &[f32]) -> f64 {
    // Sums of a few samples in f32, those in f64: quick, and exact enough for any length.
    let total: f64 = samples
        .chunks(64)
        .map(|few| f64::from(few.iter().map(|x| x * x).sum::<f32>()))
        .sum();
    total / samples.len().max(1) as f64
}

/// Brings `samples` to a mean power, unless they are silent.
pub(super) fn set_power(samples: &mut [f32], power: f64) {
    let now = mean_power(samples);
    if now > 0.0 {
        scale(samples, (power / now).sqrt() as f32);
    }
}

/// The greatest absolute value.
pub(super) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, x| peak.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_of_minus_6_decibels_halves() {
        let mut samples = vec![0.8, -0.2];
        amplify(&mut samples, Decibels(-6.020_6));
        assert!((samples[0] - 0.4).abs() < 1e-6 && (samples[1] + 0.1).abs() < 1e-6);
    }

    #[test]
    fn the_power_is_set_and_silence_stays() {
        let mut samples = vec![0.5, -0.5, 0.5];
        set_power(&mut samples, 4.0);
        assert!((mean_power(&samples) - 4.0).abs() < 1e-6);
        let mut silence = vec![0.0; 3];
        set_power(&mut silence, 4.0);
        assert_eq!(silence, [0.0; 3]);
    }
}
