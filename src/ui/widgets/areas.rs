//! Probabilities over time, stacked: a band for each class, in its colour.
//!
//! In: points. Out: paint. Thread: window.

use crate::ui::history::TimelinePoint;
use crate::ui::theme::Palette;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreSet;
use eframe::egui::{self, Color32, Mesh, Rect};

/// Where the bands are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands<'a> {
    /// The rectangle.
    pub rect: Rect,
    /// Times (`played_secs` of the points) at its left and right edge.
    pub range: (f64, f64),
    /// The classes.
    pub genres: &'a GenreSet,
    /// 1, or less for what is not played yet.
    pub opacity: f32,
}

/// Draws the bands, interrupted where the segment changes: one mesh, as there may be thousands of corners in each
/// picture.
pub(crate) fn areas_ui(ui: &egui::Ui, bands: &Bands<'_>, points: &[TimelinePoint]) {
    let palette = Palette::of(ui);
    let (rect, (from, to)) = (bands.rect, bands.range);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    for quarter in 1..4_u8 {
        let x = egui::lerp(rect.x_range(), f32::from(quarter) / 4.0);
        painter.vline(x, rect.y_range(), (1.0, palette.outline));
    }
    painter.hline(rect.x_range(), rect.center().y, (1.0, palette.outline));
    let per_second = f64::from(rect.width()) / (to - from).max(1e-3);
    let x_of = |secs: f64| rect.left() + ((secs - from) * per_second) as f32;
    let y_of = |share: f32| egui::lerp(rect.bottom()..=rect.top(), share);
    let mut mesh = Mesh::default();
    for run in points
        .chunk_by(|a, b| a.segment == b.segment)
        .filter(|run| run.len() > 1)
    {
        let mut low = vec![0.0; run.len()];
        for id in bands.genres.ids() {
            let [r, g, b] = bands.genres.colour(id);
            let colour = Color32::from_rgb(r, g, b);
            for (i, (point, low)) in run.iter().zip(&mut low).enumerate() {
                let fill = colour.gamma_multiply(bands.opacity * weight(point.state));
                let high = *low + point.ensemble.of(id);
                let (x, at) = (x_of(point.played_secs), mesh.vertices.len() as u32);
                mesh.colored_vertex(egui::pos2(x, y_of(*low)), fill);
                mesh.colored_vertex(egui::pos2(x, y_of(high)), fill);
                if i > 0 {
                    mesh.add_triangle(at - 2, at - 1, at);
                    mesh.add_triangle(at - 1, at, at + 1);
                }
                *low = high;
            }
        }
    }
    painter.add(mesh);
}

/// How strongly the genres of a moment are drawn: of what is not music there are none.
fn weight(state: AnswerState) -> f32 {
    match state {
        AnswerState::Genre(_) | AnswerState::Unsure => 1.0,
        AnswerState::Unfamiliar => 0.35,
        AnswerState::Silence | AnswerState::Speech | AnswerState::NotMusic | AnswerState::WarmingUp => 0.0,
    }
}

/// `0 %`, `50 %` and `100 %` left of the bands.
pub(crate) fn share_labels(ui: &egui::Ui, rect: Rect) {
    use crate::ui::theme::axis_font;
    use eframe::egui::Align2;
    let palette = Palette::of(ui);
    for (share, text, align) in [
        (0.0, "0 %", Align2::RIGHT_BOTTOM),
        (0.5, "50 %", Align2::RIGHT_CENTER),
        (1.0, "100 %", Align2::RIGHT_TOP),
    ] {
        // Where the bands are low, the middle label would touch the others.
        if (share - 0.5_f32).abs() > 0.1 || rect.height() > 44.0 {
            let at = egui::pos2(rect.left() - 6.0, egui::lerp(rect.bottom()..=rect.top(), share));
            ui.painter().text(at, align, text, axis_font(), palette.muted);
        }
    }
}
