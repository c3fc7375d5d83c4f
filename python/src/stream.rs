//! One stream, pushed in blocks of any length.
//!
//! In: blocks of samples. Out: the hops that they complete, as columns. Thread: any, one at a time.

use super::engine::{Engine, Setup};
use super::failure::{Failure, caught};
use super::hops::Hops;
use super::samples::Samples;
use attune_audio::decode::Mixdown;
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::Pipeline;
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one stream remembers.
struct Running {
    pipeline: Pipeline,
    mixdown: Mixdown,
    not_finite: u64,
    faults: Vec<String>,
}

/// A stream at one rate through all models.
#[pyclass(frozen, module = "attune._attune")]
pub(crate) struct Stream {
    setup: Arc<Setup>,
    /// Locked without the interpreter only, so that a thread that waits for it never holds the other.
    running: Mutex<Running>,
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, Running> {
        // A panic is caught inside: what it left is a stream that can be reset.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, work: impl FnOnce(&mut Running, &mut Hops) -> Result<(), Failure>) -> Result<Hops, Failure> {
        let mut running = self.lock();
        let mut hops = Hops::new(&self.setup.models);
        caught(|| work(&mut running, &mut hops))?;
        let faults = running.pipeline.take_faults();
        running.faults.extend(faults.iter().map(ToString::to_string));
        Ok(hops)
    }
}

#[pymethods]
impl Stream {
    /// Before its first sample.
    #[new]
    #[pyo3(signature = (engine, rate_hz))]
    fn new(py: Python<'_>, engine: &Engine, rate_hz: u32) -> PyResult<Self> {
        let setup = Arc::clone(engine.setup());
        let open = || Ok(Pipeline::new(&setup.models, SampleRate(rate_hz), setup.smoothing)?);
        let pipeline = py.detach(|| caught(open))?;
        Ok(Self {
            setup,
            running: Mutex::new(Running {
                pipeline,
                mixdown: Mixdown::new(rate_hz),
                not_finite: 0,
                faults: Vec::new(),
            }),
        })
    }

    /// The next samples, float32 of the shape (n,) or (n, channels).
    #[pyo3(signature = (samples))]
    fn push<'py>(&self, py: Python<'py>, samples: PyReadonlyArrayDyn<'py, f32>) -> PyResult<Bound<'py, PyDict>> {
        let samples = Samples::new(samples)?;
        let channels = samples.channels;
        let mut interleaved = Vec::new();
        let not_finite = samples.copy(0..samples.frames, &mut interleaved);
        let models = &self.setup.models;
        let hops = py.detach(|| {
            self.run(|running, hops| {
                running.not_finite += not_finite;
                let mut mono = Vec::new();
                running.mixdown.push(&interleaved, channels, &mut mono);
                Ok(running.pipeline.push(&mono, &mut |hop| hops.push(hop, models))?)
            })
        })?;
        hops.into_dict(py)
    }

    /// The sound has ended: the hops that the resampler still held. Only a reset begins another.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let models = &self.setup.models;
        let hops =
            py.detach(|| self.run(|running, hops| Ok(running.pipeline.finish(&mut |hop| hops.push(hop, models))?)))?;
        hops.into_dict(py)
    }

    /// Forgets all; the next sample is at stream time `at_s`.
    #[pyo3(signature = (at_s))]
    fn reset(&self, py: Python<'_>, at_s: f64) {
        py.detach(|| {
            let mut running = self.lock();
            running.mixdown = Mixdown::new(running.pipeline.source_rate().0);
            running.pipeline.reset(Seconds(at_s));
        });
    }

    /// Samples so far that were NaN or infinite; each counted as 0.
    #[getter]
    fn not_finite(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.lock().not_finite)
    }

    /// Models that failed and are left out.
    #[getter]
    fn faults(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| self.lock().faults.clone())
    }
}
