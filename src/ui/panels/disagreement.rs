//! What was answered, and how much the models disagreed, under the spectrogram's own time axis.
//!
//! In: history. Out: paint. Thread: window.

use super::Scene;
use super::compared::{compared_height, compared_ui};
use crate::ui::history::{History, Moment};
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{Run, TimeAxis, describe, fill_under, heading, place_plot, ribbon_ui, save_menu};
use crate::ui::wording;
use attune_engine::smoothing::AnswerState;
use eframe::egui::{self, Align, Align2, CornerRadius, Layout, Pos2, Rect, RichText, Sense, Stroke, Vec2};

/// Height of the row above the picture.
const HEADER: f32 = 20.0;
/// Height of the ribbon of answers.
pub(super) const RIBBON: f32 = 14.0;

/// Draws the strip, and below it two models if they are compared, into what is available.
pub(crate) fn disagreement_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    ui.spacing_mut().item_spacing.y = 0.0;
    strip_ui(ui, scene, view);
    compared_ui(ui, scene, view);
}

fn strip_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let note = note(scene, view);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), HEADER),
        Layout::left_to_right(Align::Center),
        |ui| {
            heading(ui, "Answers and disagreement").on_hover_text(
                "The ribbon: what was answered. The curve: the Jensen–Shannon divergence of the models' answers, \
                 as a share of its maximum; 0 % where all give the same answer.",
            );
            save_menu(ui, view, "Answers and disagreement");
            if scene.model_info.models.len() > 1 {
                ui.spacing_mut().button_padding = Vec2::new(6.0, 0.0);
                ui.spacing_mut().interact_size.y = HEADER;
                ui.toggle_value(&mut view.compared.is_on, RichText::new("Two models").size(11.5))
                    .on_hover_text("Shows two models side by side, and where they differ");
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(note).size(10.5).color(palette.muted)).truncate());
            });
        },
    );
    let below = compared_height(scene, view);
    let size = ui.available_size() - Vec2::new(0.0, below);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    describe(&response, summary(scene));
    place_plot(ui, view, "Answers and disagreement", &response);
    if !ui.is_rect_visible(rect) {
        return;
    }
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 0.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    let time = TimeAxis::of(plot, scene, &view.time);
    let ribbon = Rect::from_min_size(plot.min, Vec2::new(plot.width(), RIBBON));
    let area = Rect::from_min_max(egui::pos2(plot.left(), ribbon.bottom() + 2.0), plot.max);
    ui.painter().rect_filled(ribbon, CornerRadius::same(2), palette.track);
    ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
    let seen: Vec<_> = seen(scene.history, &time).collect();
    let states = seen.iter().map(|(back, moment)| (*back, moment.state));
    ribbon_ui(ui, ribbon, &runs(states, &time), &scene.model_info.genres, 1.0);
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let top = scale(&seen);
    let shares = seen.iter().map(|(back, moment)| (*back, moment.disagreement));
    for part in curves(shares, &time, area, top) {
        painter.add(fill_under(&part, area.bottom(), palette.text.gamma_multiply(0.35)));
        painter.line(part, Stroke::new(1.0, palette.text.gamma_multiply(0.8)));
    }
    for (y, align, text) in [
        (area.top(), Align2::RIGHT_TOP, wording::percent(top)),
        (area.bottom(), Align2::RIGHT_BOTTOM, "0 %".to_owned()),
    ] {
        let at = egui::pos2(area.left() - 6.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    }
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    let hovered = response.hover_pos().and_then(|pointer| time.back_at(pointer.x));
    let column = hovered.and_then(|back| scene.history.total_columns().checked_sub(back as u64 + 1));
    if let Some(said) = column.and_then(|column| wording::disagreement(scene.history, column, &scene.model_info.genres))
    {
        response.on_hover_text_at_pointer(said);
    }
}

/// The figure at the pointer, at the held cursor, or now.
fn note(scene: &Scene<'_>, view: &ViewState) -> String {
    let held = scene.held.map_or(0, |held| held.cursor as u64);
    let here = scene.history.total_columns().checked_sub(held + 1);
    let moment = view
        .time
        .pointed
        .or(here)
        .and_then(|column| scene.history.moment(column));
    match moment.and_then(|moment| moment.disagreement) {
        Some(share) => format!("disagreement {}", wording::percent(share)),
        None => String::new(),
    }
}

/// The columns in sight that were played, oldest first: how far back, and what was answered.
pub(super) fn seen<'a>(history: &'a History, time: &TimeAxis) -> impl Iterator<Item = (f32, &'a Moment)> {
    let total = history.total_columns();
    let newest = total.saturating_sub(time.offset.max(0.0) as u64);
    let oldest = total.saturating_sub((time.offset + time.columns).ceil() as u64 + 1);
    (oldest..newest).filter_map(move |index| Some(((total - 1 - index) as f32, history.moment(index)?)))
}

/// Runs of the same answer; each column is how far back it lies, and what was answered.
pub(super) fn runs(states: impl Iterator<Item = (f32, AnswerState)>, time: &TimeAxis) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut before = f32::NAN;
    for (back, state) in states {
        let (from, to) = (time.x_of(back + 1.0), time.x_of(back));
        match runs.last_mut() {
            Some(run) if run.state == state && before - back < 1.5 => run.to = to,
            _ => runs.push(Run { from, to, state }),
        }
        before = back;
    }
    runs
}

/// The value at the top of the curve: the smallest of some round shares above everything visible.
fn scale(seen: &[(f32, &Moment)]) -> f32 {
    let most = seen
        .iter()
        .filter_map(|(_, moment)| moment.disagreement)
        .fold(0.0, f32::max);
    [0.2, 0.5].into_iter().find(|top| most <= *top).unwrap_or(1.0)
}

/// A curve of shares, interrupted where there is none, with a point for each pixel: the largest of the columns that it
/// covers, so that no peak is lost. `top` is the share at the upper edge.
pub(super) fn curves(
    values: impl Iterator<Item = (f32, Option<f32>)>,
    time: &TimeAxis,
    area: Rect,
    top: f32,
) -> Vec<Vec<Pos2>> {
    let mut parts: Vec<Vec<Pos2>> = Vec::new();
    let mut before = f32::NAN;
    for (back, share) in values {
        let Some(share) = share else {
            before = f32::NAN;
            continue;
        };
        let point = egui::pos2(
            time.x_of(back + 0.5),
            egui::lerp(area.bottom()..=area.top(), share / top),
        );
        match parts.last_mut() {
            Some(part) if before - back < 1.5 => match part.last_mut() {
                Some(last) if share_a_pixel(*last, point) => last.y = last.y.min(point.y),
                _ => part.push(point),
            },
            _ => parts.push(vec![point]),
        }
        before = back;
    }
    parts
}

/// Whether two points fall on the same pixel.
fn share_a_pixel(last: Pos2, point: Pos2) -> bool {
    last.x.floor() >= point.x.floor()
}

/// What a screen reader says instead of the picture.
fn summary(scene: &Scene<'_>) -> String {
    let newest = scene.history.total_columns().checked_sub(1);
    match newest.and_then(|column| wording::disagreement(scene.history, column, &scene.model_info.genres)) {
        Some(said) => format!("Disagreement: {said}"),
        None => "Disagreement: no sound yet".to_owned(),
    }
}
