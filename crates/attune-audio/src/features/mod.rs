//! Sound to features: the one front end that training, file analysis and live audio share.
//!
//! In: mono samples at any rate. Out: frames of log-mel levels, raw and loudness-normalised. Thread: worker.

mod error;
mod extractor;
mod framing;
mod mel;
mod normalize;
mod resample;
mod spec;
mod spectrum;

pub use error::FrontEndError;
pub use extractor::FeatureExtractor;
pub use framing::whole_frames;
pub use mel::{MelFilterbank, hz_from_mel, mel_from_hz};
pub use normalize::LoudnessNormalizer;
pub(crate) use resample::HIGHEST_RATE;
use resample::LOWEST_RATE;
pub use resample::RateConverter;
pub use spec::{FrontEndSpec, LoudnessNormalization};
pub use spectrum::PowerSpectrum;

use crate::units::{FrameIndex, SampleRate};

/// Consecutive frames, borrowed: `data` is (time, bands), row-major.
#[derive(Debug, Clone, Copy)]
pub struct FrameBlock<'a> {
    data: &'a [f32],
    bands: usize,
}

impl<'a> FrameBlock<'a> {
    /// Wraps whole frames of `bands` values each.
    ///
    /// # Panics
    /// If `data` does not divide into frames: a bug of the caller, not of its input.
    pub fn new(data: &'a [f32], bands: usize) -> Self {
        assert!(
            bands > 0 && data.len().is_multiple_of(bands),
            "{} values are not whole frames of {bands} bands",
            data.len()
        );
        Self { data, bands }
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.data.len() / self.bands
    }

    /// How many bands a frame has.
    pub fn bands(&self) -> usize {
        self.bands
    }

    /// All values, (time, bands).
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// The frames from `start` up to `end`.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        Self {
            data: &self.data[start * self.bands..end * self.bands],
            bands: self.bands,
        }
    }

    /// The frames one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.data.chunks_exact(self.bands)
    }
}

/// The log-mel levels of a whole recording in dB, (frames, bands): the front end over all samples at once.
///
/// # Errors
/// If the front end cannot process this rate.
pub fn levels_of(samples: &[f32], rate: SampleRate, spec: &FrontEndSpec) -> Result<Vec<f32>, FrontEndError> {
    let mut extractor = FeatureExtractor::levels_only(spec, rate)?;
    let mut levels = extractor.push(samples)?.mel_db;
    levels.extend(extractor.finish()?.mel_db);
    Ok(levels)
}

/// The frames of one push, owned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureBlock {
    /// Place of the first frame in its stream.
    pub first: FrameIndex,
    /// Log-mel power in dB re unit mel power, as librosa's `power_to_db(melspectrogram(..), ref=1.0)`, (time, bands): what
    /// is drawn. A sine of full scale reaches about 40 dB with the default spec; nothing is below the spec's floor.
    pub mel_db: Vec<f32>,
    /// The same, loudness-normalised: the models' input. (time, bands).
    pub normalized: Vec<f32>,
    /// How many frames there are.
    pub frames: usize,
}
