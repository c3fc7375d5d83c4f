//! How the network is trained: excerpts of all classes, each code predicted from those before it.

use super::music::Music;
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::wavenet::mu_law::{CODES, encode};
use attune_model::wavenet::{BackwardPrediction, Wavenet, WavenetShape};
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// All that fixes a trained network, but for the music.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub shape: WavenetShape,
    /// How it is trained.
    #[serde(rename = "course")]
    pub schedule: Schedule,
    /// Excerpts of a step.
    pub batch: usize,
    /// Codes before an excerpt, to which the linear prediction is fitted.
    pub lead: usize,
    /// Codes of an excerpt.
    pub excerpt: usize,
    /// Of these the first so many are only read: they are predicted from too little.
    pub warm_up: usize,
    /// Excerpts are made louder by a number of decibels between these.
    pub gains: [f32; 2],
    /// In this share of the excerpts the class is not said.
    pub unsaid: f32,
}

impl Plan {
    /// Of a seed, with so many steps instead of the usual number.
    pub(crate) fn new(classes: usize, seed: u64, quick: bool, steps: Option<u64>) -> Self {
        let (layers, conditioned, usual) = if quick { (6, 3, 30) } else { (10, 6, 2_400) };
        let steps = steps.unwrap_or(usual);
        Self {
            shape: WavenetShape {
                stacks: 2,
                layers,
                conditioned,
                residual: if quick { 16 } else { 32 },
                skip: if quick { 32 } else { 64 },
                classes,
            },
            schedule: Schedule::for_generated(steps, 4e-3, seed),
            batch: 8,
            lead: 1_024,
            excerpt: 3_072,
            warm_up: 512,
            gains: [-8.0, 2.0],
            unsaid: 0.15,
        }
    }
}

/// Teaches a network: weights by name, and the mean loss of the last tenth of the steps, in bits per sample.
///
/// # Errors
/// If the network fails, no clip is long enough, or the run is to stop.
pub(crate) fn learn(plan: &Plan, music: &Music, run: &mut Run<'_>) -> Result<(HashMap<String, Tensor>, f64), LabError> {
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = Wavenet::new(store.root(), plan.shape)?;
    let what = format!("WaveNet, seed {}", plan.schedule.seed);
    let loss = |_, rng: &mut ChaCha8Rng| {
        let (mut codes, mut classes) = (Vec::with_capacity(plan.batch * plan.excerpt), Vec::new());
        let mut predictions = Vec::with_capacity(plan.batch * plan.excerpt);
        let mut targets = vec![0.0_f32; plan.batch * plan.excerpt * CODES];
        for excerpt in targets.chunks_exact_mut(plan.excerpt * CODES) {
            let (samples, class) = music.draw(plan.lead + plan.excerpt + 1, plan.gains, rng)?;
            classes.push((rng.random::<f32>() >= plan.unsaid).then_some(class));
            let sound: Vec<u8> = samples.into_iter().map(encode).collect();
            let expected = BackwardPrediction::after_each(&sound[..plan.lead + plan.excerpt]);
            predictions.extend_from_slice(&expected[plan.lead..]);
            let sound = &sound[plan.lead..];
            for (row, code) in excerpt.chunks_exact_mut(CODES).zip(&sound[1..]).skip(plan.warm_up) {
                row[usize::from(*code)] = 1.0;
            }
            codes.extend_from_slice(&sound[..plan.excerpt]);
        }
        let logits = net.forward(Arc::from(codes), &predictions, &classes)?;
        let targets = Tensor::from_vec(targets, (plan.batch, plan.excerpt, CODES), &Device::Cpu)?;
        let predicted = plan.batch * (plan.excerpt - plan.warm_up);
        // In bits, as all that is said of it.
        let scale = 1.0 / (predicted as f64 * std::f64::consts::LN_2);
        Ok((logits.contiguous()?.apply_op2(&targets, CrossEntropy)?.sum_all()? * scale)?)
    };
    let loss = train_loop(&store, plan.schedule, &what, run, loss, None)?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}
