//! The whole window as pictures, and how long one takes to be laid out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made;
use super::rig::{Rig, Setup};
use attune::settings::Theme;
use attune::ui::{Internals, View};
use eframe::egui;
use egui_kittest::SnapshotOptions;
use std::time::Instant;

/// Another machine with the same Mesa rounds a few pixels of blended edges differently; a changed layout moves
/// thousands.
pub(crate) fn options() -> SnapshotOptions {
    SnapshotOptions::new().threshold(1.5).max_failed_pixels(400)
}

#[test]
fn at_900_by_600_in_the_dark() {
    let setup = Setup {
        size: [900.0, 600.0],
        ..Setup::default()
    };
    Rig::playing(setup, 1000)
        .window
        .snapshot_options("playing-900x600-dark", &options());
}

#[test]
fn at_1280_by_800_in_the_light() {
    let setup = Setup {
        theme: Theme::Light,
        ..Setup::default()
    };
    Rig::playing(setup, 1700)
        .window
        .snapshot_options("playing-1280x800-light", &options());
}

#[test]
fn before_anything_is_open() {
    let setup = Setup {
        size: [900.0, 600.0],
        theme: Theme::Light,
        ..Setup::default()
    };
    Rig::new(setup)
        .window
        .snapshot_options("welcome-900x600-light", &options());
}

#[test]
fn at_2560_by_1440_in_the_dark() {
    let setup = Setup {
        size: [2560.0, 1440.0],
        ..Setup::default()
    };
    Rig::playing(setup, 1700)
        .window
        .snapshot_options("playing-2560x1440-dark", &options());
}

/// The other views, after a minute of a file.
fn view(view: View, size: [f32; 2], theme: Theme) -> Rig {
    let setup = Setup {
        size,
        theme,
        ..Setup::default()
    };
    let mut rig = Rig::playing(setup, 2500);
    rig.window.state_mut().as_mut().unwrap().view_mut().view = view;
    rig.settle();
    rig
}

#[test]
fn the_stage_in_the_dark() {
    view(View::Stage, [1280.0, 800.0], Theme::Dark)
        .window
        .snapshot_options("stage-1280x800-dark", &options());
}

#[test]
fn the_stage_in_a_small_window() {
    view(View::Stage, [900.0, 600.0], Theme::Light)
        .window
        .snapshot_options("stage-900x600-light", &options());
}

#[test]
fn the_lecture_in_the_light() {
    view(View::Lecture, [1280.0, 800.0], Theme::Light)
        .window
        .snapshot_options("lecture-1280x800-light", &options());
}

#[test]
fn the_lecture_in_a_small_window() {
    view(View::Lecture, [900.0, 600.0], Theme::Dark)
        .window
        .snapshot_options("lecture-900x600-dark", &options());
}

#[test]
fn at_900_by_600_twice_as_large() {
    let setup = Setup {
        size: [900.0, 600.0],
        scale: 2.0,
        theme: Theme::Light,
        ..Setup::default()
    };
    Rig::playing(setup, 1000)
        .window
        .snapshot_options("playing-900x600-light-200", &options());
}

#[test]
fn what_every_moment_contributes_at_900_by_600_in_the_dark() {
    contribution([900.0, 600.0], Theme::Dark)
        .window
        .snapshot_options("contribution-900x600-dark", &options());
}

#[test]
fn what_every_moment_contributes_at_1280_by_800_in_the_light() {
    contribution([1280.0, 800.0], Theme::Light)
        .window
        .snapshot_options("contribution-1280x800-light", &options());
}

fn contribution(size: [f32; 2], theme: Theme) -> Rig {
    let setup = Setup {
        size,
        theme,
        ..Setup::default()
    };
    let mut rig = Rig::playing(setup, 999);
    rig.show(hand_made::playing_evidence(1000));
    rig.settle();
    rig
}

#[test]
fn the_page_of_decisions() {
    page(egui::Key::Num2)
        .window
        .snapshot_options("decisions-1280x800-dark", &options());
}

#[test]
fn the_page_of_knobs() {
    page(egui::Key::Num3)
        .window
        .snapshot_options("knobs-1280x800-dark", &options());
}

fn page(key: egui::Key) -> Rig {
    let mut rig = Rig::playing(Setup::default(), 1700);
    rig.window.key_press(key);
    rig.settle();
    rig
}

/// Time that this thread has been given by a processor, in milliseconds: others that share the machine do not count. `None` where the
/// system does not tell.
fn thread_ms() -> Option<f64> {
    // What is running is accounted for when it yields.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e6)
}

/// The time of a frame with each page open, a quarter of a second's new columns in each, zoomed out to 40 s; and with the gates
/// of the LSTM in place of the heads.
#[test]
fn a_frame_with_everything_open_leaves_time_too() {
    for (key, internals, name) in [
        (egui::Key::Num1, Internals::Heads, "genres"),
        (egui::Key::Num2, Internals::Heads, "decisions"),
        (egui::Key::Num3, Internals::Heads, "knobs"),
        (egui::Key::Num1, Internals::Units(0), "genres and gates"),
        (egui::Key::Num1, Internals::Field, "genres and the field"),
    ] {
        let setup = Setup::with_models();
        let mut rig = Rig::playing(setup, 4000);
        rig.window.key_press(key);
        let view = rig.window.state_mut().as_mut().unwrap().view_mut();
        (view.time.span, view.internals.chosen, view.attribution.live) = (40.0, internals, true);
        rig.settle();
        let (mut times, mut used) = (Vec::new(), Vec::new());
        for i in 0..100 {
            rig.stage.snapshots.write(hand_made::playing(4011 + 11 * i));
            let (before, begun) = (thread_ms(), Instant::now());
            rig.window.step();
            times.push(1000.0 * begun.elapsed().as_secs_f64());
            used.extend(thread_ms().zip(before).map(|(after, before)| after - before));
        }
        let told = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(f64::NAN);
            (at(50), at(95))
        };
        let ((median, p95), (used_median, used_p95)) = (told(times), told(used));
        println!(
            "a frame with {name} open: median {median:.2} ms, p95 {p95:.2} ms; of the processor {used_median:.2} and {used_p95:.2} ms"
        );
        // Processor time where the system reports it: other programs do not count.
        let own = if used_median.is_nan() { median } else { used_median };
        assert!(own < 25.0, "with {name} open a frame takes {own:.1} ms");
    }
}

#[test]
fn a_frame_leaves_most_of_its_time_to_others() {
    let mut rig = Rig::playing(Setup::default(), 2000);
    let mut times: Vec<f64> = (0..200)
        .map(|i| {
            rig.stage.snapshots.write(hand_made::playing(2001 + i));
            let (before, begun) = (thread_ms(), Instant::now());
            rig.window.step();
            // Processor time where the system reports it: other programs do not count.
            let used = thread_ms().zip(before).map(|(after, before)| after - before);
            used.unwrap_or(1000.0 * begun.elapsed().as_secs_f64())
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (median, p95) = (times[100], times[190]);
    println!("layout and tessellation of a frame: median {median:.2} ms, p95 {p95:.2} ms");
    // 25 ms is the least time between two frames.
    assert!(median < 25.0, "a frame takes {median:.1} ms");
}
