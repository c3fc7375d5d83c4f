//! The frequency axis of a mel spectrogram.
//!
//! In: the front end's bands. Out: where a frequency lies. Thread: window.

use attune_audio::features::{FrontEndSpec, hz_from_mel, mel_from_hz};

/// Where mel bands lie between bottom (0) and top (1) of a spectrogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MelAxis {
    low_mel: f64,
    step_mel: f64,
    bands: usize,
}

/// Frequencies that get a tick, if they lie within the axis.
const TICKS_HZ: [f64; 7] = [100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

impl MelAxis {
    /// The axis of a front end: band `b` peaks at the `b + 1`-th of `bands + 2` points that lie evenly in mel.
    pub(crate) fn new(spec: &FrontEndSpec) -> Self {
        let (low, high) = (mel_from_hz(spec.low_hz), mel_from_hz(spec.high_hz));
        Self {
            low_mel: low,
            step_mel: (high - low) / (spec.bands + 1) as f64,
            bands: spec.bands,
        }
    }

    /// How far up a frequency lies, 0 at the bottom edge of the lowest band's row, 1 at the top edge of the highest's.
    pub(crate) fn height_of(&self, hz: f64) -> f64 {
        let band = (mel_from_hz(hz) - self.low_mel) / self.step_mel - 1.0;
        (band + 0.5) / self.bands as f64
    }

    /// The frequency at a height.
    pub(crate) fn hz_at(&self, height: f64) -> f64 {
        let band = height * self.bands as f64 - 0.5;
        hz_from_mel(self.low_mel + (band + 1.0) * self.step_mel)
    }

    /// The band whose row holds a height.
    pub(crate) fn band_at(&self, height: f64) -> usize {
        ((height * self.bands as f64).max(0.0) as usize).min(self.bands.saturating_sub(1))
    }

    /// The ticks that lie on the axis: frequency and height.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (f64, f64)> + use<> {
        let axis = *self;
        TICKS_HZ
            .into_iter()
            .map(move |hz| (hz, axis.height_of(hz)))
            .filter(|(_, height)| (0.0..=1.0).contains(height))
    }
}

/// A frequency as an axis shows it: `500`, `2k`.
pub(crate) fn hz_label(hz: f64) -> String {
    if hz >= 1000.0 {
        format!("{}k", hz / 1000.0)
    } else {
        format!("{hz}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_lie_where_librosa_has_the_bands() {
        let axis = MelAxis::new(&FrontEndSpec::default());
        // librosa.mel_frequencies(130, fmin=0, fmax=11025)[1], [64], [128]: peaks of bands 0, 63 and 127.
        for (band, hz) in [(0, 25.79), (63, 1956.5), (127, 10_735.9)] {
            let height = (f64::from(band) + 0.5) / 128.0;
            let found = axis.hz_at(height);
            assert!((found / hz - 1.0).abs() < 1e-3, "band {band}: {found} Hz, not {hz} Hz");
            assert_eq!(axis.band_at(height), band as usize);
        }
        let ticks: Vec<_> = axis.ticks().map(|(hz, _)| hz_label(hz)).collect();
        assert_eq!(ticks, ["100", "200", "500", "1k", "2k", "5k", "10k"]);
    }

    #[test]
    fn height_and_frequency_are_inverse() {
        let axis = MelAxis::new(&FrontEndSpec::default());
        for hz in [30.0, 440.0, 999.0, 1001.0, 9000.0] {
            // Two logarithms and an exponential in f64: a few rounding errors.
            assert!((axis.hz_at(axis.height_of(hz)) / hz - 1.0).abs() < 1e-12);
        }
    }
}
