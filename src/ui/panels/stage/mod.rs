//! The view that is read from five metres: the answer, what it was and may become, the last twenty minutes, the songs.
//!
//! In: decision, history, songs. Out: paint; the next song, the lock. Thread: window.

mod becoming;
mod songs;

use super::Scene;
use super::answer::ShownAnswer;
use super::timeline::visible;
use crate::settings::StageWindow;
use crate::ui::song_list::ago;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{Run, describe, level_meter, ribbon_ui, runs};
use crate::ui::wording;
use attune_audio::source::SourceKind;
use becoming::becoming_ui;
use eframe::egui::{self, Align2, Color32, CornerRadius, FontId, Galley, Panel, Pos2, Rect, RichText, Sense, Vec2};
use jiff::Timestamp;
use songs::songs_ui;
use std::sync::Arc;

/// The time that the ribbon shows.
const RIBBON_SECS: f64 = 1200.0;
/// What the stage remembers.
#[derive(Debug)]
pub struct StageView {
    /// Whether keys and clicks do nothing but unlock.
    pub locked: bool,
    /// How the window stands on the desktop.
    pub window: StageWindow,
    /// Whether it can be seen through: it was made so.
    pub is_transparent: bool,
}

impl StageView {
    /// As it was kept.
    pub fn new(window: StageWindow) -> Self {
        Self {
            locked: false,
            window,
            is_transparent: window.transparent,
        }
    }
}

/// Draws the view into all that is available.
pub(crate) fn stage_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let unit = (ui.available_height() / 40.0).clamp(12.0, 44.0);
    Panel::bottom("stage foot")
        .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(unit as i8, (0.4 * unit) as i8)))
        .show_separator_line(false)
        .show(ui, |ui| foot_ui(ui, scene, view, unit));
    let all = ui.available_rect_before_wrap().shrink2(Vec2::new(unit, 0.5 * unit));
    let part =
        |top: f32, height: f32| Rect::from_min_size(all.min + Vec2::new(0.0, top), Vec2::new(all.width(), height));
    let (answer, line, ribbon) = (0.27 * all.height(), 2.0 * unit, 4.2 * unit);
    answer_ui(ui, scene, part(0.0, answer));
    becoming_ui(ui, scene, part(answer, line), unit);
    ribbon_of_20_min_ui(ui, scene, part(answer + line + unit, ribbon), unit);
    let songs = Rect::from_min_max(part(answer + line + 2.0 * unit + ribbon, 0.0).min, all.max);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(songs));
    songs_ui(&mut child, scene, unit);
}

/// Text in one line, smaller if there is too little room.
fn fitted(ui: &egui::Ui, text: &str, size: f32, room: f32, ink: Color32) -> Arc<Galley> {
    let lay = |size| {
        ui.painter()
            .layout_no_wrap(text.to_owned(), FontId::proportional(size), ink)
    };
    let galley = lay(size);
    if galley.size().x <= room {
        return galley;
    }
    lay(size * room / galley.size().x)
}

fn answer_ui(ui: &mut egui::Ui, scene: &Scene<'_>, rect: Rect) {
    let palette = Palette::of(ui);
    let shown = ShownAnswer::of(scene, palette);
    let response = ui.allocate_rect(rect, Sense::hover());
    describe(&response, shown.sentence());
    let ShownAnswer { word, figure, colour } = shown;
    let stripe = Rect::from_min_size(rect.min, Vec2::new(0.06 * rect.height(), rect.height()));
    ui.painter().rect_filled(stripe, CornerRadius::same(3), colour);
    let size = 0.72 * rect.height();
    let figure = figure.map(|figure| fitted(ui, &figure, 0.6 * size, 0.25 * rect.width(), palette.muted));
    let taken = figure.as_ref().map_or(0.0, |figure| figure.size().x) + 0.3 * size;
    let left = stripe.right() + 0.15 * size;
    let word = fitted(ui, &word, size, rect.right() - left - taken, palette.text);
    let at = |x: f32, galley: &Galley| egui::pos2(x, rect.center().y - 0.5 * galley.size().y);
    if let Some(figure) = figure {
        let place = at(rect.right() - figure.size().x, &figure);
        ui.painter().galley(place, figure, palette.muted);
    }
    let place = at(left, &word);
    ui.painter().galley(place, word, palette.text);
}

fn ribbon_of_20_min_ui(ui: &mut egui::Ui, scene: &Scene<'_>, rect: Rect, unit: f32) {
    let palette = Palette::of(ui);
    let response = ui.allocate_rect(rect, Sense::hover());
    describe(&response, "Answers of the last 20 minutes");
    let ribbon = Rect::from_min_max(rect.min, egui::pos2(rect.right(), rect.bottom() - 1.4 * unit));
    ui.painter().rect_filled(ribbon, CornerRadius::same(4), palette.track);
    let now = scene.history.played_secs();
    let to_x = |secs: f64| ribbon.right() - ((now - secs) / RIBBON_SECS) as f32 * ribbon.width();
    let points = visible(scene.history.points().iter(), now, RIBBON_SECS);
    let seen: Vec<Run> = runs(&points, now, to_x);
    ribbon_ui(ui, ribbon, &seen, &scene.model_info.genres, 1.0);
    let is_file = scene.transport.duration.0 > 0.0;
    let time = Timestamp::now();
    for quarter in 0..=4_u8 {
        let back = RIBBON_SECS * f64::from(4 - quarter) / 4.0;
        // A file plays faster or slower than the clock.
        let text = match (is_file, quarter) {
            (_, 4) => "now".to_owned(),
            (true, _) => format!("−{:.0} min", back / 60.0),
            (false, _) => wording::hour_and_minute(ago(time, back)),
        };
        let align = [
            Align2::LEFT_BOTTOM,
            Align2::CENTER_BOTTOM,
            Align2::CENTER_BOTTOM,
            Align2::CENTER_BOTTOM,
            Align2::RIGHT_BOTTOM,
        ][usize::from(quarter)];
        let at = Pos2::new(egui::lerp(ribbon.x_range(), f32::from(quarter) / 4.0), rect.bottom());
        ui.painter()
            .text(at, align, text, FontId::proportional(unit), palette.muted);
    }
}

/// Device, level, and what can be done here.
fn foot_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, unit: f32) {
    let palette = Palette::of(ui);
    ui.horizontal(|ui| {
        let colour = match scene.sound {
            sound if sound.is_missing() => palette.bad,
            sound if sound.plays() => palette.good,
            _ => palette.muted,
        };
        let (dot, _) = ui.allocate_exact_size(Vec2::splat(unit), Sense::hover());
        ui.painter().circle_filled(dot.center(), 0.35 * unit, colour);
        let name = view
            .source
            .opened
            .as_ref()
            .map_or("nothing is open", |open| open.name.as_str());
        ui.add(egui::Label::new(RichText::new(name).size(unit).color(palette.text)).truncate());
        let snapshot = scene.snapshot;
        level_meter(
            ui,
            180.0,
            snapshot.rms,
            snapshot.peak,
            snapshot.clipped,
            scene.sound.plays(),
        );
        if view.stage.locked {
            ui.label(RichText::new("locked").size(unit).color(palette.muted));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let lock = if view.stage.locked { "Unlock" } else { "Lock" };
            let hint = "While locked, keys and other buttons do nothing (Ctrl+L)";
            if ui.button(lock).on_hover_text(hint).clicked() {
                view.stage.locked = !view.stage.locked;
            }
            if view.stage.locked {
                return;
            }
            let is_device = view
                .source
                .opened
                .as_ref()
                .is_some_and(|open| open.kind != SourceKind::File);
            let song = ui.add_enabled(is_device || scene.has_frames(), egui::Button::new("New song"));
            if song
                .on_hover_text("Another song begins: forget the one before (N)")
                .clicked()
            {
                view.request(Action::NewSong);
            }
            let StageWindow {
                on_top,
                borderless,
                transparent,
            } = &mut view.stage.window;
            for (switch, name, hint) in [
                (
                    transparent,
                    "Transparent",
                    "What lies behind shows through, from the next start on",
                ),
                (borderless, "No frame", "Hide the frame of the window"),
                (on_top, "On top", "Stay above all other windows"),
            ] {
                ui.toggle_value(switch, name).on_hover_text(hint);
            }
            super::views_ui(ui, view);
        });
    });
}
