//! How fast each kernel is by itself: `cargo bench`, or `cargo bench -- softmax` for some. In a test it runs once.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "nothing here is for others")]

use attune_audio::features::{FeatureExtractor, FrontEndSpec};
use attune_engine::explain::similar;
use attune_nn::kernels::attend::{Attend, KeyValueRing};
use attune_nn::kernels::causal_attention::CausalAttention;
use attune_nn::kernels::convolution::{Activation, CausalConvolution};
use attune_nn::kernels::layer_norm::LayerNormalization;
use attune_nn::kernels::lstm_sequence::LstmSequence;
use attune_nn::kernels::matmul::{View, add_product};
use attune_nn::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};
use attune_nn::kernels::running_moments::RunningMoments;
use attune_nn::kernels::simd::dispatch_simd;
use attune_nn::kernels::strided_convolution::StridedConvolution;
use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use attune_nn::streaming::frame_buf::FrameBuf;
use attune_nn::streaming::moments::MomentState;
use candle_core::{Device, Tensor, Var};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() -> std::process::ExitCode {
    // One thread, as in the program: products ask the environment, which only a process that begins can be given
    // safely.
    const THREADS: &str = "RAYON_NUM_THREADS";
    if std::env::var_os(THREADS).is_some() {
        divan::main();
        return std::process::ExitCode::SUCCESS;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .env(THREADS, "1")
        .status()
        .unwrap();
    std::process::ExitCode::from(u8::from(!status.success()))
}

/// Numbers like activations, the same in every run.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| (n as f32 * 0.7).sin()).collect()
}

fn tensor(shape: &[usize]) -> Tensor {
    Tensor::from_vec(numbers(shape.iter().product()), shape, &Device::Cpu).unwrap()
}

/// (rows, inputs, outputs): steps of one frame, blocks, training.
#[divan::bench(args = [(1, 192, 64), (1, 128, 512), (100, 192, 64), (100, 128, 384), (4096, 192, 64)])]
fn product(bencher: Bencher, (m, k, n): (usize, usize, usize)) {
    let (a, b) = (numbers(m * k), numbers(k * n));
    let mut c = vec![0.0; m * n];
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| {
        add_product(
            (&mut c, View::row_major(m, n)),
            (&a, View::row_major(m, k)),
            (&b, View::row_major(k, n)),
        );
    });
}

/// (frames, inputs, outputs) with weights packed for a stream.
#[divan::bench(args = [(1, 128, 512), (100, 128, 384), (100, 256, 128)], consts = [false, true])]
fn packed_product<const HALVES: bool>(bencher: Bencher, (frames, inputs, outputs): (usize, usize, usize)) {
    let precision = if HALVES { Precision::Bf16 } else { Precision::F32 };
    let matrix = PackedMatrix::with_precision(&numbers(inputs * outputs), &numbers(outputs), precision);
    let (x, mut y) = (numbers(frames * inputs), vec![0.0; frames * padded(outputs)]);
    bencher
        .counter(ItemsCount::new(2 * frames * inputs * outputs))
        .bench_local(|| {
            matrix.multiply(
                1,
                |frame, _| &x[frame * inputs..][..inputs],
                (Start::Bias, Finish::Plain),
                &mut y,
            );
        });
}

/// Frames that ask 4 heads of 32 at once, with 256 keys in the ring.
#[divan::bench(args = [1, 4, 16])]
fn attend(bencher: Bencher, frames: usize) {
    let mut ring = KeyValueRing::new(256, 4, 32);
    let (rows, mut mixed) = (numbers(frames * 384), vec![0.0; frames * 128]);
    let mut ask = || {
        dispatch_simd(Attend {
            rows: &rows,
            stride: 384,
            ring: &mut ring,
            mixed: &mut mixed,
            mixed_stride: 128,
        });
    };
    (0..300).for_each(|_| ask());
    bencher
        .counter(ItemsCount::new(2 * 2 * frames * 256 * 128))
        .bench_local(ask);
}

/// A second among what the window keeps, 47.6 s: what a click on a held moment costs.
#[divan::bench]
fn similar_moments(bencher: Bencher) {
    let levels = numbers(2048 * 128);
    bencher.bench_local(|| similar::similar(&levels, 128, 1000, 43, 3));
}

/// (streams, frames) of 64 features through 128 hidden units.
#[divan::bench(args = [(1, 1), (1, 100), (16, 256)])]
fn lstm_sequence(bencher: Bencher, (b, t): (usize, usize)) {
    let (x, input, recurrent) = (tensor(&[b, t, 64]), tensor(&[65, 512]), tensor(&[128, 512]));
    bencher
        .counter(ItemsCount::new(b * t))
        .bench_local(|| x.apply_op3(&input, &recurrent, LstmSequence::default()).unwrap());
}

/// Forward and backward through time.
#[divan::bench(args = [(16, 256)], sample_count = 20)]
fn lstm_sequence_learning(bencher: Bencher, (b, t): (usize, usize)) {
    let [x, input, recurrent] =
        [[b, t, 64].as_slice(), &[65, 512], &[128, 512]].map(|shape| Var::from_tensor(&tensor(shape)).unwrap());
    bencher.counter(ItemsCount::new(b * t)).bench_local(|| {
        let hidden = x.apply_op3(&input, &recurrent, LstmSequence::default()).unwrap();
        hidden.sum_all().unwrap().backward().unwrap()
    });
}

/// (queries, keys) of four heads.
#[divan::bench(args = [(1, 256), (100, 355), (256, 511)])]
fn windowed_softmax(bencher: Bencher, (queries, keys): (usize, usize)) {
    let scores = tensor(&[1, 4, queries, keys]);
    bencher
        .counter(ItemsCount::new(4 * queries * keys))
        .bench_local(|| scores.apply_op1(WindowedSoftmax::latest(queries, keys, 256)).unwrap());
}

/// Frames of the 480 features that the LSTM's classifier sees.
#[divan::bench(args = [1, 100, 256])]
fn running_moments(bencher: Bencher, frames: usize) {
    let x = tensor(&[1, frames, 480]);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        let moments = RunningMoments {
            weights: vec![0.01; frames],
            read: (0..frames).collect(),
        };
        x.apply_op1(moments).unwrap()
    });
}

/// (streams, frames, dilation) of 64 features, three taps.
#[divan::bench(args = [(1, 100, 16), (16, 256, 1), (16, 256, 64)])]
fn convolution(bencher: Bencher, (b, t, dilation): (usize, usize, usize)) {
    let (x, kernel, bias) = (tensor(&[b, t, 64]), tensor(&[192, 64]), tensor(&[64]));
    let op = CausalConvolution {
        taps: 3,
        dilation,
        activation: Activation::Relu,
    };
    bencher
        .counter(ItemsCount::new(b * t))
        .bench_local(|| x.apply_op3(&kernel, &bias, op).unwrap());
}

/// Forward and backward.
#[divan::bench(args = [(16, 256, 1), (16, 256, 64)])]
fn convolution_learning(bencher: Bencher, (b, t, dilation): (usize, usize, usize)) {
    let [x, kernel, bias] =
        [[b, t, 64].as_slice(), &[192, 64], &[64]].map(|shape| Var::from_tensor(&tensor(shape)).unwrap());
    let op = CausalConvolution {
        taps: 3,
        dilation,
        activation: Activation::Relu,
    };
    bencher.counter(ItemsCount::new(b * t)).bench_local(|| {
        let y = x.apply_op3(&kernel, &bias, op).unwrap();
        y.sqr().unwrap().sum_all().unwrap().backward().unwrap()
    });
}

/// (streams, frames) of four heads of 32 with 256 keys: forward and backward.
#[divan::bench(args = [(16, 256)], sample_count = 20)]
fn causal_attention_learning(bencher: Bencher, (b, t): (usize, usize)) {
    let projected = Var::from_tensor(&tensor(&[b, t, 384])).unwrap();
    bencher.counter(ItemsCount::new(b * t)).bench_local(|| {
        let op = CausalAttention {
            heads: 4,
            context: 256,
            rotations: None,
        };
        let mixed = projected.apply_op1(op).unwrap();
        mixed.sqr().unwrap().sum_all().unwrap().backward().unwrap()
    });
}

/// Rows of 128 features: forward and backward.
#[divan::bench(args = [4096])]
fn layer_norm_learning(bencher: Bencher, rows: usize) {
    let [x, scale, shift] =
        [[rows, 128].as_slice(), &[128], &[128]].map(|shape| Var::from_tensor(&tensor(shape)).unwrap());
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let y = x
            .apply_op3(&scale, &shift, LayerNormalization { epsilon: 1e-5 })
            .unwrap();
        y.sqr().unwrap().sum_all().unwrap().backward().unwrap()
    });
}

/// Frames through the shipped front's 12 maps of 5 × 9: forward and backward.
#[divan::bench(args = [(16, 256)], sample_count = 20)]
fn strided_convolution_learning(bencher: Bencher, (b, t): (usize, usize)) {
    let (x, kernel) = (tensor(&[b, t, 128]), Var::from_tensor(&tensor(&[45, 12])).unwrap());
    let op = StridedConvolution {
        kernel_frames: 5,
        frames_ahead: 0,
        stride_frames: 1,
        kernel_bands: 9,
        stride_bands: 4,
    };
    bencher.counter(ItemsCount::new(b * t)).bench_local(|| {
        let y = x.apply_op2(&kernel, op).unwrap();
        y.sqr().unwrap().sum_all().unwrap().backward().unwrap()
    });
}

/// A second of sound, in frames.
#[divan::bench]
fn log_mel(bencher: Bencher) {
    let spec = FrontEndSpec::default();
    let mut extractor = FeatureExtractor::new(&spec, spec.rate).unwrap();
    let samples = numbers(spec.rate.0 as usize);
    bencher
        .counter(ItemsCount::new(samples.len() / spec.hop_samples))
        .bench_local(|| extractor.push(&samples).unwrap());
}

/// Running mean and deviation of 700 features, half of which have been silent for so many minutes: they died away, and
/// must not cost more than what sounds.
#[divan::bench(args = [0, 20])]
fn died_away(bencher: Bencher, minutes: usize) {
    let x: Vec<f32> = numbers(700);
    let silent: Vec<f32> = x
        .iter()
        .enumerate()
        .map(|(n, x)| if n % 2 == 0 { 0.0 } else { *x })
        .collect();
    let mut memory = MomentState::new(700, (-1.0_f64 / 430.0).exp());
    let (mut frames, mut out) = (FrameBuf::new(700), FrameBuf::new(1400));
    frames.load(&x);
    memory.step(std::slice::from_ref(&frames), &mut out);
    frames.load(&silent);
    for _ in 0..minutes * 60 * 43 {
        memory.step(std::slice::from_ref(&frames), &mut out);
    }
    bencher.bench_local(|| memory.step(std::slice::from_ref(&frames), &mut out));
}
