//! Models, loaded once and shared: whole files and whole arrays.
//!
//! In: a path, or samples. Out: the JSON document of `attune analyze --json`, and the hops if they are wanted. Thread:
//! any number at once.

use super::failure::{Failure, caught, settings};
use super::hops::Hops;
use super::limits::Watch;
use super::samples::Samples;
use attune_audio::decode::{AudioInfo, Mixdown};
use attune_audio::units::SampleRate;
use attune_engine::HopResult;
use attune_engine::offline::{AnalyzeError, Progress, Report, WholeSound, analyze, document, samples_not_finite};
use attune_engine::smoothing::SmoothingConfig;
use attune_model::{ModelError, ModelSet};
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Samples are taken from an array so many at a time, so that a long one is not copied whole.
const FRAMES_AT_ONCE: usize = 1 << 20;

/// A document, and the hops if they were wanted.
type Analysis<'py> = (String, Option<Bound<'py, PyDict>>);

/// What runs: models, and the knobs of smoothing.
pub(crate) struct Setup {
    pub(crate) models: ModelSet,
    pub(crate) smoothing: SmoothingConfig,
}

/// Models, loaded once and shared between threads and streams.
#[pyclass(frozen, module = "attune._attune")]
pub(crate) struct Engine(Arc<Setup>);

impl Engine {
    pub(crate) fn setup(&self) -> &Arc<Setup> {
        &self.0
    }
}

/// The bundled models are read and checked once per process.
fn bundled() -> Result<ModelSet, ModelError> {
    static BUNDLED: OnceLock<ModelSet> = OnceLock::new();
    if let Some(models) = BUNDLED.get() {
        return Ok(models.clone());
    }
    let models = attune_model::bundled()?;
    Ok(BUNDLED.get_or_init(|| models).clone())
}

fn load(manifests: &[PathBuf], smoothing: Option<&str>, sections: Option<u8>) -> Result<Setup, Failure> {
    let smoothing = match smoothing {
        None => SmoothingConfig::default(),
        Some(json) => serde_json::from_str(json).map_err(|error| settings(&error.to_string()))?,
    };
    smoothing.validate().map_err(|error| settings(&error.to_string()))?;
    let mut models = if manifests.is_empty() {
        bundled()?
    } else {
        attune_model::from_files(manifests)?
    };
    if let Some(k) = sections {
        models = models.with_sections(attune_model::bundled_sections()?, usize::from(k))?;
    }
    Ok(Setup { models, smoothing })
}

#[pymethods]
#[allow(clippy::needless_pass_by_value, reason = "what comes from Python is owned")]
impl Engine {
    /// The models of these manifests, or the bundled ones; knobs of smoothing as JSON; steps to a section's line.
    #[new]
    #[pyo3(signature = (manifests, smoothing, sections))]
    fn new(py: Python<'_>, manifests: Vec<PathBuf>, smoothing: Option<&str>, sections: Option<u8>) -> PyResult<Self> {
        let setup = py.detach(|| caught(|| load(&manifests, smoothing, sections)))?;
        Ok(Self(Arc::new(setup)))
    }

    /// Labels of the classes, in the order of the columns of probabilities.
    #[getter]
    fn genres(&self) -> Vec<String> {
        self.0.models.genres.labels().to_vec()
    }

    /// Name and SHA-256 of the weights of each model, the gate last.
    #[getter]
    fn models(&self) -> Vec<(String, String)> {
        let models = self.0.models.models.iter().chain(&self.0.models.gate);
        let manifests = models.map(attune_model::LoadedModel::manifest);
        manifests
            .map(|manifest| (manifest.name.clone(), manifest.weights_sha256.clone()))
            .collect()
    }

    /// Whether the last of the models is a gate.
    #[getter]
    fn has_gate(&self) -> bool {
        self.0.models.gate.is_some()
    }

    /// Seconds from one hop to the next.
    #[getter]
    fn hop_s(&self) -> f64 {
        self.0.models.front_end.hop().0
    }

    /// A file, which the user knows by `name`.
    #[pyo3(signature = (path, name, limits, with_hops))]
    fn file<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        name: Option<&str>,
        limits: (Option<f64>, Option<f64>),
        with_hops: bool,
    ) -> PyResult<Analysis<'py>> {
        let setup = &self.0;
        let mut watch = Watch::new(limits);
        let mut hops = with_hops.then(|| Hops::new(&setup.models));
        let analyzed = py.detach(|| {
            caught(|| {
                let on_hop = |hop: &HopResult| {
                    if let Some(hops) = &mut hops {
                        hops.push(hop, &setup.models);
                    }
                };
                let result = analyze(&path, &setup.models, &setup.smoothing, on_hop, |at| watch.step(at));
                match result {
                    Err(AnalyzeError::Stopped) => Ok(None),
                    result => Ok(Some(result?)),
                }
            })
        });
        let known = path.display().to_string();
        let renamed = |failure: Failure| match name {
            Some(name) => failure.renamed(&known, name),
            None => failure,
        };
        let Some(mut report) = analyzed.map_err(renamed)? else {
            return Err(stopped(watch));
        };
        if let Some(name) = name {
            name.clone_into(&mut report.source.path);
        }
        answer(py, &report, hops)
    }

    /// Samples at `rate_hz`, float32 of the shape (n,) or (n, channels).
    #[pyo3(signature = (samples, rate_hz, name, limits, with_hops))]
    fn samples<'py>(
        &self,
        py: Python<'py>,
        samples: PyReadonlyArrayDyn<'py, f32>,
        rate_hz: u32,
        name: &str,
        limits: (Option<f64>, Option<f64>),
        with_hops: bool,
    ) -> PyResult<Analysis<'py>> {
        let setup = &self.0;
        let samples = Samples::new(samples)?;
        let channels = samples.channels;
        let rate = SampleRate(rate_hz);
        let mut watch = Watch::new(limits);
        let mut hops = with_hops.then(|| Hops::new(&setup.models));
        let mut on_hop = |hop: &HopResult| {
            if let Some(hops) = &mut hops {
                hops.push(hop, &setup.models);
            }
        };
        let begin = || caught(|| Ok(WholeSound::new(&setup.models, rate, &setup.smoothing)?));
        let mut sound = py.detach(begin)?;
        let info = AudioInfo {
            decoder: "float32".to_owned(),
            rate,
            channels: channels as u16,
            duration: Some(rate.duration(samples.frames as u64)),
            format: String::new(),
        };
        let mut not_finite = 0;
        let mut mixdown = Mixdown::new(rate_hz);
        let (mut interleaved, mut mono) = (Vec::new(), Vec::new());
        for start in (0..samples.frames).step_by(FRAMES_AT_ONCE) {
            let end = samples.frames.min(start + FRAMES_AT_ONCE);
            not_finite += samples.copy(start..end, &mut interleaved);
            let go_on = py.detach(|| {
                mono.clear();
                mixdown.push(&interleaved, channels, &mut mono);
                let done = caught(|| Ok(sound.push(&mono, &mut on_hop)?))?;
                let duration = info.duration;
                Ok::<_, Failure>(watch.step(Progress { done, duration }))
            })?;
            if go_on == ControlFlow::Break(()) {
                return Err(stopped(watch));
            }
        }
        let mut report = py.detach(|| caught(|| Ok(sound.finish(Path::new(name), &info, &mut on_hop)?)))?;
        report.warnings.extend(samples_not_finite(not_finite));
        report.warnings.extend(mixdown.remark(rate_hz));
        answer(py, &report, hops)
    }
}

/// Why an analysis was ended by its watch.
fn stopped(watch: Watch) -> PyErr {
    watch
        .stop()
        .unwrap_or_else(|| Failure::from(AnalyzeError::Stopped).into())
}

fn answer<'py>(py: Python<'py>, report: &Report, hops: Option<Hops>) -> PyResult<Analysis<'py>> {
    let hops = hops.map(|hops| hops.into_dict(py)).transpose()?;
    Ok((document(report), hops))
}
