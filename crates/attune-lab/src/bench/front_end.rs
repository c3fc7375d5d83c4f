//! Sound to features, files to sound, and files to answers.

use super::demo::Demo;
use super::measure::{Times, rounds, time};
use super::peers::DynPeers;
use super::{Bench, BenchError, Row};
use attune_audio::decode::decode_file;
use attune_audio::features::{FeatureExtractor, FrontEndSpec, RateConverter};
use attune_audio::units::SampleRate;
use attune_engine::offline;
use attune_engine::smoothing::SmoothingConfig;
use attune_model::{ModelSet, golden};
use std::hint::black_box;
use std::ops::ControlFlow;

/// Seconds of sound in one run.
const SECONDS: usize = 10;

/// The known sound at this rate.
fn sound(rate: SampleRate) -> Vec<f32> {
    let samples = golden::sound(rate.hz());
    samples
        .iter()
        .cycle()
        .take(rate.0 as usize * SECONDS)
        .copied()
        .collect()
}

impl Bench<'_> {
    pub(super) fn front_end(&mut self, models: &ModelSet, peers: Option<&mut DynPeers>) -> Result<(), BenchError> {
        let spec = &models.front_end;
        let name = format!("features/{}-{}-{}", spec.window_samples, spec.hop_samples, spec.bands);
        if self.config.wants(&name) {
            (self.say)(&name);
            let row = self.features(spec, name, peers)?;
            self.rows.push(row);
        }
        let from = SampleRate(48_000);
        let name = format!("resample/{}-{}", from.0, spec.rate.0);
        if self.config.wants(&name) {
            (self.say)(&name);
            let samples = sound(from);
            let mut converter = RateConverter::new(from, spec.rate)?;
            let mut resampled = Vec::new();
            let times = rounds(self.config.effort, || {
                resampled.clear();
                converter.push(&samples, &mut resampled)?;
                black_box(&resampled);
                Ok::<_, BenchError>(())
            })?;
            self.rows.push(Row::real_time(name, SECONDS as f64, &times));
        }
        Ok(())
    }

    /// Log-mel and loudness; the peers' is log-mel alone.
    fn features(&self, spec: &FrontEndSpec, name: String, peers: Option<&mut DynPeers>) -> Result<Row, BenchError> {
        let samples = sound(spec.rate);
        let mut extractor = FeatureExtractor::new(spec, spec.rate)?;
        let first = extractor.push(&samples)?;
        let mut each = || {
            black_box(extractor.push(&samples)?);
            Ok::<_, BenchError>(())
        };
        let Some(peers) = peers else {
            let times = rounds(self.config.effort, each)?;
            return Ok(Row::real_time(name, SECONDS as f64, &times));
        };
        let mut theirs = peers.open_mel(&name, spec, &samples)?;
        theirs.compare_mel(&first.mel_db, spec.bands)?;
        let mut ours = Times::default();
        for round in 0..=self.config.effort.rounds {
            let seconds = time(self.config.effort, &mut each)?;
            theirs.time(self.config.effort, round > 0)?;
            if round > 0 {
                ours.add(seconds);
            }
        }
        Ok(Row::real_time(name, SECONDS as f64, &ours).with_peers(&ours, &theirs.best()))
    }

    pub(super) fn files(&mut self, models: &ModelSet, demo: &Demo) -> Result<(), BenchError> {
        for path in demo.files.iter().chain(&self.config.files) {
            let kind = path
                .extension()
                .map_or("none".to_owned(), |kind| kind.to_string_lossy().to_lowercase());
            // A file that is given stands in for the demo of its kind.
            let is_demo = demo.files.contains(path);
            let is_given = self
                .config
                .files
                .iter()
                .any(|file| file.extension().is_some_and(|e| e.eq_ignore_ascii_case(&kind)));
            let (decode, analyze) = (format!("decode/{kind}"), format!("analyze/{kind}"));
            if is_demo && is_given || !(self.config.wants(&decode) || self.config.wants(&analyze)) {
                continue;
            }
            (self.say)(&format!("{decode}, {analyze}"));
            let (info, samples) = decode_file(path)?;
            let seconds = info.rate.duration(samples.len() as u64).0;
            if self.config.wants(&decode) {
                let times = rounds(self.config.effort, || {
                    black_box(decode_file(path)?);
                    Ok::<_, BenchError>(())
                })?;
                self.rows.push(Row::real_time(decode, seconds, &times));
            }
            if self.config.wants(&analyze) {
                let smoothing = SmoothingConfig::default();
                let times = rounds(self.config.effort, || {
                    black_box(offline::analyze(
                        path,
                        models,
                        &smoothing,
                        |_| {},
                        |_| ControlFlow::Continue(()),
                    )?);
                    Ok::<_, BenchError>(())
                })?;
                self.rows.push(Row::real_time(analyze, seconds, &times));
            }
        }
        Ok(())
    }
}
