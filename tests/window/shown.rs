//! What panels show of a snapshot, at every size.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::{Decibels, Seconds};
use attune_engine::Event;
use attune_engine::smoothing::{AnswerState, Reason};
use attune_model::genre::GenreSet;
use eframe::egui;
use egui_kittest::kittest::Queryable;

#[test]
fn the_answer_and_its_reason_are_those_of_the_snapshot() {
    let rig = Rig::playing(Setup::default(), 1000);
    let snapshot = hand_made::playing(1000);
    let genre = hand_made::leading_genre(snapshot.transport.position.0);
    let title = GenreSet::gtzan().title(genre);
    let percent = format!("{:.0} %", 100.0 * snapshot.decision.confidence);
    rig.window
        .get_by_label_contains(&format!("Answer: {title}, {percent}. It is above the 40 %"));
    let share = format!("{title}, LSTM: {:.0} %", 100.0 * snapshot.models[0].smoothed.of(genre));
    rig.window.get_by_label(&share);
    let ensemble = format!("{title}, all together: {:.0} %", 100.0 * snapshot.ensemble.of(genre));
    rig.window.get_by_label(&ensemble);
    rig.window.get_by_label(&format!("2 of 3 say {title} · for 9 s"));
}

#[test]
fn silence_and_doubt_are_answers_too() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let mut quiet = hand_made::playing(601);
    quiet.decision.state = AnswerState::Silence;
    quiet.decision.reason = Reason::TooQuiet {
        level: Decibels(-80.0),
        threshold: Decibels(-60.0),
    };
    quiet.rms = Decibels(-80.0);
    rig.show(quiet);
    rig.settle();
    rig.window.get_by_label_contains("Answer: Silence");
    rig.window.get_by_label("Level: silent");
}

#[test]
fn the_meter_says_level_peak_and_clipping() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Level: −18 dB, peak −6 dB");
    let mut loud = hand_made::playing(601);
    loud.clipped = true;
    rig.show(loud);
    rig.settle();
    rig.window.get_by_label("Level: −18 dB, peak −6 dB, clipped");
}

#[test]
fn attention_is_drawn_only_when_there_is_some() {
    let mut rig = Rig::new(Setup::default());
    rig.send(Event::Opened(hand_made::open_file()));
    rig.window
        .get_by_label_contains("The weights of each head appear when there is sound");
    rig.window.get_by_label("Spectrogram: no sound yet");
    rig.window.get_by_label("Timeline: no sound yet");
    for frames in [200, 400, 600] {
        rig.show(hand_made::playing(frames));
    }
    rig.settle();
    rig.window
        .get_by_label_contains("Attention heads: 4 layers of 4. Layer");
    rig.window.get_by_label_contains("Half of the answer rests on the last");
    rig.window
        .get_by_label_contains("The convolutions of TCN see 1.5 s at once.");
}

#[test]
fn the_timeline_sums_up_what_was_answered() {
    let rig = Rig::playing(Setup::default(), 1200);
    // 28 s of a file whose first two genres are classical and metal, each for half of the time.
    rig.window.get_by_label_contains("Timeline: ");
    rig.window.get_by_label_contains("Classical 4");
}

/// The demo's recordings are named while they sound, and their licences are a click away; other files have neither.
#[test]
fn the_demo_names_what_sounds_and_whose_it_is() {
    let mut rig = Rig::playing(Setup::default(), 600);
    assert!(rig.window.query_by_label("Credits").is_none());
    rig.send(Event::Opened(OpenedSource {
        id: concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg").to_owned(),
        ..hand_made::open_file()
    }));
    // 14 s, then 28 s.
    for (frames, sounding) in [
        (600, "Classical: Hungarian Dance No. 5 (Brahms), US Army Strings"),
        (1200, "Metal: Armygeddon, Muldjord"),
    ] {
        rig.show(hand_made::playing(frames));
        rig.settle();
        rig.window.get_by_label(sounding);
    }
    rig.window.get_by_label("Credits").click();
    rig.settle();
    for licence in ["Public Domain", "CC BY-SA 3.0"] {
        rig.window.get_by_label(licence);
    }
    rig.window.key_press(egui::Key::Escape);
    rig.settle();
    assert!(rig.window.query_by_label("CC BY-SA 3.0").is_none());
}

#[test]
fn what_is_really_open_is_said() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window
        .get_by_label("Attune demo.ogg · ogg vorbis · 44.1 kHz · stereo · played through Built-in Audio");
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Microphone,
        host: "PulseAudio".to_owned(),
        name: "USB Mic".to_owned(),
        rate: attune_audio::units::SampleRate(48_000),
        channels: 1,
        buffer_frames: Some(480),
        duration: None,
        output: None,
        ..hand_made::open_file()
    }));
    rig.window
        .get_by_label("USB Mic · PulseAudio · 48 kHz · mono · F32 · buffer 480 frames (10 ms)");
    assert!(rig.window.query_by_label("Seek").is_none(), "a device cannot be sought");
}

#[test]
fn losses_are_seen() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Health: the engine keeps up");
    let mut late = hand_made::playing(601);
    late.health.samples_lost = 12_345;
    late.health.callback_age = Seconds(0.01);
    rig.show(late);
    rig.settle();
    rig.window.get_by_label("Health: see the figures in red");
    assert!(
        rig.window.query_by_label_contains("Overruns").is_none(),
        "the device dropped none"
    );
    let mut dropped = hand_made::playing(602);
    dropped.health.xruns = 3;
    rig.show(dropped);
    rig.settle();
    rig.window.get_by_label("Health: see the figures in red");
    rig.window.get_by_label("Overruns: 3");
}

/// The panels, by the beginnings of their labels.
const PANELS: [&str; 8] = [
    "Answer:",
    "Classical, all together",
    "Spectrogram of",
    "Attention heads:",
    "Disagreement:",
    "Timeline:",
    "Health:",
    "Level:",
];

#[test]
fn nothing_is_cut_off_or_overlaps_at_any_size() {
    for (size, scale) in [
        ([900.0, 600.0], 1.0),
        ([1280.0, 800.0], 1.0),
        ([2560.0, 1440.0], 1.0),
        ([900.0, 600.0], 2.0),
    ] {
        let setup = Setup {
            size,
            scale,
            ..Setup::default()
        };
        let rig = Rig::playing(setup, 600);
        let all = egui::Rect::from_min_size(egui::Pos2::ZERO, size.into());
        let rects = PANELS.map(|name| rig.window.get_by_label_contains(name).rect());
        for (i, (name, rect)) in PANELS.iter().zip(&rects).enumerate() {
            assert!(
                all.contains_rect(*rect),
                "{name} at {rect:?} leaves the window of {size:?}"
            );
            assert!(
                rect.width() >= 12.0 && rect.height() >= 12.0,
                "{name} has no room at {size:?}: {rect:?}"
            );
            for (other, taken) in PANELS[..i].iter().zip(&rects) {
                assert!(
                    !taken.shrink(0.5).intersects(*rect),
                    "{name} overlaps {other} at {size:?}"
                );
            }
        }
        for name in [
            "Pause",
            "Seek",
            "Loop",
            "Pace",
            "Source",
            "Open file…",
            "Keyboard shortcuts",
            "Model Attention",
        ] {
            let rect = rig.window.get_by_label(name).rect();
            assert!(
                all.contains_rect(rect),
                "{name} at {rect:?} leaves the window of {size:?}"
            );
        }
    }
}

#[test]
fn plots_share_one_time_axis() {
    let rig = Rig::playing(Setup::default(), 600);
    let [a, b, c] =
        ["Spectrogram of", "Attention heads:", "Timeline:"].map(|name| rig.window.get_by_label_contains(name).rect());
    assert_eq!((a.left(), a.right()), (b.left(), b.right()));
    assert_eq!((a.left(), a.right()), (c.left(), c.right()));
}

#[test]
fn a_small_window_still_reaches_everything_by_scrolling() {
    let setup = Setup {
        size: [500.0, 400.0],
        ..Setup::default()
    };
    let rig = Rig::playing(setup, 600);
    for name in PANELS {
        let rect = rig.window.get_by_label_contains(name).rect();
        assert!(rect.left() >= 0.0 && rect.right() <= 500.0, "{name} at {rect:?}");
    }
}
