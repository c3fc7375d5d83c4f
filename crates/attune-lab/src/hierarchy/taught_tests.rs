//! What planted segments teach, on words made up: every class has a feature of its own, noise another.

use super::super::judge::judge;
use super::*;
use crate::clip_features::FeatureClip;
use crate::{Cells, RunConfig};
use attune_audio::features::FrontEndSpec;
use attune_model::ModelError;
use attune_model::genre::GenreSet;
use attune_train::augment::normal;
use attune_train::validate::Part;
use rand::SeedableRng;
use std::sync::atomic::AtomicBool;

const CLASSES: usize = 3;
const INPUTS: usize = CLASSES + 1;

/// Words of a class, or of noise.
fn words(count: usize, class: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut x: Vec<f32> = (0..count * INPUTS).map(|_| 0.5 * normal(rng)).collect();
    for word in x.chunks_exact_mut(INPUTS) {
        word[class] += 1.0;
    }
    x
}

/// What is found of planted segments after learning with this plan.
fn found(passages: PlantedPlan) -> super::super::Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut clips = || -> Vec<FeatureClip> {
        let classes = (0..4 * CLASSES).map(|n| n % CLASSES);
        classes
            .map(|class| FeatureClip {
                genre: GenreId(class as u8),
                part: Part::Whole,
                features: words(WHOLE * SEGMENT, class, &mut rng),
            })
            .collect()
    };
    let pieces = FeatureSet {
        genres: GenreSet::new(["a", "b", "c"].map(str::to_owned).to_vec()).unwrap(),
        spec: FrontEndSpec::default(),
        width: SEGMENT * INPUTS,
        train: clips(),
        valid: clips(),
    };
    let noises = words(8 * SEGMENT, CLASSES, &mut rng);
    let plan = Plan {
        shape: HierarchicalShape {
            inputs: INPUTS,
            word_frames: 1,
            segment_words: SEGMENT,
            hidden: 6,
            width: 6,
            classes: CLASSES,
            dropout: 0.0,
            attends: true,
        },
        schedule: Schedule::for_generated(120, 1e-2, 1),
        planted: 60,
        passages,
    };
    let config = RunConfig { quick: true, seed: 1 };
    let (models, stop) = (|| Err(ModelError::NotFinite), AtomicBool::new(false));
    let mut say = |_: crate::RunEvent<'_>| {};
    let mut run = Run::new(config, Cells::default(), &models, &mut say, &stop);
    let (tensors, loss) = learn_music(&plan, &pieces, &noises, &mut run).unwrap();
    judge(
        &plan,
        &restored(tensors, plan.shape).unwrap(),
        &pieces,
        &noises,
        (0, loss),
    )
    .unwrap()
}

#[test]
fn planted_segments_teach_which_segment_speaks_for_a_class() {
    let plan = |share, attention_weight| PlantedPlan {
        share,
        attention_weight,
        ..PlantedPlan::default()
    };
    let (taught, reversed) = (found(plan(0.5, 0.5)), found(plan(0.5, -0.3)));
    let rates = [&taught, &reversed].map(|of| {
        [
            of.in_music.contribution.rate(),
            of.among_noises.contribution.rate(),
            of.among_noises.weights.rate(),
        ]
    });
    assert!(rates[0].iter().all(|rate| *rate >= 0.9), "{rates:?}");
    assert!(rates[1][2] < 0.5, "away from it: {rates:?}");
    assert!(taught.whole.accuracy > 0.9, "{:?}", taught.whole);
}

#[test]
fn contributions_of_segments_add_up_to_the_answer() {
    let shape = HierarchicalShape {
        inputs: INPUTS,
        word_frames: 1,
        segment_words: SEGMENT,
        hidden: 3,
        width: 3,
        classes: CLASSES,
        dropout: 0.0,
        attends: true,
    };
    let net = Hierarchical::new(WeightStore::random(2).root(), shape).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let segments: Vec<_> = (0..4)
        .map(|n| net.segment(&words(SEGMENT, n % CLASSES, &mut rng)).unwrap())
        .collect();
    let read = net.track(&segments).unwrap();
    let mean = read.logits.iter().sum::<f32>() / CLASSES as f32;
    for (class, logit) in read.logits.iter().enumerate() {
        let contributions = read.contributions(class);
        assert_eq!(contributions.len(), 4);
        let sum: f32 = contributions.iter().sum();
        assert!((sum - (logit - mean)).abs() < 1e-5, "{class}: {sum} {logit} {mean}");
    }
}
