//! Arrays of samples as frames that follow each other.
//!
//! In: float32, (n,) or (n, channels). Out: interleaved samples, all finite. Thread: one that holds the interpreter.

use numpy::ndarray::Axis;
use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ops::Range;

/// More channels than this are taken for an array that lies the wrong way round.
const MOST_CHANNELS: usize = 32;

/// Samples as the caller has them.
pub(crate) struct Samples<'py> {
    array: PyReadonlyArrayDyn<'py, f32>,
    /// Frames, each of one sample per channel.
    pub(crate) frames: usize,
    /// Audio channels.
    pub(crate) channels: usize,
}

impl<'py> Samples<'py> {
    /// # Errors
    /// `ValueError` if the array has another shape.
    pub(crate) fn new(array: PyReadonlyArrayDyn<'py, f32>) -> PyResult<Self> {
        let (frames, channels) = match *array.shape() {
            [frames] => (frames, 1),
            [frames, channels] if (1..=MOST_CHANNELS).contains(&channels) => (frames, channels),
            ref shape => {
                return Err(PyValueError::new_err(format!(
                    "samples have the shape (n,) or (n, channels) with at most {MOST_CHANNELS} channels, not {shape:?}; \
                     transpose an array of (channels, n)"
                )));
            }
        };
        Ok(Self {
            array,
            frames,
            channels,
        })
    }

    /// Puts these frames into `out`, interleaved. Returns how many samples were not finite: each counts as 0.
    pub(crate) fn copy(&self, frames: Range<usize>, out: &mut Vec<f32>) -> u64 {
        out.clear();
        let array = self.array.as_array();
        // Only where frames follow each other, and not channels.
        if let Some(flat) = array.as_slice() {
            out.extend_from_slice(&flat[frames.start * self.channels..frames.end * self.channels]);
        } else {
            // Every other sample, say, of a larger array.
            for frame in frames {
                out.extend(array.index_axis(Axis(0), frame).iter());
            }
        }
        let mut not_finite = 0;
        for sample in out.iter_mut().filter(|sample| !sample.is_finite()) {
            *sample = 0.0;
            not_finite += 1;
        }
        not_finite
    }
}
