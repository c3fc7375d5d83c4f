//! What the classifier attended to: its pooling weights, over the spectrogram and in a strip of their own beneath it.
//!
//! In: attention. Out: paint. Thread: window.

use super::{Scene, attention_lag, pooling_of};
use crate::ui::theme::{Palette, axis_font};
use crate::ui::widgets::{TimeAxis, fill_under};
use eframe::egui::{self, Align2, Color32, CornerRadius, Pos2, Rect, Stroke};

/// Attention over the spectrogram: gold on the maps' darker half, whatever the theme.
const OVERLAY: Color32 = Color32::from_rgb(0xFF, 0xC8, 0x4A);

/// Points of the curve of pooling weights: x at each frame's middle, y scaled to the strongest, oldest first.
fn curve(scene: &Scene<'_>, time: &TimeAxis, bottom: f32, height: f32) -> Vec<Pos2> {
    let weights = pooling_of(&scene.snapshot.attention);
    let lag = attention_lag(scene.snapshot) as f32;
    let top = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let last = weights.len();
    weights
        .iter()
        .enumerate()
        .map(|(i, weight)| {
            let back = lag + (last - 1 - i) as f32 + 0.5;
            egui::pos2(time.x_of(back), bottom - height * (weight / top))
        })
        .collect()
}

/// Draws the weights over the spectrogram.
pub(super) fn overlay_ui(ui: &egui::Ui, scene: &Scene<'_>, time: &TimeAxis) {
    let points = curve(scene, time, time.rect.bottom(), 0.45 * time.rect.height());
    if points.len() < 2 {
        return;
    }
    let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
    painter.add(fill_under(&points, time.rect.bottom(), OVERLAY.gamma_multiply(0.30)));
    // A dark edge keeps the line apart from light parts of the picture.
    painter.line(points.clone(), Stroke::new(3.0, Color32::from_black_alpha(130)));
    painter.line(points, Stroke::new(1.5, OVERLAY));
}

/// Draws the strip.
pub(super) fn strip_ui(ui: &egui::Ui, scene: &Scene<'_>, time: &TimeAxis) {
    let palette = Palette::of(ui);
    let strip = time.rect;
    ui.painter().rect_filled(strip, CornerRadius::ZERO, palette.track);
    let label = |y: f32, align, text: &str| {
        ui.painter().text(
            egui::pos2(strip.left() - 6.0, y),
            align,
            text,
            axis_font(),
            palette.muted,
        );
    };
    let weights = pooling_of(&scene.snapshot.attention);
    if weights.len() < 2 {
        let text = "Attention appears when there is sound";
        ui.painter()
            .text(strip.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    }
    let top = weights.iter().copied().fold(0.0, f32::max);
    label(strip.top(), Align2::RIGHT_TOP, &format!("{:.1} %", 100.0 * top));
    label(strip.bottom(), Align2::RIGHT_BOTTOM, "weight");
    let painter = ui.painter().with_clip_rect(strip.intersect(ui.clip_rect()));
    let points = curve(scene, time, strip.bottom(), strip.height() - 3.0);
    // Frames out of reach are hatched away: no weight is not the same as a weight of zero.
    let reach = points[0].x - 0.5 * time.column_width();
    if reach > strip.left() {
        painter.rect_filled(
            Rect::from_x_y_ranges(strip.left()..=reach, strip.y_range()),
            0.0,
            palette.background,
        );
        painter.vline(reach, strip.y_range(), (1.0, palette.outline));
    }
    painter.add(fill_under(
        &points,
        strip.bottom(),
        palette.attention.gamma_multiply(0.6),
    ));
    painter.line(points, Stroke::new(1.5, palette.attention));
}
