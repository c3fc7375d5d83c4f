//! The same sound at every rate and channel count gives the same decision: a wrong rate is the commonest way to answer
//! confidently and wrongly.

use crate::common::media::{ffmpeg, folder, text};
use attune_engine::offline::{Report, analyze};
use attune_engine::smoothing::SmoothingConfig;
use attune_model::{ModelSet, bundled};
use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};

/// Highest rate at which the master is made; the others are its children.
const MASTER_HZ: u32 = 192_000;

fn run(path: &Path, models: &ModelSet) -> Report {
    analyze(path, models, &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap()
}

/// The jazz of the demo, 12 s, in 32-bit float at 192 kHz, with nothing above `cut_hz`.
fn master(folder: &Path, cut_hz: u32) -> PathBuf {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg");
    let path = folder.join("master.wav");
    // Cut by another's resampler, far steeper than a filter: down to twice the cut, then up.
    let narrow = 2 * cut_hz;
    let chain =
        format!("aresample={narrow}:filter_size=256:cutoff=0.95,aresample={MASTER_HZ}:filter_size=256:cutoff=0.95");
    ffmpeg(&[
        "-ss",
        "31",
        "-t",
        "12",
        "-i",
        demo,
        "-ac",
        "1",
        "-af",
        &chain,
        "-c:a",
        "pcm_f32le",
        text(&path),
    ]);
    path
}

fn child(master: &Path, rate_hz: u32, channels: u16) -> PathBuf {
    let path = master.with_file_name(format!("{rate_hz}-{channels}.wav"));
    let pan: Vec<String> = (0..channels).map(|channel| format!("c{channel}=c0")).collect();
    let chain = format!(
        "aresample={rate_hz}:filter_size=256:cutoff=0.97,pan={channels}c|{}",
        pan.join("|")
    );
    ffmpeg(&["-i", text(master), "-af", &chain, "-c:a", "pcm_f32le", text(&path)]);
    path
}

/// The largest difference between two reports' probabilities, over engines and classes.
fn largest_difference(a: &Report, b: &Report) -> f64 {
    let mut largest = 0.0_f64;
    for (a, b) in a.models.iter().zip(&b.models) {
        for (label, p) in &a.probabilities {
            largest = largest.max((p.as_f64().unwrap() - b.probabilities[label].as_f64().unwrap()).abs());
        }
    }
    largest
}

fn check(cut_hz: u32, forms: &[(u32, u16)], bound: f64) {
    let folder = folder();
    let models = bundled().unwrap();
    let master = master(folder.path(), cut_hz);
    let reference = run(&master, &models);
    for &(rate_hz, channels) in forms {
        let report = run(&child(&master, rate_hz, channels), &models);
        assert_eq!((report.source.rate_hz, report.source.channels), (rate_hz, channels));
        assert_eq!(
            (report.answer.state, &report.answer.genre),
            (reference.answer.state, &reference.answer.genre),
            "{rate_hz} Hz, {channels} channels"
        );
        let difference = largest_difference(&report, &reference);
        assert!(
            difference < bound,
            "{rate_hz} Hz, {channels} channels: probabilities differ by {difference}"
        );
    }
}

/// All rates carry the band up to 3.6 kHz. What is above it is empty in all, but each resampler leaves another residue
/// around the cut, in the four or so bands between 3.4 and 3.9 kHz: 3 % of what the networks see.
#[test]
fn every_rate_and_channel_count_gives_the_same_decision() {
    let forms = [
        (8_000, 1),
        (11_025, 1),
        (16_000, 2),
        (22_050, 1),
        (44_100, 2),
        (44_100, 6),
        (48_000, 1),
        (96_000, 2),
        (192_000, 6),
    ];
    check(3_600, &forms, 0.08);
}

/// Rates that carry the whole band of the front end, up to 11 kHz: nothing is missing anywhere.
#[test]
fn rates_that_carry_the_whole_band_give_the_same_probabilities() {
    check(10_500, &[(22_050, 2), (44_100, 1), (48_000, 6), (96_000, 1)], 0.05);
}
