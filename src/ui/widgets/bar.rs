//! A share between 0 and 1 as a bar.
//!
//! In: share, colour. Out: paint. Thread: window.

use crate::ui::theme::{Palette, figure_text};
use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Response, Sense, Vec2};

/// A bar with its percentage right-aligned behind it. `name` is what a screen reader says.
pub(crate) fn share_bar(ui: &mut egui::Ui, size: Vec2, share: f32, colour: Color32, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let text = format!("{:.0}", 100.0 * share.clamp(0.0, 1.0));
    super::describe(&response, format!("{name}: {text} %"));
    if ui.is_rect_visible(rect) {
        let palette = Palette::of(ui);
        let figures = 27.0_f32.min(0.6 * rect.width());
        let bar = Rect::from_min_max(rect.min, egui::pos2(rect.right() - figures, rect.bottom()))
            .shrink2(Vec2::new(0.0, 3.0));
        answer_bar(ui, bar, share, colour);
        ui.painter().text(
            rect.right_center(),
            Align2::RIGHT_CENTER,
            text,
            figure_text().resolve(ui.style()),
            palette.text,
        );
    }
    response
}

/// A bar alone.
pub(crate) fn answer_bar(ui: &egui::Ui, rect: Rect, share: f32, colour: Color32) {
    let palette = Palette::of(ui);
    let radius = CornerRadius::same(2);
    ui.painter().rect_filled(rect, radius, palette.track);
    let mut filled = rect;
    filled.set_width(rect.width() * share.clamp(0.0, 1.0));
    if filled.width() >= 0.5 {
        // A sliver narrower than its own corners would bulge.
        let radius = if filled.width() < 4.0 {
            CornerRadius::ZERO
        } else {
            radius
        };
        ui.painter().rect_filled(filled, radius, colour);
    }
}
