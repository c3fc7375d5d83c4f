//! How surprising the sound is, beneath the spectrogram: bits per sample, column by column.
//!
//! In: history. Out: paint. Thread: window.

use super::Scene;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::widgets::{TimeAxis, fill_under};
use eframe::egui::{self, Align2, CornerRadius, Pos2, Stroke};

/// What a code of which nothing is known takes: the top of the strip.
const MOST_BITS: f32 = 8.0;

/// Draws the strip.
pub(super) fn surprise_ui(ui: &egui::Ui, scene: &Scene<'_>, time: &TimeAxis) {
    let palette = Palette::of(ui);
    let strip = time.rect;
    ui.painter().rect_filled(strip, CornerRadius::ZERO, palette.track);
    for (y, align, text) in [
        (strip.top(), Align2::RIGHT_TOP, "8 bits"),
        (strip.bottom(), Align2::RIGHT_BOTTOM, "surprise"),
    ] {
        let at = egui::pos2(strip.left() - 6.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    }
    let lines = lines(scene, time);
    if lines.is_empty() {
        let text = "Surprise appears when there is sound";
        ui.painter()
            .text(strip.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    }
    let painter = ui.painter().with_clip_rect(strip.intersect(ui.clip_rect()));
    for line in lines {
        painter.add(fill_under(&line, strip.bottom(), palette.accent.gamma_multiply(0.25)));
        painter.line(line, Stroke::new(1.2, palette.accent));
    }
}

/// A line for each stretch of columns that were measured, oldest first.
fn lines(scene: &Scene<'_>, time: &TimeAxis) -> Vec<Vec<Pos2>> {
    let strip = time.rect;
    let newest = scene.history.total_columns();
    let seen = (strip.width() / time.column_width().max(1e-3)).ceil() as u64 + 2;
    let mut lines: Vec<Vec<Pos2>> = vec![Vec::new()];
    for index in newest.saturating_sub(seen)..newest {
        let mark = scene.history.moment(index).and_then(|moment| moment.surprise);
        match (mark, lines.last_mut()) {
            (Some(mark), Some(line)) => {
                let back = (newest - 1 - index) as f32 + 0.5;
                let share = (mark.bits / MOST_BITS).clamp(0.0, 1.0);
                line.push(egui::pos2(
                    time.x_of(back),
                    strip.bottom() - share * (strip.height() - 3.0),
                ));
            }
            (None, Some(line)) if !line.is_empty() => lines.push(Vec::new()),
            _ => {}
        }
    }
    lines.retain(|line| line.len() > 1);
    lines
}
