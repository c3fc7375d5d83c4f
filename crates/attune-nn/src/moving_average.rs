//! Causal moving average over time: each frame becomes the mean of the last few, itself included.
//!
//! In: (b, t, c). Out: the same shape. Thread: any.

use crate::streaming::frame_buf::{FrameBuf, History};
use candle_core::{Result, Tensor};

/// The mean of the last `frames` frames, or of as many as there are. It has no weights, so both forms are this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovingAverage {
    frames: usize,
}

/// The last frames of a stream.
#[derive(Debug, Clone)]
pub struct MovingAverageState {
    past: History,
    /// Frames that the next average covers.
    known: usize,
}

impl MovingAverage {
    /// Over at least one frame, which changes nothing.
    pub fn new(frames: usize) -> Self {
        Self { frames: frames.max(1) }
    }

    /// Whole sequences x (b, t, c), each from its first frame on.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let frames = x.dim(1)?;
        if self.frames == 1 || frames == 0 {
            return Ok(x.clone());
        }
        let mut sum = x.clone();
        for back in 1..self.frames.min(frames) {
            sum = (sum + x.narrow(1, 0, frames - back)?.pad_with_zeros(1, back, 0)?)?;
        }
        let shares: Vec<f32> = (1..=frames).map(|n| 1.0 / n.min(self.frames) as f32).collect();
        sum.broadcast_mul(&Tensor::from_vec(shares, (1, frames, 1), x.device())?)
    }

    /// The state before the first of the frames of `width` values.
    pub fn initial_state(&self, width: usize) -> MovingAverageState {
        MovingAverageState {
            past: History::new(self.frames - 1, width),
            known: 1,
        }
    }

    /// The frames of a stream, in place.
    pub fn step(&self, x: &mut FrameBuf, state: &mut MovingAverageState) {
        if self.frames == 1 {
            return;
        }
        for frame in 0..x.frames() {
            state.past.push(x.row(frame));
            let share = 1.0 / state.known as f32;
            let row = x.row_mut(frame);
            for back in 1..state.known {
                for (sum, value) in row.iter_mut().zip(state.past.row(back)) {
                    *sum += value;
                }
            }
            for sum in row {
                *sum *= share;
            }
            state.known = (state.known + 1).min(self.frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn streamed(average: MovingAverage, x: &[f32], width: usize, block: usize) -> Vec<f32> {
        let (mut state, mut rows, mut out) = (average.initial_state(width), FrameBuf::new(width), Vec::new());
        for frames in x.chunks(block * width) {
            rows.load(frames);
            average.step(&mut rows, &mut state);
            (0..rows.frames()).for_each(|frame| out.extend_from_slice(rows.row(frame)));
        }
        out
    }

    #[test]
    fn each_frame_is_the_mean_of_the_last_three_in_both_forms_whatever_the_cuts() {
        let average = MovingAverage::new(3);
        let x = [3.0, 30.0, 5.0, 50.0, 10.0, 100.0, 0.0, 0.0, 2.0, 20.0];
        let expected = [3.0, 30.0, 4.0, 40.0, 6.0, 60.0, 5.0, 50.0, 4.0, 40.0];
        let whole = average.forward(&Tensor::from_slice(&x, (1, 5, 2), &Device::Cpu).unwrap());
        let whole: Vec<f32> = whole.unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let once = streamed(average, &x, 2, 5);
        for (of, expected) in [(&whole, &expected[..]), (&once, &expected[..])] {
            assert!(of.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{of:?}");
        }
        assert_eq!(streamed(average, &x, 2, 2), once);
        assert_eq!(streamed(average, &x, 2, 1), once);
        assert_eq!(streamed(MovingAverage::new(1), &x, 2, 2), x);
    }

    #[test]
    fn a_sequence_shorter_than_the_average_is_the_mean_of_what_there_is() {
        let x = Tensor::from_slice(&[2.0f32, 4.0], (1, 2, 1), &Device::Cpu).unwrap();
        let mean: Vec<f32> = MovingAverage::new(8)
            .forward(&x)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap();
        assert!((mean[0] - 2.0).abs() + (mean[1] - 3.0).abs() < 1e-6, "{mean:?}");
    }
}
