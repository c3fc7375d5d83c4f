//! What a restart brings back, and what is chosen in a dialog.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::settings::{Page, RecentSource, Settings};
use attune_audio::playback::Pace;
use attune_audio::source::{OpenedSource, SourceKind};
use attune_engine::{Command, Event, SourceRequest};
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::time::{Duration, Instant};

fn file(path: &str) -> Command {
    Command::Open(SourceRequest::File {
        path: path.into(),
        pace: Pace::Times(1.0),
    })
}

#[test]
fn page_span_models_and_device_are_as_they_were() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Model TCN").click();
    rig.settle();
    rig.window.key_press(egui::Key::Num2);
    rig.settle();
    rig.window.get_by_label("20 min").click();
    rig.settle();
    assert_eq!(
        rig.app().settings_now().resumed(),
        None,
        "a file is not opened by itself"
    );
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Microphone,
        id: "mic".to_owned(),
        name: "USB Mic".to_owned(),
        duration: None,
        ..hand_made::open_file()
    }));
    let kept = rig.app().settings_now();
    assert_eq!((kept.page, kept.timeline_span), (Page::Decisions, Some(2)));
    assert_eq!(kept.models.get("TCN"), Some(&false));
    let device = SourceRequest::Device {
        id: Some("mic".to_owned()),
        channel: None,
    };
    assert_eq!(kept.resumed(), Some(device));
    drop(rig);
    let kept = Settings {
        page: Page::Genres,
        ..kept
    };
    let mut rig = Rig::new(Setup {
        kept,
        ..Setup::default()
    });
    // What was open before is offered; the newest first.
    let mic = rig.window.get_by_label_contains("USB Mic").rect();
    let demo = rig.window.get_by_label_contains("Attune demo.ogg").rect();
    assert!(mic.top() < demo.top());
    rig.window.get_by_label_contains("Attune demo.ogg").click();
    assert_eq!(rig.orders(), [file(&hand_made::open_file().id)]);
    rig.send(Event::Opened(hand_made::open_file()));
    rig.show(hand_made::playing(600));
    rig.settle();
    assert_eq!(rig.app().view().timeline.span, Some(2));
}

#[test]
fn a_chosen_file_is_played_and_several_are_analysed() {
    for (chosen, is_played) in [(vec!["/a.mp3"], true), (vec!["/a.mp3", "/b.mp3"], false)] {
        let mut rig = Rig::new(Setup {
            chosen: chosen.iter().map(Into::into).collect(),
            ..Setup::default()
        });
        rig.window.get_by_label("Open file…").click();
        let mut orders = Vec::new();
        let begun = Instant::now();
        while orders.is_empty() && !rig.app().view().files.open {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is opened");
            std::thread::sleep(Duration::from_millis(5));
            orders = rig.orders();
        }
        let wanted = if is_played { vec![file("/a.mp3")] } else { Vec::new() };
        assert_eq!((orders, rig.app().view().files.open), (wanted, !is_played));
    }
}

#[test]
fn without_a_dialog_a_path_is_typed() {
    let mut rig = Rig::new(Setup::default());
    rig.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::O);
    let begun = Instant::now();
    while rig
        .window
        .query_by_label_contains("This desktop shows no dialog")
        .is_none()
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is said");
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
    rig.window.get_by_label("File").type_text("/music/a.mp3");
    rig.settle();
    rig.window.get_by_label("Open").click();
    assert_eq!(rig.orders(), [file("/music/a.mp3")]);
}

#[test]
fn a_source_that_was_opened_twice_is_offered_once() {
    let mut kept = Settings::default();
    for id in ["/a.mp3", "/b.mp3", "/a.mp3"] {
        kept.recent.add(RecentSource {
            is_device: false,
            id: id.to_owned(),
            name: id.to_owned(),
        });
    }
    let rig = Rig::new(Setup {
        kept,
        ..Setup::default()
    });
    assert_eq!(rig.window.get_all_by_label_contains("/a.mp3").count(), 1);
}
