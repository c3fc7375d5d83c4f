//! Zooming, going through what is held, the track of a file, the log of decisions, the knobs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::ui::{Job, Page};
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use attune_engine::offline::{sections_of_file, segments_of_file};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Command, Engine, EngineConfig, Event, system_sources};
use attune_model::ModelSet;
use attune_model::hierarchical::SegmentReader;
use attune_model::sections::SectionReader;
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::time::{Duration, Instant};

fn rect(rig: &Rig, label: &str) -> egui::Rect {
    rig.window.get_by_label_contains(label).rect()
}

fn drag(rig: &mut Rig, from: egui::Pos2, to: egui::Pos2) {
    rig.window.hover_at(from);
    rig.window.step();
    rig.window.drag_at(from);
    rig.window.step();
    for share in [0.25, 0.5, 0.75, 1.0] {
        rig.window.hover_at(from + share * (to - from));
        rig.window.step();
    }
    rig.window.drop_at(to);
}

#[test]
fn keys_zoom_all_plots_and_the_presets_go_back() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    assert!((rig.app().view().time.span - 12.0).abs() < 1e-9);
    rig.window.key_press(egui::Key::Plus);
    rig.settle();
    assert!((rig.app().view().time.span - 8.0).abs() < 1e-9);
    rig.window.key_press(egui::Key::Minus);
    rig.window.key_press(egui::Key::Minus);
    rig.settle();
    assert!((rig.app().view().time.span - 18.0).abs() < 1e-9);
    rig.window.get_by_label("6 s").click();
    rig.settle();
    assert!((rig.app().view().time.span - 6.0).abs() < 1e-9);
}

#[test]
fn a_drag_holds_the_moment_and_goes_back_through_it_and_end_returns() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    let picture = rect(&rig, "Spectrogram of the last seconds");
    let from = picture.center();
    drag(&mut rig, from, from + egui::vec2(200.0, 0.0));
    rig.settle();
    assert!(rig.app().held().is_some(), "a drag holds");
    let back = rig.app().view().time.back;
    // 200 points of the plot's width are that part of 12 s, less what it takes to be a drag.
    let per_point = 12.0 / f64::from(picture.width() - 68.0);
    assert!(
        (0.6 * 200.0 * per_point..=200.0 * per_point).contains(&back),
        "{back} s"
    );
    rig.window.key_press(egui::Key::PageUp);
    rig.settle();
    assert!(rig.app().view().time.back > back + 5.0);
    rig.window.key_press(egui::Key::End);
    rig.settle();
    assert!(rig.app().held().is_none() && rig.app().view().time.back == 0.0);
}

#[test]
fn what_is_pointed_at_in_one_plot_is_pointed_at_in_all() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    let heads = rect(&rig, "Attention heads:");
    rig.window.hover_at(heads.center());
    rig.settle();
    let pointed = rig.app().view().time.pointed.expect("a column");
    let strip = rect(&rig, "Disagreement:");
    rig.window.hover_at(egui::pos2(heads.center().x, strip.bottom() - 12.0));
    rig.settle();
    assert_eq!(
        rig.app().view().time.pointed,
        Some(pointed),
        "the same x is the same column"
    );
    rig.window.hover_at(egui::pos2(4.0, 4.0));
    rig.settle();
    assert_eq!(rig.app().view().time.pointed, None);
}

#[test]
fn the_strip_says_what_was_answered_and_how_much_the_models_disagree() {
    let rig = Rig::playing(Setup::default(), 1200);
    let newest = hand_made::playing(1200).recent[1199 % attune_engine::RECENT_COLUMNS];
    let share = format!("{:.0} %", 100.0 * newest.disagreement().unwrap());
    rig.window
        .get_by_label_contains(&format!("the models' disagreement is {share} of the most possible"));
}

#[test]
fn a_click_into_the_track_seeks_and_a_drag_loops() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    let track = rect(&rig, "Timeline: ");
    // The gutter of 48 points and the 20 at the right are no time; the file has 65 s.
    let at = |secs: f32| {
        let x = egui::lerp(track.left() + 48.0..=track.right() - 20.0, secs / 65.0);
        egui::pos2(x, track.center().y)
    };
    rig.window.hover_at(at(50.0));
    rig.window.step();
    rig.window.drag_at(at(50.0));
    rig.window.step();
    rig.window.drop_at(at(50.0));
    let orders = rig.orders();
    let [Command::Seek(to)] = orders[..] else {
        panic!("one seek, not {orders:?}");
    };
    assert!((to.0 - 50.0).abs() < 0.2, "{to:?}");
    drag(&mut rig, at(40.0), at(10.0));
    let orders = rig.orders();
    let [Command::Select(Some((start, end))), Command::Seek(from)] = orders[..] else {
        panic!("a selection from its start, not {orders:?}");
    };
    assert!((start.0 - 10.0).abs() < 0.2 && (end.0 - 40.0).abs() < 0.2 && from == start);
    // From the playhead, at 27.9 s, a drag moves it.
    drag(&mut rig, at(27.9), at(45.0));
    let orders = rig.orders();
    let [Command::Seek(to)] = orders[..] else {
        panic!("one seek, not {orders:?}");
    };
    assert!((to.0 - 45.0).abs() < 0.2, "{to:?}");
    let mut looping = hand_made::playing(1201);
    looping.transport.selection = Some((Seconds(10.0), Seconds(40.0)));
    rig.show(looping);
    rig.settle();
    rig.window.get_by_label_contains("Looping 0:10.0 to 0:40.0.");
    rig.window.get_by_label("End the loop").click();
    assert_eq!(rig.orders(), [Command::Select(None)]);
    rig.window.key_press(egui::Key::Escape);
    assert_eq!(rig.orders(), [Command::Select(None)]);
}

/// The real engine with the window over it: what the live path shows of the demo is what `attune analyze` makes of it.
#[test]
fn the_live_path_equals_the_prescan() {
    let models = attune_model::bundled().unwrap();
    let setup = Setup {
        models: Some(models.clone()),
        ..Setup::default()
    };
    let mut config = EngineConfig::new(models, SmoothingConfig::default());
    config.sources = system_sources(10, false);
    let engine = Engine::start(config, || ()).unwrap();
    let mut rig = Rig::over(setup, engine.into());
    rig.open_the_demo(Pace::Times(8.0));
    let begun = Instant::now();
    let parity = loop {
        rig.settle();
        if let Some(track) = rig.app().track()
            && track.parity.frames > 1000
        {
            break track.parity;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "nothing to compare");
        std::thread::sleep(Duration::from_millis(5));
    };
    println!("largest difference {} over {} frames", parity.largest, parity.frames);
    assert!(parity.largest <= 1e-5 && parity.other_answers == 0, "{parity:?}");
    assert!(!parity.spoiled);
    rig.window
        .get_by_label_contains("Same as offline analysis: largest difference 0.00 points");
}

/// The demo as an open file, and the models over it.
fn demo_as_a_track() -> (Rig, ModelSet, &'static Path) {
    let models = attune_model::bundled().unwrap();
    let setup = Setup {
        models: Some(models.clone()),
        ..Setup::default()
    };
    let mut rig = Rig::new(setup);
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg");
    let mut opened = hand_made::open_file();
    demo.clone_into(&mut opened.id);
    // As long as it is at least, or the axis would grow during the prescan.
    opened.duration = Some(Seconds(106.0));
    rig.send(Event::Opened(opened));
    rig.show(hand_made::playing(1200));
    rig.orders();
    (rig, models, Path::new(demo))
}

/// Waits until a network has read the file.
fn wait_until_there_is(rig: &mut Rig, label: &str) {
    let begun = Instant::now();
    while rig.window.query_by_label_contains(label).is_none() {
        assert!(begun.elapsed() < Duration::from_mins(2), "the file is not read");
        std::thread::sleep(Duration::from_millis(10));
        rig.settle();
    }
}

/// The real network on the demo: every named segment is a button that plays it, and the figures are those of `attune
/// analyze --segments`.
#[test]
fn segments_that_decided_are_named_and_played() {
    let (mut rig, models, demo) = demo_as_a_track();
    assert!(rig.app().track().unwrap().segments.is_idle());
    rig.window.key_press(egui::Key::S);
    rig.settle();
    wait_until_there_is(&mut rig, "Play segment 1: ");
    let reader = SegmentReader::bundled(&models).unwrap();
    let read = segments_of_file(demo, &reader).unwrap().unwrap();
    let Job::Done(shown) = &rig.app().track().unwrap().segments else {
        panic!("it was told");
    };
    assert_eq!(*shown, read);
    let heaviest = read
        .segments
        .iter()
        .max_by(|a, b| a.weight.total_cmp(&b.weight))
        .unwrap();
    let without = heaviest.without.unwrap();
    assert!((0.0..1.0).contains(&without) && (without - read.confidence).abs() > 1e-6);
    rig.window.get_by_label_contains("Segments: As a whole: ");
    rig.window.get_by_label_contains("Play segment 1: ").click();
    assert_eq!(
        rig.orders(),
        [
            Command::Select(Some((Seconds(heaviest.start_s), Seconds(heaviest.end_s)))),
            Command::Seek(Seconds(heaviest.start_s)),
            Command::Play
        ]
    );
    // Any other plays at a click into the plot.
    let plot = rect(&rig, "Segments: As a whole");
    let second = &read.segments[1];
    let middle = 0.5 * (second.start_s + second.end_s) as f32;
    let length = rig.app().track().unwrap().duration.0 as f32;
    let x = egui::lerp(plot.left() + 48.0..=plot.right() - 20.0, middle / length);
    rig.window.hover_at(egui::pos2(x, plot.top() + 12.0));
    rig.window.step();
    rig.window.drag_at(egui::pos2(x, plot.top() + 12.0));
    rig.window.step();
    rig.window.drop_at(egui::pos2(x, plot.top() + 12.0));
    let orders = rig.orders();
    assert_eq!(
        orders.first(),
        Some(&Command::Select(Some((Seconds(second.start_s), Seconds(second.end_s)))))
    );
    // The key goes back to the answers over time.
    rig.window.key_press(egui::Key::S);
    rig.settle();
    rig.window.get_by_label_contains("Timeline: ");
}

/// Sections of the demo: each is a button that plays it, and they are those that the network writes of the file.
#[test]
fn sections_are_listed_with_where_the_network_looked_and_played() {
    let (mut rig, models, demo) = demo_as_a_track();
    assert!(rig.app().track().unwrap().sections.is_idle());
    rig.window.get_by_label("Sections").click();
    rig.settle();
    wait_until_there_is(&mut rig, "Play section 1: ");
    let reader = SectionReader::bundled(&models).unwrap();
    let read = sections_of_file(demo, &reader).unwrap().unwrap();
    let Job::Done(shown) = &rig.app().track().unwrap().sections else {
        panic!("it was told");
    };
    assert_eq!(*shown, read);
    for row in &read.alignment {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
    let last = read.sections.len() - 1;
    let (start, end) = read.span(last);
    rig.window
        .get_by_label_contains(&format!("Play section {}: ", last + 1))
        .click();
    assert_eq!(
        rig.orders(),
        [Command::Select(Some((start, end))), Command::Seek(start), Command::Play]
    );
}

#[test]
fn the_log_lists_searches_holds_and_exports() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    rig.window.key_press(egui::Key::Num2);
    rig.settle();
    rig.window.get_by_label_contains("At 0:01.0: Classical.");
    rig.window.get_by_label("Held back").click();
    rig.settle();
    assert!(rig.window.query_by_label_contains("At 0:01.0: Classical.").is_none());
    rig.window.get_by_label("All").click();
    rig.settle();
    rig.type_into("Search the decisions", "metal");
    rig.settle();
    assert!(rig.window.query_by_label_contains("At 0:01.0: Classical.").is_none());
    let metal = rig
        .window
        .get_all_by_label_contains(": Metal. It is above")
        .next()
        .unwrap();
    metal.click();
    rig.settle();
    rig.window.get_by_label_contains("Held at");
    let folder = tempfile::tempdir().unwrap();
    let window = rig.window.state_mut().as_mut().unwrap();
    window.view_mut().export_folder = Some(folder.path().to_owned());
    rig.window.get_by_label("Export log").click();
    rig.settle();
    let begun = Instant::now();
    while rig.window.query_by_label_contains("Written to").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was written");
        std::thread::sleep(Duration::from_millis(20));
        rig.settle();
    }
    let json = folder.path().join("attune-Attune_demo.ogg-decisions.json");
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(document["source"], "Attune demo.ogg");
    let entries = document["decisions"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["genre"] == "metal"));
    let table = std::fs::read_to_string(json.with_extension("csv")).unwrap();
    assert_eq!(table.lines().count(), entries.len() + 2);
}

#[test]
fn knobs_show_what_they_would_have_answered_and_are_used_when_one_says_so() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    rig.window.key_press(egui::Key::Num3);
    rig.settle();
    assert_eq!(rig.app().view().page, Page::Knobs);
    rig.window.get_by_label_contains("changes of genre instead of");
    assert_eq!(rig.orders(), [], "trying is not using");
    rig.window.state_mut().as_mut().unwrap().view_mut().tuning.knobs.enter = 0.97;
    rig.settle();
    let said = "a genre answered 0 % of the time instead of";
    rig.window.get_by_label_contains(said);
    rig.window.get_by_label("Undo").click();
    rig.settle();
    assert!(rig.window.query_by_label_contains(said).is_none());
    rig.window.state_mut().as_mut().unwrap().view_mut().tuning.knobs.enter = 0.55;
    rig.settle();
    rig.window.get_by_label("Use from now on").click();
    let wanted = SmoothingConfig {
        enter: 0.55,
        ..SmoothingConfig::default()
    };
    assert_eq!(rig.orders(), [Command::SetSmoothing(wanted)]);
    rig.send(Event::Ended);
}

#[test]
fn what_each_frame_says_stands_beside_what_smoothing_makes_of_it() {
    let mut rig = Rig::playing(Setup::default(), 1200);
    rig.window.key_press(egui::Key::Num2);
    rig.settle();
    let newest = hand_made::playing(1200).recent[1199 % attune_engine::RECENT_COLUMNS];
    let (genre, smoothed) = newest.ensemble.top();
    let raw = newest.raw_mean().unwrap().of(genre);
    let said = format!(
        "{}: this frame alone {:.0} %, smoothed {:.0} %; an answer needs 40 %",
        attune_model::genre::GenreSet::gtzan().title(genre),
        100.0 * raw,
        100.0 * smoothed
    );
    rig.window.get_by_label(&format!("Raw and smoothed: {said}"));
    // It shares the time axis with all other plots: a click holds.
    let curve = rect(&rig, "Raw and smoothed: ");
    rig.window.hover_at(curve.center());
    rig.settle();
    assert!(rig.app().view().time.pointed.is_some());
    drag(&mut rig, curve.center(), curve.center() + egui::vec2(60.0, 0.0));
    rig.settle();
    assert!(rig.app().held().is_some());
}

#[test]
fn a_track_played_with_a_part_muted_is_not_compared() {
    let mut rig = Rig::playing(Setup::default(), 600);
    let live = |rig: &Rig| rig.app().track().unwrap().live(10_000).len();
    let before = live(&rig);
    let mut muted = hand_made::playing(690);
    muted.transport.selection = Some((Seconds(2.0), Seconds(10.0)));
    muted.transport.muted = Some((Seconds(5.75), Seconds(6.25)));
    rig.show(muted);
    rig.settle();
    assert_eq!(live(&rig), before);
    rig.window.get_by_label("End the loop");
    rig.show(hand_made::playing(780));
    rig.settle();
    assert!(live(&rig) > before);
}
