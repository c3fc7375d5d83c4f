//! What a front end is, as stored in every model's manifest.

use crate::units::{Decibels, SampleRate, Seconds};
use serde::{Deserialize, Serialize};

/// The parameters that fix how samples become frames. Two specs that differ make different features, so a model
/// refuses features of another spec than its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontEndSpec {
    /// The rate that samples are brought to first.
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
    /// Levels below this are raised to it: 10·log10 of the least power told apart.
    pub floor: Decibels,
    /// How loudness is taken out, causally.
    pub normalization: LoudnessNormalization,
}

/// Causal loudness normalisation: each frame minus the running mean of all levels so far (all bands), divided by their
/// running deviation. Mean and deviation are of everything heard at first, later exponential with a time constant.
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
    /// Time from one frame to the next.
    pub fn hop(&self) -> Seconds {
        self.rate.duration(self.hop_samples as u64)
    }

    /// Frames that lie within `span`, rounded to the nearest.
    pub fn frames_in(&self, span: Seconds) -> usize {
        (span.0 / self.hop().0).round().max(0.0) as usize
    }
}
