//! Which sections a file has, and where a network looked when it wrote each: a row for each section, under the time of
//! the file. Each section is played by a click.
//!
//! In: what a network that reads whole files wrote. Out: paint; sections to play. Thread: window.

use super::Scene;
use super::whole::{labels, playhead, selection};
use crate::ui::job::Job;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::track::Track;
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{describe, place_plot};
use crate::ui::wording;
use attune_model::sections::SectionReading;
use eframe::egui::{self, Align2, Color32, CornerRadius, CursorIcon, Rect, Role, Sense, WidgetInfo};

/// Rows are no higher than this.
const HIGHEST: f32 = 26.0;
/// Weights below this share of the row's highest are not painted.
const LEAST: f32 = 0.03;

/// Draws the alignment into what is available.
pub(super) fn sections_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, track: &Track) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    place_plot(ui, view, "Timeline", &response);
    let (inner, _, area) = super::parts(rect, 0);
    ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
    let read = match &track.sections {
        Job::Done(read) => read,
        Job::Failed(why) => return say(ui, &response, area, &format!("The sections cannot be read: {why}")),
        Job::Idle | Job::Running(_) => return say(ui, &response, area, "The file is being read as a whole …"),
    };
    if read.sections.is_empty() {
        return say(ui, &response, area, "The network wrote no section.");
    }
    let genres = &scene.model_info.genres;
    describe(&response, wording::sections(read, genres));
    let length = track.duration.0.max(scene.transport.duration.0).max(0.1);
    let to_x = |at: f64| inner.left() + (at / length) as f32 * inner.width();
    let height = (area.height() / read.sections.len() as f32).min(HIGHEST);
    let rows: Vec<Rect> = (0..read.sections.len())
        .map(|row| {
            let top = area.top() + row as f32 * height;
            Rect::from_x_y_ranges(area.x_range(), top..=top + height)
        })
        .collect();
    let pointed = response.hover_pos().filter(|at| area.contains(*at));
    let pointed = pointed.and_then(|at| rows.iter().position(|row| row.contains(at)));
    for (place, row) in rows.iter().enumerate() {
        row_ui(ui, scene, (read, place), *row, &to_x);
        let (start, end) = read.span(place);
        let span = Rect::from_x_y_ranges(to_x(start.0)..=to_x(end.0), row.y_range());
        let stroke = if pointed == Some(place) { 1.5 } else { 0.8 };
        ui.painter().rect_stroke(
            span.shrink(0.5),
            CornerRadius::ZERO,
            (stroke, palette.text.gamma_multiply(0.7)),
            egui::StrokeKind::Inside,
        );
        play_ui(ui, scene, view, (read, place), span);
    }
    labels(ui, inner, length, &to_x);
    selection(ui, scene, view, inner, &to_x);
    playhead(ui, scene, view, inner, &to_x);
    let Some(place) = pointed else {
        return;
    };
    ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    if response.clicked() {
        let (start, end) = read.span(place);
        view.play_between(start, end);
    }
    let said = wording::section(read, place, genres);
    response.on_hover_text_at_pointer(format!("{said}\nClick to play it."));
}

/// A sentence in the place of the rows.
fn say(ui: &egui::Ui, response: &egui::Response, area: Rect, text: &str) {
    describe(response, format!("Sections: {text}"));
    let muted = Palette::of(ui).muted;
    ui.painter()
        .text(area.center(), Align2::CENTER_CENTER, text, axis_font(), muted);
}

/// Where the network looked for one section, in the colour of its genre, and its name.
fn row_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    (read, place): (&SectionReading, usize),
    row: Rect,
    to_x: &impl Fn(f64) -> f32,
) {
    let (palette, genres) = (Palette::of(ui), &scene.model_info.genres);
    let section = &read.sections[place];
    let [r, g, b] = genres.colour(section.genre);
    let colour = Color32::from_rgb(r, g, b);
    let weights = &read.alignment[place];
    let most = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let bars = row.shrink2(egui::vec2(0.0, 1.0));
    for (step, weight) in weights.iter().enumerate() {
        let share = weight / most;
        if share < LEAST {
            continue;
        }
        let x = |step: usize| to_x(step as f64 * read.step.0);
        let top = bars.bottom() - share * bars.height();
        let bar = Rect::from_x_y_ranges(x(step)..=x(step + 1).max(x(step) + 0.5), top..=bars.bottom());
        ui.painter().rect_filled(bar, CornerRadius::ZERO, colour);
    }
    let (start, end) = read.span(place);
    let galley = ui
        .painter()
        .layout_no_wrap(genres.title(section.genre), axis_font(), palette.text);
    // Beside the section, on the side with more room.
    let (left, right) = (to_x(start.0) - row.left(), row.right() - to_x(end.0));
    let x = if right >= left {
        to_x(end.0) + 4.0
    } else {
        to_x(start.0) - 4.0 - galley.size().x
    };
    let at = egui::pos2(x, row.center().y - 0.5 * galley.size().y);
    // A ground of its own: attention may lie beside the section too.
    let ground = Rect::from_min_size(at, galley.size()).expand2(egui::vec2(2.0, 0.0));
    ui.painter()
        .rect_filled(ground, CornerRadius::same(2), palette.track.gamma_multiply(0.85));
    ui.painter().galley(at, galley, palette.text);
}

/// A section as a button, also for those who have no pointer.
fn play_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    view: &mut ViewState,
    (read, place): (&SectionReading, usize),
    rect: Rect,
) {
    let button = ui.interact(rect, ui.scope_id().with(("section", place)), Sense::click());
    let said = wording::section(read, place, &scene.model_info.genres);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Play section {}: {said}", place + 1)));
    if button.has_focus() {
        let accent = Palette::of(ui).accent;
        ui.painter()
            .rect_stroke(rect, CornerRadius::ZERO, (1.5, accent), egui::StrokeKind::Inside);
    }
    if button.clicked() {
        let (start, end) = read.span(place);
        view.play_between(start, end);
    }
    button.on_hover_text_at_pointer(format!("{said}\nClick to play it."));
}
