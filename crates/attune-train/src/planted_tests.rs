//! What is asked of planted passages, and what the terms of the loss say of maps made by hand.

use super::*;
use attune_nn::gradcheck::worst_disagreement;
use attune_nn::kernels::window_moments::Windows;
use candle_core::Var;
use rand::SeedableRng;

/// Units of 4 frames, side by side.
const WINDOWS: Windows = Windows { local: 4, every: 4 };

/// Frames 41 to 80 of 120: exactly the units 11 to 20, as a unit ends at every fourth frame from 0 on.
fn planted(around: Option<Vec<f32>>) -> Planted {
    Planted {
        example: 1,
        passage: 41..81,
        genres: vec![0.0, 1.0, 0.0],
        around,
    }
}

fn shape() -> BatchShape {
    BatchShape {
        clips: 2,
        frames: 120,
        readout_frames: vec![(30, 0.25), (60, 0.25), (119, 0.5)],
        frequency: 1.0,
    }
}

fn labels(planted: &Planted) -> Labels {
    let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    Labels::of(&targets, &[0.5, 0.5], std::slice::from_ref(planted), &shape()).unwrap()
}

/// The example 0 is nothing; in the example 1 the units have these weights and this evidence.
fn units(weights: &[f32], evidence: &[[f32; 3]]) -> UnitEvidence {
    let count = weights.len();
    let of_both = [vec![1.0 / count as f32; count], weights.to_vec()];
    let weights: Vec<f32> = of_both
        .iter()
        .flat_map(|row| std::iter::repeat_n(row, 3).flatten().copied())
        .collect();
    let evidence: Vec<f32> = std::iter::repeat_n([0.0; 3], count)
        .chain(evidence.iter().copied())
        .flatten()
        .collect();
    UnitEvidence {
        weights: Tensor::from_vec(weights, (2, 3, count), &Device::Cpu).unwrap(),
        evidence: Tensor::from_vec(evidence, (2, count, 3), &Device::Cpu).unwrap(),
        windows: WINDOWS,
    }
}

fn scalar(of: candle_core::Result<Tensor>) -> f32 {
    of.unwrap().to_scalar().unwrap()
}

#[test]
fn a_passage_is_labelled_once_half_a_second_of_it_has_come() {
    let in_noise = planted(None);
    assert_eq!(in_noise.label(60), None, "20 frames have been heard");
    assert_eq!(in_noise.label(61), Some(vec![0.0, 1.0, 0.0]));
    assert_eq!(in_noise.label(119), Some(vec![0.0, 1.0, 0.0]));
    let in_music = planted(Some(vec![1.0, 0.0, 0.0]));
    assert_eq!(in_music.label(30), Some(vec![1.0, 0.0, 0.0]));
    assert_eq!(in_music.label(49), Some(vec![0.82, 0.18, 0.0]), "9 of 50 frames");
    let end = in_music.label(119).unwrap();
    assert!((end[1] - 1.0 / 3.0).abs() < 1e-6 && (end[0] - 2.0 / 3.0).abs() < 1e-6);
}

#[test]
fn every_example_counts_alike_however_many_frames_have_a_label() {
    let of = labels(&planted(None));
    let weights = of.weights.to_vec2::<f32>().unwrap();
    assert_eq!(weights, [[0.125, 0.125, 0.25], [0.0, 0.0, 0.5]]);
    let of = labels(&planted(Some(vec![1.0, 0.0, 0.0])));
    assert_eq!(of.weights.to_vec2::<f32>().unwrap()[1], [0.125, 0.125, 0.25]);
    let targets = of.targets.to_vec3::<f32>().unwrap();
    assert_eq!(targets[0], [[1.0, 0.0, 0.0]; 3]);
    assert_eq!(targets[1][0], [1.0, 0.0, 0.0]);
    assert_eq!(targets[1][1], planted(Some(vec![1.0, 0.0, 0.0])).label(60).unwrap());
}

#[test]
fn attention_in_noise_costs_what_lies_outside() {
    let one = planted(None);
    let at = |unit: usize| {
        let mut weights = vec![0.0; 30];
        weights[unit] = 1.0;
        scalar(attention_loss(
            &units(&weights, &[[0.0; 3]; 30]),
            std::slice::from_ref(&one),
            &labels(&one),
        ))
    };
    // The label of the passage has half of the weight of the batch, all of it at the last readout frame.
    assert!(at(11).abs() < 1e-6 && at(20).abs() < 1e-6);
    let most = -0.5 * (LEAST_SHARE / (1.0 + LEAST_SHARE)).ln() as f32;
    assert!((at(10) - most).abs() < 1e-4 && (at(21) - most).abs() < 1e-4);
    let even = scalar(attention_loss(
        &units(&[1.0 / 30.0; 30], &[[0.0; 3]; 30]),
        std::slice::from_ref(&one),
        &labels(&one),
    ));
    // Ten of thirty units.
    assert!((even - 0.5 * 3f32.ln()).abs() < 2e-3, "{even}");
}

#[test]
fn attention_in_music_is_that_to_the_class_of_the_passage() {
    let one = planted(Some(vec![1.0, 0.0, 0.0]));
    let loss = |evidence: &[[f32; 3]; 30]| {
        let even = units(&[1.0 / 30.0; 30], evidence);
        scalar(attention_loss(&even, std::slice::from_ref(&one), &labels(&one)))
    };
    let mut evidence = [[5.0, 0.0, 0.0]; 30];
    evidence[11..21].fill([0.0, 5.0, 0.0]);
    assert!(loss(&evidence).abs() < 1e-2, "{}", loss(&evidence));
    // Every unit speaks for the passage's class: two thirds of it from elsewhere. Of the readout frames the first has no
    // passage yet, and at the second it has just begun.
    let (everywhere, elsewhere) = (loss(&[[0.0, 5.0, 0.0]; 30]), loss(&[[5.0, 0.0, 0.0]; 30]));
    assert!((everywhere - 0.25 * 3f32.ln()).abs() < 1e-2, "{everywhere}");
    assert!(
        elsewhere.abs() < 1e-6,
        "nothing speaks for it: no direction to go, {elsewhere}"
    );
}

#[test]
fn each_side_answers_for_its_own_class() {
    let mut evidence = [[4.0, 0.0, 0.0]; 30];
    evidence[11..21].fill([0.0, 4.0, 0.0]);
    let loss = |around: Option<Vec<f32>>| {
        let one = planted(around);
        scalar(local_loss(
            &units(&[1.0 / 30.0; 30], &evidence),
            std::slice::from_ref(&one),
            &[0.5, 0.5],
        ))
    };
    let right = (4f32.exp() + 2.0).ln() - 4.0;
    let wrong = right + 4.0;
    assert!((loss(None) - 0.5 * right).abs() < 1e-5);
    assert!((loss(Some(vec![1.0, 0.0, 0.0])) - 0.5 * right).abs() < 1e-5);
    assert!((loss(Some(vec![0.0, 0.0, 1.0])) - 0.25 * (right + wrong)).abs() < 1e-5);
}

#[test]
fn both_terms_have_gradients() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| normal(&mut rng)).collect() };
    let weights: Vec<f32> = draw(180).iter().map(|x| 0.1 + x.abs()).collect();
    let weights = Var::from_vec(weights, (2, 3, 30), &Device::Cpu).unwrap();
    let evidence = Var::from_vec(draw(180), (2, 30, 3), &Device::Cpu).unwrap();
    let units = || UnitEvidence {
        weights: weights.as_tensor().clone(),
        evidence: evidence.as_tensor().clone(),
        windows: WINDOWS,
    };
    let one = planted(Some(vec![1.0, 0.0, 0.0]));
    let variables = [weights.clone(), evidence.clone()];
    let worst = worst_disagreement(&variables, 1e-2, || {
        let planted = std::slice::from_ref(&one);
        attention_loss(&units(), planted, &labels(&one))? + local_loss(&units(), planted, &[0.5, 0.5])?
    });
    // Contrasts bend at 0, within the step for some.
    assert!(worst.as_ref().unwrap().error < 5e-3, "{worst:?}");
}

#[test]
fn a_passage_lasts_a_second_or_more_and_fits() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for frames in [6, 24, 128, 256, 600] {
        for _ in 0..200 {
            let place = draw_place(frames, &mut rng);
            assert!(place.end <= frames && place.len() >= 2, "{place:?} of {frames}");
            assert!(
                frames < 128 || (43..=172).contains(&place.len()),
                "{place:?} of {frames}"
            );
        }
    }
}

#[test]
fn what_surrounds_a_passage_has_about_its_loudness() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let passage = vec![-20.0; 10 * 8];
    for _ in 0..50 {
        let mut around = noise(30, 8, &mut rng);
        level_with(&mut around, &passage, 8, &mut rng);
        let louder = loudness_db(&around, 8) - loudness_db(&passage, 8);
        assert!((-14.1..8.1).contains(&louder), "{louder}");
        let quiet = loudness_db(&silence(30, 8, &passage, &mut rng), 8) - loudness_db(&passage, 8);
        // Of one level in 8 bands: 9 dB more than each.
        assert!((-102.0..-50.0).contains(&quiet), "{quiet}");
    }
}

#[test]
fn what_evaluation_uses_is_left_out() {
    assert!(
        !["1-100032-A-0.wav", "3_jackson_4.ogg"]
            .map(Path::new)
            .into_iter()
            .any(is_for_evaluation)
    );

    for name in ["5-203128-A-0.wav", "0_theo_1.ogg", "9_lucas_12.wav"] {
        assert!(is_for_evaluation(&Path::new("anywhere").join(name)), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("5-1-A-0.wav"), b"").unwrap();
    let refused = Distractors::open(&[folder.path().to_owned()], &FrontEndSpec::default(), |_, _| ());
    assert!(refused.unwrap_err().to_string().contains("kept for evaluation"));
}

#[test]
fn the_loss_is_cross_entropy_and_what_the_plan_adds() {
    let one = planted(None);
    let plan = |attention_weight, local_weight| PlantedPlan {
        attention_weight,
        local_weight,
        ..PlantedPlan::default()
    };
    let loss = |weights: &[f32], planted: &[Planted], plan: &PlantedPlan| {
        let units = units(weights, &[[0.0, 1.0, 0.0]; 30]);
        let logits = units.weights.matmul(&units.evidence).unwrap();
        let labels = ([1.0, 0.0, 0.0, 0.0, 1.0, 0.0].as_slice(), [0.5, 0.5].as_slice());
        scalar(evidence_loss((&logits, &units), labels, planted, &shape(), plan))
    };
    let at = |inside: bool| -> Vec<f32> {
        let weight = |unit| if (11..=20).contains(&unit) == inside { 1.0 } else { 1e-6 };
        let weights: Vec<f32> = (0..30).map(weight).collect();
        let sum: f32 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    };
    let planted = std::slice::from_ref(&one);
    // All evidence is alike, so attention changes nothing but its own term.
    let [plain, inside, outside] = [
        loss(&at(false), planted, &plan(0.0, 0.0)),
        loss(&at(true), planted, &plan(0.5, 0.0)),
        loss(&at(false), planted, &plan(0.5, 0.0)),
    ];
    assert!((inside - plain).abs() < 1e-3, "{inside} {plain}");
    assert!(outside > plain + 1.0, "{outside} {plain}");
    let local = loss(&at(true), planted, &plan(0.0, 1.0)) - plain;
    // The passage's evidence is (0, 1, 0) and its class the second, in half of the batch.
    let expected = 0.5 * (2.0 + 1f32.exp()).ln() - 0.5;
    assert!((local - expected).abs() < 1e-4, "{local} {expected}");
    let none = [
        loss(&at(true), &[], &plan(0.0, 0.0)),
        loss(&at(true), &[], &plan(1.0, 1.0)),
    ];
    assert!((none[0] - none[1]).abs() < 1e-7, "nothing is planted: {none:?}");
}
