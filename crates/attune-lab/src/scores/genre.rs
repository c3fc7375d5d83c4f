//! One score function taught on the genres of real music, and what its weights are like.

use crate::bench::BenchError;
use crate::bench::measure::{Effort, rounds};
use crate::clip_features::{FeatureClip, FeatureSet, Score, one_hot};
use crate::train_loop::{Schedule, train_loop};
use crate::{LabError, Run};
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::planted::{Distractor, PIECE, Piece, Pointing, Source, pieces};
use attune_model::LoadedModel;
use attune_model::scores::{PackedScoreNet, ScoreNet};
use attune_nn::Pass;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::score::ScorePoolingShape;
use attune_nn::weights::WeightStore;
use attune_train::dataset::Dataset;
use attune_train::evaluate::{ClipLogits, Metrics};
use attune_train::noises::coloured_levels;
use attune_train::validate::Part;
use candle_core::Tensor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Examples of a step, and their lengths in frames: excerpts are of the short kind, every second step of the long one.
const BATCH: usize = 32;
const LENGTHS: [usize; 2] = [128, 256];
/// Answers of each example.
const ASKED: usize = 8;
/// Noises of each colour to plant passages among.
const NOISES: usize = 8;
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
    /// Pieces of each kind with a planted passage.
    pub planted: usize,
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
    /// Whether the half second with most weight lies in a passage planted in music of another genre.
    pub in_music: Pointing,
    /// The same among noise.
    pub among_noise: Pointing,
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
    run: &mut Run<'_>,
) -> Result<(HashMap<String, Tensor>, f64), LabError> {
    let classes = pieces.genres.len();
    let mut store = WeightStore::random(plan.schedule.seed);
    let net = ScoreNet::new(&mut store, plan.shape, classes)?;
    let mut step = 0;
    let what = format!("{}, seed {}", plan.shape.kind.name(), plan.schedule.seed);
    let loss = train_loop(
        &store,
        plan.schedule,
        &what,
        run,
        |rng| {
            let frames = LENGTHS[step % LENGTHS.len()];
            step += 1;
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
            let (logits, _) = net.forward(&x, &read, &mut Pass::Train(rng))?;
            let targets = one_hot(&classes_of, ASKED, classes)?;
            Ok(logits.apply_op2(&targets, CrossEntropy)?.mean_all()?)
        },
        |_, _| Ok(()),
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
    planted: &[Planted],
) -> Result<Outcome, LabError> {
    let hop = pieces.spec.hop();
    let mut looks = Looks::default();
    let excerpts = answers(net, pieces, Part::Excerpt, &mut Looks::default(), plan.shape.context);
    let whole = answers(net, pieces, Part::Whole, &mut looks, plan.shape.context);
    let (mut in_music, mut among_noise) = (Pointing::default(), Pointing::default());
    for Planted { kind, piece, features } in planted {
        let weights = net.weights_at_end(features)?;
        let windows = piece.windows.iter();
        let values: Vec<f32> = windows
            .map(|window| window.mean_of(&weights, piece.input.count()))
            .collect();
        let pointing = match kind {
            Distractor::Music => &mut in_music,
            _ => &mut among_noise,
        };
        pointing.add(piece, &values);
    }
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

/// A piece with a planted passage, and the features that the encoder makes of it.
pub(crate) struct Planted {
    kind: Distractor,
    piece: Piece,
    features: Vec<f32>,
}

/// `count` pieces of passages in music of another genre, and as many among white, pink and brown noise.
///
/// # Errors
/// If the validation clips are too short or of one genre.
pub(crate) fn plant_all(
    data: &Dataset,
    encoder: &LoadedModel,
    count: usize,
    seed: u64,
) -> Result<Vec<Planted>, LabError> {
    let spec = &encoder.manifest().front_end;
    let clips: Vec<Source<'_>> = data
        .valid
        .iter()
        .filter_map(|clip| {
            Some(Source {
                levels_db: clip.whole.as_deref()?,
                genre: clip.genre,
            })
        })
        .collect();
    let noise = coloured_levels(NOISES, PIECE, spec, &mut ChaCha8Rng::seed_from_u64(seed))?;
    let mut planted = Vec::with_capacity(2 * count);
    for kind in [Distractor::Music, Distractor::Noise] {
        let Some(pieces) = pieces(kind, &clips, &noise, spec, seed) else {
            return Err(LabError::Refused(format!(
                "--data has no whole validation clips of {} s and two genres to plant passages in",
                PIECE.0
            )));
        };
        for piece in pieces.take(count) {
            let features = encoder.encode(&piece.input.frames)?;
            planted.push(Planted { kind, piece, features });
        }
    }
    Ok(planted)
}
