//! The row that says which moment is held, and what can be done with it.
//!
//! In: the moment. Out: paint; letting it go, writing it down. Thread: window.

use crate::source::SourceKind;
use crate::ui::frozen::Frozen;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use crate::units::Seconds;
use eframe::egui::{self, Align, Layout, RichText};

/// Draws the bar that says what is held and what to do with it.
pub fn frozen_ui(ui: &mut egui::Ui, frozen: &Frozen, view: &mut ViewState) {
    let is_file = view.opened.as_ref().is_some_and(|open| open.kind == SourceKind::File);
    let palette = Palette::of(ui);
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(format!("Held at {}", frozen.at().clock()))
                .strong()
                .color(palette.accent),
        );
        let cursor = frozen.cursor_at().map_or_else(|| "a break".to_owned(), Seconds::clock);
        ui.label(
            RichText::new(format!("cursor at {cursor}"))
                .small()
                .color(palette.muted),
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Back to now").on_hover_text("End").clicked() {
                view.ask(Action::LetGo);
            }
            if let Some(at) = frozen.cursor_at().filter(|_| is_file)
                && ui
                    .button("Hear it")
                    .on_hover_text("Play two seconds around the cursor, again and again (P)")
                    .clicked()
            {
                view.hear_around(at);
            }
            let can_keep = frozen.explanation().is_some();
            let keep = ui.add_enabled(can_keep, egui::Button::new("Export"));
            if keep
                .on_hover_text("Write what is shown as SVG, CSV and JSON (E)")
                .clicked()
            {
                view.ask(Action::Export);
            }
        });
    });
}
