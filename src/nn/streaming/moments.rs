//! Mean and deviation of everything a stream heard, exponentially forgotten.

use super::rows::Rows;
use crate::nn::kernels::widest::{wide, widest_of};
use crate::nn::statistics::LEAST_VARIANCE;

/// Running mean and mean square of every feature, and the sum of the weights behind them.
#[derive(Debug, Clone)]
pub struct MomentMemory {
    means: Vec<f32>,
    squares: Vec<f32>,
    weight: f64,
    /// What is left of a frame's weight one frame later.
    retention: f64,
}

impl MomentMemory {
    /// Nothing heard yet.
    pub fn new(features: usize, retention: f64) -> Self {
        Self {
            means: vec![0.0; features],
            squares: vec![0.0; features],
            weight: 0.0,
            retention,
        }
    }

    /// Takes the features of all `parts` side by side; mean and deviation at each frame to `out`.
    pub fn step(&mut self, parts: &[Rows], out: &mut Rows) {
        out.reset(parts[0].frames());
        widest_of(Follow, (self, parts, out));
    }
}

#[inline(always)]
fn follow((memory, parts, out): (&mut MomentMemory, &[Rows], &mut Rows)) {
    let features = memory.means.len();
    for frame in 0..out.frames() {
        memory.weight = memory.weight * memory.retention + 1.0;
        let alpha = (1.0 / memory.weight) as f32;
        let (mean_out, deviation_out) = out.row_mut(frame).split_at_mut(features);
        let mut at = 0;
        for part in parts {
            let x = part.row(frame);
            let range = at..at + x.len();
            let moments = memory.means[range.clone()].iter_mut();
            let moments = moments.zip(&mut memory.squares[range.clone()]);
            let outs = mean_out[range.clone()].iter_mut().zip(&mut deviation_out[range]);
            for (((mean, square), x), (mean_out, deviation)) in moments.zip(x).zip(outs) {
                *mean += alpha * (x - *mean);
                *square += alpha * (x * x - *square);
                *mean_out = *mean;
                *deviation = deviation_of(*mean, *square);
            }
            at += x.len();
        }
    }
}
wide!(Follow, follow((&mut MomentMemory, &[Rows], &mut Rows)));

/// √(max(0, E[x²] − E[x]²) + the least variance).
#[inline(always)]
pub fn deviation_of(mean: f32, square: f32) -> f32 {
    ((square - mean * mean).max(0.0) + LEAST_VARIANCE as f32).sqrt()
}
