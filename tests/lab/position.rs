//! Positional encoding: what is blind to order, and what is not.

use super::stage::{flat, random, report};
use attune_lab::Entry;
use attune_lab::position::{PositionLab, order_shape};
use attune_lab::token_encoder::order_task::BANDS;
use attune_lab::token_encoder::{PositionalEncoding, TokenEncoder};
use attune_nn::Pass;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};

/// How much the answer changes when the frames come in another order.
fn change(layers: usize, places: PositionalEncoding) -> f32 {
    let net = TokenEncoder::new(&mut WeightStore::random(1), order_shape(layers, places)).unwrap();
    let x = random(&[1, 10, BANDS], 2);
    let turned: Vec<f32> = flat(&x).chunks(BANDS).rev().flatten().copied().collect();
    let turned = Tensor::from_vec(turned, (1, 10, BANDS), &Device::Cpu).unwrap();
    let logits = [x, turned].map(|x| flat(&net.forward(&x, &mut Pass::Infer).unwrap()));
    let pairs = logits[0].iter().zip(&logits[1]);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn one_layer_is_blind_to_order_unless_it_is_told_and_a_causal_mask_tells_several() {
    // Sums in another order: some 1e-7 of values near 1.
    assert!(change(1, PositionalEncoding::None) < 1e-5);
    for (layers, places) in [
        (1, PositionalEncoding::Sinusoidal),
        (1, PositionalEncoding::Rotary),
        (3, PositionalEncoding::None),
    ] {
        let change = change(layers, places);
        assert!(change > 1e-3, "{layers} {places:?}: {change}");
    }
}

#[test]
#[ignore = "trains for 49 s: ./test.sh --all"]
fn the_order_task_falls_to_chance_without_places() {
    let lab = PositionLab {
        steps: Some(600),
        ..PositionLab::default()
    };
    let report = report(&lab, None);
    let right = |layers: usize, encoding: &str| {
        let row = report.tables[0]
            .rows
            .iter()
            .find(|row| row[0] == layers.into() && row[1] == encoding.into())
            .unwrap();
        let Entry::Share(right) = row[2] else { panic!("{row:?}") };
        right
    };
    // Chance is 33.3 %; of 1,000 pieces the deviation is 1.5 %.
    assert!((right(1, "off") - 1.0 / 3.0).abs() < 0.07, "{report:?}");
    assert!(right(1, "sinusoidal") > 0.8, "{report:?}");
    assert!(right(3, "off") > 0.45, "{report:?}");
}
