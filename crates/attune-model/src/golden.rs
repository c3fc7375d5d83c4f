//! The golden test of a loaded model: a known sound, and the features and logits that must come out.
//!
//! In: a front end and a stream. Out: [`Golden`]. Thread: any.

use super::{GenreStream, ModelError};
use attune_audio::features::{FeatureExtractor, FrameBlock, FrontEndSpec};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// Features and logits for the sound of [`sound`], recorded when the model was exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Normalised features of the last frame, one for each band.
    pub features: Vec<f32>,
    /// Logits of the last frame.
    pub logits: Vec<f32>,
}

/// How far a feature may be off, in deviations: f32 spectra of other processors differ in the last bits, which a log of
/// a near-empty band magnifies; a wrong window, scale or mel formula is off by tenths.
const FEATURE_TOLERANCE: f32 = 0.02;
/// How far a logit may be off.
const LOGIT_TOLERANCE: f32 = 0.05;

/// Length of the sound in seconds: longer than the memory of the loudness normalisation and every context.
const SECONDS: f64 = 14.0;
/// From here on it is silent for a second…
const GAP: f64 = 10.0;
/// …and then the same, 20 dB lower.
const QUIET: f64 = 11.0;

/// Seconds that every part of a front end shows in: three gliding tones, a pulse four times a second and noise at
/// −40 dB, then silence, then the same 20 dB lower; the same samples on every machine.
pub fn sound(rate_hz: f64) -> Vec<f32> {
    let mut noise = 0x2545_F491_4F6C_DD1D_u64;
    (0..(rate_hz * SECONDS) as usize)
        .map(|n| {
            let t = n as f64 / rate_hz;
            // xorshift64* (Vigna 2016): the same on every machine, which no library promises of its own generator.
            noise ^= noise >> 12;
            noise ^= noise << 25;
            noise ^= noise >> 27;
            let white = (noise.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f64 / f64::from(1_u32 << 23) - 1.0;
            let tones: f64 = [(220.0, 0.2), (1_500.0, 0.1), (4_000.0, 0.05)]
                .iter()
                .map(|(hz, level)| level * (std::f64::consts::TAU * hz * t * (1.0 + 0.01 * t)).sin())
                .sum();
            let pulse = 0.3 * (-40.0 * (t * 4.0).fract() / 4.0).exp() * (std::f64::consts::TAU * 80.0 * t).sin();
            let loudness = match t {
                t if t < GAP => 1.0,
                t if t < QUIET => 0.0,
                _ => 0.1,
            };
            (loudness * (tones + pulse + 0.01 * white)) as f32
        })
        .collect()
}

/// The normalised features of the known sound. Models that are loaded together have the same front end: those of the
/// last one are kept (0.3 MB), since to compose the sound takes longer than to run a model over it.
fn features(spec: &FrontEndSpec) -> Result<Arc<Vec<f32>>, ModelError> {
    static LAST: Mutex<Option<(FrontEndSpec, Arc<Vec<f32>>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, features)) = &*last
        && known == spec
    {
        return Ok(Arc::clone(features));
    }
    let mut extractor = FeatureExtractor::new(spec, spec.rate)?;
    let mut block = extractor.push(&sound(spec.rate.hz()))?;
    let rest = extractor.finish()?;
    block.normalized.extend(rest.normalized);
    let features = Arc::new(block.normalized);
    *last = Some((spec.clone(), Arc::clone(&features)));
    Ok(features)
}

impl Golden {
    /// Measures this front end and this model.
    pub fn measure(spec: &FrontEndSpec, stream: &mut dyn GenreStream) -> Result<Self, ModelError> {
        let normalized = features(spec)?;
        let output = stream.answers(FrameBlock::new(&normalized, spec.bands))?;
        let last = |values: &[f32], width: usize| values[values.len().saturating_sub(width)..].to_vec();
        Ok(Self {
            features: last(&normalized, spec.bands),
            logits: last(&output.logits, output.classes),
        })
    }

    /// Compares with what is measured now.
    pub fn check(&self, measured: &Self) -> Result<(), ModelError> {
        if measured.features.is_empty() || measured.logits.is_empty() {
            return Err(ModelError::Golden(
                "its front end makes no frame of the known sound".to_owned(),
            ));
        }
        compare("feature", &self.features, &measured.features, FEATURE_TOLERANCE)?;
        compare("logit", &self.logits, &measured.logits, LOGIT_TOLERANCE)
    }
}

fn compare(what: &'static str, expected: &[f32], measured: &[f32], tolerance: f32) -> Result<(), ModelError> {
    if expected.len() != measured.len() {
        return Err(ModelError::Golden(format!(
            "{} golden {what}s in the manifest, {} measured",
            expected.len(),
            measured.len()
        )));
    }
    for (index, (expected, measured)) in expected.iter().zip(measured).enumerate() {
        let difference = (expected - measured).abs();
        if difference.is_nan() || difference > tolerance {
            return Err(ModelError::Golden(format!(
                "golden {what} {index} is {expected} in the manifest and {measured} here (tolerance {tolerance})"
            )));
        }
    }
    Ok(())
}
