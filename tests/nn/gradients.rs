//! Every layer that trains: its gradients by backward equal those by central differences, and every variable has one.

use attune_model::caption::{CaptionNet, CaptionShape};
use attune_model::front::{Front, FrontShape};
use attune_nn::Pass;
use attune_nn::additive_attention::AdditiveAttention;
use attune_nn::attention::{Attention, MultiHeadShape, Visible};
use attune_nn::causal_conv::{CausalConv, ConvShape};
use attune_nn::conv2d::{Conv2d, Conv2dShape};
use attune_nn::evidence::EvidencePooling;
use attune_nn::gradcheck::worst_disagreement;
use attune_nn::grid_conv::{GatedMax, GridConv, GridConvShape};
use attune_nn::kernels::activation::Dropout;
use attune_nn::kernels::convolution::{Activation, CausalConvolution};
use attune_nn::kernels::cross_entropy::CrossEntropy;
use attune_nn::kernels::residual::ResidualRelu;
use attune_nn::kernels::running_moments::RunningMoments;
use attune_nn::kernels::window_moments::Windows;
use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use attune_nn::linear::Linear;
use attune_nn::lstm_cell::{Lstm, LstmState};
use attune_nn::multihead::{AttentionShape, EncoderLayer, MultiHead};
use attune_nn::norm::{BatchNorm, LayerNorm};
use attune_nn::recurrent::Recurrent;
use attune_nn::rnn_cell::Rnn;
use attune_nn::statistics::{AttentivePooling, MomentPooling};
use attune_nn::transformer::{TransformerDecoderLayer, TransformerEncoderLayer};
use attune_nn::weights::WeightStore;
use attune_train::recipe::ModelKind;
use attune_train::variant::Variant;
use candle_core::{Device, Result, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// See `worst_disagreement`: what f32 differences with ε = 1e-2 can show.
const TOLERANCE: f64 = 2e-3;
const EPSILON: f64 = 1e-2;

fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random::<f32>() * 2.0 - 1.0)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn variable(shape: &[usize], seed: u64) -> Var {
    Var::from_tensor(&random(shape, seed)).unwrap()
}

/// A scalar in which every value of `y` counts differently, of size near 1.
fn weigh(y: &Tensor) -> Result<Tensor> {
    let weights = random(y.dims(), 99);
    ((y * weights)?.sum_all()? * (1.0 / (y.elem_count() as f64).sqrt()))?.reshape(())
}

/// Checks all weights of a store and the given inputs.
fn check(name: &str, store: &WeightStore, inputs: &[&Var], loss: impl FnMut() -> Result<Tensor>) {
    let mut variables: Vec<Var> = store.params().map(|(_, var)| var.clone()).collect();
    variables.extend(inputs.iter().map(|&var| var.clone()));
    let worst = worst_disagreement(&variables, EPSILON, loss).unwrap();
    assert!(worst.error < TOLERANCE, "{name}: {worst:?}");
}

#[test]
fn linear() {
    let mut store = WeightStore::random(1);
    let layer = Linear::new(store.root(), 4, 3, 1.0).unwrap();
    let x = variable(&[2, 5, 4], 2);
    check("linear", &store, &[&x], || weigh(&layer.forward(&x)?));
}

#[test]
fn linear_on_a_transposed_input() {
    // candle's own Linear is silently wrong here (see the header of `nn`).
    let mut store = WeightStore::random(1);
    let layer = Linear::new(store.root(), 4, 3, 1.0).unwrap();
    let x = variable(&[2, 4, 5], 2);
    check("linear on a transposed input", &store, &[&x], || {
        weigh(&layer.forward(&x.transpose(1, 2)?)?)
    });
}

#[test]
fn causal_conv_with_weight_norm() {
    for (dilation, activation) in [
        (1, Activation::Identity),
        (2, Activation::Tanh),
        (9, Activation::Identity),
    ] {
        let mut store = WeightStore::random(3);
        let shape = ConvShape {
            inputs: 3,
            outputs: 4,
            taps: 3,
            dilation,
        };
        let conv = CausalConv::new(store.root(), shape, 1.0).unwrap();
        let x = variable(&[2, 7, 3], 4);
        check("causal conv", &store, &[&x], || weigh(&conv.forward(&x, activation)?));
    }
}

#[test]
fn lstm_through_time() {
    let mut store = WeightStore::random(5);
    let lstm = Lstm::new(store.root(), 3, 4).unwrap();
    let x = variable(&[2, 6, 3], 6);
    check("lstm", &store, &[&x], || weigh(&lstm.forward(&x)?));
}

#[test]
fn rnn_through_time() {
    let mut store = WeightStore::random(7);
    let rnn = Rnn::new(store.root(), 3, 5).unwrap();
    let x = variable(&[2, 6, 3], 8);
    check("rnn", &store, &[&x], || weigh(&rnn.forward(&x)?));
}

#[test]
fn encoder_layer_within_and_beyond_its_context() {
    for (rotary, context) in [(false, 3), (true, 4), (true, 100)] {
        let mut store = WeightStore::random(9);
        let shape = AttentionShape {
            width: 8,
            heads: 2,
            context,
            rotary,
        };
        let layer = EncoderLayer::new(store.root(), shape, 6, 0.0).unwrap();
        let x = variable(&[2, 5, 8], 10);
        check("encoder layer", &store, &[&x], || {
            weigh(&layer.forward(&x, &mut Pass::Infer)?)
        });
    }
}

#[test]
fn encoder_layer_with_dropout() {
    let mut store = WeightStore::random(9);
    let shape = AttentionShape {
        width: 8,
        heads: 2,
        context: 4,
        rotary: true,
    };
    let layer = EncoderLayer::new(store.root(), shape, 20, 0.3).unwrap();
    let x = variable(&[2, 5, 8], 10);
    check("encoder layer with dropout", &store, &[&x], || {
        // The same masks each time.
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        weigh(&layer.forward(&x, &mut Pass::Train(&mut rng))?)
    });
}

#[test]
fn attention_alone() {
    let mut store = WeightStore::random(30);
    let shape = AttentionShape {
        width: 8,
        heads: 2,
        context: 3,
        rotary: true,
    };
    let attention = MultiHead::new(store.root(), shape).unwrap();
    let x = variable(&[2, 5, 8], 31);
    check("attention", &store, &[&x], || weigh(&attention.forward(&x)?));
}

#[test]
fn windowed_softmax() {
    let store = WeightStore::random(0);
    let scores = variable(&[2, 3, 6], 11);
    for context in [1, 2, 6] {
        let op = WindowedSoftmax {
            places: vec![0, 3, 5],
            context,
        };
        check("windowed softmax", &store, &[&scores], || {
            weigh(&scores.apply_op1(op.clone())?)
        });
    }
}

#[test]
fn running_moments() {
    let store = WeightStore::random(0);
    let x = variable(&[2, 5, 3], 12);
    let op = RunningMoments {
        weights: vec![1.0, 0.5, 0.4, 0.3, 0.3],
        read: vec![1, 2, 4],
    };
    check("running moments", &store, &[&x], || {
        weigh(&x.as_tensor().apply_op1(op.clone())?)
    });
}

#[test]
fn moment_pooling() {
    let store = WeightStore::random(0);
    let pooling = MomentPooling::new(4.0);
    let (x, other) = (variable(&[2, 6, 3], 14), variable(&[2, 6, 2], 13));
    check("moment pooling", &store, &[&x, &other], || {
        weigh(&pooling.forward(&[&x, &other], &[2, 5])?)
    });
}

#[test]
fn attentive_pooling() {
    let mut store = WeightStore::random(15);
    let pooling = AttentivePooling::new(store.root(), 4, 3, 3).unwrap();
    let (h, x, other) = (
        variable(&[2, 6, 4], 16),
        variable(&[2, 6, 5], 17),
        variable(&[2, 6, 2], 24),
    );
    check("attentive pooling", &store, &[&h, &x, &other], || {
        weigh(&pooling.forward(&h, &[&x, &other], &[3, 5])?.0)
    });
}

#[test]
fn evidence_pooling() {
    // Windows that overlap, the first ones shorter; 8 frames make three units, of which two are in a window.
    let windows = Windows { local: 5, every: 3 };
    let mut store = WeightStore::random(15);
    let pooling = EvidencePooling::new(store.root(), 4, windows, 2).unwrap();
    let (x, other) = (variable(&[2, 8, 3], 16), variable(&[2, 8, 2], 17));
    let none = WeightStore::random(0);
    check("unit statistics", &none, &[&x, &other], || {
        weigh(&pooling.describe(&[&x, &other])?)
    });
    let hidden = variable(&[2, 3, 4], 18);
    check("unit weights", &store, &[&hidden], || {
        weigh(&pooling.weights(&hidden, &[2, 4, 7])?)
    });
    let weights = pooling.weights(&hidden, &[2, 4, 7]).unwrap().to_vec3::<f32>().unwrap();
    for [first, second, third] in weights.iter().map(|rows| [&rows[0], &rows[1], &rows[2]]) {
        assert_eq!(first[..], [1.0, 0.0, 0.0], "one unit within 3 frames");
        assert!(second[0] > 0.0 && second[1] > 0.0 && second[2] == 0.0, "{second:?}");
        assert!(third[0] == 0.0 && third[1] > 0.0 && third[2] > 0.0, "{third:?}");
    }
}

#[test]
fn norms() {
    let mut store = WeightStore::random(18);
    let layer = LayerNorm::new(store.root(), 6).unwrap();
    let x = variable(&[2, 3, 6], 19);
    check("layer norm", &store, &[&x], || weigh(&layer.forward(&x)?));

    let mut store = WeightStore::random(18);
    let batch = BatchNorm::new(store.root(), 6).unwrap();
    check("batch norm", &store, &[&x], || {
        weigh(&batch.forward(&x, &Pass::Train(&mut ChaCha8Rng::seed_from_u64(0)))?)
    });
}

#[test]
fn the_convolutional_front() {
    let shape = FrontShape {
        bands: 12,
        maps: 2,
        kernel_bands: 4,
        kernel_frames: 3,
        stride_bands: 4,
        width: 3,
        smoothing_frames: 1,
    };
    let mut store = WeightStore::random(22);
    let front = Front::new(store.root(), shape).unwrap();
    // The input has a gradient too: attribution needs it.
    let x = variable(&[2, 6, 12], 23);
    check("front", &store, &[&x], || weigh(&front.forward(&x, &Pass::Infer)?));
}

#[test]
fn cross_entropy() {
    let store = WeightStore::random(0);
    let logits = variable(&[2, 3, 5], 25);
    // Targets that sum to 1, to less, and to nothing.
    let targets = random(&[2, 3, 5], 26).relu().unwrap();
    check("cross-entropy", &store, &[&logits], || {
        weigh(&logits.as_tensor().apply_op2(&targets, CrossEntropy)?)
    });
}

#[test]
fn dropout() {
    let store = WeightStore::random(0);
    let x = variable(&[3, 40], 27);
    let dropout = Dropout { rate: 0.4, seed: 5 };
    check("dropout", &store, &[&x], || weigh(&x.as_tensor().apply_op1(dropout)?));
}

/// Values at least 0.05 from 0, where differences of 1e-2 do not cross the corner of a ReLU.
fn away_from_zero(shape: &[usize], seed: u64) -> Var {
    let values = random(shape, seed);
    let pushed = ((&values + (values.sign().unwrap() * 0.05).unwrap()).unwrap() * 2.0).unwrap();
    Var::from_tensor(&pushed).unwrap()
}

#[test]
fn rectified_ops() {
    let store = WeightStore::random(0);
    let (x, y) = (away_from_zero(&[2, 3, 20], 28), away_from_zero(&[2, 3, 20], 29));
    let zeros = x.zeros_like().unwrap();
    check("residual", &store, &[&x], || {
        weigh(&x.as_tensor().apply_op2(&zeros, ResidualRelu)?)
    });
    check("residual", &store, &[&y], || {
        weigh(&zeros.apply_op2(y.as_tensor(), ResidualRelu)?)
    });
    // A kernel that passes each feature on: the sums are those of x.
    let identity = Tensor::eye(20, candle_core::DType::F32, &Device::Cpu).unwrap();
    let nothing = Tensor::zeros(20, candle_core::DType::F32, &Device::Cpu).unwrap();
    let op = CausalConvolution {
        taps: 1,
        dilation: 1,
        activation: Activation::Relu,
    };
    check("rectified convolution", &store, &[&x], || {
        weigh(&x.as_tensor().apply_op3(&identity, &nothing, op)?)
    });
}

const HEADS: MultiHeadShape = MultiHeadShape {
    width: 8,
    heads: 2,
    lags: 0,
};

#[test]
fn attention_over_a_memory() {
    let [x, memory] = [variable(&[2, 3, 8], 60), variable(&[2, 5, 8], 61)];
    let windowed = Visible {
        places: vec![1, 2, 4],
        context: 2,
    };
    for (lags, visible) in [(0, Visible::all(3, 5)), (2, windowed)] {
        let mut store = WeightStore::random(62);
        let attention = Attention::new(store.root(), MultiHeadShape { lags, ..HEADS }).unwrap();
        check("attention over a memory", &store, &[&x, &memory], || {
            let (mixed, weights) = attention.forward(&x, &attention.key_values(&memory)?, &visible)?;
            weigh(&mixed)? + weigh(&weights)?
        });
    }
}

#[test]
fn additive_attention() {
    let [query, memory] = [variable(&[2, 4], 63), variable(&[2, 5, 6], 64)];
    let mut store = WeightStore::random(65);
    let attention = AdditiveAttention::new(store.root(), 4, 6, 7).unwrap();
    check("additive attention", &store, &[&query, &memory], || {
        let (weights, context) = attention.forward(&query, &attention.keys(&memory)?)?;
        weigh(&weights)? + weigh(&context)?
    });
}

#[test]
fn transformer_layers() {
    let [x, memory] = [variable(&[2, 3, 8], 66), variable(&[2, 5, 8], 67)];
    let mut store = WeightStore::random(68);
    let mut root = store.root();
    let encoder = TransformerEncoderLayer::new(root.pp("encoder"), HEADS, 10, 0.0).unwrap();
    let decoder = TransformerDecoderLayer::new(root.pp("decoder"), HEADS, 10, 0.0).unwrap();
    check("transformer layers", &store, &[&x, &memory], || {
        let encoded = encoder.forward(&memory, &Visible::all(5, 5), &mut Pass::Infer)?;
        let (own, source) = (Visible::causal(3), Visible::all(3, 5));
        let memory = decoder.memory(&encoded)?;
        let (y, _) = decoder.forward(&x, (&mut None, &own), (&memory, &source), &mut Pass::Infer)?;
        weigh(&y)
    });
}

#[test]
fn convolution_over_a_grid() {
    for looks_ahead in [true, false] {
        let x = away_from_zero(&[2, 3, 4, 3], 69);
        let mut store = WeightStore::random(70);
        let shape = GridConvShape {
            width: 3,
            rows: 2,
            columns: 3,
            looks_ahead,
        };
        let layer = GridConv::new(store.root(), shape).unwrap();
        check("convolution over a grid", &store, &[&x], || {
            weigh(&layer.forward(&x, 0.0, &mut Pass::Infer)?)
        });
    }
}

#[test]
fn gated_maximum() {
    let x = variable(&[2, 2, 4, 3], 71);
    let mut store = WeightStore::random(72);
    let maximum = GatedMax::new(store.root(), 3).unwrap();
    let visible = Visible {
        places: vec![1, 3],
        context: 4,
    };
    check("gated maximum", &store, &[&x], || {
        let (pooled, _, means) = maximum.forward(&x, &visible)?;
        weigh(&pooled)? + weigh(&means)?
    });
    let alignment: Vec<Vec<Vec<f32>>> = maximum.forward(&x, &visible).unwrap().1.to_vec3().unwrap();
    for rows in alignment {
        assert!(rows[0][2..].iter().all(|share| *share == 0.0), "{rows:?}");
        assert!(
            rows.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6),
            "{rows:?}"
        );
    }
}

#[test]
fn every_weight_of_every_network_is_reached() {
    for engine in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Tcn, ModelKind::Attention] {
        let recipe = Variant::Gate.recipe(engine, 3, 1, 10, Some(16));
        let mut store = WeightStore::random(2);
        let net = recipe.architecture.build(&mut store).unwrap();
        let x = random(&[4, 40, recipe.front_end.bands], 3);
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let output = net.classify(&x, &[20, 39], &mut Pass::Train(&mut rng)).unwrap();
        let grads = weigh(&output.logits).unwrap().backward().unwrap();
        for (name, var) in store.params() {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{engine:?}: {name} has none"));
            let values: Vec<f32> = grad.flatten_all().unwrap().to_vec1().unwrap();
            assert!(values.iter().all(|value| value.is_finite()), "{engine:?}: {name}");
            assert!(
                values.iter().any(|value| *value != 0.0),
                "{engine:?}: {name} has only zeros"
            );
        }
    }
}

#[test]
fn a_variable_without_gradient_is_refused() {
    let lost = variable(&[2], 20);
    let error = worst_disagreement(&[lost], EPSILON, || weigh(variable(&[3], 21).as_tensor())).unwrap_err();
    assert!(error.to_string().contains("receives no gradient"), "{error}");
}

#[test]
fn conv2d() {
    for (kernel, stride) in [([4, 4], [2, 2]), ([4, 1], [2, 1]), ([3, 3], [1, 1])] {
        let mut store = WeightStore::random(1);
        let shape = Conv2dShape {
            inputs: 2,
            outputs: 3,
            kernel,
            stride,
        };
        let layer = Conv2d::new(store.root(), shape).unwrap();
        let x = variable(&[2, 7, 6, 2], 2);
        check("conv2d", &store, &[&x], || weigh(&layer.forward(&x)?));
    }
}

#[test]
fn lstm_steps() {
    let mut store = WeightStore::random(1);
    let layer = Lstm::new(store.root(), 3, 4).unwrap();
    let x = variable(&[3, 2, 3], 2);
    // As the whole sequence, and with its gradients.
    let steps = || -> Result<Tensor> {
        let mut state = LstmState::zeros(2, 4)?;
        let mut all = Vec::new();
        for place in 0..3 {
            state = layer.step(&x.get(place)?, &state)?;
            all.push(state.hidden.clone());
        }
        Tensor::stack(&all, 1)
    };
    let whole = layer
        .forward(&x.transpose(0, 1).unwrap().contiguous().unwrap())
        .unwrap();
    let difference = (steps().unwrap() - whole)
        .unwrap()
        .abs()
        .unwrap()
        .flatten_all()
        .unwrap();
    assert!(difference.max(0).unwrap().to_scalar::<f32>().unwrap() < 1e-5);
    check("lstm steps", &store, &[&x], || weigh(&steps()?));
}

/// From frames to words and maps.
#[test]
fn captions() {
    let mut store = WeightStore::random(1);
    let layer = |inputs, outputs| Conv2dShape {
        inputs,
        outputs,
        kernel: [2, 2],
        stride: [2, 2],
    };
    let shape = CaptionShape {
        bands: 8,
        frames: 7,
        layers: vec![layer(1, 2), layer(2, 3)],
        embedding: 3,
        words: 4,
        dropout: 0.0,
        gated: true,
    };
    let net = CaptionNet::new(store.root(), &shape).unwrap();
    let x = variable(&[1, 7, 8], 2);
    let before = [4, 0, 1];
    check("caption", &store, &[&x], || {
        let decoded = net.decode(&x, &before, &mut Pass::Infer)?;
        weigh(&decoded.logits)? + weigh(&decoded.weights)?
    });
}
