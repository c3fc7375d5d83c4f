//! How fast each kernel is by itself: `cargo bench`, or `cargo bench -- softmax` for some. In a test it runs once.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "nothing here is for others")]

use attune::features::{FeatureExtractor, FrontEndSpec};
use attune::nn::kernels::lstm_sequence::LstmSequence;
use attune::nn::kernels::matmul::{View, add_product};
use attune::nn::kernels::running_moments::RunningMoments;
use attune::nn::kernels::tap_patches::TapPatches;
use attune::nn::kernels::windowed_softmax::WindowedSoftmax;
use candle_core::{Device, Tensor, Var};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() -> std::process::ExitCode {
    // One thread, as in the program: products ask the environment, which only a process that begins can be given safely.
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

/// (streams, frames) through 128 hidden units.
#[divan::bench(args = [(1, 1), (1, 100), (16, 256)])]
fn lstm_sequence(bencher: Bencher, (b, t): (usize, usize)) {
    let (gates, recurrent, state) = (tensor(&[b, t, 512]), tensor(&[128, 512]), tensor(&[b, 256]));
    bencher
        .counter(ItemsCount::new(b * t))
        .bench_local(|| gates.apply_op3(&recurrent, &state, LstmSequence).unwrap());
}

/// Forward and backward through time.
#[divan::bench(args = [(16, 256)], sample_count = 20)]
fn lstm_sequence_learning(bencher: Bencher, (b, t): (usize, usize)) {
    let gates = Var::from_tensor(&tensor(&[b, t, 512])).unwrap();
    let (recurrent, state) = (Var::from_tensor(&tensor(&[128, 512])).unwrap(), tensor(&[b, 256]));
    bencher.counter(ItemsCount::new(b * t)).bench_local(|| {
        let trace = gates.apply_op3(&recurrent, &state, LstmSequence).unwrap();
        let hidden = trace.narrow(2, 0, 128).unwrap().contiguous().unwrap();
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
    let (x, before) = (tensor(&[1, frames, 480]), tensor(&[1, 960]));
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        let moments = RunningMoments {
            weights: vec![0.01; frames],
            read: (0..frames).collect(),
        };
        x.apply_op2(&before, moments).unwrap()
    });
}

/// (frames, dilation) of 64 features, three taps.
#[divan::bench(args = [(1, 1), (100, 16), (256, 512)])]
fn tap_patches(bencher: Bencher, (frames, dilation): (usize, usize)) {
    let (x, past) = (tensor(&[1, frames, 64]), tensor(&[1, 2 * dilation, 64]));
    bencher
        .counter(ItemsCount::new(frames))
        .bench_local(|| x.apply_op2(&past, TapPatches { taps: 3, dilation }).unwrap());
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
