//! Attention of a stream: queries against keys and values in a ring buffer (Vaswani et al. 2017).

use super::aligned::Aligned;
use super::exponential::exp;
use super::reduce::maximum;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Keys of a panel: one feature of this many keys is contiguous, to be multiplied by one feature of the query.
const PANEL: usize = 64;
/// Places, and the values of a head, are padded to the lanes of the widest register.
const LANES: usize = 16;
/// Most frames whose queries are processed together: keys and values of one head stay in the L1 cache for all of them.
pub const MAX_QUERIES: usize = 16;
/// Frames whose sums are in registers side by side: each key and value is read once for all of them.
const QUERY_TILE: usize = 4;
/// Frames whose values are summed side by side, so that one sum need not wait for the last.
const INTERLEAVED: usize = 2;

/// Keys and values of the last frames of one layer: frame n stands at n mod the number of places. There are a few more
/// places than the `context` that a query sees, so that frames processed together do not overwrite each other's keys.
#[derive(Debug, Clone)]
pub struct KeyValueRing {
    /// (heads, panels, width of a head, places of the panel).
    keys: Aligned,
    /// (heads, places, padded width of a head).
    values: Aligned,
    /// Attention weights of the newest frame: (heads, places).
    weights: Aligned,
    /// Scores of one tile of queries, of one head.
    scores: Aligned,
    context: usize,
    places: usize,
    heads: usize,
    width: usize,
    frames: u64,
}

impl KeyValueRing {
    /// An empty ring for `heads` heads of `width` features.
    pub fn new(context: usize, heads: usize, width: usize) -> Self {
        let places = (context + MAX_QUERIES - 1).next_multiple_of(LANES);
        Self {
            keys: Aligned::zeros(heads * places * width),
            values: Aligned::zeros(heads * places * width.next_multiple_of(LANES)),
            weights: Aligned::zeros(heads * places),
            scores: Aligned::zeros(QUERY_TILE * places),
            context,
            places,
            heads,
            width,
            frames: 0,
        }
    }

    /// Frames that the newest one attends to, itself included.
    pub fn filled(&self) -> usize {
        self.frames.min(self.context as u64) as usize
    }

    /// Attention weights of the newest frame: for each head the last `count` frames, oldest first; 0 beyond reach.
    pub fn newest_weights(&self, count: usize, into: &mut Vec<f32>) {
        let filled = self.filled() as u64;
        for weights in self.weights.as_slice().chunks_exact(self.places) {
            into.extend((0..count as u64).rev().map(|back| {
                if back < filled {
                    weights[self.place(self.frames - 1 - back)]
                } else {
                    0.0
                }
            }));
        }
    }

    fn place(&self, frame: u64) -> usize {
        (frame % self.places as u64) as usize
    }

    /// The places that a frame in the ring does not see: up to two ranges.
    fn unseen(&self, frame: u64) -> [Range<usize>; 2] {
        let newest = self.place(frame);
        let oldest = self.place((frame + 1).saturating_sub(self.context as u64));
        if oldest <= newest {
            [0..oldest, newest + 1..self.places]
        } else {
            [newest + 1..oldest, 0..0]
        }
    }

    fn insert(&mut self, keys: &[f32], values: &[f32]) {
        let place = self.place(self.frames);
        let (width, padded) = (self.width, self.width.next_multiple_of(LANES));
        let first = place / PANEL * PANEL;
        let columns = PANEL.min(self.places - first);
        for head in 0..self.heads {
            let panel = &mut self.keys.as_mut_slice()[(head * self.places + first) * width..];
            let features = &keys[head * width..][..width];
            for (row, key) in panel.chunks_exact_mut(columns).zip(features) {
                row[place - first] = *key;
            }
            self.values.as_mut_slice()[(head * self.places + place) * padded..][..width]
                .copy_from_slice(&values[head * width..][..width]);
        }
        self.frames += 1;
    }
}

/// Inserts queries, keys and values of up to [`MAX_QUERIES`] frames into the ring, and mixes the values by the
/// attention of each query. The result of a frame is the same to the bit alone or with others.
pub struct Attend<'a> {
    /// (frames, stride): queries, keys, values of all heads, (3 · heads · width) of each row.
    pub rows: &'a [f32],
    /// From one row to the next.
    pub stride: usize,
    /// Where keys and values stand.
    pub ring: &'a mut KeyValueRing,
    /// (frames, stride of the mixed): (heads · width) of each row.
    pub mixed: &'a mut [f32],
    /// From one row of the mixed to the next.
    pub mixed_stride: usize,
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (heads, width) = (self.ring.heads, self.ring.width);
        let (all, first) = (heads * width, self.ring.frames);
        let frames = self.rows.len() / self.stride;
        assert!(frames <= MAX_QUERIES, "{frames} queries at once");
        for row in self.rows.chunks_exact(self.stride) {
            self.ring.insert(&row[all..2 * all], &row[2 * all..3 * all]);
        }
        for head in 0..heads {
            let mut frame = 0;
            while frame + QUERY_TILE <= frames {
                self.attend::<S, QUERY_TILE>(simd, head, first, frame);
                frame += QUERY_TILE;
            }
            while frame < frames {
                self.attend::<S, 1>(simd, head, first, frame);
                frame += 1;
            }
        }
    }
}

impl Attend<'_> {
    /// Queries of `R` frames from row `frame` on, against one head; row 0 is frame `first` of the stream.
    #[inline(always)]
    fn attend<S: Simd, const R: usize>(&mut self, simd: S, head: usize, first: u64, frame: usize) {
        let (places, width) = (self.ring.places, self.ring.width);
        // Until the ring has transposed once, the places behind the newest frame hold nothing.
        let used = (self.ring.frames.min(places as u64) as usize).next_multiple_of(LANES);
        let unseen: [_; R] = std::array::from_fn(|r| {
            let ranges = self.ring.unseen(first + (frame + r) as u64);
            ranges.map(|range| range.start.min(used)..range.end.min(used))
        });
        let padded = width.next_multiple_of(LANES);
        let KeyValueRing {
            keys,
            values,
            weights,
            scores,
            ..
        } = &mut *self.ring;
        let scores = scores.as_mut_slice();
        let queries: [&[f32]; R] =
            std::array::from_fn(|r| &self.rows[(frame + r) * self.stride + head * width..][..width]);
        let keys = &keys.as_slice()[head * places * width..][..places * width];
        score(simd, queries, keys, places, used, scores);
        for (weights, unseen) in scores.chunks_exact_mut(places).zip(&unseen) {
            softmax(simd, &mut weights[..used], unseen);
        }
        // The last query is the newest.
        weights.as_mut_slice()[head * places..][..used].copy_from_slice(&scores[(R - 1) * places..][..used]);
        let values = &values.as_slice()[head * places * padded..][..used * padded];
        let mixed = &mut self.mixed[frame * self.mixed_stride + head * width..];
        mix::<S, R>(
            simd,
            (scores, places),
            (values, padded),
            (mixed, self.mixed_stride),
            width,
        );
    }
}

/// The queries' values times those of all keys, over √width: (R, places).
#[inline(always)]
fn score<S: Simd, const R: usize>(
    simd: S,
    queries: [&[f32]; R],
    keys: &[f32],
    places: usize,
    used: usize,
    scores: &mut [f32],
) {
    let width = queries[0].len();
    for first in (0..used).step_by(PANEL) {
        let columns = PANEL.min(places - first);
        let panel = &keys[first * width..][..columns * width];
        let vectors = columns.min(used - first) / S::F32_LANES;
        let mut at = 0;
        // As many sums as fit into the registers.
        while at + 4 <= vectors && (R == 1 || S::REGISTER_COUNT > 16) {
            score_tile::<S, R, 4>(simd, queries, (panel, columns), at, (&mut scores[first..], places));
            at += 4;
        }
        while at + 2 <= vectors {
            score_tile::<S, R, 2>(simd, queries, (panel, columns), at, (&mut scores[first..], places));
            at += 2;
        }
        while at < vectors {
            score_tile::<S, R, 1>(simd, queries, (panel, columns), at, (&mut scores[first..], places));
            at += 1;
        }
    }
}

#[inline(always)]
fn score_tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    queries: [&[f32]; R],
    (panel, columns): (&[f32], usize),
    at: usize,
    (scores, stride): (&mut [f32], usize),
) {
    let (column, span) = (at * S::F32_LANES, V * S::F32_LANES);
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (feature, keys) in panel.chunks_exact(columns).enumerate() {
        let keys = S::as_simd_f32s(&keys[column..][..span]).0;
        for (sums, query) in sums.iter_mut().zip(&queries) {
            let query = simd.splat_f32s(query[feature]);
            for (sum, key) in sums.iter_mut().zip(keys) {
                *sum = simd.mul_add_e_f32s(query, *key, *sum);
            }
        }
    }
    let scale = simd.splat_f32s(1.0 / (queries[0].len() as f32).sqrt());
    for (r, sums) in sums.into_iter().enumerate() {
        let sums = sums.map(|sum| simd.mul_f32s(sum, scale));
        let scores = S::as_mut_simd_f32s(&mut scores[r * stride + column..][..span]).0;
        for (score, sum) in scores.iter_mut().zip(sums) {
            *score = sum;
        }
    }
}

/// Scores to weights: softmax over all places but the unseen, 0 for those.
#[inline(always)]
fn softmax<S: Simd>(simd: S, weights: &mut [f32], unseen: &[Range<usize>; 2]) {
    for range in unseen {
        weights[range.clone()].fill(f32::NEG_INFINITY);
    }
    let top = maximum(weights);
    for weight in &mut *weights {
        *weight = exp(*weight - top);
    }
    for range in unseen {
        weights[range.clone()].fill(0.0);
    }
    let vectors = S::as_simd_f32s(weights).0;
    let sum = vectors
        .iter()
        .fold(simd.splat_f32s(0.0), |sum, weights| simd.add_f32s(sum, *weights));
    let factor = 1.0 / simd.reduce_sum_f32s(sum);
    for weight in weights {
        *weight *= factor;
    }
}

/// Σ over places of weight times values.
#[inline(always)]
fn mix<S: Simd, const R: usize>(
    simd: S,
    weights: (&[f32], usize),
    values: (&[f32], usize),
    mixed: (&mut [f32], usize),
    width: usize,
) {
    let vectors = values.1 / S::F32_LANES;
    let (mixed, stride) = mixed;
    let mut at = 0;
    while at < vectors {
        if vectors - at > 1 {
            mix_tile::<S, R, 2>(simd, weights, values, at, (&mut *mixed, stride), width);
            at += 2;
        } else {
            mix_tile::<S, R, 1>(simd, weights, values, at, (&mut *mixed, stride), width);
            at += 1;
        }
    }
}

#[inline(always)]
fn mix_tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    (weights, places): (&[f32], usize),
    (values, padded): (&[f32], usize),
    at: usize,
    (mixed, stride): (&mut [f32], usize),
    width: usize,
) {
    let (first, span) = (at * S::F32_LANES, V * S::F32_LANES);
    let weights: [&[f32]; R] = std::array::from_fn(|r| &weights[r * places..][..values.len() / padded]);
    let add = |sums: &mut [[S::f32s; V]; R], place: usize, values: &[f32]| {
        let values = S::as_simd_f32s(&values[first..][..span]).0;
        for (sums, weights) in sums.iter_mut().zip(&weights) {
            let weight = simd.splat_f32s(weights[place]);
            for (sum, values) in sums.iter_mut().zip(values) {
                *sum = simd.mul_add_e_f32s(weight, *values, *sum);
            }
        }
    };
    let mut sums = [[[simd.splat_f32s(0.0); V]; R]; INTERLEAVED];
    if INTERLEAVED * R * V <= S::REGISTER_COUNT / 2 {
        for (pair, values) in values.chunks_exact(INTERLEAVED * padded).enumerate() {
            for (turn, sums) in sums.iter_mut().enumerate() {
                add(sums, pair * INTERLEAVED + turn, &values[turn * padded..]);
            }
        }
    } else {
        // Enough sums to hide latency, but too many for the registers: one set after the other.
        for (turn, saved) in sums.iter_mut().enumerate() {
            let mut sums = *saved;
            for (pair, values) in values.chunks_exact(INTERLEAVED * padded).enumerate() {
                add(&mut sums, pair * INTERLEAVED + turn, &values[turn * padded..]);
            }
            *saved = sums;
        }
    }
    let [even, odd] = sums;
    for (r, (even, odd)) in even.into_iter().zip(odd).enumerate() {
        for (v, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            let place = first + v * S::F32_LANES;
            if place < width {
                let end = (place + S::F32_LANES).min(width);
                simd.partial_store_f32s(&mut mixed[r * stride..][place..end], simd.add_f32s(even, odd));
            }
        }
    }
}
