//! The lab of limits: reach against what can be worked out by hand, and against differences.

use super::stage::{flat, random};
use attune_lab::limits::{Layer, Moment, Plan, recurrent_layer};
use attune_lab::memory::Kind;
use attune_model::body::Body;
use attune_model::receptive_field::jacobian_norms;
use attune_model::tcn::{Tcn, TcnShape};
use attune_model::{bundled, bundled_optional};
use attune_nn::Pass;
use attune_nn::lstm_cell::Lstm;
use attune_nn::recurrent::Recurrent;
use attune_nn::rnn_cell::Rnn;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use std::collections::HashMap;

const HIDDEN: usize = 5;
const INPUTS: usize = 3;

/// A store with this recurrent matrix and bias, and input weights so small that every tanh stays at its steepest.
fn store(recurrent: Vec<f32>, bias: Vec<f32>) -> WeightStore {
    let sums = bias.len();
    let tensor = |values: Vec<f32>, rows: usize| Tensor::from_vec(values, (rows, sums), &Device::Cpu).unwrap();
    WeightStore::from_tensors(HashMap::from([
        ("input.weight".to_owned(), tensor(vec![1e-6; INPUTS * sums], INPUTS)),
        ("input.bias".to_owned(), tensor(bias, 1).squeeze(0).unwrap()),
        ("recurrent".to_owned(), tensor(recurrent, HIDDEN)),
    ]))
}

fn drawn(seed: u64) -> [(Layer, Tensor, Tensor); 2] {
    let x = random(&[1, 12, INPUTS], seed);
    let (mut first, mut second) = (WeightStore::random(seed), WeightStore::random(seed));
    let rnn = Rnn::new(first.root(), INPUTS, HIDDEN).unwrap();
    let lstm = Lstm::new(second.root(), INPUTS, HIDDEN).unwrap();
    let (of_rnn, of_lstm) = (rnn.forward(&x).unwrap(), lstm.forward(&x).unwrap());
    [
        (Layer::of_rnn(&rnn).unwrap(), x.clone(), of_rnn),
        (Layer::of_lstm(&lstm).unwrap(), x, of_lstm),
    ]
}

#[test]
fn what_is_gone_through_is_the_layer_itself() {
    for (layer, x, hidden) in drawn(1) {
        let moments = layer.moments(&flat(&x));
        for (moment, row) in moments[1..].iter().zip(flat(&hidden).chunks_exact(HIDDEN)) {
            for (own, layers) in moment.hidden.iter().zip(row) {
                assert!((own - f64::from(*layers)).abs() < 1e-5, "{own} {layers}");
            }
        }
    }
}

#[test]
fn a_plain_recurrence_forgets_by_a_power() {
    for factor in [0.5f64, 0.9, 1.1] {
        let mut recurrent = vec![0.0f32; HIDDEN * HIDDEN];
        for n in 0..HIDDEN {
            recurrent[n * HIDDEN + n] = factor as f32;
        }
        let mut store = store(recurrent, vec![0.0; HIDDEN]);
        let layer = Layer::of_rnn(&Rnn::new(store.root(), INPUTS, HIDDEN).unwrap()).unwrap();
        let moments = layer.moments(&flat(&random(&[40, INPUTS], 2)));
        let reach = layer.reach(&moments, 40, 30).unwrap();
        assert!(reach.cell.is_empty());
        for (lag, norm) in reach.hidden.iter().enumerate() {
            let wanted = f64::from(factor as f32).powi(lag as i32);
            // tanh' = 1 − h² with h of some 1e-5.
            assert!((norm / wanted - 1.0).abs() < 1e-6, "{factor}^{lag}: {norm}");
        }
    }
}

#[test]
fn an_open_forget_gate_keeps_the_gradient_of_the_cell() {
    // The layer adds 1 to the forget gate's bias.
    for (bias, kept) in [(39.0f32, 1.0f64), (-1.0, 0.5), (-41.0, 0.0)] {
        let mut biases = vec![0.0; 4 * HIDDEN];
        biases[HIDDEN..2 * HIDDEN].fill(bias);
        let mut store = store(vec![0.0; HIDDEN * 4 * HIDDEN], biases);
        let layer = Layer::of_lstm(&Lstm::new(store.root(), INPUTS, HIDDEN).unwrap()).unwrap();
        let moments = layer.moments(&flat(&random(&[40, INPUTS], 3)));
        let reach = layer.reach(&moments, 40, 30).unwrap();
        for (lag, norm) in reach.cell.iter().enumerate() {
            let wanted = kept.powi(lag as i32);
            assert!((norm - wanted).abs() < 1e-5 * wanted + 1e-15, "{kept}^{lag}: {norm}");
        }
        // Nothing reads the hidden state: that way is closed at once.
        assert!(reach.hidden[1..].iter().all(|norm| *norm < 1e-15), "{:?}", reach.hidden);
    }
}

/// ‖∂a_t/∂a_{t−k}‖_F/√h by central differences, where a is what `part` takes out of a moment.
fn by_differences(
    layer: &Layer,
    x: &[f32],
    moments: &[Moment],
    lag: usize,
    part: fn(&mut Moment) -> &mut Vec<f64>,
) -> f64 {
    const EPSILON: f64 = 1e-5;
    let from = moments.len() - 1 - lag;
    let mut sum = 0.0;
    for unit in 0..HIDDEN {
        let end = |shift: f64| {
            let mut moment = moments[from].clone();
            part(&mut moment)[unit] += shift;
            for frame in x[from * INPUTS..].chunks_exact(INPUTS) {
                moment = layer.step(frame, &moment);
            }
            part(&mut moment).clone()
        };
        let pairs = end(EPSILON).into_iter().zip(end(-EPSILON));
        sum += pairs
            .map(|(up, down)| ((up - down) / (2.0 * EPSILON)).powi(2))
            .sum::<f64>();
    }
    (sum / HIDDEN as f64).sqrt()
}

#[test]
fn reach_is_that_of_differences() {
    for (layer, x, _) in drawn(4) {
        let x = flat(&x);
        let moments = layer.moments(&x);
        let reach = layer.reach(&moments, 12, 8).unwrap();
        for lag in 0..=8 {
            let hidden = by_differences(&layer, &x, &moments, lag, |moment| &mut moment.hidden);
            assert!(
                (reach.hidden[lag] / hidden - 1.0).abs() < 1e-6,
                "h, {lag}: {hidden} {reach:?}"
            );
            if !reach.cell.is_empty() {
                let cell = by_differences(&layer, &x, &moments, lag, |moment| &mut moment.cell);
                assert!(
                    (reach.cell[lag] / cell - 1.0).abs() < 1e-6,
                    "c, {lag}: {cell} {reach:?}"
                );
            }
        }
        assert!(
            layer.reach(&moments, 12, 13).is_err(),
            "there are no 13 states before it"
        );
    }
}

#[test]
fn a_tcn_depends_on_its_field_and_on_nothing_else() {
    let mut store = WeightStore::random(5);
    let shape = TcnShape {
        width: 4,
        taps: 3,
        dilations: vec![1, 2],
        dropout: 0.0,
        normalized: false,
    };
    let field = shape.receptive_field();
    let tcn = Tcn::new(store.root(), shape).unwrap();
    let net = |x: &Tensor| Ok(tcn.forward(x, &mut Pass::Infer)?.pop().unwrap());
    let x = random(&[1, 20, 4], 6);
    let norms = jacobian_norms(&flat(&x), 4, net).unwrap();
    assert_eq!((field, norms.len()), (13, 20));
    assert!(norms[field..].iter().all(|norm| *norm == 0.0), "{norms:?}");
    assert!(norms[field - 1] > 0.0, "{norms:?}");
    // One of them by differences, in f32.
    let last = |x: &[f32]| -> Vec<f32> {
        let x = Tensor::from_slice(x, (1, 20, 4), &Device::Cpu).unwrap();
        flat(&net(&x).unwrap())[19 * 4..].to_vec()
    };
    let mut sum = 0.0;
    for band in 0..4 {
        let moved = |shift: f32| {
            let mut x = flat(&x);
            x[17 * 4 + band] += shift;
            last(&x)
        };
        let pairs = moved(1e-3).into_iter().zip(moved(-1e-3));
        sum += pairs
            .map(|(up, down)| f64::from((up - down) / 2e-3).powi(2))
            .sum::<f64>();
    }
    assert!(
        (norms[2] - sum.sqrt()).abs() < 1e-2 * sum.sqrt(),
        "{} {}",
        norms[2],
        sum.sqrt()
    );
}

#[test]
fn receptive_fields_and_layers_of_the_bundled_models() {
    let models = bundled().unwrap();
    let optional = bundled_optional().unwrap();
    let mut fields = Vec::new();
    for model in optional.iter().chain(&models.models) {
        let bands = model.manifest().front_end.bands;
        let frames = flat(&random(&[90, bands], 7));
        let norms = model.effective_receptive_field(&frames).unwrap();
        let field = model.receptive_field();
        let trained = recurrent_layer(model, None).unwrap();
        assert_eq!(trained.is_some(), field.is_none());
        if let Some(field) = field.filter(|field| *field < 90) {
            assert!(norms[field..].iter().all(|norm| *norm == 0.0), "{norms:?}");
        } else {
            // Further back a plain recurrence leaves less than f32 can tell from zero.
            assert!(norms[..40].iter().all(|norm| *norm > 0.0), "{norms:?}");
        }
        fields.push(field);
        // Another seed, another layer; the trained one is not drawn.
        if let (Some(trained), Some(drawn)) = (trained, recurrent_layer(model, Some(1)).unwrap()) {
            let x = Tensor::from_slice(&frames, (1, 90, bands), &Device::Cpu).unwrap();
            let inputs = flat(&model.trainable().unwrap().body_inputs(&x).unwrap());
            let ends = [&drawn, &trained].map(|layer| layer.moments(&inputs)[90].hidden[0]);
            assert!((ends[0] - ends[1]).abs() > 1e-6, "{ends:?}");
        }
    }
    // RNN, LSTM, TCN, attention: before a frame 1 of the average, 4 of the front, 60 of the blocks; 2, 4, 12 and 30.
    assert_eq!(fields, [None, None, Some(66), Some(49)]);
}

/// Times are shown, not tested: what is tested is that each kind is taught and listens, and is of the size that it
/// should be.
#[test]
fn every_kind_has_its_cost() {
    for kind in Kind::ALL {
        let of = |length, width| {
            let plan = Plan {
                kind,
                length,
                width,
                quick: true,
            };
            let cost = plan.measure().unwrap();
            let rates = [cost.taught_per_second, cost.step_us];
            assert!(
                rates.iter().all(|rate| rate.is_finite() && *rate > 0.0),
                "{kind:?} {cost:?}"
            );
            cost.weights
        };
        let (small, wide, long) = (of(64, 8), of(64, 16), of(256, 8));
        assert!(wide > 2 * small, "{kind:?}: {small} {wide}");
        // Only a TCN needs more weights to see further.
        assert_eq!(long > small, kind == Kind::Tcn, "{kind:?}: {small} {long}");
    }
}
