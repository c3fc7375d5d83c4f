//! Arrangements of the window under names.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::rig::{Rig, Setup};
use attune::settings::{ColourMap, Plot, Settings, View};
use attune_engine::Command;
use eframe::egui;
use egui_kittest::kittest::Queryable;

fn open(rig: &mut Rig) {
    let title = format!("View: {}", rig.app().view().view.title());
    rig.window.get_by_label(&title).click();
    rig.settle();
    rig.window.get_by_label("Presets…").click();
    rig.settle();
}

fn save(rig: &mut Rig, name: &str) {
    rig.type_into("Name of a new preset", name);
    rig.window.get_by_label("Save the preset").click();
    rig.settle();
    rig.settle();
}

#[test]
fn a_preset_brings_back_plots_models_knobs_and_colours_also_after_a_restart() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let view = rig.window.state_mut().as_mut().unwrap().view_mut();
    view.bench.hidden = [Plot::Internals, Plot::Timeline].into();
    view.spectrogram.colour_map = ColourMap::Viridis;
    view.spectrogram.range_db = (-60.0, 0.0);
    view.tuning.knobs.enter = 0.7;
    view.time.span = 6.0;
    rig.window.get_by_label("Model TCN").click();
    let in_use = Settings::default().smoothing;
    assert_eq!(rig.orders(), [Command::EnableModel { model: 1, on: false }]);
    open(&mut rig);
    // Knobs that are only tried are no part of it.
    save(&mut rig, " Gig ");
    let kept = rig.app().settings_now();
    let gig = kept.presets.all()[0].clone();
    assert_eq!((gig.name.as_str(), gig.smoothing), ("Gig", in_use));
    assert_eq!(gig.models.get("TCN"), Some(&false));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    kept.save_to(&path).unwrap();
    drop(rig);

    let (kept, message) = Settings::load_from(&path);
    assert_eq!(message, None);
    let mut rig = Rig::playing(
        Setup {
            kept: Settings {
                models: std::collections::BTreeMap::new(),
                colour_map: ColourMap::Magma,
                smoothing: attune_engine::smoothing::SmoothingConfig { enter: 0.5, ..in_use },
                view: View::Bench,
                ..kept
            },
            ..Setup::default()
        },
        600,
    );
    open(&mut rig);
    rig.window.get_by_label("Use the preset Gig").click();
    let orders = rig.orders();
    let wanted = [
        Command::EnableModel { model: 1, on: false },
        Command::SetSmoothing(in_use),
    ];
    assert_eq!(orders, wanted);
    let view = rig.app().view();
    assert_eq!(view.bench.hidden, [Plot::Internals, Plot::Timeline].into());
    assert_eq!(
        (view.spectrogram.colour_map, view.spectrogram.range_db),
        (ColourMap::Viridis, (-60.0, 0.0))
    );
    assert!((view.time.span - 6.0).abs() < 1e-9 && !view.presets.open);
    // What is as it should be is not ordered again.
    open(&mut rig);
    rig.window.get_by_label("Use the preset Gig").click();
    assert_eq!(rig.orders(), []);
}

#[test]
fn presets_are_replaced_by_name_deleted_and_bounded() {
    let mut rig = Rig::playing(Setup::default(), 600);
    open(&mut rig);
    save(&mut rig, "one");
    let view = rig.window.state_mut().as_mut().unwrap().view_mut();
    view.bench.enlarged = Some(Plot::Spectrogram);
    save(&mut rig, "one");
    let presets = |rig: &Rig| rig.app().settings_now().presets;
    assert_eq!(presets(&rig).all().len(), 1);
    assert_eq!(presets(&rig).all()[0].enlarged, Some(Plot::Spectrogram));
    for i in 2..=16 {
        save(&mut rig, &i.to_string());
    }
    save(&mut rig, "one too many");
    assert_eq!(presets(&rig).all().len(), 16);
    rig.window
        .get_by_label_contains("Not saved: there are 16 presets already");
    rig.window.get_by_label("Delete the preset one").click();
    rig.settle();
    assert_eq!(presets(&rig).all().len(), 15);
    rig.window.key_press(egui::Key::Escape);
    rig.settle();
    assert!(rig.window.query_by_label("Delete the preset 2").is_none());
}
