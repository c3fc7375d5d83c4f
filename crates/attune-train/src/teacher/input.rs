//! The teacher's input: 96 mel bands at 12 kHz, 1,360 frames.

use super::super::TrainError;
use super::layer::Maps;
use attune_audio::features::{PowerSpectrum, RateConverter};
use attune_audio::units::SampleRate;
use attune_nn::kernels::matmul::{View, add_product};

const RATE: SampleRate = SampleRate(12_000);
const WINDOW: usize = 512;
const HOP: usize = 256;
pub(super) const BINS: usize = WINDOW / 2 + 1;
pub(super) const BANDS: usize = 96;
/// Frames of the input: 29 s.
const FRAMES: usize = 1_360;
/// Samples of the input.
const SAMPLES: usize = 348_000;
const LEAST_POWER: f32 = 1e-10;
/// Levels further below the loudest than this are raised to it.
const RANGE_DB: f32 = 80.0;

/// Log-mel levels below the loudest one, (1, bands, frames).
pub(super) fn log_mel(samples: &[f32], rate: SampleRate, mel: &[f32]) -> Result<Maps, TrainError> {
    let fitted = fitted(&resampled(samples, rate)?);
    let mut padded = vec![0.0; fitted.len() + WINDOW];
    padded[WINDOW / 2..][..fitted.len()].copy_from_slice(&fitted);
    let mut spectrum = PowerSpectrum::new(WINDOW);
    let mut power = Vec::with_capacity(FRAMES * BINS);
    for frame in 0..FRAMES {
        power.extend_from_slice(spectrum.of(&padded[frame * HOP..][..WINDOW]));
    }
    let mut levels = vec![0.0; BANDS * FRAMES];
    add_product(
        (&mut levels, View::row_major(BANDS, FRAMES)),
        (mel, View::row_major(BINS, BANDS).transposed()),
        (&power, View::row_major(FRAMES, BINS).transposed()),
    );
    let mut loudest = f32::NEG_INFINITY;
    for level in &mut levels {
        *level = 10.0 * level.max(LEAST_POWER).log10();
        loudest = loudest.max(*level);
    }
    let mut maps = Maps::new(1, BANDS, FRAMES);
    for (band, row) in levels.chunks_exact(FRAMES).enumerate() {
        for (out, level) in maps.row_mut(0, band).iter_mut().zip(row) {
            *out = (level - loudest).max(-RANGE_DB);
        }
    }
    Ok(maps)
}

fn resampled(samples: &[f32], rate: SampleRate) -> Result<Vec<f32>, TrainError> {
    let front_end = |error: attune_audio::features::FrontEndError| TrainError::Model(error.into());
    let mut converter = RateConverter::new(rate, RATE).map_err(front_end)?;
    let mut out = Vec::new();
    converter.push(samples, &mut out).map_err(front_end)?;
    converter.finish(&mut out).map_err(front_end)?;
    Ok(out)
}

/// Cuts long audio and repeats short audio: padding with silence would change the features.
fn fitted(samples: &[f32]) -> Vec<f32> {
    if samples.is_empty() {
        return vec![0.0; SAMPLES];
    }
    samples.iter().copied().cycle().take(SAMPLES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_audio_is_cut_and_short_audio_is_repeated() {
        let long: Vec<f32> = (0..SAMPLES + 10).map(|n| n as f32).collect();
        assert_eq!(fitted(&long)[SAMPLES - 1..], [(SAMPLES - 1) as f32]);
        let short = fitted(&[1.0, 2.0, 3.0]);
        assert_eq!((short.len(), &short[2..5]), (SAMPLES, &[3.0, 1.0, 2.0][..]));
        assert_eq!(fitted(&[]).len(), SAMPLES);
    }

    #[test]
    fn a_sine_is_loudest_in_its_bin_and_nothing_is_below_the_range() {
        // A "mel" bank that passes bins 0 to 95 unchanged: 1,500 Hz is bin 64.
        let mut mel = vec![0.0; BINS * BANDS];
        for band in 0..BANDS {
            mel[band * BANDS + band] = 1.0;
        }
        let samples: Vec<f32> = (0..12_000)
            .map(|n| (std::f32::consts::TAU * 1_500.0 * n as f32 / 12_000.0).sin())
            .collect();
        let maps = log_mel(&samples, RATE, &mel).unwrap();
        assert!(maps.row(0, 64)[600].abs() < 0.1, "{}", maps.row(0, 64)[600]);
        assert!((maps.row(0, 10)[600] + RANGE_DB).abs() < 1e-3);
    }
}
