//! Pitch and tempo, together (another speed) or apart (WSOLA).

use attune_audio::units::SampleRate;
use attune_nn::kernels::reduce::dot;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// Speeds that [`varispeed`] accepts.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.25..=4.0;
/// Length of the pieces that [`stretched`] puts together: long enough for bass, short enough for drums.
const PIECE_SECS: f64 = 0.09;
/// The search for a fitting piece is coarse first, on one mean of this many samples.
const COARSE: usize = 8;

/// Played at `speed` times the speed: as long by 1/`speed`, and higher by as much. Windowed-sinc interpolation of 64
/// taps, with what would alias filtered out.
///
/// # Panics
/// If the speed is not from ¼ to 4: a slip of the caller.
pub fn varispeed(samples: &[f32], speed: f64) -> Vec<f32> {
    assert!(SPEEDS.contains(&speed), "the speed is {speed}, not from 0.25 to 4");
    if samples.is_empty() || speed.to_bits() == 1.0f64.to_bits() {
        return samples.to_vec();
    }
    let parameters = SincInterpolationParameters {
        sinc_len: 64,
        f_cutoff: None,
        oversampling_factor: 256,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    };
    let resample = || -> Result<Vec<f32>, Box<dyn std::error::Error>> {
        let mut sinc = Async::<f32>::new_sinc(1.0 / speed, 1.0, &parameters, 1024, 1, FixedAsync::Input)?;
        let input = InterleavedSlice::new(samples, 1, samples.len())?;
        Ok(sinc.process_all(&input, samples.len(), None)?.take_data())
    };
    resample().expect("one channel, a ratio in range and a whole clip are what the resampler accepts")
}

/// As long by `factor`, at the same pitch: overlapping pieces are put closer or farther apart, each taken from where it
/// fits best on what came before (WSOLA; Verhelst & Roelands 1993).
pub fn stretched(samples: &[f32], rate: SampleRate, factor: f64) -> Vec<f32> {
    let wanted = (samples.len() as f64 * factor).round() as usize;
    let hop = ((PIECE_SECS / 2.0 * rate.hz()) as usize).max(COARSE) / COARSE * COARSE;
    let piece = 2 * hop;
    if samples.len() <= 2 * piece || wanted == samples.len() {
        let mut out = samples.to_vec();
        out.resize(wanted, 0.0);
        return out;
    }
    let search = Search::new(samples, piece, hop / 2);
    let hann: Vec<f32> = (0..piece)
        .map(|n| (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / piece as f64).cos()) as f32)
        .collect();
    let mut out = vec![0.0; wanted + piece];
    // The first half piece is as it was; from there on each piece fades in while the one before fades out.
    for (out, (sample, weight)) in out.iter_mut().zip(samples.iter().zip(&hann[hop..])) {
        *out = sample * weight;
    }
    let mut follows = 0; // where the sound would go on without a cut
    let last = samples.len() - piece;
    for start in (0..wanted).step_by(hop) {
        let ideal = ((start as f64 / factor) as usize).min(last);
        let chosen = if start == 0 { 0 } else { search.best(ideal, follows) };
        for (out, (sample, weight)) in out[start..].iter_mut().zip(samples[chosen..].iter().zip(&hann)) {
            *out += sample * weight;
        }
        follows = (chosen + hop).min(last);
    }
    out.truncate(wanted);
    out
}

/// Finds the piece that resembles another.
struct Search<'a> {
    samples: &'a [f32],
    coarse: Vec<f32>,
    piece: usize,
    /// How far from the ideal place a piece may be taken.
    reach: usize,
}

impl<'a> Search<'a> {
    fn new(samples: &'a [f32], piece: usize, reach: usize) -> Self {
        let coarse = samples
            .chunks_exact(COARSE)
            .map(|few| few.iter().sum::<f32>())
            .collect();
        Self {
            samples,
            coarse,
            piece,
            reach,
        }
    }

    /// The start within reach of `ideal` whose piece is most like the one at `model`.
    fn best(&self, ideal: usize, model: usize) -> usize {
        let last = self.samples.len() - self.piece;
        let near = |place: usize, reach: usize, last: usize| place.saturating_sub(reach)..=(place + reach).min(last);
        let coarse = near(
            ideal / COARSE,
            self.reach / COARSE,
            self.coarse.len() - self.piece / COARSE,
        );
        let rough = most_alike(&self.coarse, coarse, model / COARSE, self.piece / COARSE);
        most_alike(self.samples, near(rough * COARSE, COARSE, last), model, self.piece)
    }
}

/// By the normalised cross-correlation.
fn most_alike(samples: &[f32], places: std::ops::RangeInclusive<usize>, model: usize, length: usize) -> usize {
    let first = *places.start();
    let wanted = &samples[model..(model + length).min(samples.len())];
    places
        .map(|place| {
            let piece = &samples[place..(place + length).min(samples.len())];
            (place, dot(piece, wanted) / dot(piece, piece).max(1e-12).sqrt())
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(first, |(place, _)| place)
}

/// Higher by `semitones` (lower, if negative) in the same time.
pub fn pitch_shifted(samples: &[f32], rate: SampleRate, semitones: f64) -> Vec<f32> {
    let speed = (semitones / 12.0).exp2();
    let mut out = stretched(&varispeed(samples, speed), rate, speed);
    out.resize(samples.len(), 0.0);
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{RATE, loudest_hz, power_at, sine};
    use super::*;

    #[test]
    fn another_speed_is_another_pitch_and_length() {
        let samples = sine(400.0, 2.0);
        let fast = varispeed(&samples, 1.25);
        assert_eq!(fast.len(), samples.len() * 4 / 5);
        assert_eq!(loudest_hz(&fast, 380, 520), 500);
        let power = power_at(&fast[4_000..26_050], 500.0) / power_at(&samples[4_000..26_050], 400.0);
        assert!((power - 1.0).abs() < 1e-3, "{power}");
    }

    #[test]
    fn what_would_alias_at_another_speed_is_gone() {
        let fast = varispeed(&sine(10_000.0, 1.0), 1.25);
        let power = crate::sound::mean_power(&fast[1_000..16_000]);
        assert!(power < 1e-6, "{power}");
    }

    #[test]
    fn stretching_keeps_pitch_and_power() {
        // Two tones without a common period: a piece that fits one need not fit the other.
        let samples: Vec<f32> = sine(331.0, 3.0)
            .iter()
            .zip(sine(1_117.0, 3.0))
            .map(|(a, b)| a + 0.5 * b)
            .collect();
        for factor in [0.88, 1.12] {
            let out = stretched(&samples, RATE, factor);
            assert_eq!(out.len(), (samples.len() as f64 * factor).round() as usize);
            assert_eq!(loudest_hz(&out, 300, 370), 331);
            assert_eq!(loudest_hz(&out, 1_080, 1_150), 1_117);
            let inner = 4_000..out.len() - 4_000;
            let power =
                crate::sound::mean_power(&out[inner.clone()]) / crate::sound::mean_power(&samples[4_000..60_000]);
            assert!((power - 1.0).abs() < 0.2, "{factor}: {power}");
        }
    }

    #[test]
    fn stretching_by_nothing_and_of_little_changes_nothing() {
        let samples = sine(331.0, 1.0);
        assert_eq!(stretched(&samples, RATE, 1.0), samples);
        assert_eq!(stretched(&samples[..100], RATE, 1.1).len(), 110);
        assert!(varispeed(&[], 1.1).is_empty());
    }

    #[test]
    fn a_pitch_is_shifted_by_semitones_in_the_same_time() {
        let samples = sine(400.0, 2.0);
        let up = pitch_shifted(&samples, RATE, 2.0);
        assert_eq!(up.len(), samples.len());
        // 400·2^(2/12) = 448.98.
        assert_eq!(loudest_hz(&up, 390, 500), 449);
    }

    #[test]
    fn a_dot_product_counts_the_rest_of_its_chunks() {
        let a: Vec<f32> = (0..35).map(|n| n as f32).collect();
        let sum: f32 = (0..35).map(|n| (n * n) as f32).sum();
        assert!((dot(&a, &a) - sum).abs() < 1e-2);
    }
}
