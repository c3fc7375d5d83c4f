//! A moment that is held: what stands still, how the models explain it, and what is exported.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_audio::units::Seconds;
use attune_engine::Command;
use attune_model::genre::GenreId;
use eframe::egui;
use egui_kittest::kittest::{NodeT, Queryable};
use std::time::{Duration, Instant};

/// Clicks into the spectrogram, a quarter of its width from the right.
fn click_picture(rig: &mut Rig) {
    let picture = rig
        .window
        .get_by_label_contains("Spectrogram of the last seconds")
        .rect();
    let at = egui::pos2(picture.right() - 0.25 * picture.width(), picture.top() + 30.0);
    rig.window.hover_at(at);
    rig.window.step();
    rig.window.drag_at(at);
    rig.window.step();
    rig.window.drop_at(at);
    rig.settle();
}

#[test]
fn a_click_holds_the_moment_and_end_lets_it_go() {
    let mut rig = Rig::playing(Setup::default(), 600);
    assert!(rig.app().held().is_none());
    click_picture(&mut rig);
    let held = rig.app().held().expect("a click holds the moment");
    let (columns, cursor) = (held.history.total_columns(), held.cursor);
    assert!(cursor > 20, "{cursor}");
    rig.window.get_by_label_contains("Held at");
    // Playback goes on, but the pictures stand still.
    rig.show(hand_made::playing(700));
    rig.settle();
    assert_eq!(rig.app().held().unwrap().history.total_columns(), columns);
    // There are no models to query, and the strip says so.
    rig.window.get_by_label_contains("cannot be queried");
    rig.window.key_press(egui::Key::End);
    rig.settle();
    assert!(rig.app().held().is_none());
    assert!(rig.window.query_by_label_contains("Held at").is_none());
    // A moment of a file can be played, by button and by key.
    click_picture(&mut rig);
    let at = rig.app().held().unwrap().cursor_at().unwrap().0;
    let wanted = [
        Command::Select(Some((Seconds(at - 1.0), Seconds(at + 1.0)))),
        Command::Seek(Seconds(at - 1.0)),
        Command::Play,
    ];
    rig.orders();
    rig.window.get_by_label("Play it").click();
    assert_eq!(rig.orders(), wanted);
    rig.window.key_press(egui::Key::P);
    assert_eq!(rig.orders(), wanted);
    // The same half second that is taken away above is muted, some seconds around it are played.
    let wanted = [
        Command::Select(Some((Seconds(at - 4.0), Seconds(at + 4.0)))),
        Command::Mute((Seconds(at - 0.25), Seconds(at + 0.25))),
        Command::Seek(Seconds(at - 4.0)),
        Command::Play,
    ];
    rig.window.get_by_label("Without it").click();
    assert_eq!(rig.orders(), wanted);
    rig.window.key_press(egui::Key::M);
    assert_eq!(rig.orders(), wanted);
    rig.window.key_press(egui::Key::End);
    rig.settle();
    // The four chords of the hand-made file last 2 s each and come again after 8 s: what sounds like this one lies in the same
    // chord (each has four beats, and which of them lies best on the frames is open), and a click goes there.
    click_picture(&mut rig);
    let at = rig.app().held().unwrap().cursor_at().unwrap().0;
    let similar = rig.app().held().unwrap().similar.clone();
    assert!(!similar.is_empty());
    rig.window
        .get_all_by_label_contains("Similar moment at")
        .next()
        .unwrap()
        .click();
    rig.settle();
    rig.settle();
    let there = rig.app().held().unwrap().cursor_at().unwrap().0;
    let chord = |at: f64| (at / 2.0) as usize % 4;
    assert!(
        chord(at) == chord(there) && (at - there).abs() > 1.0,
        "from {at} to {there}"
    );
    rig.window.key_press(egui::Key::End);
    rig.settle();
    // The keyboard does it too.
    rig.window.key_press(egui::Key::H);
    rig.settle();
    assert_eq!(rig.app().held().unwrap().cursor, 0);
    rig.window.get_by_label("Back to now").click();
    rig.settle();
    assert!(rig.app().held().is_none());
}

#[test]
fn live_occlusion_explains_the_answer_and_scrolls_with_the_sound() {
    let setup = Setup::with_models();
    let mut rig = Rig::playing(setup, 600);
    assert!(
        rig.window
            .query_by_label_contains("What changed the answer: ")
            .is_none()
    );
    rig.window.key_press(egui::Key::C);
    rig.settle();
    rig.window
        .get_by_label_contains("What changed the answer: Running the models again");
    let begun = Instant::now();
    while rig.window.query_by_label_contains("seconds back").is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no answer");
        std::thread::sleep(Duration::from_millis(20));
        rig.settle();
    }
    rig.window.get_by_label_contains("0 s ago");
    // Two seconds later the same answer lies two seconds back.
    rig.show(hand_made::playing(690));
    rig.settle();
    rig.window.get_by_label_contains("2 s ago");
    // Another click, and nobody is asked any more.
    rig.window.get_by_label("Changes").click();
    rig.settle();
    assert!(
        rig.window
            .query_by_label_contains("What changed the answer: ")
            .is_none()
    );
}

#[test]
fn a_held_moment_is_explained_and_exported() {
    let setup = Setup::with_models();
    let mut rig = Rig::playing(setup, 600);
    let folder = tempfile::tempdir().unwrap();
    let window = rig.window.state_mut().as_mut().unwrap();
    window.view_mut().export_folder = Some(folder.path().to_owned());
    click_picture(&mut rig);
    let begun = Instant::now();
    while rig.app().held().unwrap().explanation().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no answer");
        assert!(rig.app().held().unwrap().explaining.error().is_none());
        std::thread::sleep(Duration::from_millis(20));
        rig.settle();
    }
    rig.settle();
    rig.window.get_by_label_contains("What changed the answer: ");
    rig.window
        .get_by_label_contains("Hiding what attention weighted most: ");
    rig.window.get_by_label_contains("Deletion curves: ");
    // What mattered by these bars can be played, and how far to trust them is said.
    let listen = rig.window.get_by_label("Listen to what mattered");
    assert!(!listen.accesskit_node().is_disabled());
    rig.window.get_by_label_contains(" s carry ");
    rig.window
        .get_by_label_contains("In 66 to 88 % of test pieces (chance 25 %)");
    // By force instead of by taking away, and of another class.
    let explanation = rig.app().held().unwrap().explanation().unwrap().clone();
    rig.window.get_by_label("Changes by: Attention only here").click();
    rig.settle();
    rig.window.get_by_label_contains("points, when attention is only on");
    rig.window.get_by_label_contains("In 86 % of test pieces (chance 25 %)");
    rig.window.get_by_label_contains("Class of the changes: ").click();
    rig.settle();
    let other = (0..10).map(GenreId).find(|id| *id != explanation.class()).unwrap();
    let title = hand_made::model_info().genres.title(other);
    rig.window
        .get_by_role_and_label(egui::Role::RadioButton, &title)
        .click();
    rig.settle();
    let forced = explanation.override_effects(other).unwrap();
    let most = forced.into_iter().flatten().fold(f32::NEG_INFINITY, f32::max);
    rig.window.get_by_label_contains(&format!(
        "What changed the answer: {title} gains most, {:+.0} points",
        100.0 * most
    ));
    rig.window.get_by_label("Export").click();
    rig.settle();
    let begun = Instant::now();
    while rig.window.query_by_label_contains("Written to").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was written");
        std::thread::sleep(Duration::from_millis(20));
        rig.settle();
    }
    let mut endings: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .extension()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    endings.sort();
    assert_eq!(endings, ["csv", "json", "svg"]);
    rig.window.get_by_label_contains("Written to");
}
