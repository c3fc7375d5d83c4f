//! Sessions are kept, searched, starred, annotated, reopened and forgotten.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::sessions::Store;
use attune_audio::units::Seconds;
use attune_engine::{Command, Event, SourceRequest};
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};

/// A window that keeps its sessions in this file, on the page that lists them.
fn window(path: &Path) -> Rig {
    let mut rig = Rig::new(Setup {
        history: Some(path.to_owned()),
        ..Setup::default()
    });
    rig.send(Event::Opened(hand_made::open_file()));
    for frames in [200, 400, 600] {
        rig.show(hand_made::playing(frames));
    }
    rig.window.key_press(egui::Key::Num4);
    rig.settle();
    rig
}

/// Frames until something with this label is there.
fn wait_for(rig: &mut Rig, label: &str) {
    let begun = Instant::now();
    while rig.window.query_by_label_contains(label).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{label} does not come");
        std::thread::sleep(Duration::from_millis(10));
        rig.settle();
    }
}

#[test]
fn a_session_survives_a_restart_with_its_note_and_its_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let mut rig = window(&path);
    wait_for(&mut rig, "Classical · 0 decisions");
    rig.send(Event::Decided {
        at: Seconds(1.0),
        decision: hand_made::playing(600).decision,
    });
    rig.window.get_by_label("Favourite: Attune demo.ogg").click();
    rig.settle();
    rig.type_into("Note on Attune demo.ogg", "the slow one");
    rig.window.get_by_label("Search the sessions").focus();
    rig.settle();
    // The window closes, and with it the file, with everything written.
    drop(rig);
    let kept = Store::open(&path).unwrap();
    let list = kept.list().unwrap();
    assert_eq!(list.len(), 1);
    assert!(list[0].favourite && list[0].played_secs > 9.0);
    assert_eq!(
        (list[0].note.as_str(), list[0].genre.as_deref()),
        ("the slow one", Some("classical"))
    );
    assert_eq!(kept.decisions(list[0].id).unwrap()[0].rule, "confident");
    drop(kept);
    // Another day.
    let mut rig = window(&path);
    wait_for(&mut rig, "number 2");
    rig.type_into("Search the sessions", "SLOW");
    assert!(rig.window.query_by_label_contains("number 2").is_none());
    rig.orders();
    rig.window.get_by_label("Open Attune demo.ogg again").click();
    let orders = rig.orders();
    assert!(
        matches!(&orders[..], [Command::Open(SourceRequest::File { path, .. })] if path == Path::new("/music/Attune demo.ogg")),
        "{orders:?}"
    );
    rig.window.get_by_label("Forget Attune demo.ogg").click();
    wait_for(&mut rig, "No session has these words.");
}

#[test]
fn a_history_that_cannot_be_kept_is_said_and_the_window_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    std::fs::write(
        &path,
        "this is no database, and long enough that SQLite reads its header",
    )
    .unwrap();
    let mut rig = window(&path);
    wait_for(&mut rig, "move the file away");
    rig.show(hand_made::playing(700));
    rig.settle();
    rig.window.get_by_label_contains("Answer: ");
}

#[test]
fn what_was_decided_in_a_session_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = window(&folder.path().join("history.sqlite"));
    wait_for(&mut rig, "Classical · 0 decisions");
    let decision = hand_made::playing(600).decision;
    for at in [1.0, 83.2] {
        rig.send(Event::Decided {
            at: Seconds(at),
            decision,
        });
    }
    // A list is made when something but a decision is written.
    rig.window.get_by_label("Favourite: Attune demo.ogg").click();
    wait_for(&mut rig, "· 2 decisions");
    rig.window.get_by_label_contains("Read Attune demo.ogg").click();
    wait_for(&mut rig, "1:23.2  ");
    rig.window.get_by_label("Copy as CSV");
    rig.window.get_by_label_contains("Hide Attune demo.ogg").click();
    rig.settle();
    assert!(rig.window.query_by_label_contains("1:23.2  ").is_none());
}
