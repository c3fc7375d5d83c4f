//! The front end as a whole: samples in, feature frames out, for live audio, files and training alike.
//!
//! In: mono samples at the source's rate, in pieces of any length. Out: [`FeatureBlock`]s. Thread: worker.

use super::framing::{Framer, whole_frames};
use super::mel::MelFilterbank;
use super::normalize::LoudnessNormalizer;
use super::resample::RateConverter;
use super::spectrum::PowerSpectrum;
use super::{FeatureBlock, FrontEndError, FrontEndSpec};
use crate::units::{FrameIndex, SampleRate, Seconds};

/// Amplitudes beyond this (120 dB over full scale) are no sound; they are limited so that no power overflows.
const GREATEST_AMPLITUDE: f32 = 1e6;

/// Samples are worked through in pieces of this many, so that a whole file needs no second copy.
const PIECE_SAMPLES: usize = 4096;

/// One stream's front end. Offline is one long [`push`](Self::push) and a [`finish`](Self::finish); how the samples are
/// cut into pushes makes no difference to any bit of the frames.
pub struct FeatureExtractor {
    spec: FrontEndSpec,
    source_rate: SampleRate,
    converter: RateConverter,
    framer: Framer,
    spectrum: PowerSpectrum,
    filterbank: MelFilterbank,
    normalizer: Option<LoudnessNormalizer>,
    least_power: f32,
    next: FrameIndex,
    clean: Vec<f32>,
    resampled: Vec<f32>,
}

impl FeatureExtractor {
    /// A front end for sources of `source_rate` (8 to 192 kHz).
    pub fn new(spec: &FrontEndSpec, source_rate: SampleRate) -> Result<Self, FrontEndError> {
        spec.validate()?;
        Ok(Self {
            spec: spec.clone(),
            source_rate,
            converter: RateConverter::new(source_rate, spec.rate)?,
            framer: Framer::new(spec.window_samples, spec.hop_samples),
            spectrum: PowerSpectrum::new(spec.window_samples),
            filterbank: MelFilterbank::of(spec),
            normalizer: Some(LoudnessNormalizer::new(spec)),
            least_power: 10.0_f64.powf(f64::from(spec.floor.0) / 10.0) as f32,
            next: FrameIndex(0),
            clean: Vec::with_capacity(PIECE_SAMPLES),
            resampled: Vec::new(),
        })
    }

    /// Without the loudness normalisation, for callers that reset it within a stream: `normalized` stays empty.
    pub fn levels_only(spec: &FrontEndSpec, source_rate: SampleRate) -> Result<Self, FrontEndError> {
        let mut extractor = Self::new(spec, source_rate)?;
        extractor.normalizer = None;
        Ok(extractor)
    }

    /// Takes the next samples of the stream (any number, none included) and gives the frames that they complete.
    /// Samples that are not finite count as silence.
    ///
    /// # Errors
    /// [`FrontEndError::Finished`] after [`finish`](Self::finish) and before a [`reset`](Self::reset).
    pub fn push(&mut self, samples: &[f32]) -> Result<FeatureBlock, FrontEndError> {
        let mut block = self.empty_block();
        let expected = self.converter.output_samples(samples.len() as u64) / self.spec.hop_samples as u64 + 1;
        if samples.len() >= self.spec.hop_samples {
            block.mel_db.reserve(expected as usize * self.spec.bands);
        }
        // Also with no samples: the converter says whether the stream has ended.
        if samples.is_empty() {
            self.converter.push(samples, &mut self.resampled)?;
        }
        for piece in samples.chunks(PIECE_SAMPLES) {
            self.clean.clear();
            self.clean.extend(piece.iter().map(|&sample| {
                if sample.is_finite() {
                    sample.clamp(-GREATEST_AMPLITUDE, GREATEST_AMPLITUDE)
                } else {
                    0.0
                }
            }));
            self.converter.push(&self.clean, &mut self.resampled)?;
            self.take_frames(&mut block);
        }
        Ok(self.complete(block))
    }

    /// Ends the stream: gives the frames that the resampler's delay held back. The number of all frames is then
    /// [`frames_in`](Self::frames_in) of the number of samples.
    pub fn finish(&mut self) -> Result<FeatureBlock, FrontEndError> {
        let mut block = self.empty_block();
        self.converter.finish(&mut self.resampled)?;
        self.take_frames(&mut block);
        Ok(self.complete(block))
    }

    /// Resets the state: the next sample is the first of a new stream.
    pub fn reset(&mut self) {
        self.converter.reset();
        self.framer.reset();
        if let Some(normalizer) = &mut self.normalizer {
            normalizer.reset();
        }
        self.resampled.clear();
        self.next = FrameIndex(0);
    }

    /// What this front end is.
    pub fn spec(&self) -> &FrontEndSpec {
        &self.spec
    }

    /// The rate of its source.
    pub fn source_rate(&self) -> SampleRate {
        self.source_rate
    }

    /// Centre of each mel band in hertz.
    pub fn centres_hz(&self) -> &[f64] {
        self.filterbank.centres_hz()
    }

    /// The frame that comes next.
    pub fn next_frame(&self) -> FrameIndex {
        self.next
    }

    /// How many frames a whole stream of `samples` source samples has.
    pub fn frames_in(&self, samples: u64) -> u64 {
        let resampled = self.converter.output_samples(samples);
        whole_frames(resampled, self.spec.window_samples, self.spec.hop_samples)
    }

    /// The source sample that follows the last one which frame `frame` covers: once so many were pushed, plus
    /// [`reach_samples`](Self::reach_samples), the frame is out.
    pub fn end_of(&self, frame: FrameIndex) -> u64 {
        let end = frame.0 * self.spec.hop_samples as u64 + self.spec.window_samples as u64;
        (end * u64::from(self.source_rate.0)).div_ceil(u64::from(self.spec.rate.0))
    }

    /// How many source samples after its end a frame may still wait for and depend on: the resampler's half filter and
    /// block. 0 where nothing is resampled.
    pub fn reach_samples(&self) -> u64 {
        self.converter.reach_samples()
    }

    /// The designed delay of the resampler: [`reach_samples`](Self::reach_samples) in seconds.
    pub fn delay(&self) -> Seconds {
        self.source_rate.duration(self.reach_samples())
    }

    fn empty_block(&self) -> FeatureBlock {
        FeatureBlock {
            first: self.next,
            ..FeatureBlock::default()
        }
    }

    fn take_frames(&mut self, block: &mut FeatureBlock) {
        let (spectrum, filterbank, least_power) = (&mut self.spectrum, &self.filterbank, self.least_power);
        let mel_db = &mut block.mel_db;
        self.framer.push(&self.resampled, |window| {
            let start = mel_db.len();
            filterbank.apply(spectrum.of(window), mel_db);
            for level in &mut mel_db[start..] {
                *level = 10.0 * level.max(least_power).log10();
            }
        });
        self.resampled.clear();
    }

    fn complete(&mut self, mut block: FeatureBlock) -> FeatureBlock {
        block.frames = block.mel_db.len() / self.spec.bands;
        if let Some(normalizer) = &mut self.normalizer {
            normalizer.push(&block.mel_db, &mut block.normalized);
        }
        self.next.0 += block.frames as u64;
        block
    }
}
