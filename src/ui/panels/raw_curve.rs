//! What the models say at each frame beside what smoothing makes of it, of the genre that leads.
//!
//! In: history, knobs. Out: paint. Thread: window.

use super::Scene;
use crate::ui::history::Moment;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, place_plot};
use crate::ui::wording;
use attune_model::genre::{GenreId, Probabilities};
use eframe::egui::{self, Align2, Color32, CornerRadius, Pos2, Rect, RichText, Sense, Shape, Stroke, Vec2};

/// Height of the picture.
const HEIGHT: f32 = 72.0;
/// Room for the shares at its left.
const SHARES: f32 = 34.0;

/// Draws both curves over the time that the plots show.
pub(super) fn raw_curve_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let Some((genre, moment)) = here(scene, view) else {
        return;
    };
    let genres = &scene.model_info.genres;
    let [r, g, b] = genres.colour(genre);
    let colour = Color32::from_rgb(r, g, b);
    let said = wording::raw_and_smoothed(moment, genre, genres);
    ui.add(egui::Label::new(RichText::new(&said).size(11.0).color(palette.muted)).truncate());
    let size = Vec2::new(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let enter = view.tuning.in_use.enter;
    describe(
        &response,
        format!("Raw and smoothed: {said}; an answer needs {}", wording::percent(enter)),
    );
    place_plot(ui, view, "Raw and smoothed", &response);
    if !ui.is_rect_visible(rect) {
        return;
    }
    let plot = Rect::from_min_max(rect.min + Vec2::new(SHARES, 2.0), rect.max - Vec2::new(4.0, 2.0));
    let time = TimeAxis::of(plot, scene, &view.time);
    ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
    let y_of = |share: f32| egui::lerp(plot.bottom()..=plot.top(), share);
    for (share, align) in [
        (0.0, Align2::RIGHT_BOTTOM),
        (0.5, Align2::RIGHT_CENTER),
        (1.0, Align2::RIGHT_TOP),
    ] {
        let at = egui::pos2(plot.left() - 4.0, y_of(share));
        ui.painter()
            .text(at, align, wording::percent(share), axis_font(), palette.muted);
    }
    let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
    let threshold = [
        egui::pos2(plot.left(), y_of(enter)),
        egui::pos2(plot.right(), y_of(enter)),
    ];
    painter.extend(Shape::dashed_line(
        &threshold,
        Stroke::new(1.0, palette.muted),
        4.0,
        3.0,
    ));
    let of = |p: &Probabilities| p.of(genre);
    let raw = |moment: &Moment| moment.raw.as_ref().map(of);
    for part in curve(scene, &time, y_of, raw) {
        painter.line(part, Stroke::new(1.0, palette.text.gamma_multiply(0.55)));
    }
    for part in curve(scene, &time, y_of, |moment| Some(of(&moment.ensemble))) {
        // An edge keeps it apart from the raw one beneath.
        painter.line(part.clone(), Stroke::new(4.0, palette.track));
        painter.line(part, Stroke::new(2.0, colour));
    }
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
}

/// The moment at the pointer, at the held cursor or now, and the genre that leads there.
fn here<'a>(scene: &Scene<'a>, view: &ViewState) -> Option<(GenreId, &'a Moment)> {
    let held = scene.held.map_or(0, |held| held.cursor as u64);
    let newest = scene.history.total_columns().checked_sub(held + 1);
    let pointed = view.time.pointed.and_then(|column| scene.history.moment(column));
    let moment = pointed.or_else(|| scene.history.moment(newest?))?;
    Some((moment.leader.0, moment))
}

/// A curve in parts, interrupted where nothing was played: on each pixel the least and the greatest of what it covers,
/// so that nothing is smoothed by the drawing.
fn curve(
    scene: &Scene<'_>,
    time: &TimeAxis,
    y_of: impl Fn(f32) -> f32,
    share: impl Fn(&Moment) -> Option<f32>,
) -> Vec<Vec<Pos2>> {
    let total = scene.history.total_columns();
    let newest = total.saturating_sub(time.offset.max(0.0) as u64);
    let oldest = total.saturating_sub((time.offset + time.columns).ceil() as u64 + 1);
    let mut parts: Vec<Vec<Pos2>> = Vec::new();
    let mut open = false;
    for column in oldest..newest {
        let Some(share) = scene.history.moment(column).and_then(&share) else {
            open = false;
            continue;
        };
        let point = egui::pos2(time.x_of((total - 1 - column) as f32 + 0.5), y_of(share));
        if !open {
            parts.push(Vec::new());
            open = true;
        }
        let Some(part) = parts.last_mut() else { continue };
        let here = |at: &Pos2| at.x.floor() >= point.x.floor();
        match part.as_mut_slice() {
            [.., low, high] if here(low) && here(high) => {
                (low.y, high.y) = (low.y.min(point.y), high.y.max(point.y));
            }
            // The second on a pixel: the lesser first.
            [.., one] if here(one) && one.y > point.y => {
                let greater = std::mem::replace(one, point);
                part.push(greater);
            }
            _ => part.push(point),
        }
    }
    parts
}
