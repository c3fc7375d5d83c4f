//! What planted passages teach, on features made up: every class has a feature of its own, noise another.

use super::*;
use crate::scores::pieces::PieceFeatures;
use crate::{Cells, RunConfig};
use attune_engine::explain::planted::Piece;
use attune_engine::explain::{Input, Segment};
use attune_model::ModelError;
use attune_model::genre::{GenreId, GenreSet};
use attune_nn::score::ScoreKind;
use attune_train::augment::normal;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::AtomicBool;

const CLASSES: usize = 3;
/// A feature for each class, that of noise, and that of all music.
const WIDTH: usize = CLASSES + 2;
const FRAMES: usize = 320;

/// Frames of a class, or of noise.
fn frames(count: usize, class: Option<usize>, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut x: Vec<f32> = (0..count * WIDTH).map(|_| 0.5 * normal(rng)).collect();
    for frame in x.chunks_exact_mut(WIDTH) {
        match class {
            Some(class) => {
                frame[class] += 1.0;
                frame[CLASSES + 1] += 1.0;
            }
            None => frame[CLASSES] += 2.0,
        }
    }
    x
}

fn clips(rng: &mut ChaCha8Rng) -> FeatureSet {
    let clip = |class| FeatureClip {
        genre: GenreId(class as u8),
        part: Part::Whole,
        features: Vec::new(),
    };
    let mut side = || -> Vec<FeatureClip> {
        let classes = (0..4 * CLASSES).map(|n| n % CLASSES);
        classes
            .map(|class| FeatureClip {
                features: frames(FRAMES, Some(class), rng),
                ..clip(class)
            })
            .collect()
    };
    FeatureSet {
        genres: GenreSet::new(["a", "b", "c"].map(str::to_owned).to_vec()).unwrap(),
        spec: FrontEndSpec::default(),
        width: WIDTH,
        train: side(),
        valid: side(),
    }
}

/// Passages of 60 frames among another class, or noise.
fn passages(kind: Distractor, count: usize, rng: &mut ChaCha8Rng) -> Vec<PieceFeatures> {
    let each = (0..count).map(|n| {
        let class = n % CLASSES;
        let around = (kind == Distractor::Music).then_some((class + 1) % CLASSES);
        let start = rng.random_range(100..250);
        let passage = Segment { start, end: start + 60 };
        let mut features = frames(FRAMES, around, rng);
        features[start * WIDTH..passage.end * WIDTH].copy_from_slice(&frames(60, Some(class), rng));
        let windows = (80..FRAMES).step_by(20).map(|start| Segment { start, end: start + 20 });
        let piece = Piece {
            input: Input {
                frames: vec![0.0; FRAMES],
                bands: 1,
            },
            passage,
            genre: GenreId(class as u8),
            around: around.map(|class| GenreId(class as u8)),
            windows: windows.collect(),
            seed: 0,
        };
        PieceFeatures { kind, piece, features }
    });
    each.collect()
}

/// What a score function finds among noise and in music after learning with this plan.
fn found(passages_plan: PlantedPlan) -> Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let pieces = clips(&mut rng);
    let [to_learn, to_test] = [60, 40].map(|count| Passages {
        all: [Distractor::Music, Distractor::Noise]
            .into_iter()
            .flat_map(|kind| passages(kind, count, &mut rng))
            .collect(),
        width: WIDTH,
        classes: CLASSES,
    });
    let plan = Plan {
        shape: ScorePoolingShape {
            kind: ScoreKind::ScaledDot,
            inputs: WIDTH,
            width: 4,
            context: 256,
        },
        schedule: Schedule::for_generated(100, 2e-2, 1),
        planted: 0,
        passages: passages_plan,
    };
    let config = RunConfig { quick: true, seed: 1 };
    let (models, stop) = (|| Err(ModelError::NotFinite), AtomicBool::new(false));
    let mut say = |_: crate::RunEvent<'_>| {};
    let mut run = Run::new(config, Cells::default(), &models, &mut say, &stop);
    let (tensors, _) = learn(&plan, &pieces, &to_learn, &mut run).unwrap();
    let net = restored(tensors, plan.shape, CLASSES).unwrap();
    judge(&plan, &net, &pieces, &to_test).unwrap()
}

#[test]
fn attention_learns_from_planted_passages_where_to_look() {
    let plan = |share, attention_weight| PlantedPlan {
        share,
        attention_weight,
        ..PlantedPlan::default()
    };
    let (taught, reversed, without) = (found(plan(0.5, 0.5)), found(plan(0.5, -0.2)), found(plan(0.0, 0.5)));
    let rates = [&taught, &reversed, &without].map(|of| {
        [
            of.among_noise.weights.rate(),
            of.among_noise.contribution.rate(),
            of.in_music.contribution.rate(),
        ]
    });
    assert!(rates[0].iter().all(|rate| *rate >= 0.9), "{rates:?}");
    assert!(rates[1][0] < 0.6, "away from it: {rates:?}");
    assert!(rates[2][0] < 0.75, "untaught: {rates:?}");
    assert!(taught.whole.accuracy > 0.9, "{}", taught.whole.accuracy);
}

#[test]
fn contributions_add_up_to_the_answer() {
    let shape = ScorePoolingShape {
        kind: ScoreKind::General,
        inputs: WIDTH,
        width: 4,
        context: 50,
    };
    let net = ScoreNet::new(&mut WeightStore::random(3), shape, CLASSES).unwrap();
    let x = frames(90, Some(1), &mut ChaCha8Rng::seed_from_u64(4));
    let sequence = Tensor::from_slice(&x, (1, 90, WIDTH), &Device::Cpu).unwrap();
    let (logits, weights) = net.forward(&sequence, &[89], &mut Pass::Infer).unwrap();
    let sums = weights.matmul(&net.evidence(&sequence).unwrap()).unwrap();
    let logits = values(&logits).unwrap();
    let map = net.pack().unwrap().evidence_at_end(&x).unwrap();
    for sum in [values(&sums).unwrap(), map.logits()] {
        assert!(
            sum.iter().zip(&logits).all(|(a, b)| (a - b).abs() < 1e-4),
            "{sum:?} {logits:?}"
        );
    }
    let mean = logits.iter().sum::<f32>() / CLASSES as f32;
    let mut of_frames = Vec::new();
    map.contribution_of_frames(2, &mut of_frames);
    assert!((of_frames.iter().sum::<f32>() - (logits[2] - mean)).abs() < 1e-4);
    assert!(of_frames[..40].iter().all(|x| *x == 0.0), "out of the context");
}
