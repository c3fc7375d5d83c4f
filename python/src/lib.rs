//! The extension module `attune._attune`: the engine as Python sees it. The package `attune` around it
//! (`python/attune`) has what users call; here are two classes that take numbers and give JSON and arrays.
//!
//! In: paths, arrays of samples. Out: the documents of `attune analyze --json`, and each hop as NumPy arrays. Thread:
//! any; the interpreter is released while sound is decoded or computed, and no thread is started.

mod engine;
mod failure;
mod hops;
mod limits;
mod samples;
mod stream;

/// What `attune` (Python) is made of.
#[pyo3::pymodule(gil_used = false)]
mod _attune {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::stream::Stream;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
