//! Which segments of a file decided what it is as a whole: their shares in the answer, each to be played.
//!
//! In: what a network that reads whole files says. Out: paint; segments to play. Thread: window.

use super::Scene;
use super::whole::{labels, loop_ui, playhead, selection};
use crate::ui::job::Job;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::track::Track;
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{describe, ink_on, place_plot};
use crate::ui::wording;
use attune_audio::units::Seconds;
use attune_model::hierarchical::{DecidedReport, DecidingSegment};
use eframe::egui::{self, Align2, Color32, CornerRadius, CursorIcon, Label, Rect, RichText, Role, Sense, WidgetInfo};

/// How many segments are named as those that decided.
const NAMED: usize = 3;
/// Room for their ranks over the bars.
const RANKS: f32 = 13.0;
/// The others are drawn this much weaker.
const OTHERS: f32 = 0.45;

/// What the file is as a whole, and the selection.
pub(super) fn note_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, track: &Track) {
    let palette = Palette::of(ui);
    loop_ui(ui, scene, view);
    if let Job::Done(decided) = &track.segments {
        let text = wording::as_a_whole(decided, &scene.model_info.genres);
        ui.add(Label::new(RichText::new(text).size(10.5).color(palette.muted)).truncate())
            .on_hover_text(wording::WHAT_SEGMENTS_SAY);
    }
}

/// Draws the segments into what is available.
pub(super) fn segments_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, track: &Track) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    place_plot(ui, view, "Timeline", &response);
    let (inner, _, area) = super::parts(rect, 0);
    ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
    let decided = match &track.segments {
        Job::Done(decided) => decided,
        Job::Failed(why) => return say(ui, &response, area, &format!("The segments cannot be read: {why}")),
        Job::Idle | Job::Running(_) => {
            return say(ui, &response, area, "The file is being read as a whole …");
        }
    };
    let named = decided.deciding(NAMED);
    describe(&response, wording::segments(decided, &named, &scene.model_info.genres));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let length = track.duration.0.max(scene.transport.duration.0).max(0.1);
    let to_x = |at: f64| inner.left() + (at / length) as f32 * inner.width();
    let most = named.first().map_or(0.0, |place| decided.segments[*place].share);
    let bars: Vec<Rect> = decided
        .segments
        .iter()
        .map(|segment| {
            let tall = (segment.share / most.max(1e-9)) as f32 * (area.height() - RANKS);
            let (from, to) = (to_x(segment.start_s), to_x(segment.end_s));
            Rect::from_x_y_ranges(from..=(to - 1.0).max(from + 0.5), area.bottom() - tall..=area.bottom())
        })
        .collect();
    let pointed = response.hover_pos().filter(|at| area.contains(*at));
    let pointed = pointed.and_then(|at| bars.iter().position(|bar| bar.x_range().expand(0.5).contains(at.x)));
    for (place, (segment, bar)) in decided.segments.iter().zip(&bars).enumerate() {
        let rank = named.iter().position(|it| *it == place);
        let lit = rank.is_some() || pointed == Some(place);
        bar_ui(ui, scene, segment, *bar, if lit { 1.0 } else { OTHERS });
        if let Some(rank) = rank {
            let at = bar.center_top() - egui::vec2(0.0, 1.0);
            let text = (rank + 1).to_string();
            ui.painter()
                .text(at, Align2::CENTER_BOTTOM, text, axis_font(), palette.text);
        }
    }
    alike_ui(ui, area, decided.segments.len(), most);
    labels(ui, inner, length, &to_x);
    selection(ui, scene, view, inner, &to_x);
    playhead(ui, scene, view, inner, &to_x);
    for (rank, place) in named.iter().enumerate() {
        play_ui(
            ui,
            scene,
            view,
            (decided, *place),
            (rank, bars[*place].with_min_y(area.top())),
        );
    }
    let Some(segment) = pointed.map(|place| &decided.segments[place]) else {
        return;
    };
    ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    if response.clicked() {
        play(view, segment);
    }
    let said = wording::segment(segment, decided, &scene.model_info.genres);
    response.on_hover_text_at_pointer(format!("{said}\nClick to play it."));
}

/// A sentence in the place of the bars.
fn say(ui: &egui::Ui, response: &egui::Response, area: Rect, text: &str) {
    describe(response, format!("Segments: {text}"));
    let muted = Palette::of(ui).muted;
    ui.painter()
        .text(area.center(), Align2::CENTER_CENTER, text, axis_font(), muted);
}

fn bar_ui(ui: &egui::Ui, scene: &Scene<'_>, segment: &DecidingSegment, bar: Rect, opacity: f32) {
    let genres = &scene.model_info.genres;
    let fill = genres
        .find(&segment.genre)
        .map_or(Palette::of(ui).control_hovered, |id| {
            let [r, g, b] = genres.colour(id);
            Color32::from_rgb(r, g, b)
        });
    ui.painter()
        .rect_filled(bar, CornerRadius::ZERO, fill.gamma_multiply(opacity));
    let ink = if opacity < 1.0 {
        Palette::of(ui).text
    } else {
        ink_on(fill)
    };
    let word = wording::genre_title(&segment.genre, genres);
    let galley = ui.painter().layout_no_wrap(word, axis_font(), ink);
    if galley.size().x + 6.0 <= bar.width() && galley.size().y + 4.0 <= bar.height() {
        let at = bar.center_bottom() - egui::vec2(0.5 * galley.size().x, galley.size().y + 2.0);
        ui.painter().galley(at, galley, ink);
    }
}

/// The share that each would have if all counted alike, as a dashed line; the scale beside it.
fn alike_ui(ui: &egui::Ui, area: Rect, count: usize, most: f64) {
    let palette = Palette::of(ui);
    let alike = 1.0 / count.max(1) as f64;
    let y_of = |share: f64| area.bottom() - (share / most.max(1e-9)) as f32 * (area.height() - RANKS);
    let y = y_of(alike);
    let line = [egui::pos2(area.left(), y), egui::pos2(area.right(), y)];
    ui.painter().extend(egui::Shape::dashed_line(
        &line,
        (1.0, palette.text.gamma_multiply(0.7)),
        4.0,
        4.0,
    ));
    let label = |y: f32, share: f64| {
        let at = egui::pos2(area.left() - 6.0, y);
        let text = wording::percent(share as f32);
        ui.painter()
            .text(at, Align2::RIGHT_CENTER, text, axis_font(), palette.muted);
    };
    label(y_of(most), most);
    // Two figures on top of each other help nobody.
    if y - y_of(most) > 12.0 {
        label(y, alike);
    }
}

/// One of the named segments as a button for those who have no pointer.
fn play_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    view: &mut ViewState,
    (decided, place): (&DecidedReport, usize),
    (rank, rect): (usize, Rect),
) {
    let segment = &decided.segments[place];
    let button = ui.interact(rect, ui.scope_id().with(("segment", rank)), Sense::click());
    let said = wording::segment(segment, decided, &scene.model_info.genres);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Play segment {}: {said}", rank + 1)));
    if button.has_focus() {
        let accent = Palette::of(ui).accent;
        ui.painter()
            .rect_stroke(rect, CornerRadius::ZERO, (1.5, accent), egui::StrokeKind::Inside);
    }
    if button.clicked() {
        play(view, segment);
    }
    button.on_hover_text_at_pointer(format!("{said}\nClick to play it."));
}

fn play(view: &mut ViewState, segment: &DecidingSegment) {
    view.play_between(Seconds(segment.start_s), Seconds(segment.end_s));
}
