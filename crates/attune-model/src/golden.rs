//! The golden test of a loaded model: a known sound, and the features and logits that must come out.
//!
//! In: a front end and a stream. Out: [`Golden`]. Thread: any.

use super::{GenreStream, ModelError};
use attune_audio::features::{FeatureExtractor, FrameBlock, FrontEndSpec};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

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

/// The most processor time that the test may take: it is a fraction of a second for the bundled models, and a live
/// stream needs it every fourteen seconds.
const MOST_SECONDS: f64 = 2.0;
/// Frames between two looks at the clock.
const BLOCK: usize = 64;

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
fn features(spec: &FrontEndSpec, price: &Price) -> Result<Arc<Vec<f32>>, ModelError> {
    static LAST: Mutex<Option<(FrontEndSpec, Arc<Vec<f32>>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, features)) = &*last
        && known == spec
    {
        return Ok(Arc::clone(features));
    }
    let mut extractor = FeatureExtractor::new(spec, spec.rate)?;
    let mut normalized = Vec::new();
    for block in sound(spec.rate.hz()).chunks(BLOCK * spec.hop_samples) {
        normalized.extend(extractor.push(block)?.normalized);
        price.check()?;
    }
    normalized.extend(extractor.finish()?.normalized);
    let features = Arc::new(normalized);
    *last = Some((spec.clone(), Arc::clone(&features)));
    Ok(features)
}

/// What the test has cost so far.
struct Price {
    /// `None`: it may cost anything.
    begun: Option<Instant>,
    /// Processor seconds of this thread then, where the system counts them.
    used: Option<f64>,
}

impl Price {
    fn begin() -> Self {
        Self {
            begun: Some(Instant::now()),
            used: processor_seconds(),
        }
    }

    fn any() -> Self {
        Self {
            begun: None,
            used: None,
        }
    }

    /// An error once it is too much.
    fn check(&self) -> Result<(), ModelError> {
        let elapsed = self.begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
        if elapsed <= MOST_SECONDS {
            return Ok(());
        }
        // Other programs take time too, which is no fault of the model.
        let used = self.used.zip(processor_seconds()).map(|(before, now)| now - before);
        if used.unwrap_or(elapsed) <= MOST_SECONDS {
            return Ok(());
        }
        Err(ModelError::Costly(format!(
            "{SECONDS} s of sound take more than {MOST_SECONDS} s of a processor"
        )))
    }
}

/// Processor time of this thread in seconds, on Linux.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

impl Golden {
    /// Measures this front end and this model.
    pub fn measure(spec: &FrontEndSpec, stream: &mut dyn GenreStream) -> Result<Self, ModelError> {
        Self::measure_at(&Price::any(), spec, stream)
    }

    /// The same, for a model that may be anybody's.
    ///
    /// # Errors
    /// Also if it takes more than some seconds of a processor.
    pub fn measure_cheaply(spec: &FrontEndSpec, stream: &mut dyn GenreStream) -> Result<Self, ModelError> {
        Self::measure_at(&Price::begin(), spec, stream)
    }

    fn measure_at(price: &Price, spec: &FrontEndSpec, stream: &mut dyn GenreStream) -> Result<Self, ModelError> {
        let normalized = features(spec, price)?;
        let last = |values: &[f32], width: usize| values[values.len().saturating_sub(width)..].to_vec();
        let mut logits = Vec::new();
        // However frames are cut into blocks, the answers are the same.
        for block in normalized.chunks(BLOCK * spec.bands) {
            let output = stream.answers(FrameBlock::new(block, spec.bands))?;
            logits = last(&output.logits, output.classes);
            price.check()?;
        }
        Ok(Self {
            features: last(&normalized, spec.bands),
            logits,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamOutput;
    use std::time::Duration;

    /// A network that needs so much processor time for a block.
    struct Slow(Duration);

    impl GenreStream for Slow {
        fn push(&mut self, _: FrameBlock<'_>, output: &mut StreamOutput) -> Result<(), ModelError> {
            let (begun, used) = (Instant::now(), processor_seconds());
            let spent = || match used.zip(processor_seconds()) {
                Some((before, now)) => now - before,
                None => begun.elapsed().as_secs_f64(),
            };
            while spent() < self.0.as_secs_f64() {
                std::hint::spin_loop();
            }
            output.classes = 1;
            output.logits = vec![0.0];
            Ok(())
        }

        fn reset(&mut self) -> Result<(), ModelError> {
            Ok(())
        }

        fn fork(&self) -> Box<dyn GenreStream> {
            Box::new(Self(self.0))
        }

        fn override_attention(&self, _: &[f32]) -> Option<Vec<f32>> {
            None
        }
    }

    #[test]
    fn a_network_that_costs_too_much_is_refused_and_one_of_ones_own_is_not() {
        let spec = FrontEndSpec::default();
        // Processor time counts, so a machine that is busy elsewhere takes longer to refuse.
        let mut slow = Slow(Duration::from_secs(1));
        let begun = Instant::now();
        let error = Golden::measure_cheaply(&spec, &mut slow).unwrap_err();
        assert!(matches!(error, ModelError::Costly(_)), "{error}");
        let refused = begun.elapsed();
        Golden::measure(&spec, &mut Slow(Duration::from_millis(1))).unwrap();
        Golden::measure_cheaply(&spec, &mut Slow(Duration::ZERO)).unwrap();
        println!("refused after {:.1} s", refused.as_secs_f64());
    }
}
