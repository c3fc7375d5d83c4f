//! Two models side by side.

use super::hand_made;
use super::rig::{Rig, Setup};
use attune_engine::Snapshot;
use attune_model::genre::Probabilities;
use eframe::egui;
use egui_kittest::kittest::{NodeT, Queryable};

/// As it plays, but the second model names rock in the last `seconds`.
fn rocking(frames: u64, seconds: f64) -> Snapshot {
    let mut snapshot = hand_made::playing(frames);
    let mut rock = [0.02; 10];
    rock[9] = 0.82;
    let newest = frames as f64 * snapshot.hop.0;
    for column in &mut snapshot.recent {
        column.smoothed[0] = column.ensemble;
        column.smoothed[1] = column.ensemble;
        if column.at.0 > newest - seconds {
            column.smoothed[1] = Probabilities::from_slice(&rock);
        }
    }
    snapshot
}

fn comparing(setup: Setup) -> Rig {
    let mut rig = Rig::playing(setup, 1000);
    rig.window.get_by_label("Two models").click();
    rig.settle();
    rig
}

/// What a screen reader is told of the plot.
fn description(rig: &Rig) -> String {
    let node = rig.window.get_by_label_contains("Two models: ");
    node.accesskit_node().label().unwrap_or_default()
}

#[test]
fn two_models_are_compared_over_what_is_shown_and_over_all() {
    let mut rig = Rig::playing(Setup::default(), 1);
    rig.window.get_by_label("Two models").click();
    // 1000 frames of 23 ms, of which 12 s are shown: 6 s of them differ.
    // Over no plot: the answers are those of now.
    rig.window.hover_at(egui::pos2(2.0, 2.0));
    rig.show(rocking(1000, 6.0));
    rig.settle();
    let text = description(&rig);
    for said in [
        "Two models: LSTM: ",
        "TCN: Rock 82 %",
        "The same genre for 50 % of the music shown",
        "of all 22 s compared",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // The second takes the place of the first: they change places.
    rig.window.get_by_label("Model A: LSTM").click();
    rig.settle();
    rig.window.get_all_by_label("TCN").last().expect("in the list").click();
    rig.settle();
    assert_eq!(rig.app().view().compared.pair, [1, 0]);
    assert!(description(&rig).starts_with("Two models: TCN: Rock 82 %, LSTM: "));
    rig.window.get_by_label("Curves of: Leading genre");
}

#[test]
fn a_model_that_is_off_has_no_part() {
    let mut rig = Rig::playing(Setup::default(), 1);
    rig.window.get_by_label("Two models").click();
    let mut snapshot = rocking(1000, 6.0);
    for column in &mut snapshot.recent {
        column.raw[1] = Probabilities::from_slice(&[]);
    }
    rig.show(snapshot);
    rig.settle();
    let text = description(&rig);
    assert!(text.ends_with("TCN is off. No music has been compared yet."), "{text}");
}

#[test]
fn a_click_holds_the_moment_and_the_answers_are_of_it() {
    let mut rig = comparing(Setup::default());
    let plot = rig.window.get_by_label_contains("Two models: LSTM: ").rect();
    rig.window.hover_at(egui::pos2(plot.center().x, plot.center().y));
    rig.window.drag_at(plot.center());
    rig.window.drop_at(plot.center());
    rig.settle();
    assert!(rig.app().held().is_some());
}
