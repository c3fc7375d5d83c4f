//! How the network learns: teacher forcing on composed pieces.
//!
//! In: a plan, examples. Out: weights. Thread: the caller's.

use super::pieces::{Example, FRAMES, NOBODY};
use super::words;
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::caption::{CaptionNet, CaptionShape, Decoded};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::HashMap;

/// Examples of a step.
const BATCH: usize = 16;
/// Added to the mass of α before its logarithm.
const LEAST_MASS: f64 = 1e-6;
/// Height of each cosine of the curve over the bands that examples are changed by, in deviations.
const CURVE: f32 = 0.2;

/// All that fixes a trained network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Plan {
    /// The network.
    pub(crate) shape: CaptionShape,
    /// How it is trained.
    pub(crate) schedule: Schedule,
    /// Pieces to learn from.
    pub(crate) pieces: u64,
    /// Examples of each.
    pub(crate) examples: usize,
    /// Unseen pieces that it is tested on.
    pub(crate) tested: u64,
    /// λ.
    pub(crate) spread: f64,
    /// γ.
    pub(crate) guide: f64,
}

/// The terms of the loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighing {
    /// λ.
    pub(crate) spread: f64,
    /// γ.
    pub(crate) guide: f64,
}

/// Words of some examples, side by side.
#[derive(Debug)]
pub(crate) struct Captions {
    /// The words before each, (b, n), the first of each row the start; the end where a caption is over.
    pub(crate) before: Vec<u32>,
    /// One-hot words, (b, n, words); zeros where a caption is over.
    targets: Tensor,
    /// 1 where there is a word or the end, (b, n, 1).
    written: Tensor,
    /// Tiles of the instrument of each word, (b, n, L).
    masks: Tensor,
    /// 1 where a word is an instrument's that has a tile, (b, n).
    guided: Tensor,
}

impl Captions {
    /// Of examples whose tiles are all of one grid.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(examples: &[&Example]) -> Result<Self> {
        let longest = examples.iter().map(|example| example.words.len()).max().unwrap_or(0);
        let (b, n, tiles) = (
            examples.len(),
            longest + 1,
            examples.first().map_or(0, |it| it.owners.len()),
        );
        let mut before = Vec::with_capacity(b * n);
        let mut targets = vec![0.0_f32; b * n * words::COUNT];
        let mut written = vec![0.0_f32; b * n];
        let mut masks = vec![0.0_f32; b * n * tiles];
        let mut guided = vec![0.0_f32; b * n];
        for (row, example) in examples.iter().enumerate() {
            let ended = example.words.iter().copied().chain([words::LAST]);
            before.push(words::COUNT as u32);
            before.extend(&example.words);
            before.resize((row + 1) * n, words::LAST);
            for (place, word) in ended.enumerate() {
                let at = row * n + place;
                targets[at * words::COUNT + word as usize] = 1.0;
                written[at] = 1.0;
                if words::is_instrument(word) {
                    for (mask, owner) in masks[at * tiles..][..tiles].iter_mut().zip(&example.owners) {
                        *mask = f32::from(u8::from(*owner != NOBODY && u32::from(*owner) == word));
                    }
                    guided[at] = masks[at * tiles..][..tiles].iter().copied().fold(0.0, f32::max);
                }
            }
        }
        let device = &Device::Cpu;
        Ok(Self {
            before,
            targets: Tensor::from_vec(targets, (b, n, words::COUNT), device)?,
            written: Tensor::from_vec(written, (b, n, 1), device)?,
            masks: Tensor::from_vec(masks, (b, n, tiles), device)?,
            guided: Tensor::from_vec(guided, (b, n), device)?,
        })
    }

    /// The loss of what was decoded, a mean over captions.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub(crate) fn loss(&self, decoded: &Decoded, weighing: Weighing) -> Result<Tensor> {
        let captions = self.targets.dim(0)? as f64;
        let logits = decoded.logits.contiguous()?;
        let mut loss = logits.apply_op2(&self.targets, CrossEntropy)?.sum_all()?;
        if weighing.spread > 0.0 {
            let sums = decoded.weights.broadcast_mul(&self.written)?.sum(1)?; // (b, L)
            let apart = sums.affine(-1.0, 1.0)?.sqr()?.sum_all()?;
            loss = (loss + (apart * weighing.spread)?)?;
        }
        if weighing.guide > 0.0 {
            let mass = (&decoded.weights * &self.masks)?.sum(2)?; // (b, n)
            let log = ((mass + LEAST_MASS)?.log()? * &self.guided)?.sum_all()?;
            loss = (loss - (log * weighing.guide)?)?;
        }
        loss / captions
    }
}

/// Trains a network; its weights by name, and the mean loss at the end.
///
/// # Errors
/// If the network fails, or the run is to stop.
pub(crate) fn learn(
    plan: &Plan,
    examples: &[Example],
    run: &mut Run<'_>,
) -> std::result::Result<(HashMap<String, Tensor>, f64), LabError> {
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = CaptionNet::new(store.root(), &plan.shape)?;
    let bands = plan.shape.bands;
    let weighing = Weighing {
        spread: plan.spread,
        guide: plan.guide,
    };
    let what = format!("λ {}, γ {}, seed {}", plan.spread, plan.guide, plan.schedule.seed);
    let draw = |rng: &mut ChaCha8Rng| -> Result<(Tensor, Captions)> {
        let drawn: Vec<&Example> = (0..BATCH)
            .map(|_| &examples[rng.random_range(0..examples.len())])
            .collect();
        let mut x = Vec::with_capacity(BATCH * FRAMES * bands);
        for example in &drawn {
            let curve = curve(bands, rng);
            for frame in example.frames.chunks_exact(bands) {
                x.extend(frame.iter().zip(&curve).map(|(value, change)| value.to_f32() + change));
            }
        }
        let x = Tensor::from_vec(x, (BATCH, FRAMES, bands), &Device::Cpu)?;
        Ok((x, Captions::new(&drawn)?))
    };
    let loss = |_: u64, rng: &mut ChaCha8Rng| -> std::result::Result<Tensor, LabError> {
        let (x, captions) = draw(rng)?;
        let decoded = net.decode(&x, &captions.before, &mut Pass::Train(rng))?;
        Ok(captions.loss(&decoded, weighing)?)
    };
    let loss = train_loop(&store, plan.schedule, &what, run, loss, None)?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}

/// A slow curve over the bands, as another room or microphone would add: three cosines of random height.
fn curve(bands: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let heights: [f32; 3] = std::array::from_fn(|_| rng.random_range(-CURVE..CURVE));
    let at = |band: usize| {
        let place = std::f32::consts::PI * band as f32 / bands as f32;
        let cosines = heights
            .iter()
            .zip(1_u8..)
            .map(|(height, number)| height * (f32::from(number) * place).cos());
        cosines.sum()
    };
    (0..bands).map(at).collect()
}
