//! The list of sections of a stream: the same however the samples are cut, and never taken back.
#![allow(clippy::float_cmp, reason = "equal to the bit is the point")]

use super::columns;
use crate::common::media::{demo_clips, folder};
use attune_audio::decode::decode_file;
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::offline::{SectionLine, document};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Column, Pipeline, SectionMark};
use attune_model::{ModelSet, bundled, bundled_sections};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Excerpts of the demo one after another.
fn medley() -> (Vec<f32>, SampleRate) {
    let folder = folder();
    let clips = demo_clips(folder.path(), 8.0);
    let parts: Vec<_> = clips.iter().map(|(_, path)| decode_file(path).unwrap()).collect();
    let samples = parts.iter().flat_map(|(_, samples)| samples.clone()).collect();
    (samples, parts[0].0.rate)
}

fn models(k: usize) -> ModelSet {
    bundled()
        .unwrap()
        .with_sections(bundled_sections().unwrap(), k)
        .unwrap()
}

fn marks(columns: &[Column]) -> Vec<(Seconds, SectionMark)> {
    columns
        .iter()
        .filter_map(|column| Some((column.at, column.section?)))
        .collect()
}

#[test]
fn sections_are_the_same_however_samples_are_cut_and_are_not_taken_back() {
    let (samples, rate) = medley();
    for k in [1, 4] {
        let mut pipeline = Pipeline::new(&models(k), rate, SmoothingConfig::default()).unwrap();
        let whole = columns(&mut pipeline, &samples, &[samples.len()]);
        let listed = marks(&whole);
        assert!(!listed.is_empty());
        assert!(pipeline.take_faults().is_empty());
        let mut rng = ChaCha8Rng::seed_from_u64(k as u64);
        let cuts: Vec<usize> = (0..200).map(|_| rng.random_range(1..30_000)).collect();
        let mut pipeline = Pipeline::new(&models(k), rate, SmoothingConfig::default()).unwrap();
        assert_eq!(marks(&columns(&mut pipeline, &samples, &cuts)), listed, "k = {k}");
        // A step has 32 frames of 23.2 ms; a token is written when the last of its k steps is whole, and not before.
        let step = 32.0 * 512.0 / 22_050.0;
        for (at, mark) in &listed {
            let late = (at.0 - mark.since.0) / step;
            assert!(late > k as f64 - 0.01 && late < k as f64 + 0.2, "k = {k}: {late} steps");
        }
        assert!(listed.windows(2).all(|two| two[0].1.since.0 < two[1].1.since.0));
        assert!(listed.windows(2).all(|two| two[0].1.genre != two[1].1.genre));
    }
}

#[test]
fn what_is_answered_does_not_depend_on_whether_sections_are_listed() {
    let (samples, rate) = medley();
    let of = |models: &ModelSet| {
        let mut pipeline = Pipeline::new(models, rate, SmoothingConfig::default()).unwrap();
        columns(&mut pipeline, &samples, &[samples.len()])
    };
    let (with, without) = (of(&models(4)), of(&bundled().unwrap()));
    assert!(without.iter().all(|column| column.section.is_none()));
    let pairs = with.iter().zip(&without);
    assert!(pairs.into_iter().all(|(a, b)| Column { section: None, ..*a } == *b));
}

#[test]
fn after_a_reset_the_list_starts_over_at_the_new_time() {
    let (samples, rate) = medley();
    let models = models(2);
    let mut pipeline = Pipeline::new(&models, rate, SmoothingConfig::default()).unwrap();
    let first = columns(&mut pipeline, &samples, &[samples.len()]);
    pipeline.reset(Seconds(100.0));
    let again = columns(&mut pipeline, &samples, &[samples.len()]);
    let (first, again) = (marks(&first), marks(&again));
    assert_eq!(first.len(), again.len());
    for ((_, first), (_, again)) in first.iter().zip(&again) {
        assert!((again.since.0 - first.since.0 - 100.0).abs() < 1e-9);
        assert_eq!((again.genre, again.confidence), (first.genre, first.confidence));
    }
}

#[test]
fn a_line_for_scripts_says_since_when_what_plays() {
    let (samples, rate) = medley();
    let models = models(4);
    let mut pipeline = Pipeline::new(&models, rate, SmoothingConfig::default()).unwrap();
    let columns = columns(&mut pipeline, &samples, &[samples.len()]);
    let lines: Vec<serde_json::Value> = columns
        .iter()
        .filter_map(|column| SectionLine::new(column, &models.genres))
        .map(|line| serde_json::from_str(&document(&line)).unwrap())
        .collect();
    assert_eq!(lines.len(), marks(&columns).len());
    for line in lines {
        assert_eq!(line["type"], "section");
        assert!(models.genres.find(line["genre"].as_str().unwrap()).is_some());
        assert!(line["since_s"].as_f64().unwrap() < line["t_s"].as_f64().unwrap());
        assert!((0.0..=1.0).contains(&line["confidence"].as_f64().unwrap()));
    }
}
