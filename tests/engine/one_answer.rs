//! One answer: the live worker, file analysis, evaluation and a replay of the knobs give the same answer to the same
//! sound, to the bit at each frame and for the whole file.
#![allow(clippy::float_cmp, reason = "equal to the bit is the point")]

use crate::common::fake_models::{Fake, gate, models, three};
use crate::common::media::{folder, write_float_wav};
use attune_audio::decode::decode_file;
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use attune_engine::offline::{Report, analyze};
use attune_engine::smoothing::{AnswerState, AnswerStream, Decision, SettledMean, SmoothingConfig, ensemble_mean};
use attune_engine::{
    Command, Engine, EngineConfig, Event, HopResult, RECENT_COLUMNS, Snapshot, SourceRequest, StateReset,
    system_sources,
};
use attune_model::genre::{GenreId, Probabilities};
use attune_model::{ModelSet, bundled};
use attune_train::evaluate::{Answer, AnswerTimeline, Answers, ClipLogits, run};
use std::ops::ControlFlow::Continue;
use std::path::Path;
use std::time::{Duration, Instant};

/// Figures of a report are rounded to a millionth.
fn rounded(p: f32) -> f64 {
    (f64::from(p) * 1e6).round() / 1e6
}

fn on(raw: &Probabilities) -> Option<Probabilities> {
    Some(*raw).filter(|raw| !raw.as_slice().is_empty())
}

/// The answers of the live worker: its last snapshot, which holds all columns, and each change of the answer.
fn live(
    path: &Path,
    models: &ModelSet,
    smoothing: SmoothingConfig,
    frames: u64,
) -> (Snapshot, Vec<(Seconds, Decision)>) {
    let config = EngineConfig {
        sources: system_sources(10, false),
        ..EngineConfig::new(models.clone(), smoothing)
    };
    let mut engine = Engine::start(config, || {}).unwrap();
    let request = SourceRequest::File {
        path: path.to_owned(),
        pace: Pace::FlatOut,
    };
    engine.commands.send(Command::Open(request)).unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut decided = Vec::new();
    loop {
        match engine.events.recv_deadline(deadline).expect("the file ends") {
            Event::Decided { at, decision } => decided.push((at, decision)),
            Event::Ended => break,
            Event::Opened(_) | Event::Reset { .. } => {}
            event => panic!("{event:?}"),
        }
    }
    while engine.snapshots.read().frames < frames {
        assert!(Instant::now() < deadline, "the last snapshot never came");
        std::thread::sleep(Duration::from_millis(2));
    }
    (engine.snapshots.read().clone(), decided)
}

/// Runs a file through all four and compares; returns what was compared.
fn compare(path: &Path, models: &ModelSet) -> (Vec<HopResult>, Report) {
    let smoothing = SmoothingConfig::default();
    let spec = &models.front_end;
    let count = models.models.len();
    let mut hops: Vec<HopResult> = Vec::new();
    let report = analyze(path, models, &smoothing, |hop| hops.push(*hop), |_| Continue(())).unwrap();
    assert!(hops.len() <= RECENT_COLUMNS, "all columns are in the last snapshot");

    // Live.
    let (snapshot, decided) = live(path, models, smoothing, hops.len() as u64);
    for hop in &hops {
        assert_eq!(snapshot.column(hop.column.frame.0), Some(&hop.column));
    }
    let mut changes: Vec<(Seconds, Decision)> = hops.iter().map(|hop| (hop.column.at, hop.column.decision)).collect();
    changes.dedup_by_key(|(_, decision)| decision.state);
    assert_eq!(decided, changes);

    // Replay of the knobs, from what the columns keep.
    let mut replay = AnswerStream::new(smoothing, spec.hop(), models.genres.len(), count).unwrap();
    for HopResult { column, status, .. } in &hops {
        let raw: Vec<_> = column.raw[..count].iter().map(on).collect();
        let kinds = on(&column.kinds_raw);
        replay.note_reset(column.reset);
        let (again, smoothed) = replay.push(column.at, column.level, &raw, column.novelty, kinds.as_ref());
        assert_eq!(again, *status, "at {:?}", column.at);
        assert_eq!(smoothed.decision, column.decision, "at {:?}", column.at);
        assert_eq!(smoothed.ensemble, column.ensemble);
        assert_eq!(smoothed.familiarity, column.familiarity);
        assert_eq!(smoothed.models, column.smoothed[..count]);
    }

    // Evaluation: the same frames, and the same report.
    let file = run::file(path, models, &smoothing).unwrap();
    assert_eq!(file.report, report);
    let mut timeline = AnswerTimeline::default();
    for hop in &hops {
        timeline.push(hop.column.at, Answer::from(hop.column.decision.state));
    }
    assert_eq!(file.run.timelines.last(), Some(&timeline));
    let clips: Vec<ClipLogits> = file.clip_logits(path, GenreId(0)).unwrap();
    let audible: Vec<&HopResult> = hops.iter().filter(|hop| hop.status.audible).collect();
    let is_all_counted = audible.iter().all(|hop| hop.status.counted);
    let mut answers = Vec::new();
    for (place, (model, clip)) in models.models.iter().zip(&clips).enumerate() {
        let temperature = model.manifest().temperature;
        assert_eq!(clip.frames(), audible.len());
        let mut mean = SettledMean::new(models.genres.len(), spec);
        for (hop, row) in audible.iter().zip(clip.logits.chunks_exact(clip.classes)) {
            assert_eq!(hop.logits[place].as_slice(), row);
            assert_eq!(hop.logits[place].probabilities(temperature), hop.column.raw[place]);
            mean.push(&hop.column.raw[place], hop.status.counted);
        }
        let answer = mean.value().unwrap();
        if is_all_counted {
            assert_eq!(clip.answer(temperature, spec), answer, "{}", model.manifest().name);
        }
        for (label, &p) in models.genres.labels().iter().zip(answer.as_slice()) {
            assert_eq!(report.models[place].probabilities[label].as_f64(), Some(rounded(p)));
        }
        answers.push(answer);
    }

    // The whole file.
    let (best, confidence) = ensemble_mean(&answers).unwrap().top();
    if report.answer.state == "genre" {
        assert_eq!(report.answer.genre.as_deref(), Some(models.genres.label(best)));
        assert_eq!(report.answer.confidence, Some(rounded(confidence)));
    }
    if is_all_counted {
        let each: Vec<Answers> = models
            .models
            .iter()
            .zip(clips)
            .map(|(model, clip)| Answers::of(&[clip], model.manifest().temperature, spec))
            .collect();
        assert_eq!(Some(Answers::ensemble(&each).whole[0]), ensemble_mean(&answers));
    }
    (hops, report)
}

#[test]
fn the_demo_with_a_silence_gets_one_answer_from_all() {
    let folder = folder();
    let path = folder.path().join("demo.wav");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let at = |secs: usize| secs * info.rate.0 as usize;
    let mut sound = samples[..at(8)].to_vec();
    sound.extend(std::iter::repeat_n(0.0, at(5)));
    sound.extend(&samples[at(8)..at(15)]);
    write_float_wav(&path, info.rate.0, 1, &sound);
    let (hops, report) = compare(&path, &bundled().unwrap());
    let resets = hops
        .iter()
        .filter(|hop| hop.column.reset == StateReset::Everything)
        .count();
    assert_eq!(resets, 2, "at the start and after the silence");
    assert_eq!(report.answer.state, "genre");
}

#[test]
fn music_interrupted_by_speech_gets_one_answer_from_all() {
    let folder = folder();
    let path = folder.path().join("interrupted.wav");
    let rate = 22_050;
    // To the gate of the fakes low tones are music, middle ones speech.
    let part = |secs: usize, tones: [f64; 2]| {
        (0..secs * rate).map(move |n| {
            let t = n as f64 / rate as f64;
            let sum: f64 = tones.iter().map(|hz| (std::f64::consts::TAU * hz * t).sin()).sum();
            (0.2 * sum) as f32
        })
    };
    let (music, speech) = ([310.0, 520.0], [2_000.0, 2_600.0]);
    let sound: Vec<f32> = part(5, music).chain(part(6, speech)).chain(part(5, music)).collect();
    write_float_wav(&path, rate as u32, 1, &sound);
    let models = ModelSet {
        gate: Some(gate(Fake::Bands { memory: 0.5 })),
        ..three()
    };
    let (hops, _) = compare(&path, &models);
    assert!(hops.iter().any(|hop| hop.status.audible && !hop.status.counted));
    assert!(hops.iter().any(|hop| hop.status.reset == StateReset::Models));
}

#[test]
fn music_that_is_unfamiliar_for_a_while_gets_one_answer_from_all() {
    let folder = folder();
    let path = folder.path().join("unfamiliar.wav");
    let rate = 22_050;
    let sound: Vec<f32> = (0..18 * rate)
        .map(|n| (0.2 * (std::f64::consts::TAU * 310.0 * f64::from(n) / f64::from(rate)).sin()) as f32)
        .collect();
    write_float_wav(&path, rate as u32, 1, &sound);
    // 43 frames a second: from 5 to 14 s. The other model has no statistics of its own.
    let between = Fake::Unfamiliar { from: 215, until: 602 };
    let models = models(&[("a", between), ("b", between), ("c", Fake::Bands { memory: 0.9 })]);
    let (hops, report) = compare(&path, &models);
    let states: Vec<AnswerState> = hops.iter().map(|hop| hop.column.decision.state).collect();
    let first = states
        .iter()
        .position(|state| *state == AnswerState::Unfamiliar)
        .unwrap();
    let last = states
        .iter()
        .rposition(|state| *state == AnswerState::Unfamiliar)
        .unwrap();
    assert!(first > 215 && last > 602 && last < states.len() - 1, "{first} {last}");
    assert!(
        states[first..=last]
            .iter()
            .all(|state| *state == AnswerState::Unfamiliar)
    );
    assert!(matches!(states[first - 1], AnswerState::Genre(_)) && matches!(states[last + 1], AnswerState::Genre(_)));
    // Over the whole the mean novelty is (9·0.4 + 9·9)/18 or so.
    assert_eq!((report.answer.state, report.answer.rule), ("unfamiliar", "unfamiliar"));
    assert!(report.answer.genre.is_none() && report.answer.familiarity.unwrap() < 0.02);
    assert!(report.segments.iter().any(|segment| segment.state == "unfamiliar"));
    // Off, everything has a genre.
    let off = SmoothingConfig {
        unfamiliar: 0.0,
        ..SmoothingConfig::default()
    };
    let report = analyze(&path, &models, &off, |_| {}, |_| Continue(())).unwrap();
    assert_eq!(report.answer.state, "genre");
}
