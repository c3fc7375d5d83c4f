//! The parameters of a front end, as stored in every model's manifest.
//!
//! In: a manifest. Out: [`FrontEndSpec`]. Thread: any.

use super::{FrontEndError, HIGHEST_RATE, LOWEST_RATE};
use crate::units::{Decibels, SampleRate, Seconds};
use serde::{Deserialize, Serialize};

/// The parameters that fix how samples become frames. Two specs that differ make different features, so a model
/// refuses features of another spec than its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontEndSpec {
    /// The rate that samples are resampled to first.
    pub rate: SampleRate,
    /// Length of the periodic Hann window and of the Fourier transform, in samples.
    pub window_samples: usize,
    /// Step from frame to frame, in samples. Frames are not centred: frame n covers `[n·hop, n·hop + window)`.
    pub hop_samples: usize,
    /// How many Slaney mel bands (area-normalised triangles; Slaney 1998, as in librosa).
    pub bands: usize,
    /// Lower edge of the lowest band in hertz.
    pub low_hz: f64,
    /// Upper edge of the highest band in hertz.
    pub high_hz: f64,
    /// Levels below this are raised to it: 10·log10 of the least mel power (dB re unit mel power).
    pub floor: Decibels,
    /// How loudness is taken out, causally.
    pub normalization: LoudnessNormalization,
}

/// Causal loudness normalisation: each frame minus the running mean of all levels so far (all bands), divided by their
/// running deviation. Mean and deviation weight all frames equally at first, later exponentially with a time constant.
///
/// The result does not change when the input is louder by any gain, nor when its dB scale was shifted and stretched
/// (as in z-scored training data): an affine map of the levels falls out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoudnessNormalization {
    /// How long the past counts.
    pub time_constant: Seconds,
    /// Levels more than this below the loudest one so far (slowly forgotten) are raised to it before the normalisation.
    pub range: Decibels,
    /// The least deviation divided by: keeps near-silence from being blown up.
    pub least_deviation: Decibels,
    /// Normalised values are clamped to ± this many deviations.
    pub clamp: f32,
}

impl Default for FrontEndSpec {
    /// 22,050 Hz, 2048/512, 128 Slaney mels from 0 to 11,025 Hz.
    fn default() -> Self {
        Self {
            rate: SampleRate(22_050),
            window_samples: 2048,
            hop_samples: 512,
            bands: 128,
            low_hz: 0.0,
            high_hz: 11_025.0,
            floor: Decibels(-100.0),
            normalization: LoudnessNormalization {
                time_constant: Seconds(10.0),
                range: Decibels(80.0),
                least_deviation: Decibels(2.0),
                clamp: 4.0,
            },
        }
    }
}

impl FrontEndSpec {
    /// Whether a front end can be made of these values.
    pub fn validate(&self) -> Result<(), FrontEndError> {
        let normalization = &self.normalization;
        let nyquist_hz = self.rate.hz() / 2.0;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        check(
            (LOWEST_RATE..=HIGHEST_RATE).contains(&self.rate),
            "rate",
            &self.rate.0,
            "from 8000 to 192000 (Hz)",
        )?;
        check(
            (2..=LONGEST_WINDOW).contains(&self.window_samples) && self.window_samples.is_multiple_of(2),
            "window_samples",
            &self.window_samples,
            "an even number from 2 to 65536",
        )?;
        check(
            (1..=self.window_samples).contains(&self.hop_samples),
            "hop_samples",
            &self.hop_samples,
            &format!("from 1 to the window, {}", self.window_samples),
        )?;
        check(
            (1..=MOST_BANDS).contains(&self.bands),
            "bands",
            &self.bands,
            "from 1 to 1024",
        )?;
        check(
            self.high_hz.is_finite() && self.high_hz > 0.0 && self.high_hz <= nyquist_hz,
            "high_hz",
            &self.high_hz,
            &format!("above 0 and at most half the rate, {nyquist_hz}"),
        )?;
        check(
            (0.0..self.high_hz).contains(&self.low_hz),
            "low_hz",
            &self.low_hz,
            &format!("at least 0 and below high_hz, {}", self.high_hz),
        )?;
        // -300 dB is a power of 1e-30, well within what f32 holds.
        check(
            (-300.0..=100.0).contains(&self.floor.0),
            "floor",
            &self.floor.0,
            "from -300 to 100 (dB)",
        )?;
        check(
            positive(normalization.time_constant.0),
            "normalization.time_constant",
            &normalization.time_constant.0,
            "a time above 0 (s)",
        )?;
        check(
            positive(f64::from(normalization.range.0)),
            "normalization.range",
            &normalization.range.0,
            "above 0 (dB)",
        )?;
        check(
            positive(f64::from(normalization.least_deviation.0)),
            "normalization.least_deviation",
            &normalization.least_deviation.0,
            "above 0 (dB)",
        )?;
        check(
            positive(f64::from(normalization.clamp)),
            "normalization.clamp",
            &normalization.clamp,
            "above 0 (deviations)",
        )
    }

    /// Time from one frame to the next.
    pub fn hop(&self) -> Seconds {
        self.rate.duration(self.hop_samples as u64)
    }

    /// Frames that lie within `span`, rounded to the nearest.
    pub fn frames_in(&self, span: Seconds) -> usize {
        (span.0 / self.hop().0).round().max(0.0) as usize
    }
}

/// No spec that anyone uses comes near these; they keep a manifest from requesting all memory.
const LONGEST_WINDOW: usize = 65_536;
const MOST_BANDS: usize = 1024;

fn check(fits: bool, field: &'static str, value: &dyn ToString, must_be: &str) -> Result<(), FrontEndError> {
    if fits {
        return Ok(());
    }
    Err(FrontEndError::Spec {
        field,
        value: value.to_string(),
        must_be: must_be.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_json() {
        let spec = FrontEndSpec::default();
        spec.validate().unwrap();
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<FrontEndSpec>(&json).unwrap(), spec);
    }

    #[test]
    fn each_bad_field_is_named_with_its_value() {
        type Spoil = fn(&mut FrontEndSpec);
        let cases: [(&str, &str, Spoil); 20] = [
            ("rate", "7999", |s| s.rate = SampleRate(7_999)),
            ("rate", "192001", |s| s.rate = SampleRate(192_001)),
            ("window_samples", "0", |s| s.window_samples = 0),
            ("window_samples", "2047", |s| s.window_samples = 2047),
            ("window_samples", "1000000", |s| s.window_samples = 1_000_000),
            ("hop_samples", "0", |s| s.hop_samples = 0),
            ("hop_samples", "2049", |s| s.hop_samples = 2049),
            ("bands", "0", |s| s.bands = 0),
            ("bands", "99999", |s| s.bands = 99_999),
            ("high_hz", "11025.5", |s| s.high_hz = 11_025.5),
            ("high_hz", "NaN", |s| s.high_hz = f64::NAN),
            ("low_hz", "-1", |s| s.low_hz = -1.0),
            ("low_hz", "11025", |s| s.low_hz = 11_025.0),
            ("low_hz", "NaN", |s| s.low_hz = f64::NAN),
            ("floor", "NaN", |s| s.floor = Decibels(f32::NAN)),
            ("floor", "-inf", |s| s.floor = Decibels(f32::NEG_INFINITY)),
            ("normalization.time_constant", "0", |s| {
                s.normalization.time_constant = Seconds(0.0);
            }),
            ("normalization.range", "NaN", |s| {
                s.normalization.range = Decibels(f32::NAN);
            }),
            ("normalization.least_deviation", "0", |s| {
                s.normalization.least_deviation = Decibels(0.0);
            }),
            ("normalization.clamp", "inf", |s| s.normalization.clamp = f32::INFINITY),
        ];
        for (name, shown, spoil) in cases {
            let mut spec = FrontEndSpec::default();
            spoil(&mut spec);
            let Err(FrontEndError::Spec { field, value, .. }) = spec.validate() else {
                panic!("{name} = {shown} was accepted");
            };
            assert_eq!((field, value.as_str()), (name, shown));
        }
    }
}
