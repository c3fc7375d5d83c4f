//! What is paused, begun anew, skipped and given up.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::engine::{RATE, sound, start};
use crate::common::fake_models::{Fake, models, three};
use attune_audio::source::SourceKind;
use attune_audio::units::Seconds;
use attune_engine::{Command, Event, ResetCause, SURPRISE};
use attune_model::genre::GenreSet;
use std::time::Duration;

#[test]
fn what_is_paused_is_not_published_again_and_again() {
    let mut strings = start(three(), SourceKind::File, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 0.5));
    strings.until(|snapshot| snapshot.frames > 10);
    strings.engine.commands.send(Command::Pause).unwrap();
    let paused = strings.until(|snapshot| !snapshot.transport.playing).sequence;
    // While it plays, health is published four times a second.
    std::thread::sleep(Duration::from_secs(1));
    assert!(strings.engine.snapshots.read().sequence <= paused + 1);
}

#[test]
fn a_new_song_is_heard_afresh_while_time_goes_on() {
    let mut strings = start(three(), SourceKind::Microphone, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 1.0));
    let before = strings.until(|snapshot| snapshot.frames > 35);
    strings.engine.commands.send(Command::NewSong).unwrap();
    let (cause, at) = (ResetCause::NewSong, Seconds(1.0));
    assert_eq!(strings.event(), Event::Reset { cause, at });
    sink.write(&sound(RATE, 0.5));
    let after = strings.until(|snapshot| snapshot.epoch > before.epoch && snapshot.frames > 10);
    assert!(after.continues);
    let first = after.column(0).unwrap().at.0;
    assert!((first - 1.0 - 2048.0 / 22_050.0).abs() < 1e-9, "{first}");
}

#[test]
fn a_late_reader_of_a_device_skips_the_oldest_and_counts_them() {
    let mut strings = start(three(), SourceKind::Monitor, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    // Three seconds at once, as after a suspended machine wakes up: 0.1 s of them are left.
    let samples = sound(RATE, 3.0);
    sink.write(&samples);
    let snapshot = strings.until(|snapshot| snapshot.health.samples_lost > 0);
    assert_eq!(snapshot.health.samples_lost, samples.len() as u64 - 2205);
}

#[test]
fn a_machine_that_is_too_slow_gives_up_the_surprise_before_the_models() {
    // A frame lasts 23 ms and takes 60: the reader falls behind by more than a second.
    let set = models(&[("slow", Fake::Slow(60))]);
    let set = set.with_surprise(&attune_model::bundled_wavenet().unwrap()).unwrap();
    let mut strings = start(set, SourceKind::Microphone, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 0.5));
    strings.until(|snapshot| snapshot.frames > 15);
    sink.write(&sound(RATE, 3.0));
    // On a busy machine the device may also be said to be late.
    let is_late = |event: &Event| matches!(event, Event::Warning { .. } | Event::Recovered);
    let mut events = std::iter::repeat_with(|| strings.event()).filter(|event| !is_late(event));
    let event = events.next().unwrap();
    assert!(
        matches!(&event, Event::ModelFailed { model: 2, name, .. } if name == SURPRISE),
        "{event:?}"
    );
    let event = events.next().unwrap();
    let cause = ResetCause::Interrupted;
    assert!(
        matches!(event, Event::Reset { cause: found, .. } if found == cause),
        "{event:?}"
    );
    drop(events);
    strings.until(|snapshot| snapshot.frames > 0 && snapshot.column(0).is_some_and(|column| column.surprise.is_none()));
}

#[test]
fn other_models_take_over_where_the_stream_is_and_what_does_not_fit_changes_nothing() {
    let mut strings = start(three(), SourceKind::Microphone, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 1.0));
    let before = strings.until(|snapshot| snapshot.frames > 35);
    let names = ["a", "b", "c", "d"].map(|name| (name, Fake::Bands { memory: 0.5 }));
    let four = Box::new(models(&names));
    let commands = strings.engine.commands.clone();
    let use_models = |models, off| commands.send(Command::UseModels { models, off }).unwrap();
    use_models(four.clone(), vec![1]);
    let (cause, at) = (ResetCause::OtherModels, Seconds(1.0));
    assert_eq!(strings.event(), Event::Reset { cause, at });
    sink.write(&sound(RATE, 0.5));
    let after = strings.until(|snapshot| snapshot.epoch > before.epoch && snapshot.frames > 10);
    assert_eq!((after.model_set, after.model_count, after.continues), (1, 4, true));
    assert_eq!(
        after.models.map(|model| model.enabled)[..5],
        [true, false, true, true, false]
    );
    let first = after.column(0).unwrap();
    assert!((first.at.0 - 1.0 - 2048.0 / 22_050.0).abs() < 1e-9, "{:?}", first.at);
    let answered: Vec<bool> = first.raw.iter().map(|raw| !raw.as_slice().is_empty()).collect();
    assert_eq!(answered[..5], [true, false, true, true, false]);
    // Too many, and those of another set of classes.
    let nine: Vec<_> = ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
        .map(|it| (it, Fake::Slow(0)))
        .to_vec();
    let mut strange = four;
    strange.genres = GenreSet::new((0..10).map(|it| format!("class {it}")).collect()).unwrap();
    for (refused, said) in [(Box::new(models(&nine)), "9 models"), (strange, "classes")] {
        use_models(refused, Vec::new());
        let event = strings.event();
        assert!(
            matches!(&event, Event::Warning { message, .. } if message.contains(said)),
            "{event:?}"
        );
    }
    sink.write(&sound(RATE, 0.5));
    let later = strings.until(|snapshot| snapshot.frames > after.frames + 10);
    assert_eq!((later.model_set, later.epoch, later.model_count), (1, after.epoch, 4));
}
