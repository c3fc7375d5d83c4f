//! A change of music is followed: models and averages go on from the new music alone, the same however samples are cut,
//! and steady music is left alone.

use crate::common::fake_models::three;
use attune_audio::decode::decode_file;
use attune_audio::units::SampleRate;
use attune_engine::explain::{Context, Probe};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{HopResult, Pipeline, StateReset};
use attune_model::{ModelSet, bundled};
use std::path::Path;

const RATE: SampleRate = SampleRate(22_050);

/// No change is looked for.
fn off() -> SmoothingConfig {
    SmoothingConfig {
        change_divergence: 1.0,
        ..SmoothingConfig::default()
    }
}

fn run(set: &ModelSet, rate: SampleRate, config: SmoothingConfig, samples: &[f32], cuts: &[usize]) -> Vec<HopResult> {
    let mut pipeline = Pipeline::new(set, rate, config).unwrap();
    let mut hops = Vec::new();
    let (mut rest, mut cuts) = (samples, cuts.iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cuts.next().copied().unwrap_or(rest.len()).min(rest.len()));
        pipeline.push(now, &mut |hop| hops.push(*hop)).unwrap();
        rest = later;
    }
    pipeline.finish(&mut |hop| hops.push(*hop)).unwrap();
    assert!(pipeline.take_faults().is_empty());
    hops
}

/// Where the stream changed: the frame, and how many frames before it the models go on from.
fn changes(hops: &[HopResult]) -> Vec<(usize, usize)> {
    let of = |(frame, hop): (usize, &HopResult)| match hop.column.reset {
        StateReset::Change { frames } => Some((frame, usize::from(frames))),
        _ => None,
    };
    hops.iter().enumerate().filter_map(of).collect()
}

/// Chords that follow one another twice a second, over a little noise: `low` ones, or the same two octaves higher.
fn chords(secs: usize, low: bool) -> impl Iterator<Item = f32> {
    let rate = RATE.0 as usize;
    (0..secs * rate).map(move |n| {
        let t = n as f64 / RATE.hz();
        let root = [220.0, 277.0, 330.0, 247.0][n / (rate / 2) % 4] * if low { 1.0 } else { 4.0 };
        let tone = |ratio: f64| (std::f64::consts::TAU * root * ratio * t).sin();
        let noise = (n * 7_919 % 10_007) as f64 / 10_007.0 - 0.5;
        (0.15 * (tone(1.0) + tone(1.25) + tone(1.5)) + 0.01 * noise) as f32
    })
}

#[test]
fn how_samples_are_cut_makes_no_difference_to_a_change() {
    let models = bundled().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let sound = &samples[..(20.0 * info.rate.hz()) as usize];
    let whole = run(&models, info.rate, SmoothingConfig::default(), sound, &[]);
    assert_eq!(changes(&whole).len(), 1, "{:?}", changes(&whole));
    for cuts in [vec![512], vec![441, 1, 4096, 7]] {
        assert!(
            run(&models, info.rate, SmoothingConfig::default(), sound, &cuts) == whole,
            "{cuts:?}"
        );
    }
}

#[test]
fn steady_music_and_a_volume_knob_reset_nothing() {
    let mut sound: Vec<f32> = chords(30, true).collect();
    assert_eq!(
        changes(&run(&three(), RATE, SmoothingConfig::default(), &sound, &[])),
        []
    );
    let at = 15 * RATE.0 as usize;
    for sample in &mut sound[at..] {
        *sample *= 0.25;
    }
    assert_eq!(
        changes(&run(&three(), RATE, SmoothingConfig::default(), &sound, &[])),
        []
    );
}

/// The recordings of the demo, one right after the other; what a change leads to is what an explanation starts from.
#[test]
fn recordings_are_followed_sooner_and_explained_from_where_they_begin() {
    let models = bundled().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let with = run(&models, info.rate, SmoothingConfig::default(), &samples, &[]);
    let without = run(&models, info.rate, off(), &samples, &[]);
    let changes = changes(&with);
    let hop = models.front_end.hop();
    let began: Vec<f64> = changes
        .iter()
        .map(|(frame, frames)| (frame - frames) as f64 * hop.0)
        .collect();
    println!("changes at {began:?}");
    assert!(began.len() >= 2, "{began:?}");
    for at in &began {
        let from_border = (at / 15.0 - (at / 15.0).round()).abs() * 15.0;
        assert!(from_border < 1.0, "{at} s is no border of recordings: {began:?}");
    }
    // The same pictures of attention and the same answers as of a model that begins with the new music.
    let bands = models.front_end.bands;
    for &(frame, _) in &changes {
        let newest = frame + 20;
        let rows = with[..=newest].iter().rev();
        let context = Context::back_from(
            rows.map(|hop| (&hop.column.mel_db[..bands], hop.column.reset)),
            &models.front_end,
        );
        let input = context.input(&models.front_end);
        for (model, live) in models.models.iter().zip(&with[newest].column.raw) {
            let mut probe = Probe::new(model).unwrap();
            probe.push(&input.frames, bands).unwrap();
            assert_eq!(probe.answer().as_ref(), Some(live), "{}", model.manifest().name);
        }
    }
    // How long the answer of the seconds before goes on.
    let lag = |hops: &[HopResult]| -> f64 {
        let frame_at = |secs: f64| (secs / hop.0) as usize;
        began
            .iter()
            .map(|at| {
                let before = hops[frame_at(*at)].column.decision.state;
                let after = hops[frame_at(*at)..].iter().take(frame_at(14.0));
                after.take_while(|hop| hop.column.decision.state == before).count() as f64 * hop.0
            })
            .sum()
    };
    assert!(
        lag(&with) < lag(&without),
        "{} s, {} s without",
        lag(&with),
        lag(&without)
    );
}
