//! Depth: the layer in its four forms, and what they come to.

use super::stage::{flat, random, report};
use attune_lab::Entry;
use attune_lab::depth::{DepthLab, gradients};
use attune_lab::position::order_shape;
use attune_lab::token_encoder::{LayerShape, PositionalEncoding, TokenEncoder, TokenEncoderLayer, TokenEncoderShape};
use attune_nn::Pass;
use attune_nn::gradcheck::worst_disagreement;
use attune_nn::multihead::{AttentionShape, EncoderLayer};
use attune_nn::weights::WeightStore;
use candle_core::{Result, Tensor, Var};
use std::collections::HashMap;

const FORMS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

fn shape((residual, normalized): (bool, bool)) -> LayerShape {
    LayerShape {
        width: 8,
        heads: 2,
        rotary: false,
        residual,
        normalized,
    }
}

#[test]
fn gradients_of_each_form() {
    for form in FORMS {
        let mut store = WeightStore::random(1);
        let layer = TokenEncoderLayer::new(store.root(), shape(form)).unwrap();
        let x = Var::from_tensor(&random(&[2, 5, 8], 2)).unwrap();
        let weigh = random(&[2, 5, 8], 3);
        let mut variables: Vec<Var> = store.params().map(|(_, var)| var.clone()).collect();
        variables.push(x.clone());
        let loss = || -> Result<Tensor> { ((layer.forward(&x)? * &weigh)?.sum_all()? * 0.1)?.reshape(()) };
        let worst = worst_disagreement(&variables, 1e-2, loss).unwrap();
        assert!(worst.error < 2e-3, "{form:?}: {worst:?}");
    }
}

#[test]
fn gradients_of_the_whole_network_and_its_token() {
    let mut store = WeightStore::random(4);
    let shape = TokenEncoderShape {
        width: 8,
        heads: 2,
        ..order_shape(2, PositionalEncoding::Sinusoidal)
    };
    let net = TokenEncoder::new(&mut store, shape).unwrap();
    let x = random(&[1, 5, shape.inputs], 5);
    let weigh = random(&[1, 1, 3], 6);
    let variables: Vec<Var> = store.params().map(|(_, var)| var.clone()).collect();
    let loss = || -> Result<Tensor> { (net.forward(&x, &mut Pass::Infer)? * &weigh)?.sum_all() };
    let worst = worst_disagreement(&variables, 1e-2, loss).unwrap();
    assert!(worst.error < 2e-3, "{worst:?}");
    // The norms of layers are those of their weights' gradients.
    let grads = loss().unwrap().backward().unwrap();
    let norms = gradients(&store, &grads, 2).unwrap();
    let mut sum = 0.0f64;
    for (name, var) in store.params() {
        if name.starts_with("layers.1.") {
            sum += flat(grads.get(var).unwrap())
                .iter()
                .map(|g| f64::from(*g).powi(2))
                .sum::<f64>();
        }
    }
    assert!(
        (norms[1] - sum.sqrt()).abs() < 1e-5 * sum.sqrt() && norms[0] > 0.0,
        "{norms:?}"
    );
}

#[test]
fn with_both_it_is_the_engines_encoder_layer() {
    let mut store = WeightStore::random(7);
    let layer = TokenEncoderLayer::new(store.root(), shape((true, true))).unwrap();
    let tensors: HashMap<String, Tensor> = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
        .collect();
    let attention = AttentionShape {
        width: 8,
        heads: 2,
        context: 100,
        rotary: false,
    };
    let mut same = WeightStore::from_tensors(tensors);
    let engine = EncoderLayer::new(same.root(), attention, 16, 0.0).unwrap();
    let x = random(&[2, 6, 8], 8);
    let (own, engines) = (
        layer.forward(&x).unwrap(),
        engine.forward(&x, &mut Pass::Infer).unwrap(),
    );
    for (own, engines) in flat(&own).iter().zip(flat(&engines)) {
        assert!((own - engines).abs() < 1e-5, "{own} {engines}");
    }
}

#[test]
fn the_lowest_of_six_layers_gets_its_share_of_the_gradient_with_both_and_not_with_neither() {
    let lab = DepthLab {
        layers: vec![6],
        steps: Some(10),
    };
    let report = report(&lab, None);
    let seeds = report.tables.iter().find(|table| table.name == "seeds").unwrap();
    assert_eq!(seeds.rows.len(), 4 * 6);
    let first = |form: &str, layer: usize| {
        let row = seeds
            .rows
            .iter()
            .find(|row| row[0] == form.into() && row[5] == layer.into());
        match row.unwrap()[6] {
            Entry::Power(norm) => norm,
            ref other => panic!("{other}"),
        }
    };
    let [both, residual, neither] = ["both", "residual only", "neither"].map(|form| first(form, 1));
    assert!(both > 20.0 * neither, "{both} {neither}");
    assert!(
        residual > 5.0 * both,
        "{residual} {both}: without normalisation the sums grow"
    );
    // With neither, the gradient gets less on its way down.
    assert!(neither < 0.7 * first("neither", 6), "{neither}");
    assert!(both > first("both", 6), "{both}");
}
