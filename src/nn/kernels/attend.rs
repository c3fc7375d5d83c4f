//! One query against the keys and values of a stream, which lie in a ring.

use super::aligned::Aligned;
use super::exponential::exp;
use pulp::{Simd, WithSimd};

/// Places of a panel of keys: one feature of so many keys lies side by side, and is multiplied by one of the query.
const PANEL: usize = 64;
/// Values of a head are padded to the lanes of the widest register.
const LANES: usize = 16;
/// Frames whose values are summed side by side, so that one sum need not wait for the last.
const TURNS: usize = 4;

/// Keys and values of the last `context` frames of one layer: frame n stands at n mod `context`. The newest frame
/// takes the place of the one that has just left the window, so that all that stands in the ring is seen.
#[derive(Debug, Clone)]
pub struct KeyValueRing {
    /// (heads, panels, width of a head, places of a panel).
    keys: Aligned,
    /// (heads, places, padded width of a head).
    values: Aligned,
    /// What the newest frame weighted: (heads, places).
    weights: Aligned,
    context: usize,
    heads: usize,
    width: usize,
    frames: u64,
}

impl KeyValueRing {
    /// An empty ring for `heads` heads of `width` features.
    pub fn new(context: usize, heads: usize, width: usize) -> Self {
        let places = context.next_multiple_of(PANEL);
        Self {
            keys: Aligned::zeros(heads * places * width),
            values: Aligned::zeros(heads * places * width.next_multiple_of(LANES)),
            weights: Aligned::zeros(heads * places),
            context,
            heads,
            width,
            frames: 0,
        }
    }

    /// Frames that went by.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that stand in the ring.
    pub fn filled(&self) -> usize {
        self.frames.min(self.context as u64) as usize
    }

    fn places(&self) -> usize {
        self.context.next_multiple_of(PANEL)
    }

    /// What the newest frame weighted: for each head the last `count` frames, oldest first; 0 for those out of reach.
    pub fn newest_weights(&self, count: usize, into: &mut Vec<f32>) {
        let (places, filled) = (self.places(), self.filled());
        let newest = (self.frames.saturating_sub(1) % self.context as u64) as usize;
        for weights in self.weights.as_slice().chunks_exact(places) {
            into.extend((0..count).rev().map(|back| {
                if back < filled {
                    weights[(newest + self.context - back) % self.context]
                } else {
                    0.0
                }
            }));
        }
    }

    fn insert(&mut self, keys: &[f32], values: &[f32]) {
        let place = (self.frames % self.context as u64) as usize;
        let (places, width, padded) = (self.places(), self.width, self.width.next_multiple_of(LANES));
        for head in 0..self.heads {
            let panel = &mut self.keys.as_mut_slice()[(head * places + place / PANEL * PANEL) * width..];
            let features = &keys[head * width..][..width];
            for (row, key) in panel.chunks_exact_mut(PANEL).zip(features) {
                row[place % PANEL] = *key;
            }
            self.values.as_mut_slice()[(head * places + place) * padded..][..width]
                .copy_from_slice(&values[head * width..][..width]);
        }
        self.frames += 1;
    }
}

/// Takes one frame's queries, keys and values side by side into the ring, and mixes the values that the query asks for.
pub struct Attend<'a> {
    /// (3 · heads · width): queries, keys, values.
    pub row: &'a [f32],
    /// Where keys and values stand.
    pub ring: &'a mut KeyValueRing,
    /// (heads · width).
    pub mixed: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { row, ring, mixed } = self;
        let all = ring.heads * ring.width;
        let (queries, rest) = row.split_at(all);
        let (keys, values) = rest.split_at(all);
        ring.insert(keys, values);
        let (places, filled, width) = (ring.places(), ring.filled(), ring.width);
        let padded = width.next_multiple_of(LANES);
        let scale = 1.0 / (width as f32).sqrt();
        for head in 0..ring.heads {
            let query = &queries[head * width..][..width];
            let weights = &mut ring.weights.as_mut_slice()[head * places..][..places];
            let keys = &ring.keys.as_slice()[head * places * width..][..places * width];
            let panels = keys.chunks_exact(PANEL * width).zip(weights.chunks_exact_mut(PANEL));
            for (keys, scores) in panels.take(filled.div_ceil(PANEL)) {
                score(simd, query, scale, keys, scores);
            }
            softmax(simd, weights, filled);
            let values = &ring.values.as_slice()[head * places * padded..][..places * padded];
            mix(
                simd,
                &weights[..filled.next_multiple_of(TURNS)],
                values,
                padded,
                &mut mixed[head * width..][..width],
            );
        }
    }
}

/// Σ over features of the query's value times those of [`PANEL`] keys.
#[inline(always)]
fn score<S: Simd>(simd: S, query: &[f32], scale: f32, keys: &[f32], scores: &mut [f32]) {
    let scores = S::as_mut_simd_f32s(scores).0;
    // Eight sums hide the latency of an addition and leave registers over in every instruction set.
    for (part, scores) in scores.chunks_mut(8).enumerate() {
        let mut sums = [simd.splat_f32s(0.0); 8];
        for (row, query) in keys.chunks_exact(PANEL).zip(query) {
            let row = &S::as_simd_f32s(row).0[part * 8..][..scores.len()];
            let query = simd.splat_f32s(query * scale);
            for (sum, key) in sums.iter_mut().zip(row) {
                *sum = simd.mul_add_e_f32s(query, *key, *sum);
            }
        }
        scores.copy_from_slice(&sums[..scores.len()]);
    }
}

/// Scores to weights: softmax over the first `filled`, 0 for the others.
#[inline(always)]
fn softmax<S: Simd>(simd: S, weights: &mut [f32], filled: usize) {
    let (seen, unseen) = weights.split_at_mut(filled);
    unseen.fill(0.0);
    let (vectors, rest) = S::as_simd_f32s(seen);
    let top = vectors.iter().fold(simd.splat_f32s(f32::NEG_INFINITY), |top, scores| {
        simd.max_f32s(top, *scores)
    });
    let top = rest
        .iter()
        .fold(simd.reduce_max_f32s(top), |top, score| top.max(*score));
    for weight in &mut *seen {
        *weight = exp(*weight - top);
    }
    let (vectors, rest) = S::as_simd_f32s(seen);
    let sum = vectors
        .iter()
        .fold(simd.splat_f32s(0.0), |sum, weights| simd.add_f32s(sum, *weights));
    let sum = rest.iter().fold(simd.reduce_sum_f32s(sum), |sum, weight| sum + weight);
    let factor = 1.0 / sum;
    for weight in seen {
        *weight *= factor;
    }
}

/// Σ over places of weight times values; `weights` is a multiple of [`TURNS`] long.
#[inline(always)]
fn mix<S: Simd>(simd: S, weights: &[f32], values: &[f32], padded: usize, mixed: &mut [f32]) {
    let vectors = padded / S::F32_LANES;
    let mut at = 0;
    while at < vectors {
        at += match vectors - at {
            1 => mix_vectors::<S, 1>(simd, weights, values, padded, at, mixed),
            _ => mix_vectors::<S, 2>(simd, weights, values, padded, at, mixed),
        };
    }
}

#[inline(always)]
fn mix_vectors<S: Simd, const V: usize>(
    simd: S,
    weights: &[f32],
    values: &[f32],
    padded: usize,
    at: usize,
    mixed: &mut [f32],
) -> usize {
    let first = at * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; TURNS];
    for (weights, values) in weights.chunks_exact(TURNS).zip(values.chunks_exact(TURNS * padded)) {
        for ((sums, weight), values) in sums.iter_mut().zip(weights).zip(values.chunks_exact(padded)) {
            let weight = simd.splat_f32s(*weight);
            let values = S::as_simd_f32s(&values[first..][..V * S::F32_LANES]).0;
            for (sum, values) in sums.iter_mut().zip(values) {
                *sum = simd.mul_add_e_f32s(weight, *values, *sum);
            }
        }
    }
    let [a, b, c, d] = sums;
    for (v, (((a, b), c), d)) in a.into_iter().zip(b).zip(c).zip(d).enumerate() {
        let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
        let place = first + v * S::F32_LANES;
        if place < mixed.len() {
            let end = (place + S::F32_LANES).min(mixed.len());
            simd.partial_store_f32s(&mut mixed[place..end], sum);
        }
    }
    V
}
