//! One score function taught on the genres of real music, and what its weights are like.

use super::pieces::Passages;
use crate::bench::BenchError;
use crate::bench::measure::{Effort, rounds};
use crate::clip_features::{FeatureClip, FeatureSet, Score, one_hot};
use crate::planted::Found;
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::planted::Distractor;
use attune_model::genre_net::UnitEvidence;
use attune_model::scores::{PackedScoreNet, ScoreNet};
use attune_nn::Pass;
use attune_nn::kernels::values;
use attune_nn::kernels::window_moments::Windows;
use attune_nn::score::ScorePoolingShape;
use attune_nn::weights::WeightStore;
use attune_train::evaluate::{ClipLogits, Metrics};
use attune_train::planted::{PlantedPlan, evidence_loss};
use attune_train::recipe::BatchShape;
use attune_train::validate::Part;
use candle_core::{Device, Tensor};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Examples of a step, and their lengths in frames: excerpts are of the short kind, every second step of the long one.
const BATCH: usize = 32;
const LENGTHS: [usize; 2] = [128, 256];
/// Answers of each example.
const ASKED: usize = 8;
/// Frames before the first answer: those of a second.
const WARM_UP: usize = 43;

/// Everything that determines a trained pooling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Plan {
    /// Pooling by this score function.
    pub shape: ScorePoolingShape,
    /// How it is trained.
    #[serde(rename = "course")]
    pub schedule: Schedule,
    /// Pieces with a planted passage of each kind to test it on; to learn from, so many in music and among noise.
    pub planted: usize,
    /// Planted passages to learn from: of the long examples, this share.
    pub passages: PlantedPlan,
}

/// The result of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Numbers that were learnt.
    pub weights: usize,
    /// Mean loss at the end of training.
    pub loss: f64,
    /// Excerpts of 3 s.
    pub excerpts: Score,
    /// Whole clips.
    pub whole: Score,
    /// −Σ α·ln α as a share of ln n, its mean over the frames of whole validation clips whose window of n frames is
    /// full.
    pub entropy: f64,
    /// Σ α·lag, as above, in seconds.
    pub look_back: f64,
    /// Whether the highest half second lies in a passage planted in music of another genre.
    pub in_music: Found,
    /// The same among noise.
    pub among_noise: Found,
    /// Median of a streaming step over one frame, without the encoder, in microseconds.
    pub step_us: f64,
}

/// Teaches a pooling.
///
/// # Errors
/// If the network fails, no clip is long enough, or the run is to stop.
pub(crate) fn learn(
    plan: &Plan,
    pieces: &FeatureSet,
    passages: &Passages,
    run: &mut Run<'_>,
) -> Result<(HashMap<String, Tensor>, f64), LabError> {
    let classes = pieces.genres.len();
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = ScoreNet::new(&mut store, plan.shape, classes)?;
    let what = format!("{}, seed {}", plan.shape.kind.name(), plan.schedule.seed);
    let loss = train_loop(
        &store,
        plan.schedule,
        &what,
        run,
        |step, rng| {
            let frames = LENGTHS[step as usize % LENGTHS.len()];
            let drawn = pieces.draw(BATCH, frames, rng);
            let Some((x, genres)) = drawn.or_else(|| pieces.draw(BATCH, LENGTHS[0], rng)) else {
                return Err(LabError::Refused(format!(
                    "no clip to learn from has {} frames: --data needs clips of 3 s and more",
                    LENGTHS[0]
                )));
            };
            let frames = x.dim(1)?;
            let mut read: Vec<usize> = (0..ASKED).map(|_| rng.random_range(WARM_UP..frames)).collect();
            read.sort_unstable();
            let classes_of: Vec<usize> = genres.iter().map(|genre| usize::from(genre.0)).collect();
            let mut x = values(&x)?;
            let planted = if frames == LENGTHS[1] {
                passages.plant(&mut x, frames, f64::from(plan.passages.share), rng)
            } else {
                Vec::new() // too short for a passage and its surroundings
            };
            let x = Tensor::from_vec(x, (BATCH, frames, pieces.width), &Device::Cpu)?;
            let (logits, weights) = net.forward(&x, &read, &mut Pass::Train(rng))?;
            let units = UnitEvidence {
                weights,
                evidence: net.evidence(&x)?,
                windows: Windows { local: 1, every: 1 },
            };
            let batch = BatchShape {
                clips: BATCH,
                frames,
                readout_frames: read.iter().map(|frame| (*frame, 1.0 / ASKED as f32)).collect(),
                frequency: 1.0,
            };
            let targets = values(&one_hot(&classes_of, 1, classes)?)?;
            let labels = (targets.as_slice(), [1.0 / BATCH as f32; BATCH].as_slice());
            Ok(evidence_loss(
                (&logits, &units),
                labels,
                &planted,
                &batch,
                &plan.passages,
            )?)
        },
        None,
    )?;
    let tensors = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()));
    Ok((tensors.collect(), loss))
}

/// The pooling from its tensors.
///
/// # Errors
/// If they are another formula's.
pub(crate) fn restored(
    tensors: HashMap<String, Tensor>,
    shape: ScorePoolingShape,
    classes: usize,
) -> Result<PackedScoreNet, LabError> {
    let mut store = WeightStore::from_tensors(tensors);
    Ok(ScoreNet::new(&mut store, shape, classes)?.pack()?)
}

/// Judges a taught pooling.
///
/// # Errors
/// If a stream fails.
pub(crate) fn judge(
    plan: &Plan,
    net: &PackedScoreNet,
    pieces: &FeatureSet,
    planted: &Passages,
) -> Result<Outcome, LabError> {
    let hop = pieces.spec.hop();
    let mut looks = Looks::default();
    let excerpts = answers(net, pieces, Part::Excerpt, &mut Looks::default(), plan.shape.context);
    let whole = answers(net, pieces, Part::Whole, &mut looks, plan.shape.context);
    let (in_music, among_noise) = (
        planted.found(net, Distractor::Music)?,
        planted.found(net, Distractor::Noise)?,
    );
    Ok(Outcome {
        weights: 0,
        loss: 0.0,
        excerpts,
        whole,
        entropy: looks.entropy / looks.frames.max(1) as f64,
        look_back: looks.lag / looks.frames.max(1) as f64 * hop.0,
        in_music,
        among_noise,
        step_us: step_us(net, plan.shape)?,
    })
}

/// Sums over frames.
#[derive(Debug, Default)]
struct Looks {
    entropy: f64,
    lag: f64,
    frames: usize,
}

impl Looks {
    fn add(&mut self, weights: impl ExactSizeIterator<Item = f32>) {
        let count = weights.len() as f64;
        let (mut entropy, mut lag) = (0.0, 0.0);
        for (back, weight) in weights.enumerate() {
            let weight = f64::from(weight);
            entropy -= if weight > 0.0 { weight * weight.ln() } else { 0.0 };
            lag += weight * back as f64;
        }
        self.entropy += entropy / count.ln();
        self.lag += lag;
        self.frames += 1;
    }
}

fn answers(net: &PackedScoreNet, pieces: &FeatureSet, part: Part, looks: &mut Looks, context: usize) -> Score {
    let answer = |piece: &FeatureClip| {
        let mut logits = Vec::new();
        net.step(&piece.features, &mut net.initial_state(), &mut logits, |memory| {
            if memory.reach() == context {
                looks.add(memory.weights_by_lag());
            }
        });
        answer_of(piece, logits, &pieces.spec, pieces.genres.len())
    };
    let answers: Vec<_> = pieces.judged(part).map(answer).collect();
    Score {
        accuracy: Metrics::of(&answers, pieces.genres.len()).accuracy,
        clips: answers.len(),
    }
}

/// Truth and answer of a clip: the mean over its frames after the first two seconds.
fn answer_of(
    piece: &FeatureClip,
    logits: Vec<f32>,
    spec: &FrontEndSpec,
    classes: usize,
) -> (attune_model::genre::GenreId, attune_model::genre::Probabilities) {
    let clip = ClipLogits {
        truth: piece.genre,
        logits,
        classes,
        novelty: Vec::new(),
    };
    (piece.genre, clip.answer(1.0, spec))
}

/// Microseconds of a step over one frame with a full window.
fn step_us(net: &PackedScoreNet, shape: ScorePoolingShape) -> Result<f64, LabError> {
    let frame: Vec<f32> = (0..shape.inputs).map(|n| (n as f32 * 0.7).sin()).collect();
    let mut state = net.initial_state();
    let mut logits = Vec::new();
    for _ in 0..shape.context {
        net.step(&frame, &mut state, &mut logits, |_| {});
    }
    let times = rounds(Effort::FULL, || {
        logits.clear();
        net.step(&frame, &mut state, &mut logits, |_| {});
        Ok::<_, BenchError>(())
    })?;
    Ok(times.median().unwrap_or(0.0) * 1e6)
}

#[cfg(test)]
#[path = "genre_tests.rs"]
mod tests;
