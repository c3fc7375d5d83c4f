//! A page over the plots, in the middle of the window.

use eframe::egui::{self, Align2, Vec2};

/// What is left around it in a small window.
const MARGIN: Vec2 = Vec2::new(48.0, 96.0);
/// It is never smaller.
const LEAST: Vec2 = Vec2::new(280.0, 160.0);

/// Draws a page, if it is open, of the size that it would like or as large as there is room for; returns whether it
/// stays open.
pub(in crate::ui) fn page_window(
    ctx: &egui::Context,
    (title, size): (&str, Vec2),
    mut open: bool,
    contents: impl FnOnce(&mut egui::Ui),
) -> bool {
    egui::Window::new(title)
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .fixed_size(size.min(ctx.content_rect().size() - MARGIN).max(LEAST))
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .show(ctx, contents);
    open
}
