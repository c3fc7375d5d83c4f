//! What runs beside the models while it is asked for: the list of sections, the surprise, words for a held moment.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::internals::wait_for;
use super::rig::{Rig, Setup};
use attune_audio::units::Seconds;
use attune_engine::{Column, Command, RECENT_COLUMNS, SectionMark, Snapshot, SurpriseMark};
use attune_model::genre::GenreId;
use eframe::egui;
use egui_kittest::kittest::Queryable;
use std::time::{Duration, Instant};

/// A snapshot of `frames` frames, the newest hundred of which `change` made others.
fn changed(frames: u64, change: impl Fn(&mut Column)) -> Snapshot {
    let mut snapshot = hand_made::playing(frames);
    for frame in frames - 100..frames {
        change(&mut snapshot.recent[frame as usize % RECENT_COLUMNS]);
    }
    snapshot
}

/// Waits until the engine is sent such a command: networks are loaded beside the window.
fn wait_for_order(rig: &mut Rig, is_it: impl Fn(&Command) -> bool) {
    let begun = Instant::now();
    loop {
        rig.settle();
        if rig.orders().iter().any(&is_it) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "the command never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The window as it is painted: its width, and its pixels.
struct Painted(usize, Vec<u8>);

impl Painted {
    fn now(rig: &mut Rig) -> Self {
        let image = rig.window.render().unwrap();
        Self(image.width() as usize, image.into_raw())
    }

    /// Pixels of a part that differ by more than a shade.
    fn differing(&self, other: &Self, part: egui::Rect) -> usize {
        let columns = part.left() as usize..part.right() as usize;
        let places = columns.flat_map(|x| (part.top() as usize..part.bottom() as usize).map(move |y| y * self.0 + x));
        let pixel = |of: &Self, place: usize| [0, 1, 2].map(|channel| of.1[4 * place + channel]);
        let differs = |place: &usize| {
            let pairs = pixel(self, *place).into_iter().zip(pixel(other, *place));
            pairs.into_iter().any(|(a, b)| a.abs_diff(b) > 24)
        };
        places.filter(differs).count()
    }
}

#[test]
fn the_list_of_sections_is_switched_on_drawn_and_switched_off() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.window.get_by_label("1 min").click();
    rig.settle();
    rig.orders();
    rig.window.get_by_label("Section list").click();
    wait_for_order(&mut rig, |command| matches!(command, Command::ListSections(Some(_))));
    rig.show(hand_made::playing(601));
    rig.settle();
    let unlisted = Painted::now(&mut rig);
    // Jazz is said to have begun two seconds before frame 650.
    rig.show(changed(700, |column| {
        column.section = (column.frame.0 == 650).then_some(SectionMark {
            genre: GenreId(5),
            since: Seconds(column.at.0 - 2.0),
            confidence: 0.625,
        });
    }));
    rig.settle();
    let listed = Painted::now(&mut rig);
    let run = "Section: Jazz 62 %, since 0:13.0, written at 0:15.0";
    let plot = rig.window.get_by_label_contains(run).rect();
    // The ribbon of sections is the second; its newest part is jazz.
    let ribbon = egui::Rect::from_min_size(plot.right_top() + egui::vec2(-60.0, 22.0), egui::vec2(30.0, 12.0));
    assert!(unlisted.differing(&listed, ribbon) > 200, "no section is drawn");
    rig.window.hover_at(egui::pos2(plot.right() - 30.0, plot.top() + 28.0));
    rig.settle();
    rig.settle();
    assert!(
        rig.window.query_all_by_label_contains(run).count() > 1,
        "the pointer is told"
    );
    rig.window.get_by_label("Section list").click();
    rig.settle();
    assert!(rig.orders().contains(&Command::ListSections(None)));
    assert!(rig.window.query_by_label_contains("Section: Jazz").is_none());
}

#[test]
fn the_surprise_is_measured_once_it_is_asked_for_and_has_its_strip() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    let spectrogram = |rig: &Rig| rig.window.get_by_label_contains("Spectrogram of the last").rect();
    rig.orders();
    rig.window.get_by_label("Surprise").click();
    wait_for_order(&mut rig, |command| matches!(command, Command::TraceSurprise(Some(_))));
    let before = Painted::now(&mut rig);
    assert!(rig.app().view().spectrogram.surprise);
    rig.show(changed(700, |column| {
        column.surprise = Some(SurpriseMark {
            bits: 4.25,
            least: GenreId(5),
        });
    }));
    let plot = spectrogram(&rig);
    let strip = egui::Rect::from_x_y_ranges(
        plot.right() - 130.0..=plot.right() - 30.0,
        plot.bottom() - 54.0..=plot.bottom() - 22.0,
    );
    let after = Painted::now(&mut rig);
    assert!(before.differing(&after, strip) > 300, "nothing is drawn in the strip");
    rig.window.hover_at(egui::pos2(plot.right() - 60.0, plot.center().y));
    rig.settle();
    rig.settle();
    wait_for(&mut rig, "Surprise 4.2 bits per sample; least as Jazz");
    rig.window.get_by_label("Surprise").click();
    rig.settle();
    assert!(rig.orders().contains(&Command::TraceSurprise(None)));
}

#[test]
fn a_held_moment_is_put_into_words_that_glow_and_are_played() {
    let mut rig = Rig::playing(Setup::with_models(), 600);
    rig.window.get_by_label("Show Words").click();
    rig.settle();
    rig.window
        .get_by_label_contains("Hold a moment (H, or a click) to read");
    rig.window.key_press(egui::Key::H);
    rig.settle();
    wait_for(&mut rig, "Words: ");
    while rig.app().held().unwrap().words.result().is_none() {
        std::thread::sleep(Duration::from_millis(10));
        rig.settle();
    }
    let caption = rig.app().held().unwrap().words.result().unwrap();
    let (said, frames) = (caption.said.clone(), caption.frames);
    assert!(!said.words.is_empty() && frames == 512);
    let all: Vec<&str> = said.words.iter().map(|word| word.word.as_str()).collect();
    let picture = rig.window.get_by_label(&format!("Words: {}", all.join(", "))).rect();
    let before = Painted::now(&mut rig);
    rig.window.hover_at(picture.left_top() + egui::vec2(200.0, 6.0));
    rig.settle();
    rig.settle();
    assert_eq!(rig.app().view().internals.word, Some(0));
    let after = Painted::now(&mut rig);
    let spectrogram = rig.window.get_by_label_contains("Spectrogram of the last").rect();
    assert!(
        before.differing(&after, spectrogram.shrink(20.0)) > 2_000,
        "nothing glows"
    );
    wait_for(&mut rig, "half of its attention from");
    rig.orders();
    rig.window.get_by_label(&format!("Words: {}", all.join(", "))).click();
    rig.settle();
    // The file is 600 frames in; the words are of the last 512.
    let hop = 512.0 / 22_050.0;
    let newest = 599.0 * hop + 2048.0 / 22_050.0;
    let places: Vec<_> = rig.orders();
    let selected = places.iter().find_map(|command| match command {
        Command::Select(Some((from, to))) => Some((from.0, to.0)),
        _ => None,
    });
    let (from, to) = selected.expect("a click plays what it looked at");
    assert!(
        from > newest - 512.0 * hop - 1.0 && to < newest + 0.1 && from < to,
        "{from} to {to}"
    );
}
