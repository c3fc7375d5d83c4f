//! Exponentially decaying mean and standard deviation of every feature of a stream.

use super::frame_buf::FrameBuf;
use crate::kernels::denormals::flush;
use crate::kernels::simd::{dispatch_loop, simd_loop};
use crate::statistics::MIN_VARIANCE;

/// Running mean and mean square of every feature, and the sum of the weights behind them.
#[derive(Debug, Clone)]
pub struct MomentState {
    means: Vec<f32>,
    squares: Vec<f32>,
    weight: f64,
    /// What is left of a frame's weight one frame later.
    retention: f64,
}

impl MomentState {
    /// The state before the first frame. `retention`: what is left of a frame's weight one frame later.
    pub fn new(features: usize, retention: f64) -> Self {
        Self {
            means: vec![0.0; features],
            squares: vec![0.0; features],
            weight: 0.0,
            retention,
        }
    }

    /// Adds the frames of all `parts`, concatenated; writes mean and deviation at each frame to `out`.
    pub fn step(&mut self, parts: &[FrameBuf], out: &mut FrameBuf) {
        out.reset(parts[0].frames());
        dispatch_loop(Follow, (self, parts, out));
    }
}

#[inline(always)]
fn follow((state, parts, out): (&mut MomentState, &[FrameBuf], &mut FrameBuf)) {
    let features = state.means.len();
    for frame in 0..out.frames() {
        state.weight = state.weight * state.retention + 1.0;
        let alpha = (1.0 / state.weight) as f32;
        let (mean_out, deviation_out) = out.row_mut(frame).split_at_mut(features);
        let mut at = 0;
        for part in parts {
            let x = part.row(frame);
            let range = at..at + x.len();
            let moments = state.means[range.clone()].iter_mut();
            let moments = moments.zip(&mut state.squares[range.clone()]);
            let outs = mean_out[range.clone()].iter_mut().zip(&mut deviation_out[range]);
            for (((mean, square), x), (mean_out, deviation)) in moments.zip(x).zip(outs) {
                *mean = flush(*mean + alpha * (x - *mean));
                *square = flush(*square + alpha * (x * x - *square));
                *mean_out = *mean;
                *deviation = deviation_of(*mean, *square);
            }
            at += x.len();
        }
    }
}
simd_loop!(Follow, follow((&mut MomentState, &[FrameBuf], &mut FrameBuf)));

/// √(max(0, E[x²] − E[x]²) + [`MIN_VARIANCE`]).
#[inline(always)]
pub(super) fn deviation_of(mean: f32, square: f32) -> f32 {
    ((square - mean * mean).max(0.0) + MIN_VARIANCE as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A feature that is 1 once and then 0 for twenty minutes: its mean decays to zero and is never denormal.
    #[test]
    fn a_mean_decays_to_zero_without_denormals() {
        const TEN_SECONDS: f64 = 430.0;
        let mut state = MomentState::new(2, (-1.0 / TEN_SECONDS).exp());
        let (mut frames, mut out) = (FrameBuf::new(2), FrameBuf::new(4));
        frames.load(&[1.0, 2.0]);
        state.step(std::slice::from_ref(&frames), &mut out);
        assert_eq!(out.row(0)[..2], [1.0, 2.0]);
        frames.load(&[0.0, 2.0]);
        for frame in 0..20 * 60 * 43 {
            state.step(std::slice::from_ref(&frames), &mut out);
            assert!(
                state.means.iter().chain(&state.squares).all(|x| !x.is_subnormal()),
                "{frame}"
            );
        }
        assert!(out.row(0)[0].abs() < f32::MIN_POSITIVE, "{}", out.row(0)[0]);
        assert!((out.row(0)[1] - 2.0).abs() < 1e-5, "{}", out.row(0)[1]);
    }
}
