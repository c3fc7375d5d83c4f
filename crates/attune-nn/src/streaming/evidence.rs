//! An answer that is a sum over the units of a stream (see [`crate::evidence`]).

use super::affine::PackedAffine;
use super::frame_buf::FrameBuf;
use super::moments::deviation_of;
use crate::kernels::aligned::Aligned;
use crate::kernels::exponential::exp;
use crate::kernels::packed_matrix::Finish;
use crate::kernels::reduce::{dot, maximum, sum};
use crate::kernels::simd::{dispatch_loop, simd_loop};
use crate::kernels::window_moments::Windows;
use std::ops::Range;
use std::slice::from_ref;

/// Where units lie and how they are scored.
#[derive(Debug, Clone)]
pub struct PackedEvidence {
    windows: Windows,
    context: usize,
    score: Vec<f32>,
}

/// The classifier of a unit: from its description to its hidden layer (ReLU), and from there to its evidence.
pub type UnitClassifier<'a> = (&'a PackedAffine, &'a PackedAffine);

/// The last frames, and the units in the window.
#[derive(Debug, Clone)]
pub struct EvidenceState {
    windows: Windows,
    /// (local, features): frame n at n mod local.
    features: Aligned,
    frames: u64,
    /// Unit u at u mod context, of everything below.
    scores: Vec<f32>,
    /// e^(score − top): the weights, but for `share`.
    weights: Vec<f32>,
    share: f32,
    /// (context, classes).
    evidence: Vec<f32>,
    /// (context, hidden).
    hidden: Vec<f32>,
    units: u64,
    /// The answer of the newest unit.
    logits: Vec<f32>,
    pooled: Vec<f32>,
    /// Room for the units of a block.
    described: FrameBuf,
    unit_hidden: FrameBuf,
    unit_evidence: FrameBuf,
}

impl PackedEvidence {
    /// `context` in units; `score` is of the hidden layer.
    pub fn new(windows: Windows, context: usize, score: Vec<f32>) -> Self {
        Self {
            windows,
            context,
            score,
        }
    }

    /// The state before the first frame.
    pub fn initial_state(&self, features: usize, classes: usize) -> EvidenceState {
        let (context, hidden) = (self.context, self.score.len());
        EvidenceState {
            windows: self.windows,
            features: Aligned::zeros(self.windows.local * features),
            frames: 0,
            scores: vec![f32::NEG_INFINITY; context],
            weights: vec![0.0; context],
            share: 0.0,
            evidence: vec![0.0; context * classes],
            hidden: vec![0.0; context * hidden],
            units: 0,
            logits: vec![0.0; classes],
            pooled: vec![0.0; hidden],
            described: FrameBuf::new(2 * features),
            unit_hidden: FrameBuf::new(hidden),
            unit_evidence: FrameBuf::new(classes),
        }
    }

    /// Takes a block of frames in `parts`; writes the weighted mean of the hidden layers and the logits of each frame.
    pub fn step(
        &self,
        parts: &[FrameBuf],
        (hidden, output): UnitClassifier<'_>,
        state: &mut EvidenceState,
        (hidden_out, logits_out): (&mut FrameBuf, &mut FrameBuf),
    ) {
        let first = state.frames;
        state.describe(parts);
        if state.described.frames() > 0 {
            hidden.step(from_ref(&state.described), Finish::Relu, &mut state.unit_hidden);
            output.step(from_ref(&state.unit_hidden), Finish::Plain, &mut state.unit_evidence);
        }
        let frames = parts[0].frames();
        hidden_out.reset(frames);
        logits_out.reset(frames);
        let mut unit = 0;
        for frame in 0..frames {
            if (first + frame as u64).is_multiple_of(self.windows.every as u64) {
                state.push_unit(unit, &self.score);
                dispatch_loop(Pool, &mut *state);
                unit += 1;
            }
            hidden_out.row_mut(frame).copy_from_slice(&state.pooled);
            logits_out.row_mut(frame).copy_from_slice(&state.logits);
        }
    }
}

impl EvidenceState {
    /// Where the units lie.
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// Most units in the window.
    pub fn context(&self) -> usize {
        self.scores.len()
    }

    /// The units in the window, by number.
    pub fn units(&self) -> Range<u64> {
        self.units.saturating_sub(self.scores.len() as u64)..self.units
    }

    /// The weight of a unit in the window.
    pub fn weight(&self, unit: u64) -> f32 {
        self.weights[self.place(unit)] * self.share
    }

    /// The evidence of a unit in the window for each class.
    pub fn evidence(&self, unit: u64) -> &[f32] {
        let classes = self.logits.len();
        &self.evidence[self.place(unit) * classes..][..classes]
    }

    /// Frames from the first that the oldest unit was new with to the newest one.
    pub fn reach(&self) -> usize {
        let every = self.windows.every as u64;
        let first = (self.units().start * every + 1).saturating_sub(every);
        (self.frames - first) as usize
    }

    /// The weight of each of the last `count` frames, oldest first, appended to `into`: that of a unit is divided among
    /// the frames since the unit before it. Frames since the newest unit have none yet.
    pub fn newest_weights(&self, count: usize, into: &mut Vec<f32>) {
        let (every, units) = (self.windows.every as u64, self.units());
        into.extend((0..count as u64).rev().map(|back| {
            let unit = match self.frames.checked_sub(back + 1) {
                Some(frame) => frame.div_ceil(every),
                None => return 0.0,
            };
            if units.contains(&unit) {
                // Frame 0 is a unit by itself.
                self.weight(unit) / if unit == 0 { 1.0 } else { every as f32 }
            } else {
                0.0
            }
        }));
    }

    /// The logits with these weights on the last frames, oldest first, in place of the learned ones: a unit has the sum
    /// of those of its frames as [`EvidenceState::newest_weights`] divides them, and the newest one also that of the
    /// frames since. Weights beyond reach are dropped, the others normalised to sum to 1; `None` if none is left.
    pub fn logits_with(&self, weights: &[f32]) -> Option<Vec<f32>> {
        let (every, units) = (self.windows.every as u64, self.units());
        let newest = units.end.checked_sub(1)?;
        let weights = &weights[weights.len().saturating_sub(self.reach())..];
        let all: f32 = weights.iter().sum();
        if all.is_nan() || all <= 0.0 {
            return None;
        }
        let mut logits = vec![0.0; self.logits.len()];
        let first = self.frames - weights.len() as u64;
        for (frame, weight) in (first..).zip(weights) {
            let unit = frame.div_ceil(every).min(newest).max(units.start);
            for (logit, evidence) in logits.iter_mut().zip(self.evidence(unit)) {
                *logit += weight / all * evidence;
            }
        }
        Some(logits)
    }

    fn place(&self, unit: u64) -> usize {
        (unit % self.scores.len() as u64) as usize
    }

    /// Remembers the frames of a block; mean and deviation of each unit that ends in it go to `described`.
    fn describe(&mut self, parts: &[FrameBuf]) {
        let every = self.windows.every as u64;
        let frames = parts[0].frames();
        let is_due = |frame: u64| frame.is_multiple_of(every);
        let due = (self.frames..self.frames + frames as u64).filter(|frame| is_due(*frame));
        self.described.reset(due.count());
        let mut unit = 0;
        for frame in 0..frames {
            let (local, width) = (self.windows.local, self.described.width() / 2);
            let place = (self.frames % local as u64) as usize;
            let stored = &mut self.features.as_mut_slice()[place * width..][..width];
            let mut at = 0;
            for part in parts {
                stored[at..at + part.width()].copy_from_slice(part.row(frame));
                at += part.width();
            }
            self.frames += 1;
            if is_due(self.frames - 1) {
                let known = self.frames.min(local as u64) as usize;
                // Oldest first, wherever the ring begins.
                let begin = if known < local { 0 } else { (place + 1) % local };
                let (late, early) = self.features.as_slice()[..known * width].split_at(begin * width);
                dispatch_loop(Describe, ([early, late], self.described.row_mut(unit)));
                unit += 1;
            }
        }
    }

    /// Adds a unit of the block to the window.
    fn push_unit(&mut self, row: usize, score: &[f32]) {
        let (place, hidden) = (self.place(self.units), self.unit_hidden.row(row));
        self.scores[place] = dot(hidden, score);
        self.hidden[place * hidden.len()..][..hidden.len()].copy_from_slice(hidden);
        let evidence = self.unit_evidence.row(row);
        self.evidence[place * evidence.len()..][..evidence.len()].copy_from_slice(evidence);
        self.units += 1;
    }
}

/// Frames of a window in two pieces; their means and deviations, side by side.
#[inline(always)]
fn describe((pieces, out): ([&[f32]; 2], &mut [f32])) {
    let width = out.len() / 2;
    let factor = width as f32 / (pieces[0].len() + pieces[1].len()) as f32;
    out.fill(0.0);
    let (means, squares) = out.split_at_mut(width);
    for x in pieces.into_iter().flat_map(|piece| piece.chunks_exact(width)) {
        for ((mean, square), x) in means.iter_mut().zip(squares.iter_mut()).zip(x) {
            *mean += x;
            *square += x * x;
        }
    }
    for (mean, square) in means.iter_mut().zip(squares) {
        *mean *= factor;
        *square = deviation_of(*mean, *square * factor);
    }
}
simd_loop!(Describe, describe(([&[f32]; 2], &mut [f32])));

/// Weights of the units in the window, and the sums by them.
#[inline(always)]
fn pool(state: &mut EvidenceState) {
    let filled = state.units.min(state.scores.len() as u64) as usize;
    let scores = &state.scores[..filled];
    let top = maximum(scores);
    for (weight, score) in state.weights.iter_mut().zip(scores) {
        *weight = exp(score - top);
    }
    let weights = &state.weights[..filled];
    state.share = 1.0 / sum(weights, |weight| weight);
    for (sums, rows) in [(&mut state.logits, &state.evidence), (&mut state.pooled, &state.hidden)] {
        sums.fill(0.0);
        for (weight, row) in weights.iter().zip(rows.chunks_exact(sums.len())) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        for sum in sums {
            *sum *= state.share;
        }
    }
}
simd_loop!(Pool, pool(&mut EvidenceState));
