//! What a file is known to be, over what is answered.
//!
//! In: true sections. Out: paint. Thread: window.

use super::Scene;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::truth::{TrueSection, section_at};
use crate::ui::widgets::{Run, TimeAxis, ribbon_ui};
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreSet;
use eframe::egui::{self, CornerRadius, Rect, Vec2};

/// Height of the ribbon over a plot.
const RIBBON: f32 = 15.0;

/// Draws sections into a ribbon, each from one x to another. A label that is no class is grey.
pub(super) fn truth_ui<'a>(
    ui: &egui::Ui,
    ribbon: Rect,
    sections: impl Iterator<Item = (f32, f32, &'a TrueSection)>,
    genres: &GenreSet,
) {
    let palette = Palette::of(ui);
    ui.painter().rect_filled(ribbon, CornerRadius::same(2), palette.track);
    for (from, to, section) in sections {
        if let Some(id) = section.genre {
            let state = AnswerState::Genre(id);
            ribbon_ui(ui, ribbon, &[Run { from, to, state }], genres, 1.0);
            continue;
        }
        let part = Rect::from_x_y_ranges(from..=to.max(from + 1.0), ribbon.y_range()).intersect(ribbon);
        let painter = ui.painter().with_clip_rect(part.intersect(ui.clip_rect()));
        painter.rect_filled(part, CornerRadius::same(2), palette.control_hovered);
        let text = painter.layout_no_wrap(section.label.clone(), axis_font(), palette.text);
        if text.size().x + 8.0 < part.width() {
            let corner = part.center() - 0.5 * text.size();
            painter.galley(corner, text, palette.text);
        }
    }
}

/// Draws the sections of the file that plays over a plot with the shared time axis, nothing if none are known; returns
/// the height that they take.
pub(super) fn truth_over_plot(ui: &egui::Ui, scene: &Scene<'_>, time: &TimeAxis) -> f32 {
    let Some(track) = scene.track.filter(|track| !track.truth().is_empty()) else {
        return 0.0;
    };
    let sections = track.truth();
    let total = scene.history.total_columns();
    let newest = total.saturating_sub(time.offset.max(0.0) as u64);
    let oldest = total.saturating_sub((time.offset + time.columns).ceil() as u64 + 1);
    let mut runs: Vec<(f32, f32, &TrueSection)> = Vec::new();
    let mut before = None;
    for column in oldest.max(track.first_column)..newest {
        let section = scene.history.time_of(column).and_then(|at| section_at(sections, at));
        if let Some(section) = section {
            let back = (total - 1 - column) as f32;
            let (from, to) = (time.x_of(back + 1.0), time.x_of(back));
            match runs.last_mut() {
                Some(run) if before == Some(column.wrapping_sub(1)) && std::ptr::eq(run.2, section) => run.1 = to,
                _ => runs.push((from, to, section)),
            }
            before = Some(column);
        }
    }
    let ribbon = Rect::from_min_size(time.rect.min, Vec2::new(time.rect.width(), RIBBON));
    truth_ui(ui, ribbon, runs.into_iter(), &scene.model_info.genres);
    RIBBON
}
