//! The row of the held moment, and what can be done with it.
//!
//! In: the moment. Out: paint; letting it go, writing it down. Thread: window.

use crate::ui::held_moment::HeldMoment;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use crate::ui::wording;
use attune_audio::source::SourceKind;
use attune_audio::units::Seconds;
use eframe::egui::{self, Align, Layout, RichText};

/// Draws the bar that says what is held and what to do with it.
pub(crate) fn held_ui(ui: &mut egui::Ui, held: &HeldMoment, view: &mut ViewState) {
    let is_file = view
        .source
        .opened
        .as_ref()
        .is_some_and(|open| open.kind == SourceKind::File);
    let palette = Palette::of(ui);
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(format!("Held at {}", held.at().clock()))
                .strong()
                .color(palette.accent),
        );
        let cursor = held.cursor_at().map_or_else(|| "a break".to_owned(), Seconds::clock);
        ui.label(
            RichText::new(format!("cursor at {cursor}"))
                .small()
                .color(palette.muted),
        );
        similar_ui(ui, held, view);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Back to now").on_hover_text("End").clicked() {
                view.request(Action::LetGo);
            }
            if let Some(at) = held.cursor_at().filter(|_| is_file)
                && ui
                    .button("Play it")
                    .on_hover_text("Loop two seconds around the cursor (P)")
                    .clicked()
            {
                view.play_around(at);
            }
            if let Some(at) = held.cursor_at().filter(|_| is_file)
                && ui
                    .button("Without it")
                    .on_hover_text(
                        "Loop the four seconds before and after the cursor, with half a second at the cursor muted (M)",
                    )
                    .clicked()
            {
                view.play_muted(at);
            }
            let can_keep = held.explanation().is_some();
            let keep = ui.add_enabled(can_keep, egui::Button::new("Export"));
            if keep
                .on_hover_text("Write what is shown as SVG, CSV and JSON (E)")
                .clicked()
            {
                view.request(Action::Export);
            }
        });
    });
}

/// What sounds like the moment under the cursor: a click goes there.
fn similar_ui(ui: &mut egui::Ui, held: &HeldMoment, view: &mut ViewState) {
    if held.similar.is_empty() {
        return;
    }
    ui.label(RichText::new("sounds like").small().color(Palette::of(ui).muted))
        .on_hover_text(
            "The seconds whose mel levels are most similar to the second around the cursor, and how similar: 100 % is \
             the same, 0 % unrelated",
        );
    for (back, score) in &held.similar {
        let column = held.history.total_columns().checked_sub(*back as u64 + 1);
        let Some(at) = column.and_then(|column| held.history.time_of(column)) else {
            continue;
        };
        let text = RichText::new(format!("{} · {}", at.clock(), wording::percent(*score))).small();
        let button = ui
            .button(text)
            .on_hover_text("Move the cursor there; “Play it” plays it");
        if button
            .accessible_name(format!("Similar moment at {}", at.clock()))
            .clicked()
        {
            view.request(Action::Hold(*back));
        }
    }
}
