//! How far convolutions reach: their dilations as the paths from the newest frame back, and how much of the newest
//! features really comes from each frame, over the spectrogram's own time axis.
//!
//! In: shapes; the held moment's dependence on frames. Out: paint. Thread: window.

use super::internals::header_ui;
use super::{ConvolutionsLabel, Scene};
use crate::ui::job::Job;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, fill_under, place_plot};
use crate::ui::wording;
use eframe::egui::{self, Align2, CornerRadius, Painter, Pos2, Rect, Sense, Stroke, Vec2};
use std::collections::BTreeSet;

/// What the plot is called.
const NAME: &str = "Receptive field";
/// Share of the height that the curve has; the paths have the rest.
const CURVE: f32 = 0.45;
/// Frames are dots where a column is at least so wide, in points.
const DOTS: f32 = 4.0;

/// Draws field and dilations of the convolutional model into what is available.
pub(super) fn field_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let note = "what the newest features depend on, by gradients · below, which frame each convolution reads";
    header_ui(ui, scene, view, NAME, note);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let Some(label) = &scene.model_info.convolutions else {
        return;
    };
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    let time = TimeAxis::of(plot, scene, &view.time);
    let (upper, lower) = plot.split_top_bottom_at_fraction(CURVE);
    let upper = upper.with_max_y(upper.bottom() - 4.0);
    let dependence = scene.held.map(|held| &held.field);
    let said = match dependence {
        Some(Job::Done(norms)) => wording::field(label, norms, scene.snapshot.hop),
        None => "Hold a moment (H, or a click) to see what its features depend on".to_owned(),
        Some(Job::Failed(why)) => format!("What the features depend on is not known: {why}"),
        Some(Job::Idle | Job::Running(_)) => "Working out the gradients…".to_owned(),
    };
    describe(&response, format!("{NAME}: {said}"));
    place_plot(ui, view, NAME, &response);
    let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
    for part in [upper, lower] {
        painter.rect_filled(part, CornerRadius::ZERO, palette.track);
    }
    let known = match dependence {
        Some(Job::Done(norms)) => Some(norms),
        _ => None,
    };
    if let Some(norms) = known {
        curve_ui(ui, norms, &TimeAxis { rect: upper, ..time });
    }
    // Left of the field, where nothing is drawn.
    let room = time.x_of(label.frames() as f32) - plot.left() - 16.0;
    if room > 160.0 || known.is_none() {
        let galley = painter.layout(said, axis_font(), palette.muted, room.clamp(160.0, 440.0));
        let at = Pos2::new(plot.left() + 8.0, upper.center().y - 0.5 * galley.size().y);
        painter.galley(at, galley, palette.muted);
    }
    paths_ui(ui, label, &TimeAxis { rect: lower, ..time });
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    if let (Some(norms), Some(back)) = (known, response.hover_pos().and_then(|at| time.back_at(at.x))) {
        response.on_hover_text_at_pointer(wording::depends(norms, back, scene.snapshot.hop));
    }
}

/// The norms, newest first, scaled to the greatest.
fn curve_ui(ui: &egui::Ui, norms: &[f64], time: &TimeAxis) {
    let palette = Palette::of(ui);
    let most = norms.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bottom = time.rect.bottom();
    let points: Vec<Pos2> = norms
        .iter()
        .enumerate()
        .rev()
        .map(|(back, norm)| {
            let height = (norm / most) as f32 * (time.rect.height() - 3.0);
            Pos2::new(time.x_of(back as f32 + 0.5), bottom - height)
        })
        .collect();
    let label = |y: f32, align, text: &str| {
        let at = Pos2::new(time.rect.left() - 6.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    };
    label(time.rect.top(), Align2::RIGHT_TOP, "most");
    label(bottom, Align2::RIGHT_BOTTOM, "0");
    if points.len() < 2 {
        return;
    }
    let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
    painter.add(fill_under(&points, bottom, palette.attention.gamma_multiply(0.6)));
    painter.line(points, Stroke::new(1.5, palette.attention));
}

/// From the newest feature down to the frames: each convolution reads `taps` frames that lie `dilation` apart.
fn paths_ui(ui: &egui::Ui, label: &ConvolutionsLabel, time: &TimeAxis) {
    let palette = Palette::of(ui);
    let rows = label.layers.len();
    let row = |depth: usize| {
        let share = depth as f32 / rows.max(1) as f32;
        egui::lerp(time.rect.top() + 4.0..=time.rect.bottom() - 4.0, share)
    };
    let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
    let has_dots = time.column_width() >= DOTS;
    let ink = palette.accent.gamma_multiply(0.55);
    let mut read = BTreeSet::from([0]);
    // The last convolution reads first.
    for (depth, layer) in label.layers.iter().rev().enumerate() {
        let mut below = BTreeSet::new();
        for &back in &read {
            for tap in 0..layer.taps {
                let from = back + tap * layer.dilation;
                let ends = [(back, depth), (from, depth + 1)];
                let ends = ends.map(|(back, depth)| Pos2::new(time.x_of(back as f32 + 0.5), row(depth)));
                painter.line_segment(ends, Stroke::new(1.0, ink));
                below.insert(from);
            }
        }
        if has_dots {
            dots(&painter, time, &read, row(depth), palette);
        }
        read = below;
    }
    if has_dots {
        dots(&painter, time, &read, row(rows), palette);
    }
    let label_at = |y: f32, align, text: &str| {
        let at = Pos2::new(time.rect.left() - 6.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    };
    label_at(time.rect.top(), Align2::RIGHT_TOP, "feature");
    label_at(time.rect.bottom(), Align2::RIGHT_BOTTOM, "frames");
}

fn dots(painter: &Painter, time: &TimeAxis, backs: &BTreeSet<usize>, y: f32, palette: &Palette) {
    for &back in backs {
        painter.circle_filled(Pos2::new(time.x_of(back as f32 + 0.5), y), 1.5, palette.accent);
    }
}
