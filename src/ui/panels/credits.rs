//! Whose recordings the demo consists of.
//!
//! In: the demo's sections. Out: paint. Thread: window.

use crate::demo;
use crate::ui::theme::{Palette, figure_text};
use crate::ui::view_state::ViewState;
use attune_audio::units::Seconds;
use eframe::egui::{self, Align2, Hyperlink, Label, RichText};

/// Draws the list if it is open.
pub(crate) fn credits_ui(ctx: &egui::Context, view: &mut ViewState) {
    let mut open = view.source.credits_open;
    egui::Window::new("The demo's recordings")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .vscroll(true)
        .default_width(560.0)
        .show(ctx, |ui| {
            let palette = Palette::of(ui);
            for section in demo::sections() {
                ui.horizontal_wrapped(|ui| {
                    let at = Seconds(section.start_s).clock();
                    ui.label(RichText::new(at).text_style(figure_text()).color(palette.muted));
                    ui.label(RichText::new(section.title).strong().color(palette.text));
                    ui.label(format!("{}, {}", section.artist, section.genre));
                    ui.add(Hyperlink::from_label_and_url(section.licence, section.licence_url));
                    ui.add(Hyperlink::from_label_and_url("source", section.source));
                });
                ui.add(Label::new(RichText::new(section.changes).small().color(palette.muted)).wrap());
            }
            ui.separator();
            ui.add(Label::new(RichText::new(demo::CHANGES.trim()).small().color(palette.muted)).wrap());
        });
    view.source.credits_open = open;
}
