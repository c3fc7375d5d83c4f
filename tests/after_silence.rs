//! Waiting before the music must not change what is answered to it: the usual way to use a microphone.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use attune::decode::decode_file;
use attune::model::bundled;
use attune::offline::{Report, analyze};
use attune::smoothing::SmoothingConfig;
use common::media::{folder, write_float_wav};
use std::ops::ControlFlow::Continue;
use std::path::Path;

#[test]
fn half_a_minute_of_room_noise_before_a_piece_changes_nothing() {
    let folder = folder();
    let models = bundled().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let at = |secs: u64| secs as usize * info.rate.0 as usize;
    let piece = &samples[..at(12)];
    let mut noise = 1_u32;
    // White, 77 dB under full scale: below the level that counts as sound.
    let mut waited: Vec<f32> = (0..at(30))
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(noise) / f64::from(u32::MAX) - 0.5) as f32 * 5e-4
        })
        .collect();
    waited.extend(piece);
    let hear = |name: &str, samples: &[f32]| -> Report {
        let path = folder.path().join(name);
        write_float_wav(&path, info.rate.0, 1, samples);
        analyze(&path, &models, &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap()
    };
    let (alone, after) = (hear("alone.wav", piece), hear("after.wav", &waited));
    assert_eq!(alone.answer.state, "genre", "the piece is one that gets an answer");
    assert_eq!(alone.answer.genre, after.answer.genre);
    for (alone, after) in alone.engines.iter().zip(&after.engines) {
        for (label, p) in &alone.probabilities {
            // The frames lie up to a hop apart, and the first few still hold the end of the noise.
            let difference = (p.as_f64().unwrap() - after.probabilities[label].as_f64().unwrap()).abs();
            assert!(difference < 0.05, "{}: {label} differs by {difference}", alone.name);
        }
    }
}
