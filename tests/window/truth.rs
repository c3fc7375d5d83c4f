//! What a file is known to be, over what is answered.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::source::OpenedSource;
use attune_engine::Event;
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::fs;
use std::time::{Duration, Instant};

/// A window at which a file plays beside which this was written.
fn playing(setup: Setup, truth: &str) -> (tempfile::TempDir, Rig) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("song.truth.txt"), truth).unwrap();
    let mut rig = Rig::new(setup);
    rig.send(Event::Opened(OpenedSource {
        id: folder.path().join("song.ogg").display().to_string(),
        name: "song.ogg".to_owned(),
        ..hand_made::open_file()
    }));
    for frames in [200, 400, 600, 800, 1000] {
        rig.show(hand_made::playing(frames));
    }
    (folder, rig)
}

fn wait(rig: &mut Rig, effect: impl Fn(&Rig) -> bool) {
    let begun = Instant::now();
    while !effect(rig) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing happens");
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
}

const TRUTH: &str = "0\t14.2\tClassical\n14.2\t20\tapplause\n20\t42.5\tmetal\n42.5\t65\tjazz\n";

#[test]
fn true_sections_are_drawn_over_the_answers() {
    let (_folder, mut rig) = playing(Setup::default(), TRUTH);
    wait(&mut rig, |rig| {
        rig.window
            .query_by_label_contains("4 true sections are known")
            .is_some()
    });
    let track = rig.window.get_by_label_contains("4 true sections are known").rect();
    rig.window
        .hover_at(egui::pos2(track.left() + 0.3 * track.width(), track.center().y));
    rig.settle();
    rig.settle();
    rig.window.get_by_label_contains("In truth: applause.");
    // Another file has none of them.
    rig.send(Event::Opened(hand_made::open_file()));
    assert!(rig.app().track().unwrap().truth().is_empty());
}

#[test]
fn sections_that_cannot_be_read_are_said_and_the_file_plays() {
    let (_folder, mut rig) = playing(Setup::default(), "0\tsoon\tJazz\n");
    wait(&mut rig, |rig| rig.app().view().notices.problem().is_some());
    let problem = rig.app().view().notices.problem().unwrap();
    assert!(
        problem
            .message
            .contains("song.truth.txt, line 1: from \"0\" to \"soon\""),
        "{problem:?}"
    );
    assert!(problem.remedy.contains("with tabs between them"), "{problem:?}");
    rig.window.get_by_label_contains("Timeline: ");
}
