//! The audio callback never allocates, nor does a step of an engine after its first: both run under an allocator that
//! ends the process when it is used.
//!
//! In a test binary of its own, since the allocator is the whole program's. `assert_no_alloc` is built without its
//! default feature, which would switch it off in release builds.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may fail; exact values are meant"
)]

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use attune_audio::capture::callback::{CaptureCallback, ChannelPick, ToAmplitude};
use attune_audio::features::FrameBlock;
use attune_audio::ring::ring;
use attune_model::StreamOutput;
use attune_model::familiarity::{Familiarity, HiddenStatistics};
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::weights::WeightStore;
use attune_train::recipe::{ModelKind, Recipe};
use std::process::Command;
use std::sync::atomic::Ordering;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Set in the child process that allocates on purpose.
const GUILTY: &str = "ATTUNE_TEST_ALLOCATES";

/// Runs `callbacks` blocks of the given samples, of sizes that change, through a small ring that is now and then
/// emptied; returns how many samples were to go in.
fn run<T: ToAmplitude>(callbacks: usize, channels: u16, pick: ChannelPick, samples: &[T]) -> u64 {
    let (sink, mut source) = ring(4_800);
    let mut callback = CaptureCallback::new(sink, channels, pick);
    let mut out = vec![0.0; 4_800];
    let mut offered = 0;
    let mut read = 0;
    assert_no_alloc(|| {
        for turn in 0..callbacks {
            // 0…959 samples, and every 1,000th time far more than the scratch holds.
            let size = if turn % 1000 == 999 {
                samples.len()
            } else {
                turn * 7_919 % 960
            };
            callback.process(&samples[..size]);
            // A frame that is cut off counts as one that is lost.
            offered += size.div_ceil(usize::from(channels)) as u64;
            // The worker sleeps through half of the time: the ring is full then.
            if turn / 64 % 2 == 0 {
                read += source.read(&mut out) as u64;
            }
        }
    });
    let counters = source.counters();
    let written = counters.written.load(Ordering::Relaxed);
    let lost = counters.lost.load(Ordering::Relaxed);
    assert_eq!(written + lost, offered, "every sample went in or was counted");
    assert_eq!(written, read + source.available() as u64);
    assert!(lost > 0 && written > 0, "both a free and a full ring were tried");
    assert!(counters.callbacks.load(Ordering::Relaxed) >= callbacks as u64);
    counters.not_finite.load(Ordering::Relaxed)
}

#[test]
fn steps_after_the_first_allocate_nothing() {
    const BANDS: usize = 128;
    for engine in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Tcn, ModelKind::Attention] {
        let architecture = Recipe::new(engine, 10, 7, 1).architecture;
        let hidden = architecture.head.hidden;
        let statistics = HiddenStatistics {
            projection: vec![0.1; hidden * 13],
            bias: vec![0.5; 13],
        };
        let familiarity = Familiarity::new(&statistics, 10, None);
        let net = architecture.build(&mut WeightStore::random(3)).unwrap();
        let packed = net.pack_with(Precision::F32, Some(familiarity)).unwrap();
        let mut stream = packed.open().unwrap();
        let frames: Vec<f32> = (0..600 * BANDS)
            .map(|i| ((i * 7_919) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let mut output = StreamOutput::default();
        let mut push = |first: usize, count: usize| {
            let block = &frames[first * BANDS..(first + count) * BANDS];
            stream.push(FrameBlock::new(block, BANDS), &mut output).unwrap();
        };
        // The first step makes room for the answers of its block.
        push(0, 70);
        // On until the contexts of 448 frames are full and their rings have turned.
        assert_no_alloc(|| {
            for turn in 0..600 {
                push(turn % 500, [1, 1, 70, 3][turn % 4]);
            }
        });
        // The last block has three frames. These statistics are no covariance, so their sign means nothing.
        let novelty = &output.novelty;
        assert!(
            novelty.len() == 3 && novelty.iter().all(|novelty| novelty.abs() > 1e-3),
            "{engine:?}: {novelty:?}"
        );
        assert!(
            output.logits.iter().any(|logit| logit.abs() > 1e-3),
            "{engine:?} answered"
        );
    }
}

#[test]
fn a_million_callbacks_allocate_nothing() {
    let length = 10_000;
    let ints: Vec<i16> = (0..length).map(|n| (n * 37) as i16).collect();
    let bytes: Vec<u8> = (0..length).map(|n| (n * 37) as u8).collect();
    let wide: Vec<i32> = (0..length).map(|n| n * 99_991).collect();
    let doubles: Vec<f64> = (0..length).map(|n| f64::from(n).sin()).collect();
    let i24: Vec<cpal::I24> = (0..length).map(|n| cpal::I24::new_unchecked(n * 501)).collect();
    let poisoned: Vec<f32> = (0..length)
        .map(|n| match n % 11 {
            3 => f32::NAN,
            7 => f32::INFINITY,
            _ => n as f32 * 1e-4,
        })
        .collect();
    let sixth = 1_000_000 / 6 + 1;
    run(sixth, 2, ChannelPick::Mean, &ints);
    run(sixth, 1, ChannelPick::Mean, &bytes);
    run(sixth, 8, ChannelPick::One(5), &wide);
    run(sixth, 2, ChannelPick::One(0), &doubles);
    run(sixth, 6, ChannelPick::Mean, &i24);
    let not_finite = run(sixth, 1, ChannelPick::Mean, &poisoned);
    assert!(not_finite > 0, "NaN and infinity were among them");
}

/// The gate catches: a child process that allocates under it must die of it.
#[test]
fn one_allocation_would_be_caught() {
    if std::env::var_os(GUILTY).is_some() {
        assert_no_alloc(|| {
            std::hint::black_box(Vec::<f32>::with_capacity(16));
        });
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "one_allocation_would_be_caught"])
        .env(GUILTY, "1")
        .output()
        .unwrap();
    assert!(!child.status.success(), "an allocation went unnoticed");
    let said = String::from_utf8_lossy(&child.stderr).into_owned() + &String::from_utf8_lossy(&child.stdout);
    assert!(
        !said.contains("panicked"),
        "it ended in the allocator, not in a failed assertion: {said}"
    );
}
