//! What keys do when nothing is being typed.
//!
//! In: key presses. Out: actions. Thread: window.

use super::panels::next_theme;
use super::view_state::{Action, ViewState};
use crate::engine::{Command, Snapshot};
use crate::units::Seconds;
use eframe::egui::{self, Key, Modifiers};

/// How far an arrow key seeks.
const STEP: f64 = 5.0;

/// Carries out the shortcuts that were pressed in this frame.
pub fn shortcuts(ctx: &egui::Context, snapshot: &Snapshot, view: &mut ViewState) {
    // Whoever types wants letters, and a focused button or slider wants space and arrows itself.
    if ctx.text_edit_focused() || ctx.memory(|memory| memory.focused().is_some()) {
        return;
    }
    let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let transport = snapshot.transport;
    if view.opened.is_some() {
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
        view.ask(Action::LetGo);
    }
    if pressed(Key::H) {
        view.ask(Action::Hold(0));
    }
    if pressed(Key::O) {
        view.toggle_path_field();
    }
    if pressed(Key::D) {
        view.ask(Action::PlayDemo);
    }
    if pressed(Key::T) {
        next_theme(ctx);
    }
    if view.shortcuts_open && pressed(Key::Escape) {
        view.shortcuts_open = false;
    }
    // The question mark is a shifted key on some keyboards and a plain one on others.
    if pressed(Key::Questionmark) || ctx.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::Questionmark)) {
        view.shortcuts_open = !view.shortcuts_open;
    }
}
