//! LSTM and Transformer layers against PyTorch (`tests/golden/make.py`), the causal convolution against its sum.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use attune::model::load::tensors;
use attune::nn::Pass;
use attune::nn::causal_conv::{CausalConv, ConvShape};
use attune::nn::lstm_cell::{Lstm, LstmState};
use attune::nn::multihead::{AttentionShape, EncoderLayer, MultiHead};
use attune::nn::weights::WeightStore;
use candle_core::{Device, Tensor};
use std::collections::HashMap;

/// References are computed in f64 and rounded once; a layer sums about a hundred f32 products of size 1.
const TOLERANCE: f32 = 1e-5;

fn golden(name: &str) -> HashMap<String, Tensor> {
    let path = format!("{}/tests/golden/data/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
    // The mask is u8, which no weights file may hold: it stands for what `context` says.
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let floats = file.iter().filter(|(_, view)| view.dtype() == safetensors::Dtype::F32);
    tensors(&safetensors::serialize(floats, None).unwrap()).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b)
        .unwrap()
        .abs()
        .unwrap()
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

/// PyTorch keeps a dense layer as (outputs, inputs).
fn transposed(x: &Tensor) -> Tensor {
    x.t().unwrap().contiguous().unwrap()
}

#[test]
fn lstm_is_pytorchs() {
    let golden = golden("lstm");
    let mut x = golden["x"].clone();
    for layer in 0..2 {
        let get = |name: &str| golden[&format!("{name}_l{layer}")].clone();
        let (inputs, hidden) = (x.dim(2).unwrap(), 7);
        // Ours adds 1 to the forget gate's bias; PyTorch has two biases and no such start.
        let mut open = vec![0.0f32; 4 * hidden];
        open[hidden..2 * hidden].fill(1.0);
        let bias = ((get("bias_ih") + get("bias_hh")).unwrap()
            - Tensor::from_vec(open, 4 * hidden, &Device::Cpu).unwrap())
        .unwrap();
        let mut store = WeightStore::from_tensors(HashMap::from([
            ("input.weight".to_owned(), transposed(&get("weight_ih"))),
            ("input.bias".to_owned(), bias),
            ("recurrent".to_owned(), transposed(&get("weight_hh"))),
        ]));
        let lstm = Lstm::new(store.root(), inputs, hidden).unwrap();
        let state = |name: &str| golden[name].get(layer).unwrap();
        let mut memory = LstmState::new(&state("h_0"), &state("c_0")).unwrap();
        let output = lstm.forward(&x, &mut memory).unwrap();
        let (t, trace) = (x.dim(1).unwrap(), &output.trace);
        let last = |part: usize| {
            trace
                .narrow(1, t - 1, 1)
                .unwrap()
                .squeeze(1)
                .unwrap()
                .narrow(1, part * hidden, hidden)
                .unwrap()
        };
        assert!(largest_difference(&last(0), &state("h_n")) < TOLERANCE);
        assert!(largest_difference(&last(1), &state("c_n")) < TOLERANCE);
        x = output.hidden;
    }
    assert!(largest_difference(&x, &golden["output"]) < TOLERANCE);
}

/// PyTorch's names below `from` to ours.
fn attention_weights(golden: &HashMap<String, Tensor>, from: &str, to: &str) -> HashMap<String, Tensor> {
    let get = |name: &str| golden[&format!("{from}{name}")].clone();
    HashMap::from([
        (format!("{to}project.weight"), transposed(&get("in_proj_weight"))),
        (format!("{to}project.bias"), get("in_proj_bias")),
        (format!("{to}output.weight"), transposed(&get("out_proj.weight"))),
        (format!("{to}output.bias"), get("out_proj.bias")),
    ])
}

const SHAPE: AttentionShape = AttentionShape {
    width: 16,
    heads: 4,
    context: 6,
    rotary: false,
};

#[test]
fn multi_head_attention_is_pytorchs() {
    let golden = golden("transformer");
    let mut store = WeightStore::from_tensors(attention_weights(&golden, "mha.", ""));
    let attention = MultiHead::new(store.root(), SHAPE).unwrap();
    let (output, weights) = attention
        .forward(&golden["x"], &mut attention.initial_cache(2, 16).unwrap())
        .unwrap();
    assert!(largest_difference(&output, &golden["mha.output"]) < TOLERANCE);
    assert!(largest_difference(&weights, &golden["mha.attention"]) < TOLERANCE);
}

#[test]
fn the_encoder_layer_is_pytorchs() {
    let golden = golden("transformer");
    let get = |name: &str| golden[&format!("norm_first.{name}")].clone();
    let mut weights = attention_weights(&golden, "norm_first.self_attn.", "attention.");
    for (ours, theirs) in [("norm_attention", "norm1"), ("norm_feed", "norm2")] {
        weights.insert(format!("{ours}.scale"), get(&format!("{theirs}.weight")));
        weights.insert(format!("{ours}.shift"), get(&format!("{theirs}.bias")));
    }
    for (ours, theirs) in [("widen", "linear1"), ("narrow", "linear2")] {
        weights.insert(format!("{ours}.weight"), transposed(&get(&format!("{theirs}.weight"))));
        weights.insert(format!("{ours}.bias"), get(&format!("{theirs}.bias")));
    }
    let mut store = WeightStore::from_tensors(weights);
    let layer = EncoderLayer::new(store.root(), SHAPE, 32, 0.0).unwrap();
    let x = &golden["x"];
    let whole = layer
        .forward(x, &mut layer.initial_cache(2).unwrap(), &mut Pass::Infer)
        .unwrap()
        .0;
    assert!(largest_difference(&whole, &get("output")) < TOLERANCE);
    // And frame by frame through the cache.
    let mut cache = layer.initial_cache(2).unwrap();
    let frames: Vec<Tensor> = (0..13)
        .map(|n| {
            layer
                .forward(&x.narrow(1, n, 1).unwrap(), &mut cache, &mut Pass::Infer)
                .unwrap()
                .0
        })
        .collect();
    assert!(largest_difference(&Tensor::cat(&frames, 1).unwrap(), &get("output")) < TOLERANCE);
}

#[test]
fn the_causal_convolution_is_its_sum() {
    let shape = ConvShape {
        inputs: 3,
        outputs: 2,
        taps: 3,
        dilation: 4,
    };
    let mut store = WeightStore::drawn(1);
    let conv = CausalConv::new(store.root(), shape, 1.0).unwrap();
    let weights: HashMap<String, Vec<f32>> = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.flatten_all().unwrap().to_vec1().unwrap()))
        .collect();
    let x: Vec<f32> = (0..20 * 3).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
    let block = Tensor::from_slice(&x, (1, 20, 3), &Device::Cpu).unwrap();
    let y = conv
        .forward(&block, &mut conv.initial_context(1).unwrap())
        .unwrap()
        .get(0)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let v = &weights["direction"]; // (taps · inputs, outputs)
    for (n, y) in y.iter().enumerate() {
        for (o, y) in y.iter().enumerate() {
            let norm = (0..9).map(|row| v[row * 2 + o].powi(2)).sum::<f32>().sqrt();
            let mut sum = weights["bias"][o];
            for tap in 0..3 {
                // Tap i of the formula is i·d frames back; it is stored furthest first.
                let back = (2 - tap) * 4;
                for input in 0..3 {
                    if n >= back {
                        sum += weights["gain"][o] * v[(tap * 3 + input) * 2 + o] / norm * x[(n - back) * 3 + input];
                    }
                }
            }
            assert!((y - sum).abs() < TOLERANCE, "frame {n}, output {o}: {y} {sum}");
        }
    }
}
