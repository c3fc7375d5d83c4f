//! How the network is taught: on tracks that are drawn, whatever they are made of.

use super::words::SEGMENT;
use crate::clip_features::{FeatureSet, one_hot};
use crate::planted::shares;
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_model::genre::GenreId;
use attune_model::genre_net::UnitEvidence;
use attune_model::hierarchical::{Hierarchical, HierarchicalShape};
use attune_nn::Pass;
use attune_nn::kernels::values;
use attune_nn::kernels::window_moments::Windows;
use attune_nn::weights::WeightStore;
use attune_train::planted::{Planted, PlantedPlan, evidence_loss};
use attune_train::recipe::BatchShape;
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
    /// Planted segments to learn from: in this share of the whole clips a segment is of another genre.
    pub passages: PlantedPlan,
}

/// Tracks (b, n, w, inputs), their classes, and which of their segments are planted.
#[derive(Debug)]
pub(crate) struct Tracks {
    pub(crate) x: Tensor,
    pub(crate) classes: Vec<usize>,
    pub(crate) planted: Vec<Planted>,
}

/// Weights by name, and the mean loss at the end.
pub(crate) type Taught = (HashMap<String, Tensor>, f64);

/// Teaches a network on tracks with their classes; a segment is a unit of the evidence, and a frame of the loss.
///
/// # Errors
/// If the network fails, nothing can be drawn, or the run is to stop.
pub(crate) fn learn(
    shape: HierarchicalShape,
    (schedule, passages): (Schedule, &PlantedPlan),
    what: &str,
    run: &mut Run<'_>,
    mut draw: impl FnMut(u64, &mut ChaCha8Rng) -> Result<Tracks, LabError>,
) -> Result<Taught, LabError> {
    let mut store = WeightStore::random(schedule.seed);
    let net = Hierarchical::new(store.root(), shape)?;
    let loss = |step: u64, rng: &mut ChaCha8Rng| {
        let Tracks { x, classes, planted } = draw(step, rng)?;
        let (tracks, segments) = (x.dim(0)?, x.dim(1)?);
        let read = net.forward(&x, &mut Pass::Train(rng))?;
        let units = UnitEvidence {
            weights: read.segments.unsqueeze(1)?,
            evidence: read.evidence,
            windows: Windows { local: 1, every: 1 },
        };
        let batch = BatchShape {
            clips: tracks,
            frames: segments,
            readout_frames: vec![(segments - 1, 1.0)],
            frequency: 1.0,
        };
        let targets = values(&one_hot(&classes, 1, shape.classes)?)?;
        let labels = (targets.as_slice(), vec![1.0 / tracks as f32; tracks]);
        let logits = read.logits.unsqueeze(1)?.contiguous()?;
        Ok(evidence_loss(
            (&logits, &units),
            (labels.0, &labels.1),
            &planted,
            &batch,
            passages,
        )?)
    };
    let loss = train_loop(&store, schedule, what, run, loss, None)?;
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

/// Teaches a network on whole clips and single segments, among noises in half of the tracks; where segments are
/// planted, also to give the planted one evidence for its class.
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
    let among = Surroundings {
        pieces,
        noises,
        share: f64::from(plan.passages.share),
    };
    learn(plan.shape, (plan.schedule, &plan.passages), &what, run, |step, rng| {
        let whole = (step % 2 == 1).then(|| pieces.draw(BATCH, WHOLE, rng)).flatten();
        let is_whole = whole.is_some();
        let Some((x, genres)) = whole.or_else(|| pieces.draw(BATCH, 1, rng)) else {
            return Err(LabError::Refused(
                "no clip to learn from is as long as a segment: --data needs clips of 3 s and more".to_owned(),
            ));
        };
        let x = values(&x)?;
        let (n, (x, planted)) = if is_whole {
            (WHOLE, among.whole(x, &genres, rng))
        } else {
            let n = rng.random_range(1..=WHOLE);
            (n, among.single(&x, &genres, n, rng))
        };
        Ok(Tracks {
            x: Tensor::from_vec(x, (BATCH, n, SEGMENT, pieces.width / SEGMENT), &Device::Cpu)?,
            classes: genres.iter().map(|genre| usize::from(genre.0)).collect(),
            planted,
        })
    })
}

/// One of the segments of noise.
pub(crate) fn noise<'a>(noises: &'a [f32], width: usize, rng: &mut ChaCha8Rng) -> &'a [f32] {
    let at = rng.random_range(0..noises.len() / width) * width;
    &noises[at..at + width]
}

/// What segments are put among.
struct Surroundings<'a> {
    pieces: &'a FeatureSet,
    noises: &'a [f32],
    /// Of the whole tracks, those with a segment of another genre; 0: nothing is planted.
    share: f64,
}

impl Surroundings<'_> {
    /// Whole tracks: in some a segment is of another genre, in half of the others segments are replaced by noise.
    fn whole(&self, mut x: Vec<f32>, genres: &[GenreId], rng: &mut ChaCha8Rng) -> (Vec<f32>, Vec<Planted>) {
        let width = self.pieces.width;
        let others = (self.share > 0.0).then(|| self.pieces.draw(genres.len(), 1, rng));
        let others = others
            .flatten()
            .and_then(|(x, genres)| Some((values(&x).ok()?, genres)));
        let mut planted = Vec::new();
        for (example, track) in x.chunks_exact_mut(WHOLE * width).enumerate() {
            let other = others.as_ref().filter(|_| rng.random_bool(self.share));
            match other {
                Some((segments, of)) if of[example] != genres[example] => {
                    let place = rng.random_range(0..WHOLE);
                    track[place * width..][..width].copy_from_slice(&segments[example * width..][..width]);
                    planted.push(self.planted(example, place, of[example], Some(genres[example])));
                }
                _ => self.hide(track, rng),
            }
        }
        (x, planted)
    }

    /// Replaces segments of every second track by noise; at least one stays.
    fn hide(&self, track: &mut [f32], rng: &mut ChaCha8Rng) {
        if rng.random::<bool>() {
            return;
        }
        let width = self.pieces.width;
        let (stays, share) = (rng.random_range(0..WHOLE), rng.random::<f32>());
        for (place, segment) in track.chunks_exact_mut(width).enumerate() {
            if place != stays && rng.random::<f32>() < share {
                segment.copy_from_slice(noise(self.noises, width, rng));
            }
        }
    }

    /// Single segments, each in a track of `n` at a place that is drawn, all others noise.
    fn single(&self, x: &[f32], genres: &[GenreId], n: usize, rng: &mut ChaCha8Rng) -> (Vec<f32>, Vec<Planted>) {
        let width = self.pieces.width;
        let (mut tracks, mut planted) = (Vec::with_capacity(x.len() * n), Vec::new());
        for (example, segment) in x.chunks_exact(width).enumerate() {
            let at = rng.random_range(0..n);
            for place in 0..n {
                tracks.extend_from_slice(if place == at {
                    segment
                } else {
                    noise(self.noises, width, rng)
                });
            }
            if self.share > 0.0 {
                planted.push(self.planted(example, at, genres[example], None));
            }
        }
        (tracks, planted)
    }

    fn planted(&self, example: usize, place: usize, genre: GenreId, around: Option<GenreId>) -> Planted {
        let shares = |genre| shares(genre, self.pieces.genres.len());
        Planted {
            example,
            passage: place..place + 1,
            genres: shares(genre),
            around: around.map(shares),
        }
    }
}

#[cfg(test)]
#[path = "taught_tests.rs"]
mod tests;
