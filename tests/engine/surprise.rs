//! How surprising the sound is: one mark for each frame, whatever the rate and however the samples are cut.
#![allow(clippy::float_cmp, reason = "equal to the bit is the point")]

use super::columns;
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Column, Pipeline, SurpriseMark};
use attune_model::wavenet::mu_law::encode;
use attune_model::wavenet::{RATE, SurpriseModel};
use attune_model::{ModelSet, bundled, bundled_wavenet};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn models() -> ModelSet {
    bundled().unwrap().with_surprise(&bundled_wavenet().unwrap()).unwrap()
}

/// A tone with some noise, then noise.
fn sound(rate: SampleRate, secs: f64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let count = (rate.hz() * secs) as usize;
    let sample = |n: usize| {
        let noise: f32 = rng.random_range(-1.0..1.0);
        let tone = (n as f64 / rate.hz() * 440.0 * std::f64::consts::TAU).sin() as f32;
        if n < count / 2 {
            0.3 * tone + 0.003 * noise
        } else {
            0.4 * noise
        }
    };
    (0..count).map(sample).collect()
}

fn marks(columns: &[Column]) -> Vec<Option<SurpriseMark>> {
    columns.iter().map(|column| column.surprise).collect()
}

fn pipeline(models: &ModelSet, rate: SampleRate) -> Pipeline {
    Pipeline::new(models, rate, SmoothingConfig::default()).unwrap()
}

#[test]
fn every_frame_has_a_mark_at_every_rate_however_samples_are_cut() {
    let models = models();
    for hz in [
        8_000, 11_025, 12_345, 16_000, 22_050, 24_000, 32_000, 44_056, 44_100, 48_000, 96_000,
    ] {
        let rate = SampleRate(hz);
        let samples = sound(rate, 0.8);
        let whole = columns(&mut pipeline(&models, rate), &samples, &[samples.len()]);
        let cut = columns(
            &mut pipeline(&models, rate),
            &samples,
            &[hz as usize / 100, 1, hz as usize / 33],
        );
        assert!(whole.len() > 25, "{hz} Hz");
        assert!(whole.iter().all(|column| column.surprise.is_some()), "{hz} Hz");
        assert!(marks(&whole) == marks(&cut), "{hz} Hz");
    }
}

#[test]
fn a_mark_has_the_mean_bits_of_its_hop_and_noise_surprises_most() {
    let models = models();
    // At 8 kHz the sound is scored as it is.
    let samples = sound(RATE, 2.0);
    let columns = columns(&mut pipeline(&models, RATE), &samples, &[1_000]);
    let model = SurpriseModel::new(&bundled_wavenet().unwrap(), &models.genres).unwrap();
    let codes: Vec<u8> = samples.iter().map(|sample| encode(*sample)).collect();
    let mut bits = Vec::new();
    model
        .net()
        .score(&codes, &mut model.net().initial_stream(&[None]), &mut bits);
    let hop = 512.0 / 22_050.0 * RATE.hz();
    for frame in [0, 20, 60] {
        let place = |frame: usize| (frame as f64 * hop).round() as usize;
        let of_hop = &bits[place(frame)..place(frame + 1)];
        let mean = of_hop.iter().sum::<f32>() / of_hop.len() as f32;
        let mark = columns[frame].surprise.unwrap();
        assert!(
            (mark.bits - mean).abs() < 1e-3,
            "frame {frame}: {} and {mean}",
            mark.bits
        );
    }
    let mean = |columns: &[Column]| columns.iter().map(|column| column.surprise.unwrap().bits).sum::<f32>() / 30.0;
    let (tone, noise) = (mean(&columns[10..40]), mean(&columns[columns.len() - 30..]));
    assert!(noise > 6.0 && noise > tone + 2.0, "tone {tone}, noise {noise} bits");
}

#[test]
fn a_reset_begins_a_new_stream_and_answers_stay_what_they_are() {
    let models = models();
    let rate = SampleRate(44_100);
    let samples = sound(rate, 1.0);
    let mut with = pipeline(&models, rate);
    let first = columns(&mut with, &samples, &[4_410]);
    with.reset(Seconds(7.0));
    let again = columns(&mut with, &samples, &[4_410]);
    assert!(marks(&first) == marks(&again));
    let without = columns(&mut pipeline(&bundled().unwrap(), rate), &samples, &[4_410]);
    assert!(without.iter().all(|column| column.surprise.is_none()));
    let pairs = first.iter().zip(&without);
    assert!(pairs.into_iter().all(|(a, b)| Column { surprise: None, ..*a } == *b));
}
