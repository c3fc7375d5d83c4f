//! Inside the models: the units of the recurrent one, the heads of the attention model.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::ui::ModelInfo;
use attune::ui::{Internals, Job, UnitValue};
use attune_audio::playback::Pace;
use attune_engine::explain::Head;
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Engine, EngineConfig, system_sources};
use attune_model::genre::{GenreId, GenreSet};
use eframe::egui;
use egui_kittest::kittest::{NodeT, Queryable};
use std::time::{Duration, Instant};

/// Waits until something with this label is there.
pub(crate) fn wait_for(rig: &mut Rig, label: &str) {
    let begun = Instant::now();
    while rig.window.query_all_by_label_contains(label).next().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no {label}");
        std::thread::sleep(Duration::from_millis(10));
        rig.settle();
    }
}

#[test]
fn the_gates_of_the_lstm_are_traced_while_they_are_looked_at() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    assert!(
        rig.window.query_by_label_contains("Units of LSTM").is_none(),
        "nobody asked"
    );
    rig.window.get_by_label("Show LSTM gates").click();
    rig.settle();
    wait_for(&mut rig, "Units of LSTM: 128 of the last layer");
    assert!(rig.window.query_by_label_contains("Attention heads: ").is_none());
    wait_for(&mut rig, "median τ ");
    // The figure above the picture is the one that is told of it.
    let tau = {
        let note = rig.window.get_by_label_contains("median τ ");
        note.accesskit_node().value().or(note.accesskit_node().label()).unwrap()
    };
    let tau = tau.strip_prefix("median τ ").unwrap().to_owned();
    rig.window
        .get_by_label_contains(&format!("The median time constant of their forget gates is {tau}."));
    for (name, value) in [
        ("Forget", UnitValue::Forget),
        ("Input", UnitValue::Input),
        ("Output", UnitValue::Output),
        ("Cell", UnitValue::Cell),
    ] {
        rig.window.get_by_label(name).click();
        rig.settle();
        assert_eq!(rig.app().view().internals.unit_value, value);
    }
    // Each row is a unit, and says so.
    let picture = rig.window.get_by_label_contains("Units of LSTM:").rect();
    rig.window.hover_at(egui::pos2(picture.center().x, picture.top() + 4.0));
    rig.settle();
    rig.settle();
    wait_for(&mut rig, "alone it would let the cell fade with a time constant of");
    // What plays next is traced too, and the held moment as well.
    rig.show(hand_made::playing(700));
    rig.window.key_press(egui::Key::H);
    rig.settle();
    wait_for(&mut rig, "Units of LSTM: 128 of the last layer");
    rig.window.get_by_label("Show Attention heads").click();
    rig.settle();
    assert_eq!(rig.app().view().internals.chosen, Internals::Heads);
    rig.window.get_by_label_contains("Attention heads: ");
}

#[test]
fn a_head_is_ablated_by_its_button_and_its_matrix_says_who_asked_whom() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.window.key_press(egui::Key::Num5);
    rig.settle();
    rig.window
        .get_by_label_contains("Hold a moment (H, or a click into a plot)");
    rig.window.key_press(egui::Key::H);
    rig.settle();
    rig.window.get_by_label("Ablate layer 1, head 2").click();
    rig.settle();
    wait_for(&mut rig, "Matrix of head 2 of layer 1");
    let head = Head { layer: 0, head: 1 };
    let study = rig.app().held().unwrap().heads.result(head).unwrap().clone();
    // Before and after, with its sign, of the class that changes most.
    let most = (0..10)
        .max_by(|a, b| study.added(*a).abs().total_cmp(&study.added(*b).abs()))
        .unwrap();
    let points = -100.0 * study.added(most);
    assert!(points.abs() > 0.05, "the head does nothing: {points}");
    let sign = if points > 0.0 { "+" } else { "−" };
    let wanted = format!(
        "{} without this head: {:.1} % → {:.1} %, {sign}{:.1} points",
        GenreSet::gtzan().title(GenreId(most as u8)),
        100.0 * study.whole.as_slice()[most],
        100.0 * study.without.as_slice()[most],
        points.abs()
    );
    rig.window.get_by_label(&wanted);
    // The matrix: the last 128 of 600 frames; 36 points of it are the axis at the left and 30 the one below.
    let picture = rig.window.get_by_label_contains("Matrix of head 2 of layer 1").rect();
    let side = picture.width() - 36.0;
    let at = |query: f32, key: f32| picture.min + egui::vec2(36.0 + key * side, query * side);
    rig.window.hover_at(at(0.9, 0.85));
    rig.settle();
    rig.settle();
    wait_for(&mut rig, "of its weight.");
    // What it points at is pointed at in all plots: a twentieth of 128 frames before the query.
    let pointed = rig.app().view().time.pointed.unwrap();
    assert!((599 - pointed).abs_diff(19) <= 2, "{pointed}");
    rig.window.hover_at(at(0.3, 0.8));
    rig.settle();
    rig.settle();
    wait_for(&mut rig, "that comes after it.");
    rig.window.get_by_label("Ablate all, one by one").click();
    rig.settle();
    let last = Head { layer: 1, head: 3 };
    let begun = Instant::now();
    while rig.app().held().unwrap().heads.result(last).is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "not all were asked about");
        std::thread::sleep(Duration::from_millis(10));
        rig.settle();
    }
}

/// The real engine, with the plain recurrent one waiting beside the usual three.
#[test]
fn the_plain_recurrent_model_runs_when_it_is_switched_on() {
    let usual = attune_model::bundled().unwrap();
    let count = usual.models.len();
    let models = usual.and(attune_model::bundled_optional().unwrap()).unwrap();
    let setup = Setup {
        models: Some(models.clone()),
        model_info: ModelInfo::of(&models, count),
        ..Setup::default()
    };
    let mut config = EngineConfig::new(models, SmoothingConfig::default());
    config.sources = system_sources(10, false);
    config.off = vec![count];
    let engine = Engine::start(config, || ()).unwrap();
    let mut rig = Rig::over(setup, engine.into());
    rig.open_the_demo(Pace::Times(8.0));
    wait_for(&mut rig, " of 3 say");
    assert!(rig.window.query_by_label_contains(", RNN: ").is_none(), "it is off");
    // The prescan is of the same three: the two can be compared.
    wait_for(&mut rig, "Same as offline analysis");
    rig.window.get_by_label("Model RNN").click();
    rig.settle();
    wait_for(&mut rig, ", RNN: ");
    wait_for(&mut rig, " of 4 say");
    rig.window.get_by_label("Show RNN units").click();
    rig.settle();
    wait_for(&mut rig, "Units of RNN: ");
    wait_for(&mut rig, "of the last layer");
    assert!(rig.window.query_by_label("Forget").is_none(), "it has no gates");
    rig.window.get_by_label("Model RNN").click();
    rig.settle();
    wait_for(&mut rig, " of 3 say");
}

#[test]
fn each_score_function_shows_where_it_looks_from_a_held_moment() {
    let setup = Setup {
        models: Some(attune_model::bundled().unwrap()),
        model_info: ModelInfo {
            scores: true,
            ..hand_made::model_info()
        },
        ..Setup::default()
    };
    let mut rig = Rig::playing(setup, 600);
    rig.window.get_by_label("Show Scores").click();
    rig.settle();
    rig.window.get_by_label_contains("Hold a moment");
    rig.window.key_press(egui::Key::H);
    wait_for(&mut rig, "The general score attends ");
    let plot = rig.window.get_by_label_contains("The general score attends ");
    let said = plot.accesskit_node().label().unwrap();
    for name in [
        "general",
        "cosine",
        "cosine with temperature",
        "additive",
        "location",
        "dot",
        "scaled dot",
    ] {
        assert!(said.contains(&format!("The {name} score attends ")), "{said}");
    }
}

#[test]
fn the_field_of_the_convolutions_shows_what_the_held_features_depend_on() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.window.get_by_label("Show TCN field").click();
    rig.settle();
    rig.window.get_by_label_contains("Receptive field: Hold a moment");
    rig.window.key_press(egui::Key::H);
    wait_for(&mut rig, "Receptive field: TCN has 65 frames (1.5 s)");
    let Job::Done(norms) = &rig.app().held().unwrap().field else {
        panic!("it was told");
    };
    // All frames of the nominal field, the newest most of all, the oldest hardly.
    assert_eq!(norms.len(), 65);
    let most = norms.iter().copied().fold(0.0, f64::max);
    assert!(
        norms[..16].contains(&most) && norms[64] > 0.0 && norms[64] < 0.2 * most,
        "{norms:?}"
    );
    // Without a loaded model, it says so.
    rig.window.key_press(egui::Key::End);
    rig.settle();
    let mut rig = Rig::playing(Setup::default(), 600);
    rig.window.get_by_label("Show TCN field").click();
    rig.window.key_press(egui::Key::H);
    wait_for(&mut rig, "What the features depend on is not known: there are none");
}

#[test]
fn the_head_under_the_pointer_and_the_chosen_one_show_whom_they_look_at() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    let rows = rig.window.get_by_label_contains("Attention heads: ").rect();
    rig.window.hover_at(egui::pos2(rows.right() - 60.0, rows.top() + 6.0));
    rig.settle();
    let head = Head { layer: 0, head: 0 };
    assert_eq!(rig.app().view().heads.pointed, Some(head));
    rig.window.hover_at(egui::pos2(4.0, 4.0));
    rig.settle();
    assert_eq!(rig.app().view().heads.pointed, None);
    // Away from the heads nothing is pointed at.
    rig.window.hover_at(egui::pos2(rows.right() - 60.0, rows.top() + 6.0));
    rig.settle();
    rig.window.get_by_label("Show LSTM gates").click();
    rig.settle();
    assert_eq!(rig.app().view().heads.pointed, None);
}
