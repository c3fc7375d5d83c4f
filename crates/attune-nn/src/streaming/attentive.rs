//! Mean and deviation of the last frames of a stream, weighted by a learned score (Okabe, Koshinaka & Shinoda 2018).

use super::affine::{PackedAffine, tanh_in_place};
use super::frame_buf::FrameBuf;
use super::moments::deviation_of;
use crate::kernels::aligned::Aligned;
use crate::kernels::exponential::exp;
use crate::kernels::packed_matrix::Finish;
use crate::kernels::reduce::{dot, maximum, sum};
use crate::kernels::simd::{dispatch_loop, simd_loop};

/// Frames that share one weighted sum: a window of hundreds of frames is then a few sums and the frames of its oldest,
/// partly expired chunk; otherwise each step would read every feature of every frame again.
const CHUNK: usize = 32;
/// Features that are summed at a time.
const TILE: usize = 64;

/// The additive score e = vᵀ·tanh(W·h + b), packed.
#[derive(Debug, Clone)]
pub struct PackedAttentive {
    hidden: PackedAffine,
    score: Vec<f32>,
    context: usize,
}

/// Scores and features of the frames in the window, and sums over whole chunks of them.
#[derive(Debug, Clone)]
pub struct AttentiveState {
    /// Frame n at n mod the window.
    scores: Vec<f32>,
    /// (window, features).
    features: Aligned,
    /// Chunk c at c mod their number.
    chunks: Vec<ChunkSum>,
    /// e^(score − top) of every place of the window: what the newest frame weighted, but for `share`.
    weights: Vec<f32>,
    share: f32,
    hidden: FrameBuf,
    count: usize,
    frames: u64,
}

/// Σ e^(score − top)·x and ·x² over the frames of a chunk so far; `top` is their highest score.
#[derive(Debug, Clone)]
struct ChunkSum {
    top: f32,
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl PackedAttentive {
    /// From W (inputs, hidden) with b, and v.
    pub fn new(hidden: PackedAffine, score: Vec<f32>, context: usize) -> Self {
        Self { hidden, score, context }
    }

    /// The state before the first frame.
    pub fn initial_state(&self, features: usize) -> AttentiveState {
        let chunk = ChunkSum {
            top: f32::NEG_INFINITY,
            means: vec![0.0; features],
            squares: vec![0.0; features],
        };
        AttentiveState {
            scores: vec![f32::NEG_INFINITY; self.context],
            features: Aligned::zeros(self.context * features),
            chunks: vec![chunk; self.context / CHUNK + 2],
            weights: vec![0.0; self.context],
            share: 0.0,
            hidden: FrameBuf::new(self.hidden.outputs()),
            count: features,
            frames: 0,
        }
    }

    /// Scores come from the parts `scored`, the parts `pooled` are weighted: mean and deviation at each frame to `out`.
    pub fn step(&self, scored: &[FrameBuf], pooled: &[FrameBuf], state: &mut AttentiveState, out: &mut FrameBuf) {
        self.hidden.step(scored, Finish::Plain, &mut state.hidden);
        tanh_in_place(&mut state.hidden);
        out.reset(state.hidden.frames());
        for frame in 0..state.hidden.frames() {
            let score = dot(state.hidden.row(frame), &self.score);
            dispatch_loop(PushFrame, (&mut *state, score, pooled, frame, out.row_mut(frame)));
        }
    }
}

#[inline(always)]
fn push_frame((state, score, pooled, frame, out): (&mut AttentiveState, f32, &[FrameBuf], usize, &mut [f32])) {
    state.push(score, pooled, frame);
    state.pool(out);
}
simd_loop!(
    PushFrame,
    push_frame((&mut AttentiveState, f32, &[FrameBuf], usize, &mut [f32]))
);

impl AttentiveState {
    /// Frames in the window.
    pub fn context(&self) -> usize {
        self.scores.len()
    }

    /// Frames within reach of the newest one, itself included.
    pub fn reach(&self) -> usize {
        self.frames.min(self.scores.len() as u64) as usize
    }

    /// Attention weights of the newest frame: over the last `count` frames, oldest first, appended to `into`.
    pub fn newest_weights(&self, count: usize, into: &mut Vec<f32>) {
        let context = self.scores.len() as u64;
        let reach = self.reach();
        into.extend((0..count).rev().map(|back| {
            if back < reach {
                self.weights[((self.frames - 1 - back as u64) % context) as usize] * self.share
            } else {
                0.0
            }
        }));
    }

    /// Mean and deviation with these weights on the last frames, oldest first, in place of the learned ones. Weights
    /// beyond reach are dropped, the others normalised to sum to 1; false if none is left.
    pub fn pool_with(&self, weights: &[f32], out: &mut [f32]) -> bool {
        let (context, count) = (self.scores.len() as u64, self.count);
        let weights = &weights[weights.len().saturating_sub(self.reach())..];
        let all: f32 = weights.iter().sum();
        if all.is_nan() || all <= 0.0 {
            return false;
        }
        let (means, deviations) = out.split_at_mut(count);
        let mut squares = vec![0.0; count];
        means.fill(0.0);
        let first = self.frames - weights.len() as u64;
        for (frame, weight) in (first..).zip(weights) {
            let x = &self.features.as_slice()[(frame % context) as usize * count..][..count];
            for ((mean, square), x) in means.iter_mut().zip(&mut squares).zip(x) {
                *mean += weight / all * x;
                *square += weight / all * x * x;
            }
        }
        for ((deviation, mean), square) in deviations.iter_mut().zip(means).zip(squares) {
            *deviation = deviation_of(*mean, square);
        }
        true
    }

    /// Adds one frame to the window and to the sum of its chunk.
    #[inline(always)]
    fn push(&mut self, score: f32, pooled: &[FrameBuf], frame: usize) {
        let (context, count) = (self.scores.len(), self.count);
        let place = (self.frames % context as u64) as usize;
        let number = self.chunks.len() as u64;
        let chunk = &mut self.chunks[(self.frames / CHUNK as u64 % number) as usize];
        if self.frames.is_multiple_of(CHUNK as u64) {
            chunk.top = f32::NEG_INFINITY;
        }
        // A higher score than all before makes those smaller; e^(−∞) clears what an older chunk left here.
        let top = chunk.top.max(score);
        let shrink = if chunk.top == f32::NEG_INFINITY {
            0.0
        } else {
            exp(chunk.top - top)
        };
        let weight = exp(score - top);
        chunk.top = top;
        self.scores[place] = score;
        let stored = &mut self.features.as_mut_slice()[place * count..][..count];
        let mut at = 0;
        for part in pooled {
            let x = part.row(frame);
            let range = at..at + x.len();
            stored[range.clone()].copy_from_slice(x);
            let sums = chunk.means[range.clone()].iter_mut().zip(&mut chunk.squares[range]);
            for ((mean, square), x) in sums.zip(x) {
                *mean = *mean * shrink + weight * x;
                *square = *square * shrink + weight * x * x;
            }
            at += x.len();
        }
        self.frames += 1;
    }

    /// Mean and deviation over the window, side by side.
    #[inline(always)]
    fn pool(&mut self, out: &mut [f32]) {
        let (context, count) = (self.scores.len() as u64, self.count);
        let filled = self.reach();
        let scores = &self.scores[..filled];
        let top = maximum(scores);
        for (weight, score) in self.weights.iter_mut().zip(scores) {
            *weight = exp(score - top);
        }
        self.share = 1.0 / sum(&self.weights[..filled], |weight| weight);
        let oldest = self.frames - filled as u64;
        // The frames before the first whole chunk one by one, then chunk by chunk.
        let whole = oldest.next_multiple_of(CHUNK as u64).min(self.frames);
        let chunks = if whole.is_multiple_of(CHUNK as u64) {
            whole / CHUNK as u64..self.frames.div_ceil(CHUNK as u64)
        } else {
            0..0 // The window ends within the chunk in which it begins.
        };
        let (means, deviations) = out.split_at_mut(count);
        // A few features at a time, whose sums stay in registers.
        for first in (0..count).step_by(TILE) {
            let columns = first..(first + TILE).min(count);
            let (mut mean, mut square) = ([0.0; TILE], [0.0; TILE]);
            for frame in oldest..whole {
                let place = (frame % context) as usize;
                let weight = self.weights[place];
                let x = &self.features.as_slice()[place * count..][columns.clone()];
                for ((mean, square), x) in mean.iter_mut().zip(&mut square).zip(x) {
                    let weighted = weight * x;
                    *mean += weighted;
                    *square += weighted * x;
                }
            }
            for number in chunks.clone() {
                let chunk = &self.chunks[(number % self.chunks.len() as u64) as usize];
                let weight = exp(chunk.top - top);
                let of_chunk = chunk.means[columns.clone()].iter().zip(&chunk.squares[columns.clone()]);
                for ((mean, square), (chunk_mean, chunk_square)) in mean.iter_mut().zip(&mut square).zip(of_chunk) {
                    *mean += weight * chunk_mean;
                    *square += weight * chunk_square;
                }
            }
            let outs = means[columns.clone()].iter_mut().zip(&mut deviations[columns]);
            for ((mean_out, deviation), (mean, square)) in outs.zip(mean.iter().zip(&square)) {
                *mean_out = mean * self.share;
                *deviation = deviation_of(*mean_out, square * self.share);
            }
        }
    }
}
