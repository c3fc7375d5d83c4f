//! Whole files: the report, its shape for scripts, and what is said of files that cannot be heard.
#![allow(clippy::float_cmp, reason = "times are passed on, not computed")]

use crate::common::fake_models::{Fake, models, three};
use crate::common::media;
use attune_engine::offline::{AnalyzeError, Report, analyze, document};
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_model::bundled;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use std::process::Command;

const RATE: u32 = 22_050;

/// Tones, silence, tones: seconds of each.
fn wav(path: &Path, parts: &[(f64, f32)]) {
    let mut samples = Vec::new();
    for (secs, amplitude) in parts {
        for n in 0..(secs * f64::from(RATE)) as usize {
            let t = n as f64 / f64::from(RATE);
            let tone = (std::f64::consts::TAU * 700.0 * t).sin() + 0.3 * (std::f64::consts::TAU * 2500.0 * t).sin();
            samples.push(amplitude * tone as f32);
        }
    }
    media::write_float_wav(path, RATE, 1, &samples);
}

fn run(path: &Path) -> Report {
    analyze(path, &three(), &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap()
}

#[test]
fn a_report_has_the_shape_that_scripts_rely_on() {
    let folder = media::folder();
    let path = folder.path().join("tones.wav");
    wav(&path, &[(6.0, 0.4)]);
    let json: Value = serde_json::from_str(&document(&run(&path))).unwrap();
    assert_eq!(json["attune"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["source"]["path"], path.display().to_string());
    assert_eq!(json["source"]["duration_s"], 6.0);
    assert_eq!(
        (&json["source"]["rate_hz"], &json["source"]["channels"]),
        (&RATE.into(), &1.into())
    );
    assert!(json["source"]["decoder"].is_string());
    assert!(["genre", "unsure"].contains(&json["answer"]["state"].as_str().unwrap()));
    assert!(json["answer"]["reason"].as_str().unwrap().ends_with('.'));
    let engines = json["engines"].as_array().unwrap();
    assert_eq!(
        engines.iter().map(|e| e["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["quick", "slow", "attentive"]
    );
    for engine in engines {
        let shares = engine["probabilities"].as_object().unwrap();
        assert_eq!(shares.len(), 10);
        let total: f64 = shares.values().map(|p| p.as_f64().unwrap()).sum();
        // Each of ten is rounded to a millionth.
        assert!((total - 1.0).abs() < 10.0 * 0.5e-6 + 1e-6, "{total}");
        assert!(shares.contains_key(engine["genre"].as_str().unwrap()));
    }
}

#[test]
fn segments_cover_the_file_without_a_gap_and_follow_the_hops() {
    let folder = media::folder();
    let path = folder.path().join("gap.wav");
    wav(&path, &[(4.0, 0.4), (4.0, 0.0), (4.0, 0.4)]);
    let mut states = Vec::new();
    let on_hop = |hop: &attune_engine::HopResult| states.push(hop.column.decision.state);
    let report = analyze(&path, &three(), &SmoothingConfig::default(), on_hop, |_| Continue(())).unwrap();
    states.dedup();
    let names: Vec<_> = report.segments.iter().map(|segment| segment.state).collect();
    assert_eq!(names, states.iter().map(|state| state.name()).collect::<Vec<_>>());
    assert!(states.contains(&AnswerState::Silence));
    assert!(report.segments[0].start_s == 0.0);
    for pair in report.segments.windows(2) {
        assert!(pair[0].end_s == pair[1].start_s, "{pair:?}");
    }
    assert!(report.segments.last().unwrap().end_s == report.source.duration_s);
    let silence = report
        .segments
        .iter()
        .find(|segment| segment.state == "silence")
        .unwrap();
    // The level is taken over 0.4 s (17 hops), of which the last tone must leave; then it is held for 0.5 s. A level of
    // -10 dB falls by 50 dB only when all but 1/100,000 of the window is silent, so nearly the whole window counts.
    assert!((silence.start_s - 4.9).abs() < 0.1, "{silence:?}");
    assert!((silence.end_s - 8.0).abs() < 0.05, "{silence:?}");
}

#[test]
fn silence_and_snippets_get_no_genre() {
    let folder = media::folder();
    let path = folder.path().join("silence.wav");
    wav(&path, &[(3.0, 0.0)]);
    let report = run(&path);
    assert_eq!(
        (report.answer.state, report.answer.genre, report.answer.confidence),
        ("silence", None, None)
    );
    assert!(
        report
            .models
            .iter()
            .all(|engine| engine.genre.is_none() && engine.probabilities.is_empty())
    );
    for secs in [0.01, 0.5] {
        wav(&path, &[(secs, 0.4)]);
        let report = run(&path);
        assert_eq!(
            (report.answer.state, report.answer.rule),
            ("unsure", "heard_too_little")
        );
    }
}

/// Ten seconds of a sound, analysed by the bundled models.
fn heard_by_the_bundled(sound: impl Fn(f64, &mut ChaCha8Rng) -> f64) -> Report {
    let folder = media::folder();
    let path = folder.path().join("sound.wav");
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let samples: Vec<f32> = (0..10 * RATE)
        .map(|n| sound(f64::from(n) / f64::from(RATE), &mut rng) as f32)
        .collect();
    media::write_float_wav(&path, RATE, 1, &samples);
    analyze(
        &path,
        &bundled().unwrap(),
        &SmoothingConfig::default(),
        |_| {},
        |_| Continue(()),
    )
    .unwrap()
}

fn assert_no_genre(what: &str, report: &Report) {
    assert_eq!(report.answer.genre, None, "{what}: {:?}", report.answer);
    assert!(!report.answer.reason.is_empty());
    let genre: f64 = report
        .segments
        .iter()
        .filter(|segment| segment.genre.is_some())
        .map(|segment| segment.end_s - segment.start_s)
        .sum();
    // One second of ten may be lost before the gate has made up its mind.
    assert!(genre <= 1.0, "{what}: {:?}", report.segments);
}

#[test]
fn silence_hum_and_noise_get_no_genre_from_the_bundled_models() {
    let tau = std::f64::consts::TAU;
    let sine = |hz: f64, t: f64| (tau * hz * t).sin();
    let white = |rng: &mut ChaCha8Rng| 2.0 * rng.random::<f64>() - 1.0;
    let silence = heard_by_the_bundled(|_, _| 0.0);
    assert_eq!(silence.answer.state, "silence");
    for (what, report) in [
        ("white noise", heard_by_the_bundled(|_, rng| 0.3 * white(rng))),
        ("faint noise", heard_by_the_bundled(|_, rng| 0.004 * white(rng))),
        ("hum of 50 Hz", {
            heard_by_the_bundled(|t, rng| {
                let partials = [(50.0, 0.3), (100.0, 0.2), (150.0, 0.1), (250.0, 0.05), (350.0, 0.03)];
                let hum: f64 = partials.iter().map(|(hz, a)| a * sine(*hz, t)).sum();
                hum + 0.005 * white(rng)
            })
        }),
        ("pink noise", {
            // Voss and McCartney: rows of noise, each held twice as long as the one before.
            let rows = std::cell::RefCell::new(([0.0; 12], 0u32));
            heard_by_the_bundled(move |_, rng| {
                let (rows, count) = &mut *rows.borrow_mut();
                *count += 1;
                rows[(count.trailing_zeros() as usize).min(11)] = white(rng);
                rows.iter().sum::<f64>() / 24.0
            })
        }),
    ] {
        assert_no_genre(what, &report);
        assert!(
            ["not_music", "unsure"].contains(&report.answer.state),
            "{what}: {:?}",
            report.answer
        );
    }
}

/// Recordings of the demo that the gate takes for another sound, wrongly (`attune demo` shows it).
const REJECTED: &[&str] = &["disco"];

#[test]
fn the_gate_lets_the_demo_through() {
    let folder = media::folder();
    let models = bundled().unwrap();
    let (mut total, mut rejected, mut named) = (0.0, 0.0, 0.0);
    for (genre, path) in media::demo_clips(folder.path(), 15.0) {
        if REJECTED.contains(&genre.as_str()) {
            continue;
        }
        let report = analyze(&path, &models, &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap();
        let of = |wanted: &[&str]| -> f64 {
            report
                .segments
                .iter()
                .filter(|segment| wanted.contains(&segment.state))
                .map(|segment| segment.end_s - segment.start_s)
                .sum()
        };
        total += report.source.duration_s;
        rejected += of(&["speech", "not_music"]);
        named += of(&["genre"]);
        assert!(
            report.answer.kinds["music"].as_f64().unwrap() > 0.5,
            "{genre}: {:?}",
            report.answer
        );
    }
    assert!(rejected < 0.1 * total, "{rejected} of {total} s");
    assert!(named > 0.5 * total, "{named} of {total} s");
}

#[test]
fn a_failing_engine_is_left_out_and_named() {
    let folder = media::folder();
    let path = folder.path().join("tones.wav");
    wav(&path, &[(3.0, 0.4)]);
    let set = models(&[("good", Fake::Bands { memory: 0.5 }), ("bad", Fake::NanAt(60))]);
    let report = analyze(&path, &set, &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap();
    assert_eq!(
        report
            .models
            .iter()
            .map(|engine| engine.name.as_str())
            .collect::<Vec<_>>(),
        ["good"]
    );
    assert!(
        report.warnings.iter().any(|warning| warning.contains("bad")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn progress_rises_to_the_length_of_the_file() {
    let folder = media::folder();
    let path = folder.path().join("tones.wav");
    wav(&path, &[(5.5, 0.4)]);
    let mut seen = Vec::new();
    analyze(
        &path,
        &three(),
        &SmoothingConfig::default(),
        |_| {},
        |progress| {
            seen.push(progress);
            Continue(())
        },
    )
    .unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done));
    assert!((seen.last().unwrap().done.0 - 5.5).abs() < 1e-9);
    assert_eq!(seen[0].duration.map(|duration| (duration.0 * 10.0).round()), Some(55.0));
}

#[test]
fn who_wants_no_more_of_a_file_is_not_made_to_wait_for_its_end() {
    let folder = media::folder();
    let path = folder.path().join("tones.wav");
    wav(&path, &[(30.0, 0.4)]);
    let mut seen = Vec::new();
    let stop = |progress| {
        seen.push(progress);
        std::ops::ControlFlow::Break(())
    };
    let result = analyze(&path, &three(), &SmoothingConfig::default(), |_| {}, stop);
    assert!(matches!(result, Err(AnalyzeError::Stopped)));
    assert!(seen.len() == 1 && seen[0].done.0 < 15.0, "{seen:?}");
}

#[test]
fn a_missing_file_is_named_with_a_remedy() {
    let path = Path::new("no/such/song.mp3");
    let error = analyze(path, &three(), &SmoothingConfig::default(), |_| {}, |_| Continue(())).unwrap_err();
    assert!(matches!(error, AnalyzeError::Source(_)));
    assert_eq!(error.kind(), "not_found");
    assert!(error.to_string().contains("no/such/song.mp3") && !error.remedy().is_empty());
}

#[test]
fn wrong_usage_exits_with_two() {
    for wrong in [
        &["analyze"][..],
        &["analyze", "--json", "--ndjson", "a.wav"],
        &["live", "--pace", "never"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_attune")).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty(), "what people read goes to stderr");
    }
}

#[test]
fn one_failing_file_does_not_stop_the_others() {
    let folder = media::folder();
    let path = folder.path().join("tones.wav");
    wav(&path, &[(3.0, 0.4)]);
    let missing = folder.path().join("missing.wav");
    let output = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["analyze", "--json"])
        .args([&missing, &path])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["source"]["path"], missing.display().to_string());
    assert_eq!(lines[0]["error"]["kind"], "not_found");
    assert!(lines[0]["error"]["message"].is_string() && lines[0]["error"]["remedy"].is_string());
    assert!(lines[1]["answer"]["state"].is_string());
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.wav"));
}

#[test]
fn sections_are_listed_for_people_and_for_scripts() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let output = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_attune"))
            .arg("analyze")
            .args(args)
            .arg(&demo)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&output(&["--json", "--sections"])).unwrap();
    let sections = report["sections"].as_array().unwrap();
    assert!(!sections.is_empty());
    // The same, line by line.
    let lines: Vec<Value> = output(&["--ndjson", "--sections=4"])
        .lines()
        .filter(|line| line.contains("\"section\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), sections.len());
    for (line, section) in lines.iter().zip(sections) {
        assert_eq!(
            (&line["since_s"], &line["t_s"]),
            (&section["since_s"], &section["written_s"])
        );
        assert_eq!(
            (&line["genre"], &line["confidence"]),
            (&section["genre"], &section["confidence"])
        );
    }
    let text = output(&["--sections"]);
    let listed = text.lines().filter(|line| line.contains("written at")).count();
    assert_eq!(listed, sections.len(), "{text}");
    // Without being asked for, they are not there.
    let report: Value = serde_json::from_str(&output(&["--json"])).unwrap();
    assert!(report.get("sections").is_none());
    for wrong in ["--sections=0", "--sections=9", "--sections=many"] {
        let refused = Command::new(env!("CARGO_BIN_EXE_attune"))
            .args(["analyze", wrong])
            .arg(&demo)
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("sections"), "{wrong}");
    }
}
