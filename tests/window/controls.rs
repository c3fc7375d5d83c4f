//! What clicks and keys order.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::playback::Pace;
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::Seconds;
use attune_engine::{Command, Event, SourceRequest};
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::sync::atomic::Ordering;

#[test]
fn play_and_pause_follow_the_transport() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Pause").click();
    assert_eq!(rig.orders(), [Command::Pause]);
    let mut paused = hand_made::playing(601);
    paused.transport.playing = false;
    rig.show(paused);
    rig.settle();
    rig.window.get_by_label("Play").click();
    assert_eq!(rig.orders(), [Command::Play]);
}

#[test]
fn loop_and_pace_are_ordered() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Loop").click();
    assert_eq!(rig.orders(), [Command::Loop(true)]);
    let mut looping = hand_made::playing(601);
    looping.transport.looping = true;
    rig.show(looping);
    rig.settle();
    rig.window.get_by_label("Loop").click();
    assert_eq!(rig.orders(), [Command::Loop(false)]);
    rig.window.get_by_label("Pace").click();
    rig.settle();
    rig.window.get_by_label("As fast as possible").click();
    assert_eq!(rig.orders(), [Command::SetPace(Pace::FlatOut)]);
}

#[test]
fn dragging_the_seek_slider_orders_one_seek() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let slider = rig.window.get_by_label("Seek").rect();
    let at = |share: f32| egui::pos2(egui::lerp(slider.x_range(), share), slider.center().y);
    rig.window.drag_at(at(0.25));
    rig.window.step();
    for share in [0.3, 0.4, 0.5] {
        rig.window.hover_at(at(share));
        rig.window.step();
    }
    assert_eq!(rig.orders(), [], "nothing is sought while the hand still drags");
    rig.window.drop_at(at(0.5));
    let orders = rig.orders();
    let [Command::Seek(Seconds(to))] = orders[..] else {
        panic!("one seek, not {orders:?}");
    };
    assert!((to - 32.5).abs() < 1.5, "the middle of 65 s, not {to}");
}

/// A touchpad's tap, or a frame that took long: the button is pressed and released between two frames.
#[test]
fn a_click_within_one_frame_counts() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let tap = |rig: &mut Rig, at: egui::Pos2| {
        rig.window.hover_at(at);
        rig.window.drag_at(at);
        rig.window.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed: false,
            modifiers: egui::Modifiers::NONE,
        });
        rig.window.step();
        rig.orders()
    };
    let slider = rig.window.get_by_label("Seek").rect();
    let orders = tap(&mut rig, slider.center());
    let [Command::Seek(Seconds(to))] = orders[..] else {
        panic!("one seek, not {orders:?}");
    };
    assert!((to - 32.5).abs() < 1.0, "the middle of 65 s, not {to}");
    let track = rig.window.get_by_label_contains("Timeline: ").rect();
    let orders = tap(&mut rig, track.center());
    assert!(matches!(orders[..], [Command::Seek(_)]), "{orders:?}");
    let pause = rig.window.get_by_label("Pause").rect();
    assert_eq!(tap(&mut rig, pause.center()), [Command::Pause]);
}

#[test]
fn keys_do_what_the_list_says() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let at = hand_made::playing(600).transport.position.0;
    for (key, wanted) in [
        (egui::Key::Space, Command::Pause),
        (egui::Key::ArrowRight, Command::Seek(Seconds(at + 5.0))),
        (egui::Key::ArrowLeft, Command::Seek(Seconds(at - 5.0))),
        (egui::Key::L, Command::Loop(true)),
    ] {
        rig.window.key_press(key);
        assert_eq!(rig.orders(), [wanted], "{key:?}");
    }
    rig.window.key_press(egui::Key::Questionmark);
    rig.settle();
    rig.window.get_by_label("Back or forward 5 s");
    rig.window.key_press(egui::Key::Escape);
    rig.settle();
    assert!(rig.window.query_by_label("Back or forward 5 s").is_none());
    rig.window.get_by_label("Theme: Dark");
    rig.window.key_press(egui::Key::T);
    rig.settle();
    rig.window.get_by_label("Theme: Light");
}

#[test]
fn a_live_session_takes_two_keys_to_end_and_a_focused_button_takes_no_letters() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Loop").focus();
    rig.settle();
    rig.window.key_press(egui::Key::L);
    assert_eq!(rig.orders(), [Command::Loop(true)], "a letter is nothing to a button");
    rig.window.key_press(egui::Key::Space);
    assert_eq!(rig.orders(), [Command::Loop(true)], "the button itself takes space");
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Monitor,
        duration: None,
        ..hand_made::open_file()
    }));
    let mut live = hand_made::playing(620);
    live.transport.duration = Seconds(0.0);
    rig.show(live);
    rig.window.key_press(egui::Key::D);
    assert_eq!(rig.orders(), []);
    rig.window.get_by_label_contains("Press D again to stop listening");
    rig.window.key_press(egui::Key::D);
    let orders = rig.orders();
    assert!(
        matches!(&orders[..], [Command::Open(SourceRequest::File { .. })]),
        "{orders:?}"
    );
}

#[test]
fn a_device_is_picked_by_name_and_outputs_are_not_offered() {
    let mut rig = Rig::new(Setup::default());
    rig.window.get_by_label("Source").click();
    rig.settle();
    assert!(rig.window.query_by_label_contains("Built-in Audio  (output").is_none());
    rig.window
        .get_by_label_contains("Monitor of Built-in Audio  (what is playing, PulseAudio")
        .click();
    let wanted = SourceRequest::Device {
        id: Some("mon".to_owned()),
        channel: None,
    };
    assert_eq!(rig.orders(), [Command::Open(wanted)]);
}

#[test]
fn the_welcome_offers_the_default_microphone_and_what_the_computer_plays() {
    for (button, id) in [("Listen", "mic"), ("Listen in", "mon")] {
        let mut rig = Rig::new(Setup::default());
        rig.window.get_by_label(button).click();
        let wanted = SourceRequest::Device {
            id: Some(id.to_owned()),
            channel: None,
        };
        assert_eq!(rig.orders(), [Command::Open(wanted)]);
    }
}

#[test]
fn a_typed_path_is_opened() {
    let mut rig = Rig::new(Setup::default());
    rig.window.key_press(egui::Key::O);
    rig.settle();
    rig.window.get_by_label("File").type_text("/music/a song.mp3");
    rig.settle();
    // The shortcut keys are letters of the path here.
    rig.window.get_by_label("Open").click();
    assert_eq!(rig.orders(), [open("/music/a song.mp3")]);
}

#[test]
fn a_dropped_file_is_opened() {
    let mut rig = Rig::new(Setup::default());
    rig.drop_files(&[Path::new("/music/dropped.flac")]);
    assert_eq!(rig.orders(), [open("/music/dropped.flac")]);
}

#[test]
fn the_demo_is_written_out_and_opened() {
    let mut rig = Rig::new(Setup::default());
    rig.window.get_by_label("Play the demo").click();
    let orders = rig.orders();
    let [Command::Open(SourceRequest::File { path, .. })] = &orders[..] else {
        panic!("a file is opened, not {orders:?}");
    };
    assert_eq!(
        std::fs::read(path).unwrap(),
        include_bytes!("../../assets/demo/demo.ogg")
    );
}

#[test]
fn models_are_switched_off_and_on() {
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Model TCN").click();
    assert_eq!(rig.orders(), [Command::EnableModel { model: 1, on: false }]);
    let mut without = hand_made::playing(601);
    without.models[1].enabled = false;
    rig.show(without);
    rig.settle();
    rig.window.get_by_label("Model TCN").click();
    assert_eq!(rig.orders(), [Command::EnableModel { model: 1, on: true }]);
}

#[test]
fn refresh_lists_the_devices_again() {
    let mut rig = Rig::new(Setup {
        devices: Ok(Vec::new()),
        ..Setup::default()
    });
    rig.window.get_by_label("Refresh").click();
    rig.settle();
    for _ in 0..200 {
        if rig.listed.load(Ordering::SeqCst) == 2 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    panic!("the devices were listed {} times", rig.listed.load(Ordering::SeqCst));
}

#[test]
fn a_busy_engine_is_said_and_no_order_is_lost_silently() {
    let mut rig = Rig::playing(Setup::default(), 600);
    // Nobody reads the orders: the queue of 64 fills.
    for _ in 0..65 {
        rig.window.key_press(egui::Key::L);
        rig.window.step();
        rig.window.step();
    }
    rig.window.get_by_label_contains("The engine is busy");
    assert_eq!(rig.stage.commands.len(), 64);
    rig.send(Event::Ended);
}

fn open(path: &str) -> Command {
    Command::Open(SourceRequest::File {
        path: path.into(),
        pace: Pace::Times(1.0),
    })
}

#[test]
fn one_channel_of_a_device_is_chosen_and_kept() {
    let mut rig = Rig::playing(Setup::default(), 600);
    assert!(
        rig.window.query_by_label("Channel").is_none(),
        "a file is heard as a whole"
    );
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Microphone,
        id: "desk".to_owned(),
        channels: 4,
        duration: None,
        ..hand_made::open_file()
    }));
    rig.orders();
    rig.window.get_by_label("Channel").click();
    rig.settle();
    rig.window.get_by_label("Channel 3").click();
    let wanted = SourceRequest::Device {
        id: Some("desk".to_owned()),
        channel: Some(2),
    };
    assert_eq!(rig.orders(), [Command::Open(wanted.clone())]);
    assert_eq!(rig.app().settings_now().resumed(), Some(wanted));
}
