//! How networks that write sections are trained.
//!
//! In: medleys and a plan. Out: weights. Thread: the caller's.

use super::pieces::{Piece, Pieces, TrueSection};
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::sections::{SectionNet, SectionShape, greedy};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;

/// Pieces of a step.
const BATCH: usize = 16;
/// Live source steps of an excerpt that is learnt from: 24 s.
const LIVE_STEPS: usize = 32;
/// How many source steps a live network reads ahead, at the most, when it is trained for all of them.
pub const MOST_AHEAD: usize = 8;
/// A section that an excerpt shows less of, in source steps, is no part of its target.
const LEAST: usize = 4;

/// All that fixes a trained network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub shape: SectionShape,
    /// How it is trained.
    pub schedule: Schedule,
    /// Share of each target that is spread evenly over all classes (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// Whether the decoder is given the true tokens; otherwise those that it would write itself, which it wrote in a
    /// pass before (Mihaylova & Martins 2019).
    pub teacher_forcing: bool,
    /// How much a term of the loss counts that draws the alignment of each token into its section: −ln of its share
    /// there (guided alignment; Chen et al. 2016). Of networks for whole pieces that attend.
    pub guidance: f32,
    /// Live: how many source steps are read before the first token; `None`: from 1 to [`MOST_AHEAD`], drawn anew for
    /// each step (Elbayad, Besacier & Verbeek 2020).
    pub k: Option<usize>,
}

/// What a step learns from.
struct Batch {
    x: Tensor,
    inputs: Vec<Vec<u32>>,
    targets: Vec<Vec<u32>>,
    places: Option<Vec<usize>>,
    /// The source steps of each token's section.
    sections: Vec<Vec<Range<usize>>>,
}

/// The sections of a piece that lie in some source steps of `step_s` seconds, for at least [`LEAST`] of them: their
/// places, and their genres.
fn within(sections: &[TrueSection], steps: &Range<usize>, step_s: f64, least: usize) -> Vec<(Range<usize>, u32)> {
    let place = |secs: f64| (secs / step_s).round() as usize;
    let cut = sections.iter().map(|section| {
        let range = place(section.start_s).max(steps.start)..place(section.end_s).min(steps.end);
        (range, section.token)
    });
    cut.filter(|(range, _)| range.len() >= least).collect()
}

/// What a live network is to write for each of some source steps: a genre where a section begins, otherwise `end`.
pub(super) fn live_targets(sections: &[TrueSection], steps: &Range<usize>, step_s: f64, end: u32) -> Vec<u32> {
    let mut targets = vec![end; steps.len()];
    let mut last = None;
    for (range, token) in within(sections, steps, step_s, 1) {
        if last != Some(token) {
            targets[range.start - steps.start] = token;
        }
        last = Some(token);
    }
    targets
}

impl Plan {
    /// Trains the network. Returns its tensors and the mean loss at the end.
    ///
    /// # Errors
    /// If the network fails, there are too few medleys, or the run is to stop.
    pub fn learn(
        &self,
        pieces: &Pieces,
        step_s: f64,
        what: &str,
        run: &mut Run<'_>,
    ) -> Result<(HashMap<String, Tensor>, f64), LabError> {
        if pieces.all.len() < BATCH {
            return Err(LabError::Refused(format!("{BATCH} medleys are needed to learn from")));
        }
        let mut store = WeightStore::random(self.schedule.seed);
        let net = SectionNet::new(store.root(), self.shape)?;
        let loss = |_: u64, rng: &mut ChaCha8Rng| {
            let mut batch = if self.shape.is_live() {
                self.live_batch(pieces, step_s, rng)?
            } else {
                self.batch(pieces, step_s, rng)?
            };
            if !self.teacher_forcing && !self.shape.is_live() {
                let memory = net.encode(&batch.x, &mut Pass::Infer)?.detach();
                let longest = batch.targets.iter().map(Vec::len).max().unwrap_or(0);
                for (inputs, written) in batch.inputs.iter_mut().zip(greedy(&net, &memory, longest)?) {
                    for (input, token) in inputs[1..].iter_mut().zip(written.tokens) {
                        *input = token;
                    }
                }
            }
            let mut pass = Pass::Train(rng);
            let memory = net.encode(&batch.x, &mut pass)?;
            let decoded = net.decode(&memory, &batch.inputs, batch.places.as_deref(), &mut pass)?;
            let (targets, count) = self.targets(&batch.targets)?;
            let losses = decoded.logits.contiguous()?.apply_op2(&targets, CrossEntropy)?;
            let loss = (losses.sum_all()? / count)?;
            if self.guidance > 0.0 && self.shape.attends && !self.shape.is_live() {
                return Ok((loss + (guided(&decoded.guided, &batch.sections)? * f64::from(self.guidance))?)?);
            }
            Ok(loss)
        };
        let loss = train_loop(&store, self.schedule, what, run, loss, None)?;
        let tensors = store
            .all()
            .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
        Ok((tensors.collect(), loss))
    }

    /// Whole pieces of nearly one length, the longer ones cut at the end.
    fn batch(&self, pieces: &Pieces, step_s: f64, rng: &mut ChaCha8Rng) -> Result<Batch, LabError> {
        let first = rng.random_range(0..=pieces.all.len() - BATCH);
        let drawn = &pieces.all[first..first + BATCH];
        let steps = pieces.count(&drawn[0]);
        let sections = drawn
            .iter()
            .map(|piece| within(&piece.sections, &(0..steps), step_s, LEAST));
        let (sections, written): (Vec<Vec<_>>, Vec<Vec<_>>) = sections.map(|of| of.into_iter().unzip()).unzip();
        let longest = written.iter().map(Vec::len).max().unwrap_or(0) + 1;
        let end = self.shape.end();
        let pad = |mut row: Vec<u32>, with: u32| {
            row.resize(longest, with);
            row
        };
        let inputs = written.iter().map(|tokens| {
            let row = std::iter::once(self.shape.start()).chain(tokens.iter().copied());
            pad(row.collect(), 0)
        });
        let targets = written.iter().map(|tokens| {
            let row = tokens.iter().copied().chain([end]);
            pad(row.collect(), NONE)
        });
        Ok(Batch {
            x: self.x(drawn.iter().map(|piece| &piece.steps[..steps * pieces.inputs]), steps)?,
            inputs: inputs.collect(),
            targets: targets.collect(),
            places: None,
            sections,
        })
    }

    /// Excerpts that begin anywhere.
    fn live_batch(&self, pieces: &Pieces, step_s: f64, rng: &mut ChaCha8Rng) -> Result<Batch, LabError> {
        let long = pieces
            .all
            .partition_point(|piece| piece.steps.len() / (2 * pieces.inputs) < LIVE_STEPS);
        if long == pieces.all.len() {
            return Err(LabError::Refused("there is no medley of 24 s to learn from".to_owned()));
        }
        let drawn: Vec<&Piece> = (0..BATCH)
            .map(|_| &pieces.all[rng.random_range(long..pieces.all.len())])
            .collect();
        let (mut x, mut targets) = (Vec::new(), Vec::new());
        for piece in drawn {
            let steps = pieces.live_steps(piece);
            let first = rng.random_range(0..=steps.len() / pieces.inputs - LIVE_STEPS);
            x.push(steps[first * pieces.inputs..][..LIVE_STEPS * pieces.inputs].to_vec());
            let range = first..first + LIVE_STEPS;
            targets.push(live_targets(&piece.sections, &range, 2.0 * step_s, self.shape.end()));
        }
        let k = self.k.unwrap_or_else(|| rng.random_range(1..=MOST_AHEAD));
        Ok(Batch {
            x: self.x(x.iter().map(Vec::as_slice), LIVE_STEPS)?,
            inputs: targets.iter().map(|tokens| self.shape.live_inputs(tokens)).collect(),
            targets,
            sections: Vec::new(),
            places: Some((0..LIVE_STEPS).map(|token| (token + k).min(LIVE_STEPS) - 1).collect()),
        })
    }

    fn x<'a>(&self, rows: impl Iterator<Item = &'a [f32]>, steps: usize) -> Result<Tensor, LabError> {
        let all: Vec<f32> = rows.flatten().copied().collect();
        Ok(Tensor::from_vec(all, (BATCH, steps, self.shape.inputs), &Device::Cpu)?)
    }

    /// Rows of targets (b, u, genres + 1), smoothed, and how many count.
    fn targets(&self, tokens: &[Vec<u32>]) -> Result<(Tensor, f64), LabError> {
        let classes = self.shape.genres + 1;
        let flat: Vec<u32> = tokens.concat();
        let mut rows = vec![0.0; flat.len() * classes];
        let mut count = 0;
        for (row, &token) in rows.chunks_exact_mut(classes).zip(&flat) {
            if token != NONE {
                row.fill(self.label_smoothing / classes as f32);
                row[token as usize] += 1.0 - self.label_smoothing;
                count += 1;
            }
        }
        let shape = (tokens.len(), flat.len() / tokens.len().max(1), classes);
        Ok((Tensor::from_vec(rows, shape, &Device::Cpu)?, f64::from(count.max(1))))
    }
}

/// The mean over tokens of −ln of the share of the alignment (b, u, s) that lies in the token's section.
fn guided(alignment: &Tensor, sections: &[Vec<Range<usize>>]) -> candle_core::Result<Tensor> {
    let (b, u, s) = alignment.dims3()?;
    let mut inside = vec![0.0_f32; b * u * s];
    let mut none = vec![1.0_f32; b * u];
    for (row, sections) in sections.iter().enumerate() {
        for (token, steps) in sections.iter().enumerate() {
            inside[(row * u + token) * s..][steps.clone()].fill(1.0);
            none[row * u + token] = 0.0; // the end, and what comes after it, have none
        }
    }
    let count: usize = sections.iter().map(Vec::len).sum();
    let inside = Tensor::from_vec(inside, (b, u, s), alignment.device())?;
    let none = Tensor::from_vec(none, (b, u), alignment.device())?;
    let share = ((alignment * inside)?.sum(2)? + none)?;
    (share + 1e-6)?.log()?.sum_all()?.neg()? / count.max(1) as f64
}

/// No token: after the end.
const NONE: u32 = u32::MAX;
