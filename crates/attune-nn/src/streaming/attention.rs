//! Causal windowed self-attention of a stream, over keys and values in rings, and the encoder layer around it.

use super::affine::{PackedAffine, gelu_in_place};
use super::frame_buf::FrameBuf;
use super::norm::PackedLayerNorm;
use crate::kernels::attend::{Attend, KeyValueRing, MAX_QUERIES};
use crate::kernels::packed_matrix::Finish;
use crate::kernels::simd::dispatch_simd;
use crate::positional::Rotations;
use std::slice::from_ref;

/// softmax(q·kᵀ/√d)·v for each head, over the last `context` frames, with packed weights.
#[derive(Debug, Clone)]
pub struct PackedMultiHead {
    /// Queries, keys and values side by side.
    pub(crate) project: PackedAffine,
    /// From the heads' values.
    pub(crate) output: PackedAffine,
    /// Heads.
    pub(crate) heads: usize,
    /// Frames that a query attends to, itself included.
    pub(crate) context: usize,
}

/// Keys and values of the last frames, and room for a block.
#[derive(Debug, Clone)]
pub struct AttentionState {
    ring: KeyValueRing,
    projected: FrameBuf,
    mixed: FrameBuf,
    /// Per head: whether its output is set to zeros.
    ablated: Vec<bool>,
}

impl PackedMultiHead {
    fn width(&self) -> usize {
        self.output.outputs()
    }

    /// No keys yet.
    pub fn initial_state(&self) -> AttentionState {
        AttentionState {
            ring: KeyValueRing::new(self.context, self.heads, self.width() / self.heads),
            projected: FrameBuf::new(3 * self.width()),
            mixed: FrameBuf::new(self.width()),
            ablated: vec![false; self.heads],
        }
    }

    /// The block `x`, whose positions are those of `rotations`, to `out`, through `finish`.
    pub fn step(
        &self,
        x: &FrameBuf,
        rotations: &Rotations,
        state: &mut AttentionState,
        finish: Finish<'_>,
        out: &mut FrameBuf,
    ) {
        let AttentionState {
            ring,
            projected,
            mixed,
            ablated,
        } = state;
        self.project.step(from_ref(x), Finish::Plain, projected);
        mixed.reset(x.frames());
        let width = self.width();
        for frame in 0..x.frames() {
            // Heads of queries, then heads of keys: all are rotated by the same angles.
            for head in projected.row_mut(frame)[..2 * width].chunks_exact_mut(width / self.heads) {
                rotations.rotate(frame, head);
            }
        }
        let (stride, mixed_stride) = (projected.stride(), mixed.stride());
        let (mut rows, mut out_rows) = (projected.values(), mixed.values_mut());
        while !rows.is_empty() {
            let frames = (rows.len() / stride).min(MAX_QUERIES);
            let (now, later) = rows.split_at(frames * stride);
            let (mixed_now, mixed_later) = out_rows.split_at_mut(frames * mixed_stride);
            dispatch_simd(Attend {
                rows: now,
                stride,
                ring: &mut *ring,
                mixed: mixed_now,
                mixed_stride,
            });
            (rows, out_rows) = (later, mixed_later);
        }
        for (head, _) in ablated.iter().enumerate().filter(|(_, ablated)| **ablated) {
            for frame in 0..mixed.frames() {
                mixed.row_mut(frame)[head * width / self.heads..][..width / self.heads].fill(0.0);
            }
        }
        self.output.step(from_ref(mixed), finish, out);
    }
}

impl AttentionState {
    /// Attention weights of the newest frame: `count` frames per head, oldest first, appended to `into`.
    pub fn newest_weights(&self, count: usize, into: &mut Vec<f32>) {
        self.ring.newest_weights(count, into);
    }

    /// Sets the output of a head to zeros from now on; its weights are computed as before. `false`: there is no such
    /// head.
    pub fn ablate_head(&mut self, head: usize) -> bool {
        self.ablated.get_mut(head).map(|ablated| *ablated = true).is_some()
    }

    /// Frames within reach of the newest one, itself included.
    pub fn reach(&self) -> usize {
        self.ring.filled()
    }
}

/// One encoder layer, normalised first: x + attention(norm(x)), then x + feed-forward(norm(x)).
#[derive(Debug, Clone)]
pub struct PackedEncoderLayer {
    /// Attention.
    pub(crate) attention: PackedMultiHead,
    /// Before attention.
    pub(crate) norm_attention: PackedLayerNorm,
    /// Before the feed-forward layers.
    pub(crate) norm_feed: PackedLayerNorm,
    /// First feed-forward layer, GELU after it.
    pub(crate) widen: PackedAffine,
    /// Second feed-forward layer.
    pub(crate) narrow: PackedAffine,
}

/// State of one encoder layer, and buffers for a block.
#[derive(Debug, Clone)]
pub struct EncoderState {
    /// Keys and values.
    pub attention: AttentionState,
    normed: FrameBuf,
    attended: FrameBuf,
    wide: FrameBuf,
}

impl PackedEncoderLayer {
    /// No keys yet.
    pub fn initial_state(&self) -> EncoderState {
        let width = self.attention.width();
        EncoderState {
            attention: self.attention.initial_state(),
            normed: FrameBuf::new(width),
            attended: FrameBuf::new(width),
            wide: FrameBuf::new(self.widen.outputs()),
        }
    }

    /// The block `x`, whose positions are those of `rotations`, to `out`.
    pub fn step(&self, x: &FrameBuf, rotations: &Rotations, state: &mut EncoderState, out: &mut FrameBuf) {
        let EncoderState {
            attention,
            normed,
            attended,
            wide,
        } = state;
        self.norm_attention.step(x, normed);
        self.attention
            .step(normed, rotations, attention, Finish::Add(x.values()), attended);
        self.norm_feed.step(attended, normed);
        self.widen.step(from_ref(normed), Finish::Plain, wide);
        gelu_in_place(wide);
        self.narrow.step(from_ref(wide), Finish::Add(attended.values()), out);
    }
}
