//! A file as a source: every sample once and in order, marks at exact places, pace by the clock, and no leftovers after a
//! seek.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may fail; exact values are meant"
)]

use crate::common::media::{ffmpeg, folder, text, write_float_wav};
use attune_audio::decode::AudioFile;
use attune_audio::playback::{FilePlayer, Pace};
use attune_audio::ring::SampleSource;
use attune_audio::source::{MarkKind, SourceErrorKind, SourceKind, SourceMark};
use attune_audio::units::Seconds;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const RATE: u32 = 16_000;

/// A wav whose sample n has the value n / 2^20: each sample says where it is.
fn counting_wav(dir: &tempfile::TempDir, samples: u32) -> PathBuf {
    let path = dir.path().join("count.wav");
    let values: Vec<f32> = (0..samples).map(|n| n as f32 / 1_048_576.0).collect();
    write_float_wav(&path, RATE, 1, &values);
    path
}

fn index(sample: f32) -> u32 {
    (sample * 1_048_576.0) as u32
}

/// How long anything may take on a busy machine. Only what never comes takes that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until something holds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads until a mark has come and all before it is read; `None` after [`DEADLINE`].
fn read_to_mark(player: &mut FilePlayer, source: &mut SampleSource, out: &mut Vec<f32>) -> Option<SourceMark> {
    let deadline = Instant::now() + DEADLINE;
    let mut block = [0.0; 1000];
    while Instant::now() < deadline {
        let count = source.read(&mut block);
        out.extend_from_slice(&block[..count]);
        if let Some(mark) = player.next_mark() {
            while (out.len() as u64) < mark.at {
                let count = source.read(&mut block);
                out.extend_from_slice(&block[..count]);
            }
            return Some(mark);
        }
        if count == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    None
}

#[test]
fn flat_out_brings_every_sample_once_through_a_ring_shorter_than_the_file() {
    let dir = folder();
    // In real time it would last beyond the deadline.
    let total = 60 * RATE;
    let (mut player, mut source) = FilePlayer::open(&counting_wav(&dir, total), Pace::FlatOut, false).unwrap();
    assert!(source.capacity() < total as usize / 2, "the reader has to wait for us");
    let opened = player.opened();
    assert_eq!(
        (opened.kind, opened.rate.0, opened.channels),
        (SourceKind::File, RATE, 1)
    );
    assert_eq!(
        (opened.name.as_str(), opened.duration),
        ("count.wav", Some(Seconds(60.0)))
    );
    assert_eq!(opened.output, None);
    let mut samples = Vec::new();
    let mark = read_to_mark(&mut player, &mut source, &mut samples).expect("flat out is faster than real time");
    assert_eq!(
        mark,
        SourceMark {
            at: u64::from(total),
            kind: MarkKind::Ended
        }
    );
    assert!(
        samples
            .iter()
            .enumerate()
            .all(|(n, sample)| index(*sample) as usize == n)
    );
    assert_eq!(samples.len(), total as usize);
    assert_eq!(source.counters().lost.load(Ordering::Relaxed), 0);
    wait_until("the ring ends after the file", || source.is_ended());
}

#[test]
fn a_selection_repeats_to_the_sample_and_what_was_cut_off_plays_when_it_is_let_go() {
    let dir = folder();
    let (mut player, mut source) = FilePlayer::open(&counting_wav(&dir, 60_000), Pace::FlatOut, false).unwrap();
    player.pause();
    let rate = f64::from(RATE);
    // Ends that lie within decoded packets, and one beyond the file.
    for (start, end) in [(10_007_u64, 15_003_u64), (52_001, 90_000)] {
        let at = |sample: u64| Seconds(sample as f64 / rate);
        player.set_selection(Some((at(start), at(end))));
        source = player.seek(at(start)).unwrap_or(source);
        player.play();
        let mut samples = Vec::new();
        let length = end.min(60_000) - start;
        for pass in 1..=20_u64 {
            let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
            let kind = MarkKind::Repeated(at(start));
            assert_eq!(
                mark,
                SourceMark {
                    at: pass * length,
                    kind
                }
            );
        }
        player.pause();
        for (n, sample) in samples.iter().enumerate() {
            assert_eq!(u64::from(index(*sample)), start + n as u64 % length, "sample {n}");
        }
    }
    player.set_selection(None);
    let from = 30_000;
    source = player.seek(Seconds(f64::from(from) / rate)).unwrap_or(source);
    player.play();
    let mut samples = Vec::new();
    let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
    assert_eq!(mark.kind, MarkKind::Ended);
    assert!(
        samples
            .iter()
            .enumerate()
            .all(|(n, sample)| index(*sample) == from + n as u32)
    );
    assert_eq!(samples.len(), 30_000);
}

#[test]
fn what_is_muted_is_silence_to_the_sample_and_the_rest_plays() {
    let dir = folder();
    let (mut player, mut source) = FilePlayer::open(&counting_wav(&dir, 60_000), Pace::FlatOut, false).unwrap();
    player.pause();
    let at = |sample: u64| Seconds(sample as f64 / f64::from(RATE));
    for muted in [Some(20_003..30_011_u64), None] {
        player.set_muted(muted.clone().map(|part| (at(part.start), at(part.end))));
        source = player.seek(at(10_000)).unwrap_or(source);
        player.play();
        let mut samples = Vec::new();
        let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
        assert_eq!((mark.kind, samples.len()), (MarkKind::Ended, 50_000));
        player.pause();
        for (n, sample) in samples.iter().enumerate() {
            let place = 10_000 + n as u64;
            let is_muted = muted.as_ref().is_some_and(|part| part.contains(&place));
            assert_eq!(u64::from(index(*sample)), if is_muted { 0 } else { place });
        }
    }
}

#[test]
fn looping_marks_each_beginning_exactly() {
    let dir = folder();
    let total = 5_003;
    let (mut player, mut source) = FilePlayer::open(&counting_wav(&dir, total), Pace::FlatOut, false).unwrap();
    player.pause();
    player.set_looping(true);
    // The first pass may have ended before the order came; a seek makes sure.
    source = player.seek(Seconds(0.0)).unwrap_or(source);
    player.play();
    let mut samples = Vec::new();
    for pass in 1..=40_u64 {
        let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
        assert_eq!(
            mark,
            SourceMark {
                at: pass * u64::from(total),
                kind: MarkKind::Looped
            }
        );
    }
    player.set_looping(false);
    let end = loop {
        let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
        if mark.kind == MarkKind::Ended {
            break mark;
        }
    };
    assert_eq!(samples.len() as u64, end.at);
    assert!(
        samples
            .iter()
            .enumerate()
            .all(|(n, sample)| index(*sample) as usize == n % total as usize)
    );
}

#[test]
fn damage_is_reported_once_however_often_it_is_played() {
    let dir = folder();
    let wav = counting_wav(&dir, 40_000);
    let path = dir.path().join("a.mp3");
    let path = ffmpeg(&["-i", text(&wav), "-c:a", "libmp3lame", "-b:a", "128k", text(&path)]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    let header = bytes[middle..]
        .windows(2)
        .position(|word| word[0] == 0xFF && word[1] & 0xF6 == 0xF2)
        .unwrap();
    // Side information that cannot be.
    bytes[middle + header + 4..middle + header + 200].fill(0xFE);
    std::fs::write(&path, bytes).unwrap();
    let mut file = AudioFile::open(&path).unwrap();
    while file.next_block(&mut Vec::new()).unwrap() {}
    assert!(file.broken_packets() > 0);
    let (mut player, mut source) = FilePlayer::open(&path, Pace::FlatOut, false).unwrap();
    player.pause();
    player.set_looping(true);
    source = player.seek(Seconds(0.0)).unwrap_or(source);
    player.play();
    let mut samples = Vec::new();
    let marks: Vec<MarkKind> = (0..5)
        .map(|_| read_to_mark(&mut player, &mut source, &mut samples).unwrap().kind)
        .collect();
    // The first pass may have ended before the order came, and its mark went with the seek.
    let reports = marks.iter().filter(|mark| matches!(mark, MarkKind::Damaged(_))).count();
    assert!(reports <= 1, "{marks:?}");
    assert!(
        marks.iter().filter(|mark| **mark == MarkKind::Looped).count() >= 4,
        "{marks:?}"
    );
}

#[test]
fn paced_it_keeps_to_the_clock() {
    let dir = folder();
    let path = counting_wav(&dir, 60 * RATE);
    for times in [1.0_f32, 4.0] {
        let opened = Instant::now();
        let (_player, mut source) = FilePlayer::open(&path, Pace::Times(times), false).unwrap();
        let mut total = 0;
        let mut block = [0.0; 4096];
        let (mut started, mut read) = (opened, 0);
        let seconds = |samples: usize| samples as f64 / f64::from(RATE) / f64::from(times);
        loop {
            std::thread::sleep(Duration::from_millis(5));
            let count = source.read(&mut block);
            (total, read) = (total + count, read + count);
            let behind = started.elapsed().as_secs_f64() - seconds(read);
            // The player's clock starts after `opened`, and what is read was written before it: no slack is needed beyond
            // the millisecond of rounding to blocks.
            assert!(
                seconds(total) <= opened.elapsed().as_secs_f64() + 0.001,
                "{times}×: ahead of the clock"
            );
            if started.elapsed() >= Duration::from_secs(1) && behind < 0.15 {
                if started == opened {
                    assert_eq!(source.counters().lost.load(Ordering::Relaxed), 0, "{times}×");
                }
                break;
            }
            // A busy machine may stall the player for so long that it does not catch up: then the clock starts again.
            if behind > 0.9 {
                (started, read) = (Instant::now(), 0);
            }
            assert!(opened.elapsed() < DEADLINE, "{times}×: {behind:.3} s behind");
        }
    }
}

#[test]
fn faster_than_real_time_a_late_reader_is_waited_for() {
    let dir = folder();
    // One tick owes more than the ring holds.
    let (mut player, mut source) =
        FilePlayer::open(&counting_wav(&dir, 60 * RATE), Pace::Times(1000.0), false).unwrap();
    let mut samples = Vec::new();
    wait_until("the ring is full", || source.available() == source.capacity());
    let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
    assert_eq!(mark.kind, MarkKind::Ended);
    assert_eq!(source.counters().lost.load(Ordering::Relaxed), 0);
    assert_eq!(samples.len() as u64, u64::from(60 * RATE));
}

#[test]
fn a_pause_holds_and_is_not_caught_up() {
    let dir = folder();
    let (mut player, mut source) = FilePlayer::open(&counting_wav(&dir, 60 * RATE), Pace::Times(1.0), false).unwrap();
    wait_until("it plays", || source.available() > 0);
    player.pause();
    let mut block = vec![0.0; 60 * RATE as usize];
    let mut last = None;
    let (paused, mut newest) = (Instant::now(), Instant::now());
    // The order takes its time on a busy machine; from then on nothing comes for half a second.
    while newest.elapsed() < Duration::from_millis(500) {
        let count = source.read(&mut block);
        if count > 0 {
            (last, newest) = (Some(index(block[count - 1])), Instant::now());
        }
        assert!(paused.elapsed() < DEADLINE, "samples come in a pause");
        std::thread::sleep(Duration::from_millis(1));
    }
    let resumed = Instant::now();
    player.play();
    wait_until("it plays on", || source.available() > 0);
    let count = source.read(&mut block);
    let most = resumed.elapsed().as_secs_f64() * f64::from(RATE);
    assert!(
        count > 0 && count as f64 <= most,
        "{count} samples, at most {most}: no burst"
    );
    assert_eq!(
        last.map(|last| last + 1),
        Some(index(block[0])),
        "it goes on where it was"
    );
}

#[test]
fn after_a_seek_nothing_from_before_comes() {
    let dir = folder();
    let (mut player, _) = FilePlayer::open(&counting_wav(&dir, 20 * RATE), Pace::FlatOut, false).unwrap();
    let mut block = vec![0.0; 40 * RATE as usize];
    for at in [12.5, 3.0, 0.0, 19.999, 7.123_45] {
        let mut source = player.seek(Seconds(at)).unwrap();
        let mut samples = Vec::new();
        let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
        let start = (at * f64::from(RATE)).round() as u32;
        assert_eq!(index(samples[0]), start, "at {at}");
        assert_eq!(
            mark,
            SourceMark {
                at: u64::from(20 * RATE - start),
                kind: MarkKind::Ended
            }
        );
    }
    // Clamped at both ends, and nonsense is the start.
    for (at, expected) in [(-5.0, 20 * RATE), (1e9, 0), (f64::NAN, 20 * RATE)] {
        let mut source = player.seek(Seconds(at)).unwrap();
        let mut samples = Vec::new();
        let mark = read_to_mark(&mut player, &mut source, &mut samples).unwrap();
        assert_eq!(
            mark,
            SourceMark {
                at: u64::from(expected),
                kind: MarkKind::Ended
            },
            "at {at}"
        );
    }
    player.pause();
    let mut source = player.seek(Seconds(5.0)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(source.read(&mut block), 0, "a paused file stays paused");
    player.set_pace(Pace::Times(2.0));
    player.play();
    wait_until("it plays", || source.available() > 0);
    assert!(source.read(&mut block) > 0);
    assert_eq!(index(block[0]), 5 * RATE);
}

#[test]
fn a_file_that_vanishes_is_lost_with_a_reason() {
    let dir = folder();
    let path = counting_wav(&dir, 3 * RATE);
    let (mut player, mut source) = FilePlayer::open(&path, Pace::FlatOut, false).unwrap();
    let mut samples = Vec::new();
    read_to_mark(&mut player, &mut source, &mut samples).unwrap();
    std::fs::remove_file(&path).unwrap();
    source = player.seek(Seconds(0.0)).unwrap();
    let mark = read_to_mark(&mut player, &mut source, &mut Vec::new()).unwrap();
    let MarkKind::Lost(error) = mark.kind else {
        panic!("{mark:?}")
    };
    assert_eq!(error.kind, SourceErrorKind::FileNotFound);
    assert!(FilePlayer::open(&path, Pace::FlatOut, false).is_err());
}
