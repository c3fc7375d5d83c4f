//! Arrays of samples to mono, as files are mixed down.
//!
//! In: float32, (n,) or (n, channels). Out: mono samples. Thread: one that holds the interpreter.

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

    /// Appends the mean of the channels of these frames to `out`. Returns how many samples were not finite: each counts
    /// as 0.
    pub(crate) fn mix_into(&self, frames: Range<usize>, out: &mut Vec<f32>) -> u64 {
        let mut not_finite = 0;
        let mut clean = |sample: f32| {
            if sample.is_finite() {
                sample
            } else {
                not_finite += 1;
                0.0
            }
        };
        let array = self.array.as_array();
        // Only where frames follow each other, and not channels.
        if let Some(flat) = array.as_slice() {
            let interleaved = &flat[frames.start * self.channels..frames.end * self.channels];
            mix(interleaved.iter().copied(), self.channels, &mut clean, out);
        } else {
            // Every other sample, say, of a larger array.
            let rows = frames.flat_map(|frame| {
                let row = array.index_axis(numpy::ndarray::Axis(0), frame);
                row.iter().copied().collect::<Vec<_>>()
            });
            mix(rows, self.channels, &mut clean, out);
        }
        not_finite
    }
}

fn mix(samples: impl Iterator<Item = f32>, channels: usize, clean: &mut impl FnMut(f32) -> f32, out: &mut Vec<f32>) {
    if channels == 1 {
        out.extend(samples.map(clean));
        return;
    }
    let share = 1.0 / channels as f32;
    let (mut sum, mut summed) = (0.0, 0);
    for sample in samples {
        sum += clean(sample);
        summed += 1;
        if summed == channels {
            out.push(sum * share);
            (sum, summed) = (0.0, 0);
        }
    }
}
