//! Attention pooling of a stream with one of the score functions: keys are projected once and kept.

use super::affine::PackedAffine;
use super::frame_buf::FrameBuf;
use crate::kernels::exponential::{exp, tanh};
use crate::kernels::packed_matrix::Finish;
use crate::kernels::reduce::{dot, maximum, sum};
use crate::kernels::simd::{dispatch_loop, simd_loop};
use crate::score::MIN_SQUARED_NORM;
use std::slice::from_ref;

/// How a query and a key that are projected become a score.
#[derive(Debug, Clone)]
pub(crate) enum Comparison {
    /// Their product, times this.
    Dot(f32),
    /// The cosine between them, times this.
    Cosine(f32),
    /// vᵀ·tanh(query + key).
    Additive(Vec<f32>),
    /// The query's own entry for the lag.
    Lag,
    /// 0.
    Even,
}

/// A [`crate::score::ScorePooling`] for streams.
#[derive(Debug, Clone)]
pub struct PackedScore {
    /// Of the asking frame; none if nothing asks.
    pub(crate) query: Option<PackedAffine>,
    /// Of every frame; none if frames are not looked at.
    pub(crate) key: Option<PackedAffine>,
    /// What is done with both.
    pub(crate) comparison: Comparison,
    /// Features of a frame.
    pub inputs: usize,
    /// Frames that a query sees, itself included.
    pub(crate) context: usize,
}

/// Keys and features of the frames in the window.
#[derive(Debug, Clone)]
pub struct ScorePoolingState {
    /// (context, key width), frame n at n mod the context.
    keys: Vec<f32>,
    /// (context, inputs), as above.
    features: Vec<f32>,
    /// What the newest frame weighted, by place in the ring.
    weights: Vec<f32>,
    queries: FrameBuf,
    projected: FrameBuf,
    frames: u64,
}

impl PackedScore {
    /// Nothing heard yet.
    pub fn initial_state(&self) -> ScorePoolingState {
        let width = |layer: &Option<PackedAffine>| layer.as_ref().map_or(1, PackedAffine::outputs);
        let key = width(&self.key);
        ScorePoolingState {
            keys: vec![0.0; self.context * key],
            features: vec![0.0; self.context * self.inputs],
            weights: vec![0.0; self.context],
            queries: FrameBuf::new(width(&self.query)),
            projected: FrameBuf::new(key),
            frames: 0,
        }
    }

    /// A block of features to the weighted mean at each of its frames; `tell` is given, frame by frame, what was weighted.
    pub fn step(
        &self,
        x: &FrameBuf,
        memory: &mut ScorePoolingState,
        out: &mut FrameBuf,
        mut tell: impl FnMut(&ScorePoolingState),
    ) {
        let ScorePoolingState { queries, projected, .. } = &mut *memory;
        for (layer, rows) in [(&self.query, queries), (&self.key, projected)] {
            if let Some(layer) = layer {
                layer.step(from_ref(x), Finish::Plain, rows);
            }
        }
        out.reset(x.frames());
        for frame in 0..x.frames() {
            dispatch_loop(Hear, (self, &mut *memory, x.row(frame), frame, out.row_mut(frame)));
            tell(memory);
        }
    }
}

type Heard<'a> = (
    &'a PackedScore,
    &'a mut ScorePoolingState,
    &'a [f32],
    usize,
    &'a mut [f32],
);

#[inline(always)]
fn hear((packed, memory, x, frame, out): Heard<'_>) {
    let place = (memory.frames % packed.context as u64) as usize;
    memory.features[place * packed.inputs..][..packed.inputs].copy_from_slice(x);
    if packed.key.is_some() {
        let key = memory.projected.row(frame);
        let slot = &mut memory.keys[place * key.len()..][..key.len()];
        slot.copy_from_slice(key);
        if matches!(packed.comparison, Comparison::Cosine(_)) {
            to_unit(slot);
        }
    }
    memory.frames += 1;
    let reach = memory.reach();
    packed.score(memory, frame, place);
    // While the ring is not full, places 0..reach are those that were heard.
    let weights = &mut memory.weights[..reach];
    let top = maximum(weights);
    for weight in weights.iter_mut() {
        *weight = exp(*weight - top);
    }
    let share = 1.0 / sum(weights, |weight| weight);
    out.fill(0.0);
    for (weight, x) in weights.iter_mut().zip(memory.features.chunks_exact(packed.inputs)) {
        *weight *= share;
        for (out, x) in out.iter_mut().zip(x) {
            *out += *weight * x;
        }
    }
}
simd_loop!(Hear, hear(Heard<'_>));

impl PackedScore {
    /// Scores of all places within reach of the newest frame, which stands at `place`, to `memory.weights`.
    #[inline(always)]
    fn score(&self, memory: &mut ScorePoolingState, frame: usize, place: usize) {
        let (reach, width) = (memory.reach(), memory.projected.width());
        let query = memory.queries.row_mut(frame);
        let keys = memory.keys.chunks_exact(width);
        let scores = &mut memory.weights[..reach];
        match &self.comparison {
            Comparison::Dot(scale) => {
                for (score, key) in scores.iter_mut().zip(keys) {
                    *score = scale * dot(query, key);
                }
            }
            Comparison::Cosine(strength) => {
                to_unit(query);
                for (score, key) in scores.iter_mut().zip(keys) {
                    *score = strength * dot(query, key);
                }
            }
            Comparison::Additive(vector) => {
                for (score, key) in scores.iter_mut().zip(keys) {
                    let hidden = query.iter().zip(key).map(|(s, h)| tanh(s + h));
                    *score = hidden.zip(vector).map(|(hidden, v)| hidden * v).sum();
                }
            }
            Comparison::Lag => {
                for (at, score) in scores.iter_mut().enumerate() {
                    *score = query[(place + self.context - at) % self.context];
                }
            }
            Comparison::Even => scores.fill(0.0),
        }
    }
}

impl ScorePoolingState {
    /// Frames within reach of the newest one, itself included.
    pub fn reach(&self) -> usize {
        self.frames.min(self.weights.len() as u64) as usize
    }

    /// What the newest frame weighted, by lag: itself first, then back in time.
    pub fn weights_by_lag(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        let context = self.weights.len();
        let newest = (self.frames.max(1) - 1) as usize % context;
        (0..self.reach()).map(move |lag| self.weights[(newest + context - lag) % context])
    }
}

#[inline(always)]
fn to_unit(x: &mut [f32]) {
    let norm = 1.0 / (dot(x, x) + MIN_SQUARED_NORM as f32).sqrt();
    for x in x {
        *x *= norm;
    }
}
