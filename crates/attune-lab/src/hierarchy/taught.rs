//! How the network is taught: on tracks that are drawn, whatever they are made of.

use super::words::SEGMENT;
use crate::clip_features::{FeatureSet, one_hot};
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::hierarchical::{Hierarchical, HierarchicalShape};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::kernels::values;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::HashMap;

/// Tracks of a step.
const BATCH: usize = 16;
/// Segments of a whole clip of 30 s.
pub(crate) const WHOLE: usize = 10;

/// All that fixes a network taught on music.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub shape: HierarchicalShape,
    /// How it is taught.
    #[serde(rename = "course")]
    pub schedule: Schedule,
    /// Tracks of each kind with a planted segment to test it on.
    pub planted: usize,
}

/// Weights by name, and the mean loss at the end.
pub(crate) type Taught = (HashMap<String, Tensor>, f64);

/// Teaches a network on tracks (b, n, w, inputs) with their classes.
///
/// # Errors
/// If the network fails, nothing can be drawn, or the run is to stop.
pub(crate) fn learn(
    shape: HierarchicalShape,
    schedule: Schedule,
    what: &str,
    run: &mut Run<'_>,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> Result<(Tensor, Vec<usize>), LabError>,
) -> Result<Taught, LabError> {
    let mut store = WeightStore::random(schedule.seed);
    let net = Hierarchical::new(store.root(), shape)?;
    let loss = |rng: &mut ChaCha8Rng| {
        let (x, classes) = draw(rng)?;
        let logits = net.forward(&x, &mut Pass::Train(rng))?.logits.unsqueeze(1)?;
        let targets = one_hot(&classes, 1, shape.classes)?;
        Ok(logits.contiguous()?.apply_op2(&targets, CrossEntropy)?.mean_all()?)
    };
    let loss = train_loop(&store, schedule, what, run, loss, |_, _| Ok(()))?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}

/// The network from its tensors.
///
/// # Errors
/// If they are of another shape.
pub(super) fn restored(tensors: HashMap<String, Tensor>, shape: HierarchicalShape) -> Result<Hierarchical, LabError> {
    Ok(Hierarchical::new(WeightStore::from_tensors(tensors).root(), shape)?)
}

/// Teaches a network on whole clips and single segments, among noises in half of the tracks.
///
/// # Errors
/// As [`learn`].
pub(crate) fn learn_music(
    plan: &Plan,
    pieces: &FeatureSet,
    noises: &[f32],
    run: &mut Run<'_>,
) -> Result<Taught, LabError> {
    let name = if plan.shape.attends { "attention" } else { "mean" };
    let what = format!("{name}, seed {}", plan.schedule.seed);
    let mut step = 0;
    learn(plan.shape, plan.schedule, &what, run, |rng| {
        step += 1;
        let whole = (step % 2 == 0).then(|| pieces.draw(BATCH, WHOLE, rng)).flatten();
        let is_whole = whole.is_some();
        let Some((x, genres)) = whole.or_else(|| pieces.draw(BATCH, 1, rng)) else {
            return Err(LabError::Refused(
                "no clip to learn from is as long as a segment: --data needs clips of 3 s and more".to_owned(),
            ));
        };
        let x = values(&x)?;
        let (n, x) = if is_whole {
            (WHOLE, hidden_in_noise(x, pieces.width, noises, rng))
        } else {
            let n = rng.random_range(1..=WHOLE);
            (n, among_noises(&x, n, pieces.width, noises, rng))
        };
        let x = Tensor::from_vec(x, (BATCH, n, SEGMENT, pieces.width / SEGMENT), &Device::Cpu)?;
        Ok((x, genres.iter().map(|genre| usize::from(genre.0)).collect()))
    })
}

/// One of the segments of noise.
pub(crate) fn noise<'a>(noises: &'a [f32], width: usize, rng: &mut ChaCha8Rng) -> &'a [f32] {
    let at = rng.random_range(0..noises.len() / width) * width;
    &noises[at..at + width]
}

/// Whole tracks, in half of which segments are replaced by noise; at least one stays.
fn hidden_in_noise(mut x: Vec<f32>, width: usize, noises: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    for track in x.chunks_exact_mut(WHOLE * width) {
        if rng.random::<bool>() {
            continue;
        }
        let (stays, share) = (rng.random_range(0..WHOLE), rng.random::<f32>());
        for (place, segment) in track.chunks_exact_mut(width).enumerate() {
            if place != stays && rng.random::<f32>() < share {
                segment.copy_from_slice(noise(noises, width, rng));
            }
        }
    }
    x
}

/// Single segments, each in a track of `n` at a place that is drawn, all others noise.
fn among_noises(x: &[f32], n: usize, width: usize, noises: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut tracks = Vec::with_capacity(x.len() * n);
    for segment in x.chunks_exact(width) {
        let at = rng.random_range(0..n);
        for place in 0..n {
            let segment = if place == at {
                segment
            } else {
                noise(noises, width, rng)
            };
            tracks.extend_from_slice(segment);
        }
    }
    tracks
}
