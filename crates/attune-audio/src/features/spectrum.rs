//! Power spectrum of one window.
//!
//! In: one window of samples. Out: |X(k)|² for bins 0…window/2, not divided by anything (as librosa and `PyTorch` have
//! it). Thread: worker.

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// A windowed Fourier transform with its working memory.
pub struct PowerSpectrum {
    transform: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    windowed: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Vec<f32>,
}

impl PowerSpectrum {
    /// For windows of `window` samples, weighted by a periodic Hann window.
    pub fn new(window: usize) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(window);
        // Periodic: the value that would follow is the first again, so that shifted windows add up to a constant.
        let hann = (0..window)
            .map(|n| {
                let turn = 2.0 * std::f64::consts::PI * n as f64 / window as f64;
                (0.5 - 0.5 * turn.cos()) as f32
            })
            .collect();
        Self {
            hann,
            windowed: transform.make_input_vec(),
            bins: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            power: vec![0.0; window / 2 + 1],
            transform,
        }
    }

    /// The power in each bin, (window / 2 + 1).
    ///
    /// # Panics
    /// If `samples` is not one window: a bug of the caller.
    pub fn of(&mut self, samples: &[f32]) -> &[f32] {
        assert_eq!(samples.len(), self.hann.len(), "not one window");
        for ((out, &sample), &weight) in self.windowed.iter_mut().zip(samples).zip(&self.hann) {
            *out = sample * weight;
        }
        self.transform
            .process_with_scratch(&mut self.windowed, &mut self.bins, &mut self.scratch)
            .expect("all buffers were made by the plan that checks their lengths");
        for (power, bin) in self.power.iter_mut().zip(&self.bins) {
            *power = bin.norm_sqr();
        }
        &self.power
    }
}
