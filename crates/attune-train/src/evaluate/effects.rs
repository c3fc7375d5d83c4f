//! What clips are put through besides being evaluated as they are: on samples, and on log-mel levels.
//!
//! In: a clip, and a generator of random numbers. Out: the clip as a bad microphone, a noisy room, a narrow band or a
//! codec of few bits would bring it. Thread: the caller's.

use crate::augment::keep_bands;
use crate::reverb::reverb;
use crate::sound::{Codec, CodecError, NoiseColour, add_at_snr, band_limited, low_passed, microphone_chain, noise};
use attune_audio::features::{FrontEndSpec, MelFilterbank};
use attune_audio::units::{Decibels, SampleRate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The band of a telephone, in hertz.
const TELEPHONE: (f64, f64) = (300.0, 3_400.0);
/// The upper end of a narrow band, in hertz: that of mp3 at 24 kbit/s.
const NARROW: f64 = 6_000.0;
/// Music above noise.
const SNR: Decibels = Decibels(10.0);

/// A condition on samples.
#[derive(Debug, Clone, Copy)]
pub(super) enum SoundEffect {
    /// Computed here.
    Own(&'static str, fn(&[f32], SampleRate, &mut ChaCha8Rng) -> Vec<f32>),
    /// By FFmpeg.
    Coded(Codec),
}

impl SoundEffect {
    /// All that there are here, and why codecs are missing.
    pub(super) fn all() -> (Vec<Self>, Option<String>) {
        let mut all = vec![
            Self::Own("re-recorded", microphone_chain),
            Self::Own("noisy", |samples, rate, rng| {
                let mut out = samples.to_vec();
                add_at_snr(&mut out, &noise(NoiseColour::Pink, samples.len(), rate, rng), SNR);
                out
            }),
            Self::Own("band-limited", |samples, rate, _| {
                band_limited(samples, rate, TELEPHONE.0, TELEPHONE.1)
            }),
            Self::Own("narrow-band", |samples, rate, _| low_passed(samples, rate, NARROW)),
        ];
        let (codecs, missing) = Codec::available();
        all.extend(codecs.into_iter().map(Self::Coded));
        (all, missing)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Own(name, _) => name,
            Self::Coded(codec) => codec.name,
        }
    }

    pub(super) fn apply(
        &self,
        samples: &[f32],
        rate: SampleRate,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, CodecError> {
        match self {
            Self::Own(_, effect) => Ok(effect(samples, rate, rng)),
            Self::Coded(codec) => codec.apply(samples, rate),
        }
    }
}

/// A condition on log-mel levels (frames, bands) in dB, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelEffect {
    pub(super) name: &'static str,
    pub(super) apply: fn(&mut [f32], &FrontEndSpec, &mut ChaCha8Rng),
}

/// The conditions of log-mel clips: there is no loudspeaker, microphone or codec without sound.
pub(super) const LEVEL_EFFECTS: [LevelEffect; 4] = [
    LevelEffect {
        name: "reverberant",
        apply: reverb,
    },
    LevelEffect {
        name: "noisy",
        apply: pink_noise,
    },
    LevelEffect {
        name: "band-limited",
        apply: |levels, spec, _| keep_hz(levels, spec, TELEPHONE.0, TELEPHONE.1),
    },
    LevelEffect {
        name: "narrow-band",
        apply: |levels, spec, _| keep_hz(levels, spec, 0.0, NARROW),
    },
];

fn centres_hz(spec: &FrontEndSpec) -> Vec<f64> {
    let (low, high) = (spec.low_hz, spec.high_hz);
    MelFilterbank::new(spec.rate.hz(), spec.window_samples, spec.bands, low, high)
        .centres_hz()
        .to_vec()
}

/// Removes the bands whose centres lie outside.
fn keep_hz(levels: &mut [f32], spec: &FrontEndSpec, low: f64, high: f64) {
    let centres = centres_hz(spec);
    let below = |hz: f64| centres.partition_point(|&centre| centre < hz);
    keep_bands(levels, spec.bands, below(low)..below(high));
}

/// Adds pink noise, [`SNR`] below the music in power. Each cell of noise is as unsteady as the mean of as many spectral
/// bins as its band covers.
fn pink_noise(levels: &mut [f32], spec: &FrontEndSpec, rng: &mut ChaCha8Rng) {
    let centres = centres_hz(spec);
    let bin = spec.rate.hz() / spec.window_samples as f64;
    // Filters have area 1 in hertz: a band's level is a density, and its power that times its width.
    let last = centres.len() - 1;
    let widths: Vec<f64> = (0..=last)
        .map(|band| (centres[(band + 1).min(last)] - centres[band.saturating_sub(1)]).max(bin) / 2.0)
        .collect();
    let power = |level: f32| 10f64.powf(f64::from(level) / 10.0);
    let frames = (levels.len() / spec.bands).max(1) as f64;
    let rows = levels.chunks_exact(spec.bands);
    let music: f64 = rows
        .flat_map(|row| row.iter().zip(&widths))
        .map(|(level, width)| power(*level) * width)
        .sum();
    let density: f64 = centres.iter().zip(&widths).map(|(hz, width)| width / hz).sum();
    let scale = music / frames / density / 10f64.powf(f64::from(SNR.0) / 10.0);
    for row in levels.chunks_exact_mut(spec.bands) {
        for (band, level) in row.iter_mut().enumerate() {
            let bins = ((widths[band] / bin).round() as usize).clamp(1, 16);
            // The power of a bin of noise is exponentially distributed.
            let draws = (0..bins).map(|_| -(1.0 - rng.random::<f64>()).ln());
            let unsteady = draws.sum::<f64>() / bins as f64;
            *level = (10.0 * (power(*level) + scale / centres[band] * unsteady).max(1e-30).log10()) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::features::levels_of;
    use rand::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    /// Mean power of each band, in dB.
    fn means(levels: &[f32], bands: usize) -> Vec<f32> {
        let frames = (levels.len() / bands) as f32;
        (0..bands)
            .map(|band| {
                let of_band = levels.iter().skip(band).step_by(bands);
                10.0 * (of_band.map(|level| 10f32.powf(level / 10.0)).sum::<f32>() / frames).log10()
            })
            .collect()
    }

    #[test]
    fn bands_outside_are_removed() {
        let spec = FrontEndSpec::default();
        let mut levels: Vec<f32> = (0..4 * spec.bands).map(|i| -((i % 40) as f32)).collect();
        let before = levels.clone();
        keep_hz(&mut levels, &spec, TELEPHONE.0, TELEPHONE.1);
        let centres = centres_hz(&spec);
        for (i, (after, before)) in levels.iter().zip(&before).enumerate() {
            let hz = centres[i % spec.bands];
            if (TELEPHONE.0..TELEPHONE.1).contains(&hz) {
                assert_eq!(after.to_bits(), before.to_bits());
            } else {
                assert!(*after <= -90.0, "{hz}: {after}");
            }
        }
    }

    /// The same noise added to samples, and to the levels of the samples.
    #[test]
    fn noise_on_levels_is_that_on_samples() {
        let spec = FrontEndSpec::default();
        let samples: Vec<f32> = noise(NoiseColour::White, 10 * 22_050, spec.rate, &mut rng());
        let mut noisy = samples.clone();
        add_at_snr(
            &mut noisy,
            &noise(NoiseColour::Pink, samples.len(), spec.rate, &mut rng()),
            SNR,
        );
        let by_samples = means(&levels_of(&noisy, spec.rate, &spec).unwrap(), spec.bands);
        let mut levels = levels_of(&samples, spec.rate, &spec).unwrap();
        let clean = means(&levels, spec.bands);
        pink_noise(&mut levels, &spec, &mut rng());
        let by_levels = means(&levels, spec.bands);
        // A tenth of the power over all octaves alike: as much as the music's at 150 Hz, hardly any in the treble. The
        // lowest bands cover less than a bin.
        let more = |band: usize| by_levels[band] - clean[band];
        assert!(more(6) > 2.0 && more(120) < 0.5, "{} {}", more(6), more(120));
        for band in 6..spec.bands - 1 {
            let off = by_levels[band] - by_samples[band];
            assert!(off.abs() < 2.5, "band {band}: {off} dB");
        }
    }
}
