//! The list of files: dropped, analysed, sorted, filtered, opened, exported.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::internals::wait_for;
use super::rig::{Rig, Setup};
use attune_engine::{Command, SourceRequest};
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};

fn wait_until_done(rig: &mut Rig, done: usize, failed: usize) {
    let begun = Instant::now();
    loop {
        let counts = rig.app().file_list().counts();
        if (counts.done, counts.failed, counts.left) == (done, failed, 0) && !rig.app().file_list().is_busy() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{counts:?}");
        std::thread::sleep(Duration::from_millis(20));
        rig.settle();
    }
    rig.settle();
}

#[test]
fn files_and_folders_are_analysed_listed_sorted_filtered_opened_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    std::fs::create_dir_all(music.join("more")).unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = attune_audio::decode::decode_file(&demo).unwrap();
    let clip = |name: &str, from: usize| {
        let from = from * info.rate.0 as usize;
        let bytes = attune_audio::wav::wav_bytes(&samples[from..from + 8 * info.rate.0 as usize], info.rate);
        std::fs::write(music.join(name), bytes).unwrap();
    };
    clip("classical.wav", 2);
    clip("more/metal.wav", 18);
    std::fs::write(music.join("broken.mp3"), "not music").unwrap();
    std::fs::write(music.join("notes.txt"), "not music").unwrap();
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.orders();
    rig.drop_files(&[&music]);
    assert!(rig.app().view().files.open, "a folder is a list");
    assert!(rig.orders().is_empty(), "what plays goes on");
    wait_until_done(&mut rig, 2, 1);
    rig.window.get_by_label_contains("classical.wav: Classical");
    rig.window.get_by_label_contains("broken.mp3: failed");
    rig.window.get_by_label_contains("3 of 3 analysed, 1 of them failed");
    assert!(rig.window.query_by_label_contains("notes.txt").is_none());

    let top = |rig: &Rig, label: &str| rig.window.get_by_label_contains(label).rect().top();
    rig.window.get_by_label("Sort by File").click();
    rig.settle();
    assert!(top(&rig, "broken.mp3: ") < top(&rig, "classical.wav: "));
    rig.window.get_by_label("Sort by File").click();
    rig.settle();
    assert!(top(&rig, "broken.mp3: ") > top(&rig, "metal.wav: "));
    rig.type_into("Filter the files", "classical");
    assert!(rig.window.query_by_label_contains("metal.wav: ").is_none());

    // Its row says why; a double click opens it and closes the list.
    let row = rig.window.get_by_label_contains("classical.wav: ").rect().center();
    rig.window.hover_at(row);
    rig.settle();
    rig.settle();
    wait_for(&mut rig, "Double click (Enter) opens it.");
    // A click in each frame: the harness takes a quarter of a second for it.
    for _ in 0..2 {
        for pressed in [true, false] {
            rig.window.input_mut().events.push(egui::Event::PointerButton {
                pos: row,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
        }
        rig.window.step();
    }
    rig.settle();
    let is_open = |command: &Command| match command {
        Command::Open(SourceRequest::File { path, .. }) => path.ends_with("classical.wav"),
        _ => false,
    };
    assert!(rig.orders().iter().any(is_open));
    assert!(!rig.app().view().files.open);

    rig.window.key_press(egui::Key::F);
    rig.settle();
    let exports = folder.path().join("exports");
    rig.window.state_mut().as_mut().unwrap().view_mut().export_folder = Some(exports.clone());
    rig.window.get_by_label("Export").click();
    wait_for(&mut rig, "Written to");
    let table = std::fs::read_to_string(exports.join("attune-files.csv")).unwrap();
    assert!(table.starts_with("path,state,genre,confidence,duration_s,reason,warnings\n"));
    assert!(
        table.contains(",genre,classical,0.9") && table.contains("broken.mp3,failed,"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 4);
    rig.window.get_by_label("Clear").click();
    rig.settle();
    assert!(rig.app().file_list().entries().is_empty());
    rig.window
        .get_by_label_contains("Each file gets the answer that attune analyze gives it.");
}

#[test]
fn several_dropped_files_are_a_list_and_one_that_was_stopped_forgets_what_waits() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.orders();
    let gone = Path::new("/nowhere/gone.mp3");
    rig.drop_files(&[&demo, gone]);
    assert!(rig.app().view().files.open && rig.orders().is_empty());
    let begun = Instant::now();
    while rig.app().file_list().entries().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        rig.settle();
    }
    rig.window.get_by_label("Stop").click();
    rig.settle();
    assert!(!rig.app().file_list().is_busy() && rig.app().file_list().counts().left == 0);
    // What is added again is analysed again.
    rig.drop_files(&[gone]);
    let done = rig.app().file_list().counts().done;
    wait_until_done(&mut rig, done, 1);
    rig.window.get_by_label_contains("gone.mp3: failed");
}
