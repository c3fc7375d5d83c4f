//! Which frame attended to which, of one head in the held moment: queries from top to bottom, keys from left to right.
//!
//! In: a study. Out: paint; the column that is pointed at. Thread: window.

use super::{Pictures, Scene};
use crate::ui::held_moment::HeldMoment;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{MatrixColours, describe, place_plot};
use crate::ui::wording;
use attune_engine::explain::HeadStudy;
use eframe::egui::{self, Align2, Color32, CornerRadius, Pos2, Rect, RichText, Sense, Vec2};

/// Room at the left and below for the times.
const LEFT: f32 = 36.0;
const BELOW: f32 = 30.0;
/// The least and the most side of the picture.
const LEAST: f32 = 140.0;
const MOST: f32 = 420.0;

/// Where frames lie.
struct Square {
    rect: Rect,
    frames: usize,
    /// How many frames the newest one of the matrix lies before the newest column: none, if nothing went wrong.
    hop: f64,
}

impl Square {
    fn at(&self, frame: usize) -> (f32, f32) {
        let share = (frame as f32 + 0.5) / self.frames as f32;
        (
            egui::lerp(self.rect.x_range(), share),
            egui::lerp(self.rect.y_range(), share),
        )
    }

    /// Query and key at a place.
    fn frames_at(&self, at: Pos2) -> Option<(usize, usize)> {
        let share = (at - self.rect.min) / self.rect.size();
        let frame = |share: f32| ((share * self.frames as f32) as usize).min(self.frames - 1);
        self.rect.contains(at).then(|| (frame(share.y), frame(share.x)))
    }
}

/// Draws the matrix as large as there is room.
pub(super) fn matrix_ui(
    ui: &mut egui::Ui,
    scene: &Scene<'_>,
    held: &HeldMoment,
    view: &mut ViewState,
    pictures: &mut Pictures,
    study: &HeadStudy,
) {
    let palette = Palette::of(ui);
    let note = "down: the query frame · across: the key frame it attends to";
    ui.label(RichText::new(note).size(10.5).color(palette.muted));
    let room = (ui.available_width() - LEFT).min(ui.available_height() - BELOW - 4.0);
    let side = room.clamp(LEAST, MOST).min(ui.available_width() - LEFT);
    let (all, response) = ui.allocate_exact_size(Vec2::new(LEFT + side, side + BELOW), Sense::click());
    let square = Square {
        rect: Rect::from_min_size(all.min + Vec2::new(LEFT, 0.0), Vec2::splat(side)),
        frames: study.frames,
        hop: scene.snapshot.hop.0,
    };
    place_plot(ui, view, "Matrix of a head", &response);
    describe(&response, wording::matrix(study, scene.snapshot.hop));
    let colours = MatrixColours {
        weight: palette.attention,
        ground: palette.track,
        impossible: palette.control_hovered,
        out_of_reach: palette.outline.lerp_to_gamma(palette.track, 0.5),
    };
    let pixels = (side * ui.ctx().pixels_per_point()).ceil() as usize;
    // Of another file, a moment may have as many columns.
    let name = held.snapshot.sequence * 4096 + (64 * study.head.layer + study.head.head) as u64;
    if let Some(texture) = pictures.matrix.update(ui.ctx(), study, (name, pixels), colours) {
        let uv = Rect::from_min_max(Pos2::ZERO, egui::pos2(1.0, 1.0));
        ui.painter().image(texture.id(), square.rect, uv, Color32::WHITE);
    }
    let stroke = (1.0, palette.outline);
    ui.painter()
        .rect_stroke(square.rect, CornerRadius::ZERO, stroke, egui::StrokeKind::Outside);
    labels(ui, &square);
    cursors(ui, scene, held, view, &square);
    let Some((query, key)) = response.hover_pos().and_then(|pointer| square.frames_at(pointer)) else {
        return;
    };
    let back = study.frames - 1 - key;
    view.time.pointing = scene.history.total_columns().checked_sub(back as u64 + 1);
    if response.clicked() {
        view.request(Action::Hold(back));
    }
    response.on_hover_text_at_pointer(wording::attended(study, (query, key), scene.snapshot.hop));
}

/// Seconds before the held moment, along both axes.
fn labels(ui: &egui::Ui, square: &Square) {
    let palette = Palette::of(ui);
    let span = square.frames as f64 * square.hop;
    let step = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0]
        .into_iter()
        .find(|step| span / step <= 4.5)
        .unwrap_or(60.0);
    for i in 0..=(span / step) as u32 {
        let back = f64::from(i) * step;
        let share = (1.0 - back / span) as f32;
        let text = if i == 0 {
            "held".to_owned()
        } else {
            format!("−{back} s")
        };
        let x = egui::lerp(square.rect.x_range(), share);
        let y = egui::lerp(square.rect.y_range(), share);
        let (low, left) = (square.rect.bottom(), square.rect.left());
        ui.painter().vline(x, low..=low + 3.0, (1.0, palette.muted));
        ui.painter().hline(left - 3.0..=left, y, (1.0, palette.muted));
        let align = if i == 0 { Align2::RIGHT_TOP } else { Align2::CENTER_TOP };
        ui.painter()
            .text(egui::pos2(x, low + 3.0), align, &text, axis_font(), palette.muted);
        let align = if i == 0 {
            Align2::RIGHT_BOTTOM
        } else {
            Align2::RIGHT_CENTER
        };
        ui.painter()
            .text(egui::pos2(left - 5.0, y), align, &text, axis_font(), palette.muted);
    }
}

/// The held cursor and the pointed column, on both axes.
fn cursors(ui: &egui::Ui, scene: &Scene<'_>, held: &HeldMoment, view: &ViewState, square: &Square) {
    let palette = Palette::of(ui);
    let cross = |back: usize, width: f32, colour: Color32| {
        if let Some(frame) = (square.frames).checked_sub(back + 1) {
            let (x, y) = square.at(frame);
            ui.painter().vline(x, square.rect.y_range(), (width, colour));
            ui.painter().hline(square.rect.x_range(), y, (width, colour));
        }
    };
    cross(held.cursor, 1.5, palette.accent);
    if let Some(back) = view.time.pointed_back(scene.history) {
        cross(back as usize, 1.0, palette.text.gamma_multiply(0.6));
    }
}
