//! Attention pooling of a stream with one of the score functions; keys are projected once and cached.

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
    /// Projects the query frame; none for [`Comparison::Even`].
    pub(crate) query: Option<PackedAffine>,
    /// Projects every frame; none where the score ignores content.
    pub(crate) key: Option<PackedAffine>,
    /// Combines the two into a score.
    pub(crate) comparison: Comparison,
    /// Features of a frame.
    pub inputs: usize,
    /// Frames that a query attends to, itself included.
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
    /// The state before the first frame.
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

    /// A block of features to the weighted mean at each of its frames; `observe` sees the state after each frame.
    pub fn step(
        &self,
        x: &FrameBuf,
        state: &mut ScorePoolingState,
        out: &mut FrameBuf,
        mut observe: impl FnMut(&ScorePoolingState),
    ) {
        let ScorePoolingState { queries, projected, .. } = &mut *state;
        for (layer, rows) in [(&self.query, queries), (&self.key, projected)] {
            if let Some(layer) = layer {
                layer.step(from_ref(x), Finish::Plain, rows);
            }
        }
        out.reset(x.frames());
        for frame in 0..x.frames() {
            dispatch_loop(PushFrame, (self, &mut *state, x.row(frame), frame, out.row_mut(frame)));
            observe(state);
        }
    }
}

type PushArgs<'a> = (
    &'a PackedScore,
    &'a mut ScorePoolingState,
    &'a [f32],
    usize,
    &'a mut [f32],
);

#[inline(always)]
fn push_frame((packed, state, x, frame, out): PushArgs<'_>) {
    let place = (state.frames % packed.context as u64) as usize;
    state.features[place * packed.inputs..][..packed.inputs].copy_from_slice(x);
    if packed.key.is_some() {
        let key = state.projected.row(frame);
        let slot = &mut state.keys[place * key.len()..][..key.len()];
        slot.copy_from_slice(key);
        if matches!(packed.comparison, Comparison::Cosine(_)) {
            to_unit(slot);
        }
    }
    state.frames += 1;
    let reach = state.reach();
    packed.score(state, frame, place);
    // Until the ring is full, only places 0..reach hold frames.
    let weights = &mut state.weights[..reach];
    let top = maximum(weights);
    for weight in weights.iter_mut() {
        *weight = exp(*weight - top);
    }
    let share = 1.0 / sum(weights, |weight| weight);
    out.fill(0.0);
    for (weight, x) in weights.iter_mut().zip(state.features.chunks_exact(packed.inputs)) {
        *weight *= share;
        for (out, x) in out.iter_mut().zip(x) {
            *out += *weight * x;
        }
    }
}
simd_loop!(PushFrame, push_frame(PushArgs<'_>));

impl PackedScore {
    /// Scores of all places within reach of the newest frame, which stands at `place`, to `state.weights`.
    #[inline(always)]
    fn score(&self, state: &mut ScorePoolingState, frame: usize, place: usize) {
        let (reach, width) = (state.reach(), state.projected.width());
        let query = state.queries.row_mut(frame);
        let keys = state.keys.chunks_exact(width);
        let scores = &mut state.weights[..reach];
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

    /// Attention weights of the newest frame, by lag: itself first, then back in time.
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
