//! LSTM and Transformer layers against PyTorch (`tests/golden/make.py`), the causal convolution against its sum.

use attune_model::caption::{CaptionNet, CaptionShape};
use attune_model::load::tensors;
use attune_nn::Pass;
use attune_nn::attention::{Attention, MultiHeadShape, Visible};
use attune_nn::causal_conv::{CausalConv, ConvShape};
use attune_nn::conv2d::{Conv2d, Conv2dShape};
use attune_nn::grid_conv::{GridConv, GridConvShape};
use attune_nn::kernels::convolution::Activation;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::lstm_cell::Lstm;
use attune_nn::multihead::{AttentionShape, EncoderLayer, MultiHead};
use attune_nn::positional::Rotations;
use attune_nn::recurrent::{PackedRecurrent, Recurrent};
use attune_nn::rnn_cell::Rnn;
use attune_nn::streaming::frame_buf::FrameBuf;
use attune_nn::transformer::TransformerDecoderLayer;
use attune_nn::weights::WeightStore;
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
        let packed = lstm.pack(Precision::F32).unwrap();
        let streams: Vec<Tensor> = (0..x.dim(0).unwrap())
            .map(|stream| {
                let state = |name: &str| -> Vec<f32> {
                    let of_layer = golden[name].get(layer).unwrap();
                    of_layer.get(stream).unwrap().to_vec1().unwrap()
                };
                let mut memory = packed.initial_state();
                memory.set(&state("h_0"), &state("c_0"));
                let frames = x.get(stream).unwrap();
                let hidden = stepped(&frames, hidden, |x, out| packed.step(x, &mut memory, out));
                for (ours, theirs) in [(memory.newest().0, state("h_n")), (memory.newest().1, state("c_n"))] {
                    for (ours, theirs) in ours.iter().zip(theirs) {
                        assert!((ours - theirs).abs() < TOLERANCE);
                    }
                }
                hidden
            })
            .collect();
        x = Tensor::stack(&streams, 0).unwrap();
    }
    assert!(largest_difference(&x, &golden["output"]) < TOLERANCE);
}

#[test]
fn rnn_is_pytorchs() {
    let golden = golden("rnn");
    let mut x = golden["x"].clone();
    for layer in 0..2 {
        let get = |name: &str| golden[&format!("{name}_l{layer}")].clone();
        let (inputs, hidden) = (x.dim(2).unwrap(), 7);
        let mut store = WeightStore::from_tensors(HashMap::from([
            ("input.weight".to_owned(), transposed(&get("weight_ih"))),
            // PyTorch has two biases.
            ("input.bias".to_owned(), (get("bias_ih") + get("bias_hh")).unwrap()),
            ("recurrent".to_owned(), transposed(&get("weight_hh"))),
        ]));
        let packed = Rnn::new(store.root(), inputs, hidden)
            .unwrap()
            .pack(Precision::F32)
            .unwrap();
        let streams: Vec<Tensor> = (0..x.dim(0).unwrap())
            .map(|stream| {
                let state = |name: &str| -> Vec<f32> {
                    let of_layer = golden[name].get(layer).unwrap();
                    of_layer.get(stream).unwrap().to_vec1().unwrap()
                };
                let mut memory = packed.initial_state();
                memory.set(&state("h_0"));
                let frames = x.get(stream).unwrap();
                let hidden = stepped(&frames, hidden, |x, out| packed.step(x, &mut memory, out));
                for (ours, theirs) in memory.newest().iter().zip(state("h_n")) {
                    assert!((ours - theirs).abs() < TOLERANCE);
                }
                hidden
            })
            .collect();
        x = Tensor::stack(&streams, 0).unwrap();
    }
    assert!(largest_difference(&x, &golden["output"]) < TOLERANCE);
}

/// Frames (t, inputs) through a layer's streaming form, in blocks of 1, 2, 3, … frames: (t, width).
fn stepped(frames: &Tensor, width: usize, mut step: impl FnMut(&FrameBuf, &mut FrameBuf)) -> Tensor {
    let rows = frames.to_vec2::<f32>().unwrap();
    let (mut block, mut out) = (FrameBuf::new(rows[0].len()), FrameBuf::new(width));
    let (mut rest, mut values) = (rows.as_slice(), Vec::new());
    for size in 1.. {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(size.min(rest.len()));
        block.reset(now.len());
        for (frame, row) in now.iter().enumerate() {
            block.row_mut(frame).copy_from_slice(row);
        }
        step(&block, &mut out);
        (0..now.len()).for_each(|frame| values.extend_from_slice(out.row(frame)));
        rest = later;
    }
    Tensor::from_vec(values, (rows.len(), width), &Device::Cpu).unwrap()
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
    let output = attention.forward(&golden["x"]).unwrap();
    let weights = attention.weights(&golden["x"]).unwrap();
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
    let whole = layer.forward(x, &mut Pass::Infer).unwrap();
    assert!(largest_difference(&whole, &get("output")) < TOLERANCE);
    // And as a stream, from its ring.
    let packed = layer.pack(Precision::F32).unwrap();
    for stream in 0..x.dim(0).unwrap() {
        let mut memory = packed.initial_state();
        let frames = x.get(stream).unwrap();
        let rotations = Rotations::default(); // none: PyTorch's layer knows no places
        let streamed = stepped(&frames, SHAPE.width, |x, out| {
            packed.step(x, &rotations, &mut memory, out);
        });
        assert!(largest_difference(&streamed, &get("output").get(stream).unwrap()) < TOLERANCE);
    }
}

/// PyTorch's attention of queries over another sequence by our names: it keeps all three projections in one matrix.
fn cross_weights(golden: &HashMap<String, Tensor>, from: &str, to: &str) -> HashMap<String, Tensor> {
    let get = |name: &str| &golden[&format!("{from}{name}")];
    let width = get("out_proj.bias").dim(0).unwrap();
    let rows = |name: &str, first: usize, count: usize| get(name).narrow(0, first * width, count * width).unwrap();
    HashMap::from([
        (format!("{to}query.weight"), transposed(&rows("in_proj_weight", 0, 1))),
        (format!("{to}query.bias"), rows("in_proj_bias", 0, 1)),
        (
            format!("{to}key_value.weight"),
            transposed(&rows("in_proj_weight", 1, 2)),
        ),
        (format!("{to}key_value.bias"), rows("in_proj_bias", 1, 2)),
        (format!("{to}output.weight"), transposed(get("out_proj.weight"))),
        (format!("{to}output.bias"), get("out_proj.bias").clone()),
    ])
}

const CROSS: MultiHeadShape = MultiHeadShape {
    width: 16,
    heads: 4,
    lags: 0,
};

#[test]
fn attention_over_another_sequence_is_pytorchs() {
    let golden = golden("decoder");
    let mut store = WeightStore::from_tensors(cross_weights(&golden, "mha.", ""));
    let attention = Attention::new(store.root(), CROSS).unwrap();
    let memory = attention.key_values(&golden["memory"]).unwrap();
    let (output, weights) = attention.forward(&golden["x"], &memory, &Visible::all(5, 9)).unwrap();
    assert!(largest_difference(&output, &golden["mha.output"]) < TOLERANCE);
    assert!(largest_difference(&weights, &golden["mha.attention"]) < TOLERANCE);
}

#[test]
fn the_decoder_layer_is_pytorchs_at_once_and_token_by_token() {
    let golden = golden("decoder");
    let mut weights = cross_weights(&golden, "layer.self_attn.", "tokens.");
    weights.extend(cross_weights(&golden, "layer.multihead_attn.", "source."));
    for (ours, theirs) in [
        ("norm_tokens", "norm1"),
        ("norm_source", "norm2"),
        ("feed.norm", "norm3"),
    ] {
        weights.insert(
            format!("{ours}.scale"),
            golden[&format!("layer.{theirs}.weight")].clone(),
        );
        weights.insert(format!("{ours}.shift"), golden[&format!("layer.{theirs}.bias")].clone());
    }
    for (ours, theirs) in [("feed.widen", "linear1"), ("feed.narrow", "linear2")] {
        weights.insert(
            format!("{ours}.weight"),
            transposed(&golden[&format!("layer.{theirs}.weight")]),
        );
        weights.insert(format!("{ours}.bias"), golden[&format!("layer.{theirs}.bias")].clone());
    }
    let mut store = WeightStore::from_tensors(weights);
    let layer = TransformerDecoderLayer::new(store.root(), CROSS, 32, 0.0).unwrap();
    let (x, memory) = (&golden["x"], layer.memory(&golden["memory"]).unwrap());
    let (own, source) = (Visible::causal(5), Visible::all(5, 9));
    let (whole, _) = layer
        .forward(x, (&mut None, &own), (&memory, &source), &mut Pass::Infer)
        .unwrap();
    assert!(largest_difference(&whole, &golden["layer.output"]) < TOLERANCE);
    let mut before = None;
    for token in 0..5 {
        let (own, source) = (Visible::all(1, token + 1), Visible::all(1, 9));
        let one = x.narrow(1, token, 1).unwrap();
        let (y, _) = layer
            .forward(&one, (&mut before, &own), (&memory, &source), &mut Pass::Infer)
            .unwrap();
        assert!(largest_difference(&y, &golden["layer.output"].narrow(1, token, 1).unwrap()) < TOLERANCE);
    }
}

#[test]
fn the_convolution_over_the_grid_is_pytorchs_at_once_and_row_by_row() {
    let golden = golden("decoder");
    let (features, rows, columns) = (6, 3, 5);
    // (out, in, rows, columns) to (columns · rows · in, out); a weight-normalised kernel is direction and norm.
    let kernel = golden["grid.conv.weight"]
        .permute((3, 2, 1, 0))
        .unwrap()
        .contiguous()
        .unwrap();
    let kernel = kernel.reshape((columns * rows * features, features)).unwrap();
    let weights = HashMap::from([
        ("norm.scale".to_owned(), golden["grid.norm.weight"].clone()),
        ("norm.shift".to_owned(), golden["grid.norm.bias"].clone()),
        (
            "conv.gain".to_owned(),
            kernel.sqr().unwrap().sum(0).unwrap().sqrt().unwrap(),
        ),
        ("conv.direction".to_owned(), kernel),
        ("conv.bias".to_owned(), golden["grid.conv.bias"].clone()),
        ("narrow.weight".to_owned(), transposed(&golden["grid.narrow.weight"])),
        ("narrow.bias".to_owned(), golden["grid.narrow.bias"].clone()),
    ]);
    for (name, looks_ahead) in [("both", true), ("before", false)] {
        let shape = GridConvShape {
            width: features,
            rows,
            columns,
            looks_ahead,
        };
        let layer = GridConv::new(WeightStore::from_tensors(weights.clone()).root(), shape).unwrap();
        let (x, expected) = (&golden["grid.x"], &golden[&format!("grid.{name}")]);
        let whole = layer.forward(x, 0.0, &mut Pass::Infer).unwrap();
        assert!(largest_difference(&whole, expected) < TOLERANCE, "{name}");
        let mut before = Vec::new();
        for row in 0..x.dim(1).unwrap() {
            let one = layer.row(&x.narrow(1, row, 1).unwrap(), &mut before).unwrap();
            assert!(
                largest_difference(&one, &expected.narrow(1, row, 1).unwrap()) < TOLERANCE,
                "{name} {row}"
            );
        }
    }
}

#[test]
fn the_causal_convolution_is_its_sum() {
    let shape = ConvShape {
        inputs: 3,
        outputs: 2,
        taps: 3,
        dilation: 4,
    };
    let mut store = WeightStore::random(1);
    let conv = CausalConv::new(store.root(), shape, 1.0).unwrap();
    let weights: HashMap<String, Vec<f32>> = store
        .all()
        .map(|(name, var)| (name.to_owned(), var.flatten_all().unwrap().to_vec1().unwrap()))
        .collect();
    let x: Vec<f32> = (0..20 * 3).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
    let block = Tensor::from_slice(&x, (1, 20, 3), &Device::Cpu).unwrap();
    let y = conv
        .forward(&block, Activation::Identity)
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

#[test]
fn conv2d_is_pytorchs() {
    let golden = golden("conv2d");
    for (name, kernel, stride) in [
        ("strided", [6, 4], [2, 2]),
        ("along_time", [4, 1], [2, 1]),
        ("even", [3, 3], [1, 1]),
    ] {
        // PyTorch keeps (outputs, inputs, frames, bands).
        let weight = golden[&format!("{name}.weight")].permute((2, 3, 1, 0)).unwrap();
        let weight = weight.reshape((kernel[0] * kernel[1] * 3, 5)).unwrap();
        let mut store = WeightStore::from_tensors(HashMap::from([("kernel".to_owned(), weight)]));
        let shape = Conv2dShape {
            inputs: 3,
            outputs: 5,
            kernel,
            stride,
        };
        let layer = Conv2d::new(store.root(), shape).unwrap();
        let output = layer.forward(&golden["x"]).unwrap();
        let difference = largest_difference(&output, &golden[&format!("{name}.output")]);
        assert!(difference < TOLERANCE, "{name}: {difference}");
    }
}

#[test]
fn the_decoder_of_captions_is_pytorchs() {
    let golden = golden("caption");
    let (width, embedding, words) = (5, 4, 7);
    let shape = CaptionShape {
        bands: 2,
        frames: 3,
        layers: vec![Conv2dShape {
            inputs: 1,
            outputs: width,
            kernel: [1, 1],
            stride: [1, 1],
        }],
        embedding,
        words,
        dropout: 0.5,
        gated: true,
    };
    let of = |name: &str| golden[name].clone();
    let mut open = vec![0.0f32; 4 * width];
    open[width..2 * width].fill(1.0);
    let open = Tensor::from_vec(open, 4 * width, &Device::Cpu).unwrap();
    let lstm_bias = ((of("lstm.bias_ih") + of("lstm.bias_hh")).unwrap() - open).unwrap();
    let mut tensors = HashMap::from([
        ("embedding".to_owned(), of("embedding.weight")),
        ("score.of_key".to_owned(), transposed(&of("of_key.weight"))),
        ("score.vector".to_owned(), transposed(&of("vector.weight"))),
        ("lstm.input.weight".to_owned(), transposed(&of("lstm.weight_ih"))),
        ("lstm.input.bias".to_owned(), lstm_bias),
        ("lstm.recurrent".to_owned(), transposed(&of("lstm.weight_hh"))),
    ]);
    for (ours, theirs) in [
        ("score.of_query", "of_query"),
        ("gate", "gate"),
        ("of_state", "of_state"),
        ("of_context", "of_context"),
        ("output", "output"),
    ] {
        tensors.insert(format!("{ours}.weight"), transposed(&of(&format!("{theirs}.weight"))));
        tensors.insert(format!("{ours}.bias"), of(&format!("{theirs}.bias")));
    }
    let tensors = tensors
        .into_iter()
        .map(|(name, tensor)| (format!("decoder.{name}"), tensor));
    let mut all: HashMap<String, Tensor> = tensors.collect();
    // What lies before the tiles is not asked.
    let mut drawn = WeightStore::random(1);
    CaptionNet::new(drawn.root(), &shape).unwrap();
    for (name, var) in drawn.all() {
        all.entry(name.to_owned()).or_insert_with(|| var.as_detached_tensor());
    }
    let mut store = WeightStore::from_tensors(all);
    let net = CaptionNet::new(store.root(), &shape).unwrap();
    let before: Vec<Vec<f32>> = golden["before"].to_vec2().unwrap();
    let mut state = net.decoder().start(&golden["tiles"]).unwrap();
    for place in 0..3 {
        let word: Vec<u32> = before.iter().map(|row| row[place] as u32).collect();
        let word = Tensor::from_vec(word, 2, &Device::Cpu).unwrap();
        let (logits, weights) = net.decoder().step(&word, &mut state, &mut Pass::Infer).unwrap();
        for (ours, theirs) in [(&logits, "logits"), (&weights, "alpha")] {
            let theirs = golden[theirs].narrow(1, place, 1).unwrap().squeeze(1).unwrap();
            let difference = largest_difference(ours, &theirs);
            assert!(difference < TOLERANCE, "word {place}: {difference}");
        }
    }
}
