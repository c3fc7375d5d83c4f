//! WaveNet neither scores nor draws a sample with the allocator, after the first: both run under one that ends the
//! process when it is used.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use attune_model::wavenet::{Wavenet, WavenetShape};
use attune_nn::weights::WeightStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn nothing_is_allocated_for_a_sample() {
    let shape = WavenetShape {
        stacks: 2,
        layers: 10,
        conditioned: 6,
        residual: 32,
        skip: 64,
        classes: 10,
    };
    let mut store = WeightStore::random(1);
    let net = Wavenet::new(store.root(), shape).unwrap().pack().unwrap();
    let all: Vec<Option<usize>> = (0..10).map(Some).chain([None]).collect();
    let (mut scored, mut drawn) = (net.initial_stream(&all), net.initial_stream(&[Some(3)]));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let codes: Vec<u8> = (0..2_000_u32).map(|n| (n * n % 251) as u8).collect();
    let mut bits = Vec::with_capacity(codes.len() * all.len());
    net.score(&codes[..1], &mut scored, &mut bits);
    net.draw(&mut drawn, 1.0, &mut rng);
    let mut sum = 0;
    assert_no_alloc(|| {
        for block in codes[1..].chunks(186) {
            net.score(block, &mut scored, &mut bits);
        }
        for _ in 0..2_000 {
            sum += u64::from(net.draw(&mut drawn, 1.0, &mut rng));
        }
    });
    assert_eq!(bits.len(), codes.len() * all.len());
    assert!(sum > 0);
}
