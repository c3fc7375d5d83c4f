//! What keys do when nothing is being typed.
//!
//! In: key presses. Out: actions. Thread: window.

use super::Choice;
use super::choices::{Page, TrackShows, View};
use super::held_moment::HeldMoment;
use super::history::COLUMNS;
use super::panels::{Step, next_theme};
use super::time_view::ZOOM_STEP;
use super::view_state::{Action, ViewState};
use attune_audio::units::Seconds;
use attune_engine::{Command, Snapshot};
use eframe::egui::{self, Key, Modifiers};

/// How far an arrow key seeks.
const STEP: f64 = 5.0;

/// Carries out the shortcuts that were pressed in this frame.
pub(super) fn shortcuts(ctx: &egui::Context, snapshot: &Snapshot, held: Option<&HeldMoment>, view: &mut ViewState) {
    // Whoever types wants all keys.
    if ctx.text_edit_focused() {
        return;
    }
    if views(ctx, view) {
        return;
    }
    // A focused button or slider wants space and arrows itself.
    let is_focused = ctx.memory(|memory| memory.focused().is_some());
    let pressed = |key| {
        let is_taken = is_focused && matches!(key, Key::Space | Key::ArrowLeft | Key::ArrowRight);
        !is_taken && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key))
    };
    let transport = snapshot.transport;
    if view.source.opened.is_some() {
        if pressed(Key::Space) {
            view.order(if transport.playing {
                Command::Pause
            } else {
                Command::Play
            });
        }
        let is_file = transport.duration.0 > 0.0;
        for (key, by) in [(Key::ArrowLeft, -STEP), (Key::ArrowRight, STEP)] {
            if is_file && pressed(key) {
                let to = (transport.position.0 + by).clamp(0.0, transport.duration.0);
                view.order(Command::Seek(Seconds(to)));
            }
        }
        if is_file && pressed(Key::L) {
            view.order(Command::Loop(!transport.looping));
        }
    }
    if pressed(Key::End) {
        view.request(Action::LetGo);
    }
    if pressed(Key::H) {
        view.request(Action::Hold(0));
    }
    if pressed(Key::E) {
        view.request(Action::Export);
    }
    if let Some(at) = held
        .and_then(HeldMoment::cursor_at)
        .filter(|_| transport.duration.0 > 0.0)
    {
        if pressed(Key::P) {
            view.play_around(at);
        }
        if pressed(Key::M) {
            view.play_muted(at);
        }
    }
    if ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::O)) {
        view.request(Action::Ask(Choice::Files));
    }
    if pressed(Key::O) {
        view.toggle_path_field();
    }
    if pressed(Key::D) {
        view.ask_for_demo();
    }
    if pressed(Key::T) {
        next_theme(ctx);
    }
    if view.source.opened.is_some() && pressed(Key::N) {
        view.request(Action::NewSong);
    }
    let numbers = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
    if let Some(place) = numbers.into_iter().position(pressed) {
        match view.view {
            View::Lecture => view.lecture.step = Step::ALL[place],
            View::Stage | View::Bench => view.turn_to(Page::ALL[place]),
        }
    }
    if pressed(Key::C) {
        view.attribution.live = !view.attribution.live;
    }
    if pressed(Key::W) {
        view.timeline.span = if view.timeline.span.is_none() { Some(0) } else { None };
    }
    if pressed(Key::S) {
        view.timeline.shows = match (view.timeline.shows, view.timeline.span) {
            (TrackShows::Segments, None) => TrackShows::Answers,
            _ => TrackShows::Segments,
        };
        view.timeline.span = None;
    }
    through_time(&pressed, snapshot.hop, held, view);
    overlays(ctx, &pressed, view);
    if transport.selection.is_some() && pressed(Key::Escape) {
        view.order(Command::Select(None));
    }
}

/// Another view, full screen, the lock; whether nothing else counts.
fn views(ctx: &egui::Context, view: &mut ViewState) -> bool {
    let with_ctrl = |key| ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
    if view.view == View::Stage && with_ctrl(Key::L) {
        view.stage.locked = !view.stage.locked;
    }
    let is_locked = view.view == View::Stage && view.stage.locked;
    if is_locked {
        return true;
    }
    for (each, key) in View::ALL.into_iter().zip([Key::Num1, Key::Num2, Key::Num3]) {
        if with_ctrl(key) {
            view.view = each;
        }
    }
    if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::F11)) {
        view.toggle_full_screen();
    }
    false
}

/// What opens over everything else; Escape closes what is open, one at a time.
fn overlays(ctx: &egui::Context, pressed: &impl Fn(Key) -> bool, view: &mut ViewState) {
    #[cfg(feature = "lab")]
    if pressed(Key::B) {
        view.lab.open = !view.lab.open;
    }
    #[cfg(feature = "train")]
    if pressed(Key::R) {
        view.training.open = !view.training.open;
    }
    if pressed(Key::F) {
        view.files.open = !view.files.open;
    }
    // The question mark is a shifted key on some keyboards and a plain one on others.
    if pressed(Key::Questionmark) || ctx.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::Questionmark)) {
        view.shortcuts_open = !view.shortcuts_open;
    }
    let open = [
        &mut view.files.open,
        #[cfg(feature = "lab")]
        &mut view.lab.open,
        #[cfg(feature = "train")]
        &mut view.training.open,
        &mut view.source.credits_open,
        &mut view.presets.open,
        &mut view.shortcuts_open,
    ];
    for open in open {
        if *open && pressed(Key::Escape) {
            *open = false;
        }
    }
}

/// Zooming, and going through a held moment.
fn through_time(pressed: &impl Fn(Key) -> bool, hop: Seconds, held: Option<&HeldMoment>, view: &mut ViewState) {
    let columns = held.map_or(0, |held| held.history.total_columns().min(COLUMNS as u64));
    let kept = columns as f64 * hop.0;
    // The middle of what is held stays; live, now does.
    let around = if held.is_some() { 0.5 } else { 0.0 };
    for (keys, factor) in [
        ([Key::Plus, Key::Equals], ZOOM_STEP),
        ([Key::Minus, Key::Minus], 1.0 / ZOOM_STEP),
    ] {
        if keys.into_iter().any(pressed) {
            view.time.zoom(factor, around, (kept, hop));
        }
    }
    for (key, by) in [(Key::PageUp, 0.5), (Key::PageDown, -0.5)] {
        if pressed(key) {
            if held.is_none() && by > 0.0 {
                view.request(Action::Hold(0));
            }
            view.time.pan(by * view.time.span, kept);
        }
    }
    for (key, by) in [(Key::Comma, 4_i64), (Key::Period, -4)] {
        if let Some(held) = held.filter(|_| pressed(key)) {
            let cursor = (held.cursor as i64 + by).clamp(0, columns as i64 - 1);
            view.request(Action::Hold(cursor.max(0) as usize));
        }
    }
}
