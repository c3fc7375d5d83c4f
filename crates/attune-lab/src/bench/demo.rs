//! A minute of music that is always at hand, as ogg, mp3 and wav, and its features.

use super::BenchError;
use attune_audio::decode::decode_file;
use attune_audio::features::{FeatureExtractor, FrontEndSpec};
use attune_audio::wav::wav_bytes;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const OGG: &[u8] = include_bytes!("../../../../assets/demo/demo.ogg");
const MP3: &[u8] = include_bytes!("../../../../assets/demo/demo.mp3");
/// Seconds of it that are used where the whole is one step.
const SECONDS: usize = 60;

/// The demo in a folder that is removed with it.
pub(crate) struct Demo {
    _folder: TempDir,
    /// Its forms: ogg (the whole), mp3 (28 s), wav (the whole, one channel).
    pub(super) files: Vec<PathBuf>,
}

impl Demo {
    pub(crate) fn unpack() -> Result<Self, BenchError> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let files = vec![at("demo.ogg"), at("demo.mp3"), at("demo.wav")];
        std::fs::write(&files[0], OGG)?;
        std::fs::write(&files[1], MP3)?;
        write_wav(&files[0], &files[2])?;
        Ok(Self { _folder: folder, files })
    }

    /// 60 s of normalised frames by this front end: (time, bands).
    pub(crate) fn frames(&self, spec: &FrontEndSpec) -> Result<Vec<f32>, BenchError> {
        let (info, samples) = decode_file(&self.files[0])?;
        let mut extractor = FeatureExtractor::new(spec, info.rate)?;
        let samples = &samples[..(info.rate.0 as usize * SECONDS).min(samples.len())];
        Ok(extractor.push(samples)?.normalized)
    }
}

fn write_wav(from: &Path, to: &Path) -> Result<(), BenchError> {
    let (info, samples) = decode_file(from)?;
    Ok(std::fs::write(to, wav_bytes(&samples, info.rate))?)
}
