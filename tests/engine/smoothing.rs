//! Smoothing keeps its promises: how frames come does not matter, silence starts afresh, knobs out of range are named.

use attune_audio::units::{Decibels, Seconds};
use attune_engine::StateReset;
use attune_engine::smoothing::{AnswerState, AnswerStream, Decision, FrameStatus, Reason, Smoothed, SmoothingConfig};
use attune_model::genre::{GenreId, Probabilities};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HOP: Seconds = Seconds(512.0 / 22_050.0);
const LOUD: Decibels = Decibels(-20.0);
const QUIET: Decibels = Decibels(-90.0);

fn answers(models: usize) -> AnswerStream {
    AnswerStream::new(SmoothingConfig::default(), HOP, 3, models).unwrap()
}

fn row(best: u8, share: f32) -> Probabilities {
    let mut row = [(1.0 - share) / 2.0; 3];
    row[usize::from(best)] = share;
    Probabilities::from_slice(&row)
}

/// Pushes `secs` of one engine's row; returns each frame's answer.
fn push(stream: &mut AnswerStream, at: &mut f64, secs: f64, level: Decibels, raw: Probabilities) -> Vec<Decision> {
    (0..(secs / HOP.0).round() as usize)
        .map(|_| {
            *at += HOP.0;
            stream.push(Seconds(*at), level, &[Some(raw)], None, None).1.decision
        })
        .collect()
}

/// A random stream: levels that fall silent now and then, two engines, one of which pauses.
fn stream(frames: usize) -> Vec<(Seconds, Decibels, [Option<Probabilities>; 2])> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    (0..frames)
        .map(|i| {
            let level = if i / 150 % 3 == 2 { QUIET } else { LOUD };
            let mut draw = || {
                let logits: [f32; 3] =
                    std::array::from_fn(|k| 2.0 * random.random::<f32>() + if i / 97 % 3 == k { 1.0 } else { 0.0 });
                Probabilities::softmax(&logits, 1.0)
            };
            let (one, other) = (draw(), draw());
            let other = (i / 211 % 2 == 0).then_some(other);
            (Seconds((i + 1) as f64 * HOP.0), level, [Some(one), other])
        })
        .collect()
}

fn run(stream: &mut AnswerStream, frames: &[(Seconds, Decibels, [Option<Probabilities>; 2])]) -> Vec<Smoothed> {
    frames
        .iter()
        .map(|(at, level, raw)| stream.push(*at, *level, raw, None, None).1)
        .collect()
}

#[test]
fn again_is_the_same_a_bystander_changes_nothing_and_without_reset_it_differs() {
    let frames = stream(1000);
    let mut one = answers(2);
    let whole = run(&mut one, &frames);
    assert_ne!(run(&mut one, &frames), whole, "it remembers");
    one.reset();
    // With another stream in between: they share nothing.
    let mut other = answers(2);
    let mut again = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        again.extend(run(&mut one, std::slice::from_ref(frame)));
        run(&mut other, &frames[999 - i..=999 - i]);
    }
    assert_eq!(again, whole);
}

#[test]
fn a_later_frame_changes_nothing_before_it() {
    let frames = stream(600);
    let whole = run(&mut answers(2), &frames);
    for n in [0, 1, 299, 599] {
        let mut changed = frames.clone();
        changed[n].2[0] = Some(row(2, 0.98));
        changed[n].1 = LOUD;
        let result = run(&mut answers(2), &changed);
        assert_eq!(result[..n], whole[..n]);
        assert_ne!(result[n], whole[n]);
    }
}

#[test]
fn the_first_answer_comes_after_the_warm_up_and_not_before() {
    let mut at = 0.0;
    let answers = push(&mut answers(1), &mut at, 1.5, LOUD, row(1, 0.8));
    let warm = answers
        .iter()
        .position(|answer| answer.state != AnswerState::WarmingUp)
        .unwrap();
    // The first frame at which the warm-up was heard: with the window of the first one, within a second of sound.
    assert_eq!(warm + 1, (0.9 / HOP.0).ceil() as usize);
    let window_s = 2048.0 / 22_050.0;
    assert!(window_s + warm as f64 * HOP.0 <= 1.0);
    assert_eq!(answers[warm].state, AnswerState::Genre(GenreId(1)));
    assert!(
        (answers[warm].confidence - 0.8).abs() < 1e-5,
        "a mean of equal rows is that row"
    );
    assert_eq!(
        answers[warm].since,
        answers.last().unwrap().since,
        "the answer stands since then"
    );
}

#[test]
fn a_change_of_genre_is_followed_within_the_time_that_the_constants_give() {
    let mut stream = answers(1);
    let mut at = 0.0;
    push(&mut stream, &mut at, 20.0, LOUD, row(0, 0.9));
    let answers = push(&mut stream, &mut at, 6.0, LOUD, row(1, 0.9));
    let switched = answers
        .iter()
        .position(|answer| answer.state == AnswerState::Genre(GenreId(1)))
        .unwrap();
    // The new genre's share goes from 0.05 to 0.9 as 0.9 - 0.85·exp(-t/2 s), the old one's the other way: they differ
    // by 0.05 when 0.85·(1 - 2·exp(-t/2)) = 0.05, at t = 2·ln(2 / (1 - 0.05/0.85)) = 1.51 s, to the next hop.
    let expected = 2.0 * (2.0 / (1.0 - 0.05 / 0.85f64)).ln();
    let delay = (switched + 1) as f64 * HOP.0;
    assert!((delay - expected).abs() <= 1.5 * HOP.0, "{delay} instead of {expected}");
}

#[test]
fn flicker_is_held_back_by_the_dwell_time() {
    let config = SmoothingConfig {
        time_constant: Seconds(0.0),
        ..SmoothingConfig::default()
    };
    let mut stream = AnswerStream::new(config, HOP, 3, 1).unwrap();
    let mut at = 0.0;
    let mut switches = 0;
    let mut answered = None;
    for i in 0..(30.0 / HOP.0) as usize {
        at += HOP.0;
        // Another genre every 10 hops: without a dwell time that would be 129 answers.
        let raw = row((i / 10 % 2) as u8, 0.9);
        if let AnswerState::Genre(id) = stream
            .push(Seconds(at), LOUD, &[Some(raw)], None, None)
            .1
            .decision
            .state
            && answered != Some(id)
        {
            answered = Some(id);
            switches += 1;
        }
    }
    // At most one for each 1.5 s of the 29 s after the warm-up, and one to begin with.
    assert!((2..=20).contains(&switches), "{switches}");
}

#[test]
fn silence_is_told_after_its_hold_and_a_long_one_starts_afresh() {
    let mut stream = answers(1);
    let mut at = 0.0;
    push(&mut stream, &mut at, 10.0, LOUD, row(0, 0.9));
    let answers = push(&mut stream, &mut at, 3.0, QUIET, row(2, 0.9));
    let silent = answers
        .iter()
        .position(|answer| answer.state == AnswerState::Silence)
        .unwrap();
    assert_eq!(silent + 1, (0.5 / HOP.0).ceil() as usize);
    assert_eq!(
        answers[silent - 1].state,
        AnswerState::Genre(GenreId(0)),
        "a short gap changes nothing"
    );
    assert!(matches!(answers[silent].reason, Reason::TooQuiet { level: QUIET, .. }));
    assert!(
        answers.iter().all(|answer| answer.confidence > 0.89),
        "silence feeds no average"
    );
    let answers = push(&mut stream, &mut at, 1.2, LOUD, row(1, 0.7));
    assert_eq!(answers[0].state, AnswerState::WarmingUp);
    let last = answers.last().unwrap();
    assert_eq!(
        last.state,
        AnswerState::Genre(GenreId(1)),
        "nothing of what was before the silence is left"
    );
    assert!((last.confidence - 0.7).abs() < 1e-5);
}

#[test]
fn a_short_silence_forgets_nothing() {
    let mut stream = answers(1);
    let mut at = 0.0;
    push(&mut stream, &mut at, 10.0, LOUD, row(0, 0.9));
    assert_eq!(
        push(&mut stream, &mut at, 1.0, QUIET, row(2, 0.9))
            .last()
            .unwrap()
            .state,
        AnswerState::Silence
    );
    let answers = push(&mut stream, &mut at, 0.1, LOUD, row(0, 0.9));
    // The dwell time of the old answer is over long since, so it is there again at once.
    assert_eq!(answers[0].state, AnswerState::Genre(GenreId(0)));
}

#[test]
fn an_engine_that_is_off_has_no_voice_and_comes_back_afresh() {
    let mut stream = answers(2);
    for i in 1..200 {
        stream.push(
            Seconds(f64::from(i) * HOP.0),
            LOUD,
            &[Some(row(0, 0.9)), Some(row(1, 0.9))],
            None,
            None,
        );
    }
    let (_, alone) = stream.push(Seconds(5.0), LOUD, &[Some(row(0, 0.9)), None], None, None);
    assert_eq!(alone.ensemble, alone.models[0]);
    assert_eq!(alone.models[1], Probabilities::uniform(3));
    let (_, back) = stream.push(Seconds(5.1), LOUD, &[Some(row(0, 0.9)), Some(row(2, 0.6))], None, None);
    assert!(
        (back.models[1].of(GenreId(2)) - 0.6).abs() < 1e-6,
        "its first frame is its whole past"
    );
    assert!((back.ensemble.of(GenreId(0)) - 0.55).abs() < 1e-4);
}

#[test]
fn with_no_engine_there_is_no_answer() {
    let mut stream = answers(1);
    let smoothed = (1..200)
        .map(|i| stream.push(Seconds(f64::from(i) * HOP.0), LOUD, &[None], None, None).1)
        .last()
        .unwrap();
    assert_eq!(smoothed.decision.state, AnswerState::WarmingUp);
    assert_eq!(smoothed.ensemble, Probabilities::uniform(3));
}

fn kinds(music: f32, speech: f32) -> Probabilities {
    Probabilities::from_slice(&[music, speech, 1.0 - music - speech])
}

/// Pushes `secs` of one engine's row and one row of a gate's; returns each frame.
fn push_gated(
    stream: &mut AnswerStream,
    at: &mut f64,
    secs: f64,
    raw: Probabilities,
    gate: Probabilities,
) -> Vec<(FrameStatus, Smoothed)> {
    (0..(secs / HOP.0).round() as usize)
        .map(|_| {
            *at += HOP.0;
            stream.push(Seconds(*at), LOUD, &[Some(raw)], None, Some(&gate))
        })
        .collect()
}

#[test]
fn what_is_not_music_gets_no_genre_and_its_kind_is_told_with_the_reason() {
    for (gate, wanted) in [
        (kinds(0.05, 0.9), AnswerState::Speech),
        (kinds(0.05, 0.05), AnswerState::NotMusic),
    ] {
        let (mut stream, mut at) = (answers(1), 0.0);
        let frames = push_gated(&mut stream, &mut at, 5.0, row(0, 0.99), gate);
        let answered = frames
            .iter()
            .position(|(_, frame)| frame.decision.state != AnswerState::WarmingUp)
            .unwrap();
        assert_eq!(
            answered + 1,
            (0.9 / HOP.0).ceil() as usize,
            "an answer within a second of sound"
        );
        for (status, frame) in &frames[answered..] {
            assert_eq!(frame.decision.state, wanted);
            assert!((frame.decision.confidence - 0.9).abs() < 1e-4);
            assert!(!status.counted);
        }
        let Reason::Rejected { music, needed, .. } = frames.last().unwrap().1.decision.reason else {
            panic!("{:?}", frames.last().unwrap().1.decision.reason)
        };
        assert!((music - 0.05).abs() < 1e-4 && (needed - 0.5).abs() < 1e-6);
    }
}

#[test]
fn music_passes_the_gate_as_if_it_were_not_there() {
    let (mut gated, mut open) = (answers(1), answers(1));
    let (mut at, mut same) = (0.0, 0.0);
    let frames = push_gated(&mut gated, &mut at, 6.0, row(1, 0.8), kinds(0.9, 0.05));
    let decisions = push(&mut open, &mut same, 6.0, LOUD, row(1, 0.8));
    let gated: Vec<_> = frames.iter().map(|(_, frame)| frame.decision).collect();
    assert_eq!(gated, decisions);
}

#[test]
fn between_the_thresholds_it_stays_as_it_was_and_unsure_at_first() {
    let between = kinds(0.4, 0.3);
    let (mut stream, mut at) = (answers(1), 0.0);
    let frames = push_gated(&mut stream, &mut at, 4.0, row(0, 0.9), between);
    let last = frames.last().unwrap().1.decision;
    assert_eq!(last.state, AnswerState::Unsure);
    assert!(matches!(last.reason, Reason::PerhapsNotMusic { music, .. } if (music - 0.4).abs() < 1e-4));
    // Let in, it stays; rejected, it stays rejected.
    push_gated(&mut stream, &mut at, 6.0, row(0, 0.9), kinds(0.95, 0.0));
    let frames = push_gated(&mut stream, &mut at, 20.0, row(0, 0.9), between);
    assert!(
        frames
            .iter()
            .all(|(_, frame)| frame.decision.state == AnswerState::Genre(GenreId(0)))
    );
    push_gated(&mut stream, &mut at, 6.0, row(0, 0.9), kinds(0.0, 0.9));
    let frames = push_gated(&mut stream, &mut at, 20.0, row(0, 0.9), between);
    assert!(frames.iter().all(|(status, _)| !status.counted));
}

#[test]
fn the_genre_before_a_short_interruption_is_there_after_it_and_a_long_one_begins_anew() {
    let (mut stream, mut at) = (answers(1), 0.0);
    push_gated(&mut stream, &mut at, 10.0, row(0, 0.9), kinds(1.0, 0.0));
    // Rejected from the time at which 1 - exp(-t) passes 0.7, 1.2 s, until music has half again.
    let frames = push_gated(&mut stream, &mut at, 1.6, row(2, 0.99), kinds(0.0, 1.0));
    assert_eq!(frames.last().unwrap().1.decision.state, AnswerState::Speech);
    let frames = push_gated(&mut stream, &mut at, 2.0, row(0, 0.9), kinds(1.0, 0.0));
    let back = frames.iter().position(|(status, _)| status.counted).unwrap();
    assert_eq!(
        frames[back].1.decision.state,
        AnswerState::Genre(GenreId(0)),
        "it was short: the averages go on"
    );
    push_gated(&mut stream, &mut at, 6.0, row(2, 0.99), kinds(0.0, 1.0));
    let frames = push_gated(&mut stream, &mut at, 4.0, row(1, 0.7), kinds(1.0, 0.0));
    let back = frames.iter().position(|(status, _)| status.counted).unwrap();
    assert_eq!(frames[back].1.decision.state, AnswerState::WarmingUp, "it was long");
    let (_, last) = frames.last().unwrap();
    assert_eq!(last.decision.state, AnswerState::Genre(GenreId(1)));
    assert!((last.decision.confidence - 0.7).abs() < 1e-5, "nothing else is left");
}

#[test]
fn a_gate_that_is_off_rejects_nothing() {
    let config = SmoothingConfig {
        reject: 1.0,
        ..SmoothingConfig::default()
    };
    let mut stream = AnswerStream::new(config, HOP, 3, 1).unwrap();
    let frames = push_gated(&mut stream, &mut 0.0, 3.0, row(0, 0.9), kinds(0.0, 1.0));
    let (status, last) = frames.last().unwrap();
    assert_eq!(
        (last.decision.state, status.gate),
        (AnswerState::Genre(GenreId(0)), None)
    );
}

#[test]
fn after_a_change_the_averages_are_the_new_ones_and_the_answer_needs_no_warm_up() {
    let mut stream = answers(1);
    let mut at = 0.0;
    let before = push(&mut stream, &mut at, 10.0, LOUD, row(0, 0.9));
    assert_eq!(before.last().unwrap().state, AnswerState::Genre(GenreId(0)));
    let (mut same, mut other) = (stream.clone(), stream.clone());
    // A silence or a start is decided here, not noted.
    same.note_reset(StateReset::Everything);
    let held = push(&mut same, &mut at.clone(), 0.1, LOUD, row(1, 0.8));
    assert_eq!(held[0].state, AnswerState::Genre(GenreId(0)));
    other.note_reset(StateReset::Change { frames: 112 });
    at += HOP.0;
    let (status, smoothed) = other.push(Seconds(at), LOUD, &[Some(row(1, 0.8))], None, None);
    assert_eq!(status.reset, StateReset::Change { frames: 112 });
    assert_eq!(smoothed.ensemble, row(1, 0.8));
    assert_eq!(smoothed.decision.state, AnswerState::Genre(GenreId(1)));
    // It weighs as 112 frames: the next one counts as the 114th, 3 / (114 + 2) of all.
    let (status, smoothed) = other.push(Seconds(at + HOP.0), LOUD, &[Some(row(2, 1.0))], None, None);
    assert_eq!(status.reset, StateReset::Nothing);
    assert!((smoothed.ensemble.of(GenreId(2)) - (0.1 + 0.9 * 3.0 / 116.0)).abs() < 1e-6);
}

#[test]
fn knobs_out_of_range_are_named() {
    let fine = SmoothingConfig::default();
    let slips = [
        (
            "time_constant",
            SmoothingConfig {
                time_constant: Seconds(-1.0),
                ..fine
            },
        ),
        (
            "warm_up",
            SmoothingConfig {
                warm_up: Seconds(f64::NAN),
                ..fine
            },
        ),
        ("enter", SmoothingConfig { enter: 1.5, ..fine }),
        ("leave", SmoothingConfig { leave: 0.41, ..fine }),
        (
            "lead",
            SmoothingConfig {
                lead: f32::INFINITY,
                ..fine
            },
        ),
        (
            "silence",
            SmoothingConfig {
                silence: Decibels(3.0),
                ..fine
            },
        ),
        ("reject", SmoothingConfig { reject: 1.1, ..fine }),
        (
            "change_distance",
            SmoothingConfig {
                change_distance: f32::NAN,
                ..fine
            },
        ),
        (
            "change_divergence",
            SmoothingConfig {
                change_divergence: -0.1,
                ..fine
            },
        ),
        ("admit", SmoothingConfig { admit: 0.8, ..fine }),
        (
            "gate_time_constant",
            SmoothingConfig {
                gate_time_constant: Seconds(-0.1),
                ..fine
            },
        ),
        (
            "silence_hold",
            SmoothingConfig {
                silence_hold: Seconds(1e9),
                ..fine
            },
        ),
    ];
    for (field, config) in slips {
        let error = AnswerStream::new(config, HOP, 3, 1).err().unwrap();
        assert_eq!(error.field, field);
        assert!(error.to_string().contains(field), "{error}");
        assert!(answers(1).set_config(config).is_err());
    }
}
