//! Removes loudness from log-mel levels, causally: each frame by the frames up to and including it.
//!
//! In: frames of levels in dB. Out: the same frames, each value minus the running mean over all bands, divided by the
//! running deviation. Thread: worker, or training.
//!
//! In this order for frame n with values `x_b`:
//! 1. running peak `p_n = max(max_b x_b, p_{n-1} - release)`; each `x_b` is raised to at least `p_n - range`;
//! 2. the frame's mean and mean square go into the running ones with weight `a_n = max(1/n, hop / time constant)`:
//!    first everything counts equally, later the past fades exponentially;
//! 3. `(x_b - mean) / max(deviation, least deviation)`, clamped.
//!
//! The peak is released so that its *power* fades with the same time constant: 10·log10(e) ≈ 4.34 dB in each.

use super::FrontEndSpec;

/// Running loudness of one stream.
#[derive(Debug, Clone)]
pub struct LoudnessNormalizer {
    bands: usize,
    floor_db: f32,
    range_db: f32,
    least_deviation_db: f64,
    clamp: f32,
    release_db: f32,
    least_weight: f64,
    frames: u64,
    peak_db: f32,
    mean_db: f64,
    variance_db2: f64,
}

impl LoudnessNormalizer {
    /// The state before the first frame.
    pub fn new(spec: &FrontEndSpec) -> Self {
        let normalization = &spec.normalization;
        let hops_per_time_constant = normalization.time_constant.0 / spec.hop().0;
        Self {
            bands: spec.bands,
            floor_db: spec.floor.0,
            range_db: normalization.range.0,
            least_deviation_db: f64::from(normalization.least_deviation.0),
            clamp: normalization.clamp,
            release_db: (10.0 * std::f64::consts::LOG10_E / hops_per_time_constant) as f32,
            least_weight: (1.0 / hops_per_time_constant).min(1.0),
            frames: 0,
            peak_db: f32::NEG_INFINITY,
            mean_db: 0.0,
            variance_db2: 0.0,
        }
    }

    /// Normalises whole frames of levels in dB, (time, bands), and appends them to `out`. A level that is not finite
    /// counts as the floor.
    ///
    /// Levels that were shifted and stretched (z-scored) come out the same as long as neither `range` nor
    /// `least_deviation` nor the clamp acts; those are in dB, so bring z-scores back to a plausible scale first
    /// (music has a deviation of 10 to 20 dB).
    ///
    /// # Panics
    /// If `mel_db` does not divide into frames: a bug of the caller, not of its input.
    pub fn push(&mut self, mel_db: &[f32], out: &mut Vec<f32>) {
        assert!(
            mel_db.len().is_multiple_of(self.bands),
            "{} levels are not whole frames of {} bands",
            mel_db.len(),
            self.bands
        );
        out.reserve(mel_db.len());
        for frame in mel_db.chunks_exact(self.bands) {
            self.push_frame(frame, out);
        }
    }

    /// Resets the state.
    pub fn reset(&mut self) {
        self.frames = 0;
        self.peak_db = f32::NEG_INFINITY;
        self.mean_db = 0.0;
        self.variance_db2 = 0.0;
    }

    /// The running deviation in dB that values are divided by.
    fn deviation_db(&self) -> f64 {
        self.variance_db2.sqrt().max(self.least_deviation_db)
    }

    fn push_frame(&mut self, frame: &[f32], out: &mut Vec<f32>) {
        let start = out.len();
        let floor_db = self.floor_db;
        out.extend(frame.iter().map(|&x| if x.is_finite() { x } else { floor_db }));
        let values = &mut out[start..];

        let loudest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.peak_db = loudest.max(self.peak_db - self.release_db);
        let least = self.peak_db - self.range_db;
        for x in values.iter_mut() {
            *x = x.max(least);
        }

        let count = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        self.frames += 1;
        let weight = (1.0 / self.frames as f64).max(self.least_weight);
        // The same as a running second moment minus the squared mean (Welford 1962), without its cancellation.
        let step = mean - self.mean_db;
        self.mean_db += weight * step;
        self.variance_db2 = (1.0 - weight) * (self.variance_db2 + weight * step * step) + weight * variance;

        let deviation = self.deviation_db();
        for x in values.iter_mut() {
            let y = (f64::from(*x) - self.mean_db) / deviation;
            *x = (y as f32).clamp(-self.clamp, self.clamp);
        }
    }
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;
