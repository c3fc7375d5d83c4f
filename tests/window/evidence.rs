//! What every moment contributes to the answer: where and with which sign it is drawn, what the button plays, and what
//! is said of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::internals::wait_for;
use super::rig::{Rig, Setup};
use attune::ui::App;
use attune_audio::source::{OpenedSource, SourceKind};
use attune_engine::{Command, Event};
use attune_model::genre::GenreId;
use crossbeam_channel::{Receiver, unbounded};
use eframe::egui::{self, Rect};
use egui_kittest::kittest::{NodeT, Queryable};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const BUTTON: &str = "Listen to what mattered";
/// 23 s in, where metal leads.
const FRAMES: u64 = 1000;

fn rig() -> Rig {
    let mut rig = Rig::playing(Setup::default(), FRAMES - 1);
    rig.show(hand_made::playing_evidence(FRAMES));
    rig.settle();
    rig
}

fn app(rig: &mut Rig) -> &mut App {
    rig.window.state_mut().as_mut().unwrap()
}

/// The spectrogram, and where a time before now lies in it.
fn plot(rig: &mut Rig) -> (Rect, impl Fn(f32) -> f32 + use<>) {
    let rect = rig.window.get_by_label_contains("Spectrogram of").rect();
    // Labels of frequencies at the left; the strip of attention and labels of time below.
    let plot = Rect::from_min_max(
        egui::pos2(rect.left() + 48.0, rect.top() + 4.0),
        egui::pos2(rect.right() - 20.0, rect.bottom() - 56.0),
    );
    let span = app(rig).view().time.span as f32;
    (plot, move |back| plot.right() - back / span * plot.width())
}

#[test]
fn what_speaks_for_the_answer_is_drawn_above_zero_and_what_speaks_against_it_below() {
    let mut rig = rig();
    rig.window.get_by_label("Contribution to Metal");
    rig.window.get_by_label_contains("Colours of the contribution. From −");
    let (plot, x_of) = plot(&mut rig);
    let pixels = |rig: &mut Rig| {
        let image = rig.window.render().unwrap();
        (image.width() as usize, image.into_raw())
    };
    let with = pixels(&mut rig);
    app(&mut rig).view_mut().spectrogram.attention = false;
    rig.settle();
    let without = pixels(&mut rig);
    // Red less blue, and how much that is more with the map than without it.
    let warmth = |(width, pixels): &(usize, Vec<u8>), x: f32, y: f32| {
        let at = 4 * (y as usize * width + x as usize);
        i32::from(pixels[at]) - i32::from(pixels[at + 2])
    };
    let added = |back: f32, height: f32| {
        let (x, y) = (x_of(back), plot.top() + (0.62 - height) * plot.height());
        warmth(&with, x, y) - warmth(&without, x, y)
    };
    // A unit describes the 0.37 s up to it.
    let (supports, opposes) = (3.2, 6.2);
    assert!(
        added(supports, 0.25) > 40,
        "orange above zero: {}",
        added(supports, 0.25)
    );
    assert_eq!(added(supports, -0.1), 0, "nothing below zero");
    assert!(
        added(opposes, -0.12) < -40,
        "blue below zero: {}",
        added(opposes, -0.12)
    );
    assert_eq!(added(opposes, 0.1), 0, "nothing above zero");
    for neither in [1.0, 4.7, 8.5] {
        assert_eq!((added(neither, 0.1), added(neither, -0.1)), (0, 0), "{neither} s back");
    }
}

#[test]
fn the_map_has_a_description_and_another_class_can_be_chosen() {
    let mut rig = rig();
    let said = "Contribution to Metal: ";
    let label = rig.window.get_by_label_contains(said).accesskit_node().label().unwrap();
    assert!(
        label.contains("most for it 3.") && label.contains("most against it 6."),
        "{label}"
    );
    let (plot, x_of) = plot(&mut rig);
    for (back, side) in [
        (3.2, "It speaks for Metal: +0.0"),
        (6.2, "It speaks against Metal: −0.0"),
    ] {
        rig.window.hover_at(egui::pos2(x_of(back), plot.center().y));
        wait_for(&mut rig, side);
        rig.window.get_by_label_contains(&format!("{back:.1} s before now"));
    }
    app(&mut rig).view_mut().attribution.class = Some(GenreId(0));
    rig.settle();
    rig.window.get_by_label("Contribution to Blues");
    // Nothing of the last seconds speaks for another class where only metal has evidence, but what speaks against metal
    // does.
    rig.window.get_by_label_contains("most for it 6.");
}

#[test]
fn a_model_without_evidence_shows_its_attention_as_before() {
    let mut rig = Rig::playing(Setup::default(), FRAMES);
    assert!(rig.window.query_by_label_contains("Contribution").is_none());
    assert!(rig.window.query_by_label(BUTTON).is_none());
    rig.window.get_by_role_and_label(egui::Role::CheckBox, "Attention");
    // The evidence of a model whose attention is not the one that is shown.
    let mut other = hand_made::playing_evidence(FRAMES + 1);
    other.evidence.model = 0;
    rig.show(other);
    rig.settle();
    assert!(rig.window.query_by_label_contains("Contribution").is_none());
}

#[test]
fn a_held_moment_keeps_its_map() {
    let mut rig = rig();
    let said = |rig: &Rig| {
        let node = rig.window.get_by_label_contains("Contribution to Metal: ");
        node.accesskit_node().label().unwrap()
    };
    let before = said(&rig);
    rig.window.key_press(egui::Key::H);
    rig.settle();
    // Another genre leads later on.
    rig.show(hand_made::playing_evidence(FRAMES + 400));
    rig.settle();
    assert_eq!(said(&rig), before);
    rig.window.key_press(egui::Key::End);
    rig.settle();
    assert!(rig.window.query_by_label_contains("Contribution to Metal: ").is_none());
}

/// An output that tells how many samples it was given, and at which rate, and plays until it is stopped.
fn with_output(rig: &mut Rig) -> Receiver<(usize, u32)> {
    let (give, given) = unbounded();
    let window = rig.window.state_mut().take().unwrap();
    *rig.window.state_mut() = Some(window.with_output(Arc::new(move |samples, rate, cancelled| {
        give.send((samples.len(), rate.0)).unwrap();
        while !cancelled.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    })));
    given
}

#[test]
fn the_button_plays_what_mattered_holds_the_moment_and_stops() {
    let mut rig = rig();
    let given = with_output(&mut rig);
    rig.send(Event::Opened(OpenedSource {
        id: concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg").to_owned(),
        ..hand_made::open_file()
    }));
    let said = rig
        .window
        .get_by_label_contains("carry 8")
        .accesskit_node()
        .value()
        .unwrap();
    assert!(said.ends_with("% of Metal"), "{said}");
    let secs: f64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!((0.5..2.0).contains(&secs) && said.contains(" of 10."), "{said}");
    rig.orders();
    rig.window.get_by_label(BUTTON).click();
    assert_eq!(rig.orders(), [Command::Pause]);
    rig.window.get_by_label_contains("Held at");
    let (samples, rate) = given.recv_timeout(Duration::from_secs(20)).unwrap();
    // One stretch and a fade.
    assert!(
        (samples as f64 / f64::from(rate) - secs).abs() < 0.07,
        "{samples} of {rate} Hz"
    );
    rig.window.get_by_label("Stop").click();
    wait_for(&mut rig, BUTTON);
}

#[test]
fn the_button_is_off_without_sound_to_play() {
    let is_off = |rig: &Rig| rig.window.get_by_label(BUTTON).accesskit_node().is_disabled();
    let mut rig = rig();
    assert!(!is_off(&rig), "a file");
    // Nothing has evidence for a class.
    let mut none = hand_made::playing_evidence(FRAMES + 1);
    none.evidence.map.evidence.fill(0.0);
    rig.show(none);
    rig.settle();
    assert!(is_off(&rig));
    rig.send(Event::Opened(OpenedSource {
        kind: SourceKind::Microphone,
        duration: None,
        output: None,
        ..hand_made::open_file()
    }));
    rig.show(hand_made::playing_evidence(FRAMES + 2));
    rig.settle();
    assert!(is_off(&rig), "a microphone");
    rig.window.get_by_label(BUTTON).hover();
    wait_for(&mut rig, "Attune keeps no sound of a device");
}

#[test]
fn an_output_that_does_not_open_is_reported() {
    let mut rig = rig();
    let window = rig.window.state_mut().take().unwrap();
    *rig.window.state_mut() = Some(window.with_output(Arc::new(|_, _, _| Err(attune_audio::playback::NoOutput))));
    rig.send(Event::Opened(OpenedSource {
        id: concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg").to_owned(),
        ..hand_made::open_file()
    }));
    rig.window.get_by_label(BUTTON).click();
    wait_for(&mut rig, "What mattered cannot be played: no output");
}
