//! Too loud for the converter, or for a small amplifier.

/// Cuts off what is beyond ± `limit`, as a converter does.
///
/// ```
/// let mut samples = [0.2, 0.9, -3.0];
/// attune_train::sound::clip_hard(&mut samples, 0.5);
/// assert_eq!(samples, [0.2, 0.5, -0.5]);
/// ```
pub fn clip_hard(samples: &mut [f32], limit: f32) {
    for sample in samples {
        *sample = sample.clamp(-limit, limit);
    }
}

/// Bends towards ± `limit`, limit·tanh(x / limit), as an amplifier does.
pub fn clip_soft(samples: &mut [f32], limit: f32) {
    for sample in samples {
        *sample = limit * (*sample / limit).tanh();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{power_at, sine};
    use super::*;

    #[test]
    fn hard_clipping_of_a_sine_makes_the_third_harmonic_of_its_fourier_series() {
        // Clipped at half its amplitude a: angle θ = π/6. b3 = (4a/π)·(sin θ·cos 3θ/3 + ½[sin 2θ/2 − sin 4θ/4]).
        let mut samples = sine(441.0, 1.0);
        clip_hard(&mut samples, 0.25);
        let theta = std::f64::consts::FRAC_PI_6;
        let rising = 0.5 * ((2.0 * theta).sin() / 2.0 - (4.0 * theta).sin() / 4.0);
        let flat = theta.sin() * (3.0 * theta).cos() / 3.0;
        let third = 4.0 * 0.5 / std::f64::consts::PI * (rising + flat);
        let measured = 2.0 * power_at(&samples, 1323.0).sqrt();
        assert!((measured - third.abs()).abs() < 2e-3, "{measured} {third}");
    }

    #[test]
    fn soft_clipping_keeps_what_is_soft_and_never_passes_the_limit() {
        let mut samples = vec![0.01, 100.0, -100.0];
        clip_soft(&mut samples, 0.5);
        assert!((samples[0] - 0.01).abs() < 1e-5);
        assert!((samples[1] - 0.5).abs() < 1e-6 && (samples[2] + 0.5).abs() < 1e-6);
    }
}
