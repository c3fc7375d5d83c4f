//! Waiting before the music must not change what is answered to it: the usual way to use a microphone.

use crate::common::media::{folder, write_float_wav};
use attune_audio::decode::decode_file;
use attune_engine::explain::{Context, Input, Probe};
use attune_engine::offline::{Report, analyze};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Pipeline, StateReset};
use attune_model::bundled;
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
    for (alone, after) in alone.models.iter().zip(&after.models) {
        for (label, p) in &alone.probabilities {
            // The frames lie up to a hop apart, and the first few still hold the end of the noise.
            let difference = (p.as_f64().unwrap() - after.probabilities[label].as_f64().unwrap()).abs();
            assert!(difference < 0.05, "{}: {label} differs by {difference}", alone.name);
        }
    }
}

/// What is asked about a moment after a silence is what the live engines went through: from where they began anew, and told where that is.
#[test]
fn columns_say_where_the_engines_began_anew() {
    let models = bundled().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let at = |secs: u64| secs as usize * info.rate.0 as usize;
    let mut heard = samples[..at(6)].to_vec();
    heard.extend(std::iter::repeat_n(0.0, at(20)));
    heard.extend(&samples[at(30)..at(36)]);
    let mut pipeline = Pipeline::new(&models, info.rate, SmoothingConfig::default()).unwrap();
    let (mut levels, mut begun, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    let bands = models.front_end.bands;
    pipeline
        .push(&heard, &mut |hop| {
            let frame = hop.column.frame.0 as usize;
            if hop.column.reset > StateReset::Nothing {
                begun.push((frame, hop.column.reset));
            }
            levels.extend_from_slice(&hop.column.mel_db[..bands]);
            raw = hop.column.raw.to_vec();
        })
        .unwrap();
    let everything: Vec<usize> = begun
        .iter()
        .filter(|(_, reset)| *reset == StateReset::Everything)
        .map(|(frame, _)| *frame)
        .collect();
    let [0, after] = everything[..] else {
        panic!("everything begins at the start and after the silence, not at {begun:?}");
    };
    let secs = after as f64 * models.front_end.hop().0;
    assert!((secs - 26.0).abs() < 0.2, "{secs} s");
    // The engines may begin once more where the gate finds music after all.
    let engines = begun.last().unwrap().0;
    let mut input = Input::of_levels(&levels[after * bands..], &models.front_end);
    input.frames.drain(..(engines - after) * bands);
    // Asked about the file, `attune explain` goes back as far.
    let folder = folder();
    let path = folder.path().join("heard.wav");
    write_float_wav(&path, info.rate.0, 1, &heard);
    let (of_file, _) = Context::of_file(&path, &models, None).unwrap().unwrap();
    let of_file = of_file.input(&models.front_end);
    assert!(
        input.count().abs_diff(of_file.count()) <= 1,
        "{} frames, not {}",
        of_file.count(),
        input.count()
    );
    for (model, raw) in models.models.iter().zip(&raw) {
        let mut probe = Probe::new(model).unwrap();
        probe.push(&input.frames, bands).unwrap();
        let answer = probe.answer().unwrap();
        for (asked, live) in answer.as_slice().iter().zip(raw.as_slice()) {
            assert!(
                (asked - live).abs() < 1e-4,
                "{}: {asked}, live {live}",
                model.manifest().name
            );
        }
    }
}
