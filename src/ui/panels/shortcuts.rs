//! The list of keyboard shortcuts.
//!
//! In: nothing. Out: paint. Thread: window.

use crate::ui::theme::figure_text;
use crate::ui::view_state::ViewState;
use eframe::egui::{self, Align2, RichText};

/// What keys do.
pub(super) const SHORTCUTS: &[(&str, &str)] = &[
    ("Space", "Play or pause"),
    ("Left, Right", "Back or forward 5 s"),
    ("L", "Loop"),
    ("H", "Hold this moment and explain it"),
    ("End", "Back to now"),
    ("P", "Play the held moment"),
    ("M", "Play the file with the held moment muted"),
    ("E", "Export what is held"),
    ("+, −", "Zoom the time of all plots"),
    ("Page up, Page down", "Earlier or later in what is held"),
    (", and .", "Move the held cursor"),
    ("1, 2, 3, 4, 5", "Genres, decisions, knobs, sessions, heads"),
    ("C", "What changed the answer, live"),
    ("W", "The whole track, or the last minutes"),
    ("S", "Which segments of the file decided"),
    ("Ctrl+O", "Choose files"),
    ("O", "Type the path of a file"),
    ("F", "A list of files"),
    ("D", "Play the demo"),
    #[cfg(feature = "lab")]
    ("B", "The lab"),
    #[cfg(feature = "train")]
    ("R", "Train on folders of your own"),
    ("T", "Theme: system, dark, light"),
    ("Ctrl+1, 2, 3", "Stage, lecture, bench"),
    ("F11", "Full screen, for this view"),
    ("N", "A new song"),
    ("Ctrl+L", "Lock or unlock the stage"),
    ("?", "This list"),
    ("Esc", "Close this, or end the loop"),
];

/// Draws the list if it is open.
pub(crate) fn shortcuts_ui(ctx: &egui::Context, view: &mut ViewState) {
    let mut open = view.shortcuts_open;
    egui::Window::new("Keyboard shortcuts")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .vscroll(true)
        // All of it, unless the window is lower than the list.
        .default_height((ctx.content_rect().height() - 32.0).min(72.0 + 22.0 * SHORTCUTS.len() as f32))
        .show(ctx, |ui| {
            egui::Grid::new("shortcuts")
                .num_columns(2)
                .min_row_height(0.0)
                .spacing([24.0, 6.0])
                .show(ui, |ui| {
                    for &(keys, what) in SHORTCUTS {
                        ui.label(RichText::new(keys).text_style(figure_text()).strong());
                        ui.label(what);
                        ui.end_row();
                    }
                });
        });
    view.shortcuts_open = open;
}
