//! The log of decisions: what was answered, what was held back and why; to search, to go back to, to export.
//!
//! In: the log. Out: paint; moments to hold, exports. Thread: window.

use super::Scene;
use crate::ui::decisions::{Entry, Filter};
use crate::ui::theme::{Palette, card, figure_text};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{describe, state_colour};
use attune_audio::units::Seconds;
use eframe::egui::{
    self, Align, Align2, CornerRadius, Layout, Rect, RichText, ScrollArea, Sense, TextEdit, TextStyle, Vec2,
};

/// Which decisions are listed.
#[derive(Debug, Default)]
pub struct DecisionsView {
    /// Those of this kind…
    pub filter: Filter,
    /// …with these words.
    pub search: String,
}

/// Height of one entry: its answer, and two lines of why.
const ROW: f32 = 50.0;
/// The least height of the list.
const LEAST_LIST: f32 = 160.0;

/// Draws the log.
pub(crate) fn decisions_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        super::raw_curve::raw_curve_ui(ui, scene, view);
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (filter, name) in Filter::ALL {
                if ui.selectable_label(view.decisions.filter == filter, name).clicked() {
                    view.decisions.filter = filter;
                }
            }
        });
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let some = scene.log.entries().next().is_some();
                let export = ui.add_enabled(some, egui::Button::new("Export log"));
                if export.on_hover_text("Write all entries as CSV and JSON").clicked() {
                    view.request(Action::ExportLog);
                }
                let field = TextEdit::singleline(&mut view.decisions.search)
                    .hint_text("Search")
                    .desired_width(ui.available_width());
                ui.add(field).accessible_name("Search the decisions");
            });
        });
        ui.add_space(4.0);
        let listed = scene
            .log
            .listed(view.decisions.filter, &view.decisions.search, &scene.model_info.genres);
        if listed.is_empty() {
            let text = match (view.decisions.search.trim(), view.decisions.filter) {
                ("", Filter::All) => "What is answered, and what is held back, is listed here as it happens.",
                _ => "Nothing of this kind was decided yet.",
            };
            ui.label(RichText::new(text).small().color(palette.muted));
            ui.add_space((ui.available_height() - 8.0).max(0.0));
            return;
        }
        let height = (ui.available_height() - 4.0).max(LEAST_LIST);
        ui.spacing_mut().item_spacing.y = 2.0;
        ScrollArea::vertical()
            .id_salt("decisions")
            .max_height(height)
            .auto_shrink([false, false])
            .show_rows(ui, ROW, listed.len(), |ui, rows| {
                for entry in &listed[rows] {
                    entry_ui(ui, scene, view, entry);
                }
            });
    });
}

fn entry_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, entry: &Entry) {
    let palette = Palette::of(ui);
    let genres = &scene.model_info.genres;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    let why = entry.sentence(genres);
    let title = entry.decision.state.title(genres);
    describe(&response, format!("At {}: {title}. {why}", entry.at.clock()));
    if response.hovered() {
        ui.painter()
            .rect_filled(rect, CornerRadius::same(4), palette.control.gamma_multiply(0.6));
    }
    let stripe = Rect::from_min_size(rect.min + Vec2::new(2.0, 4.0), Vec2::new(3.0, ROW - 8.0));
    let colour = state_colour(entry.decision.state, genres, palette);
    ui.painter().rect_filled(stripe, CornerRadius::same(1), colour);
    let left = rect.left() + 12.0;
    let ink = if entry.is_held_back() {
        palette.muted
    } else {
        palette.text
    };
    let line = rect.top() + 10.0;
    ui.painter().text(
        egui::pos2(left, line),
        Align2::LEFT_CENTER,
        title,
        TextStyle::Body.resolve(ui.style()),
        ink,
    );
    let lasted = entry.until.0 - entry.at.0;
    ui.painter().text(
        egui::pos2(rect.right() - 6.0, line),
        Align2::RIGHT_CENTER,
        format!("{} · {lasted:.1} s", entry.at.clock()),
        figure_text().resolve(ui.style()),
        palette.muted,
    );
    let font = TextStyle::Small.resolve(ui.style());
    let wrapped = ui.painter().layout(why, font, palette.muted, rect.right() - left - 6.0);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.galley(egui::pos2(left, rect.top() + 20.0), wrapped, palette.muted);
    let kept = scene.history.column_at(entry.at, Seconds(0.5 * scene.snapshot.hop.0));
    if let Some(column) = kept {
        let back = scene.history.total_columns() - 1 - column;
        let response = response.on_hover_text("Click: hold this moment");
        if response.clicked() {
            view.request(Action::Hold(back as usize));
        }
    } else {
        response.on_hover_text("No longer in the spectrogram");
    }
}
