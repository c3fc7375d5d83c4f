//! From bins to mel bands: the area-normalised triangles of Slaney's Auditory Toolbox (1998), as librosa's default.
//!
//! In: a power spectrum. Out: power in each mel band. Thread: worker.

use super::FrontEndSpec;

/// Hertz to one mel below the knee of the scale, and the knee itself: linear below 1 kHz, logarithmic above.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const KNEE_HZ: f64 = 1000.0;
const KNEE_MEL: f64 = KNEE_HZ / HZ_PER_MEL;
/// ln 6.4 / 27: 27 mels above the knee lie at 6.4 times its frequency.
const LOG_STEP: f64 = 0.068_751_777_420_949_12;

/// Slaney's mel scale.
///
/// ```
/// use attune_audio::features::mel_from_hz;
/// assert!((mel_from_hz(1000.0) - 15.0).abs() < 1e-9);
/// assert!((mel_from_hz(6400.0) - 42.0).abs() < 1e-9);
/// ```
pub fn mel_from_hz(hz: f64) -> f64 {
    if hz < KNEE_HZ {
        hz / HZ_PER_MEL
    } else {
        KNEE_MEL + (hz / KNEE_HZ).ln() / LOG_STEP
    }
}

/// The inverse of [`mel_from_hz`].
///
/// ```
/// use attune_audio::features::hz_from_mel;
/// assert!((hz_from_mel(42.0) - 6400.0).abs() < 1e-6);
/// ```
pub fn hz_from_mel(mel: f64) -> f64 {
    if mel < KNEE_MEL {
        mel * HZ_PER_MEL
    } else {
        KNEE_HZ * (LOG_STEP * (mel - KNEE_MEL)).exp()
    }
}

/// Triangular weights, each band with the bins where it is not zero.
#[derive(Debug, Clone)]
pub struct MelFilterbank {
    bands: Vec<Band>,
    weights: Vec<f32>,
    centres_hz: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Band {
    first_bin: usize,
    first_weight: usize,
    bins: usize,
}

impl MelFilterbank {
    /// That of a front end.
    pub fn of(spec: &FrontEndSpec) -> Self {
        let rate_hz = spec.rate.hz();
        Self::new(rate_hz, spec.window_samples, spec.bands, spec.low_hz, spec.high_hz)
    }

    /// `bands` triangles, evenly spaced in mel from `low_hz` to `high_hz`, over the bins of a transform of `window`
    /// samples at `rate_hz`. Each has area 1 in hertz.
    pub fn new(rate_hz: f64, window: usize, bands: usize, low_hz: f64, high_hz: f64) -> Self {
        let low = mel_from_hz(low_hz);
        let step = (mel_from_hz(high_hz) - low) / (bands + 1) as f64;
        let edges: Vec<f64> = (0..bands + 2).map(|i| hz_from_mel(low + step * i as f64)).collect();
        let mut bank = Self {
            bands: Vec::with_capacity(bands),
            weights: Vec::new(),
            centres_hz: edges[1..=bands].to_vec(),
        };
        for edge in edges.windows(3) {
            let (left, centre, right) = (edge[0], edge[1], edge[2]);
            let mut band = Band {
                first_bin: 0,
                first_weight: bank.weights.len(),
                bins: 0,
            };
            for bin in 0..=window / 2 {
                let hz = bin as f64 * rate_hz / window as f64;
                let rise = (hz - left) / (centre - left);
                let fall = (right - hz) / (right - centre);
                let weight = rise.min(fall) * 2.0 / (right - left);
                if weight > 0.0 {
                    if band.bins == 0 {
                        band.first_bin = bin;
                    }
                    band.bins += 1;
                    bank.weights.push(weight as f32);
                }
            }
            bank.bands.push(band);
        }
        bank
    }

    /// How many bands there are.
    pub fn bands(&self) -> usize {
        self.bands.len()
    }

    /// Where each triangle peaks, in hertz.
    pub fn centres_hz(&self) -> &[f64] {
        &self.centres_hz
    }

    /// The power in each band, appended to `out`. A band that lies between two bins is 0.
    ///
    /// # Panics
    /// If `power` has fewer bins than the bank was made for: a bug of the caller.
    pub fn apply(&self, power: &[f32], out: &mut Vec<f32>) {
        out.extend(self.bands.iter().map(|band| {
            let weights = &self.weights[band.first_weight..band.first_weight + band.bins];
            let bins = &power[band.first_bin..band.first_bin + band.bins];
            weights
                .iter()
                .zip(bins)
                .map(|(weight, power)| weight * power)
                .sum::<f32>()
        }));
    }
}
