//! What is on screen is what is: no sound is shown as none, and what is not music has no genres.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::{Decibels, Seconds};
use attune_engine::smoothing::{AnswerState, Reason};
use attune_engine::{Event, Snapshot};
use egui_kittest::kittest::{NodeT, Queryable};

fn microphone() -> OpenedSource {
    OpenedSource {
        kind: SourceKind::Microphone,
        name: "USB Mic".to_owned(),
        duration: None,
        ..hand_made::open_file()
    }
}

/// Of a device, `frames` frames into it.
fn live(frames: u64) -> Snapshot {
    let mut snapshot = hand_made::playing(frames);
    snapshot.transport.duration = Seconds(0.0);
    snapshot
}

fn failed() -> Event {
    Event::SourceFailed {
        message: "USB Mic was unplugged".to_owned(),
        remedy: "Plug it in.".to_owned(),
        retrying: true,
    }
}

#[test]
fn a_lost_device_is_not_shown_as_a_healthy_one() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::Opened(microphone()));
    rig.show(live(620));
    rig.settle();
    rig.window.get_by_label("Health: the engine keeps up");
    rig.window.get_by_label_contains("Level: −18 dB");
    rig.send(failed());
    let mut lost = live(620);
    lost.sequence += 1;
    lost.transport.playing = false;
    lost.health.missed = Seconds(12.34);
    rig.show(lost);
    rig.settle();
    rig.window.get_by_label("Health: no sound comes");
    rig.window.get_by_label("Missed: 12.3 s");
    rig.window.get_by_label("Level: no sound");
    let card = rig.window.get_by_label_contains("Answer: No sound since ");
    let said = card.accesskit_node().label().unwrap_or_default();
    assert!(said.contains("Waiting for USB Mic"), "{said}");
    assert!(!said.contains('%'), "no figure is given: {said}");
    let missed = Seconds(12.34);
    rig.send(Event::Reconnected {
        source: microphone(),
        missed,
    });
    rig.show(live(640));
    rig.settle();
    rig.window.get_by_label("Health: the engine keeps up");
    rig.window.get_by_label_contains("USB Mic is back. 12.3 s were missed");
    assert!(rig.window.query_by_label_contains("was unplugged").is_none());
}

#[test]
fn a_device_that_stalls_is_seen_before_it_is_lost() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.send(Event::Opened(microphone()));
    let mut stalled = live(620);
    stalled.health.callback_age = Seconds(0.7);
    rig.show(stalled);
    rig.settle();
    rig.window.get_by_label("Health: no sound comes");
    rig.window.get_by_label_contains("Answer: No sound since ");
    // A file has no callback.
    rig.send(Event::Opened(hand_made::open_file()));
    let mut file = hand_made::playing(640);
    file.health.callback_age = Seconds(0.7);
    rig.show(file);
    rig.settle();
    rig.window.get_by_label("Health: the engine keeps up");
}

#[test]
fn a_paused_and_an_ended_file_are_called_so() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let mut paused = hand_made::playing(601);
    paused.transport.playing = false;
    rig.show(paused.clone());
    rig.settle();
    rig.window.get_by_label("Health: paused");
    rig.send(Event::Ended);
    paused.sequence += 1;
    rig.show(paused);
    rig.settle();
    rig.window.get_by_label("Health: the file has ended");
}

#[test]
fn silence_and_speech_have_no_genre() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label_contains("2 of 3 say");
    let said = [
        (AnswerState::Silence, "In silence no genre is answered."),
        (AnswerState::Speech, "No genre is answered while someone speaks."),
        (AnswerState::NotMusic, "No genre is answered of what is not music."),
    ];
    for (frames, (state, line)) in (601..).zip(said) {
        let mut snapshot = hand_made::playing(frames);
        snapshot.decision.state = state;
        snapshot.decision.reason = Reason::TooQuiet {
            level: Decibels(-80.0),
            threshold: Decibels(-60.0),
        };
        rig.show(snapshot);
        rig.settle();
        rig.window.get_by_label(line);
        assert!(rig.window.query_by_label_contains("of 3 say").is_none());
    }
}
