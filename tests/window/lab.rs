//! A lab that is run from the window: with progress, stopped, taken up again, exported.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::rig::{Rig, Setup};
use attune::ui::{LabRunner, LabState};
use attune_lab::Report;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};

/// A window with the lab open, finished cells kept in a folder, these flags typed.
fn open(folder: &Path, flags: &str) -> Rig {
    let mut rig = Rig::new(Setup::default());
    let app = rig.window.state_mut().take().unwrap();
    *rig.window.state_mut() = Some(app.with_lab_folder(folder.to_owned()));
    rig.window.get_by_label("Lab").click();
    rig.settle();
    rig.window.get_by_label_contains("Nothing has been run yet");
    flags_of(&mut rig, flags);
    rig
}

fn flags_of(rig: &mut Rig, flags: &str) {
    let view = rig.window.state_mut().as_mut().unwrap().view_mut();
    flags.clone_into(&mut view.lab.flags);
    rig.settle();
}

fn lab(rig: &Rig) -> &LabRunner {
    rig.window.state().as_ref().unwrap().lab()
}

fn press(rig: &mut Rig, label: &str) {
    rig.window.get_by_label(label).click();
    rig.settle();
}

fn until(rig: &mut Rig, is_so: impl Fn(&LabState) -> bool) {
    let begun = Instant::now();
    while !is_so(lab(rig).state()) {
        assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", lab(rig).state());
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
    rig.settle();
}

fn finished(rig: &mut Rig) -> Report {
    until(rig, |state| !matches!(state, LabState::Running(_)));
    match lab(rig).state() {
        LabState::Ended(report) => (**report).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lab_runs_shows_what_it_found_and_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = open(folder.path(), "--task recall --length 8 --net tcn");
    press(&mut rig, "Run");
    until(&mut rig, |state| match state {
        LabState::Running(running) => running.cells == (0, 1) && !running.line.is_empty(),
        LabState::Ended(_) => true,
        _ => false,
    });
    let report = finished(&mut rig);
    let table = &report.tables[0];
    rig.window.get_by_label(&table.title);
    // The figures stand there as readers see them.
    let places = table.rows[0].iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(rig.window.query_all_by_label(&places[0]).count() > 0, "{places:?}");
    rig.window.get_by_label(&report.picture.as_ref().unwrap().title);
    // Trained again, it would take another time.
    press(&mut rig, "Run");
    assert_eq!(finished(&mut rig), report);
    // All of it goes to files.
    let exports = tempfile::tempdir().unwrap();
    rig.window.state_mut().as_mut().unwrap().view_mut().export_folder = Some(exports.path().to_owned());
    press(&mut rig, "Export what the lab found");
    let last = exports.path().join("attune-lab-memory.recall.csv");
    let begun = Instant::now();
    while !last.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{} was not written",
            last.display()
        );
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
    }
    assert_eq!(std::fs::read_to_string(&last).unwrap(), table.csv());
    assert!(exports.path().join("attune-lab-memory.svg").exists());
}

#[test]
fn a_lab_is_stopped_and_what_is_wrong_with_its_flags_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // The first task is soon learnt. The second may take minutes: time enough to see what was found of the first, and to stop.
    let mut rig = open(folder.path(), "--task recall,copy --length 8 --net lstm --steps 100000");
    press(&mut rig, "Run");
    until(&mut rig, |state| state.report().is_some());
    let found = lab(&rig).report().unwrap().clone();
    rig.window.get_by_label(&found.tables[0].title);
    press(&mut rig, "Stop");
    until(&mut rig, |state| matches!(state, LabState::Stopped(_)));
    rig.window.get_by_label_contains("Run continues from there");
    assert_eq!(lab(&rig).report(), Some(&found), "what was found stays");
    rig.window.get_by_label(&found.tables[0].title);
    // Taken up again: the first task is not trained again, or its time would differ.
    press(&mut rig, "Run");
    until(&mut rig, |state| state.report().is_some());
    assert_eq!(lab(&rig).report().unwrap().tables[0], found.tables[0]);
    press(&mut rig, "Stop");
    until(&mut rig, |state| matches!(state, LabState::Stopped(_)));
    flags_of(&mut rig, "--task singing");
    press(&mut rig, "Run");
    rig.window.get_by_label_contains("invalid value 'singing'");
}

#[test]
fn the_lab_opens_and_closes_by_key() {
    let mut rig = Rig::new(Setup::default());
    rig.window.key_press(eframe::egui::Key::B);
    rig.settle();
    rig.window.get_by_label("Which lab");
    rig.window.key_press(eframe::egui::Key::Escape);
    rig.settle();
    assert!(rig.window.query_by_label("Which lab").is_none());
}
