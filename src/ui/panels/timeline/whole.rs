//! The whole track of a file: what was played of it, the prescan of the rest, where it plays, what is looped.
//!
//! In: track, transport. Out: paint; seeks and selections. Thread: window.

use super::super::truth::truth_ui;
use super::hand::drag;
use super::{MOST_POINTS, Scene, parts};
use crate::demo;
use crate::ui::choices::TrackDrag;
use crate::ui::held_moment::HeldMoment;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::track::{SAME, Track};
use crate::ui::truth::section_at;
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{Bands, Run, areas_ui, describe, place_plot, ribbon_ui, runs, share_labels};
use crate::ui::wording;
use attune_audio::units::Seconds;
use attune_engine::Command;
use eframe::egui::{self, Align2, Color32, CornerRadius, Label, Rect, RichText, Sense};

/// What is not played yet is drawn this much weaker.
const PRESCAN: f32 = 0.35;

/// The selection, with a way out of it.
pub(super) fn loop_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    if let Some((start, end)) = scene.transport.selection {
        let muted = scene
            .transport
            .muted
            .map_or(String::new(), |(from, _)| format!(", {} muted", from.clock()));
        let text = format!("Loop {}–{}{muted}  ×", start.clock(), end.clock());
        let button = ui
            .add(egui::Button::new(RichText::new(text).small()).selected(true))
            .on_hover_text("Play on instead (Esc)")
            .accessible_name("End the loop");
        if button.clicked() {
            view.order(Command::Select(None));
        }
    }
}

/// The parity mark, and the selection.
pub(super) fn note_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, track: &Track) {
    let palette = Palette::of(ui);
    loop_ui(ui, scene, view);
    let (text, ink, hover) = mark(palette, scene, track);
    ui.add(Label::new(RichText::new(text).size(10.5).color(ink)).truncate())
        .on_hover_text(hover);
}

/// Whether live and file are the same: in a word, its colour, and in full.
fn mark(palette: &Palette, scene: &Scene<'_>, track: &Track) -> (String, Color32, String) {
    if let Some(error) = track.prescan_error() {
        return ("Not analysed in advance".to_owned(), palette.muted, error.to_string());
    }
    if !Track::is_short_enough(Some(track.duration)) {
        let why = "Files over 90 minutes are not analysed in advance; what is played is drawn.";
        return (
            "Too long to be analysed in advance".to_owned(),
            palette.muted,
            why.to_owned(),
        );
    }
    let parity = &track.parity;
    let ink = match parity.frames {
        0 => palette.muted,
        _ if parity.largest <= SAME && parity.other_answers == 0 => palette.good,
        _ => palette.warning,
    };
    let text = if track.is_scanning() && parity.frames == 0 {
        "Analysing …".to_owned()
    } else {
        wording::parity_mark(parity)
    };
    let hover = format!(
        "{}. The answers of the live path, frame by frame, beside those of `attune analyze` on the same file.",
        wording::parity(parity, scene.snapshot.hop)
    );
    (text, ink, hover)
}

/// Draws the track into what is available.
pub(super) fn whole_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, track: &Track) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    describe(&response, summary(scene, track));
    place_plot(ui, view, "Timeline", &response);
    let genres = &scene.model_info.genres;
    // What the file is known to be has a ribbon of its own, over what is answered.
    let truth = track.truth();
    let (inner, ribbons, area) = parts(rect, if truth.is_empty() { 1 } else { 2 });
    let ribbon = ribbons[ribbons.len() - 1];
    let length = track.duration.0.max(scene.transport.duration.0).max(0.1);
    let to_x = |at: f64| inner.left() + (at / length) as f32 * inner.width();
    if ui.is_rect_visible(rect) {
        ui.painter().rect_filled(ribbon, CornerRadius::same(2), palette.track);
        ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
        let prescan = track.prescanned(MOST_POINTS);
        let live = track.live(MOST_POINTS);
        for (points, opacity) in [(&prescan, PRESCAN), (&live, 1.0)] {
            let bands = Bands {
                rect: area,
                range: (0.0, length),
                genres,
                opacity,
            };
            areas_ui(ui, &bands, points);
        }
        let hop = scene.snapshot.hop.0;
        let end = prescan.last().map_or(0.0, |point| point.played_secs + hop);
        let played: Vec<Run> = live
            .chunk_by(|a, b| a.segment == b.segment)
            .flat_map(|run| runs(run, run.last().map_or(0.0, |point| point.played_secs), to_x))
            .collect();
        ribbon_ui(
            ui,
            ribbon,
            &not_under(runs(&prescan, end, to_x), &played),
            genres,
            PRESCAN,
        );
        ribbon_ui(ui, ribbon, &played, genres, 1.0);
        if !truth.is_empty() {
            let known = truth.iter();
            let known = known.map(|section| (to_x(section.span.0.0), to_x(section.span.1.0), section));
            truth_ui(ui, ribbons[0], known, genres);
            for (row, text) in [(ribbons[0], "true"), (ribbon, "answer")] {
                let at = egui::pos2(row.left() - 6.0, row.center().y);
                ui.painter()
                    .text(at, Align2::RIGHT_CENTER, text, axis_font(), palette.muted);
            }
        }
        share_labels(ui, area);
        labels(ui, inner, length, &to_x);
        selection(ui, scene, view, inner, &to_x);
        playhead(ui, scene, view, inner, &to_x);
    }
    drag(ui, view, &response, scene, (inner, length));
    hover_ui(ui, scene, view, (&response, inner), length, track);
}

/// The parts of the prescanned runs that what was played does not cover, so that no name is cut.
fn not_under(mut prescan: Vec<Run>, played: &[Run]) -> Vec<Run> {
    for run in &mut prescan {
        for over in played {
            if over.from <= run.from + 1.0 && over.to > run.from {
                run.from = over.to;
            }
        }
    }
    prescan.retain(|run| run.to > run.from);
    prescan
}

/// Times of the file under the plot.
pub(super) fn labels(ui: &egui::Ui, inner: Rect, length: f64, to_x: &impl Fn(f64) -> f32) {
    let palette = Palette::of(ui);
    let most = f64::from(inner.width() / 72.0).max(1.0);
    let step = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0]
        .into_iter()
        .find(|step| length / step <= most)
        .unwrap_or(1800.0);
    for i in 0..=(length / step) as u32 {
        let at = f64::from(i) * step;
        let x = to_x(at);
        ui.painter()
            .vline(x, inner.bottom()..=inner.bottom() + 3.0, (1.0, palette.muted));
        // Whole seconds, so without the tenths.
        let clock = Seconds(at).clock();
        let text = clock.split('.').next().unwrap_or_default();
        ui.painter().text(
            egui::pos2(x, inner.bottom() + 3.0),
            Align2::CENTER_TOP,
            text,
            axis_font(),
            palette.muted,
        );
    }
}

/// What is looped, or is being selected: tinted, with its edges.
pub(super) fn selection(ui: &egui::Ui, scene: &Scene<'_>, view: &ViewState, inner: Rect, to_x: &impl Fn(f64) -> f32) {
    let selecting = match view.timeline.drag {
        Some(TrackDrag::Select { from, to }) => Some((from.0.min(to.0), from.0.max(to.0))),
        _ => None,
    };
    let looped = scene.transport.selection.map(|(start, end)| (start.0, end.0));
    let Some((start, end)) = selecting.or(looped) else {
        return;
    };
    let palette = Palette::of(ui);
    let part = Rect::from_x_y_ranges(to_x(start)..=to_x(end), inner.y_range()).intersect(inner);
    ui.painter()
        .rect_filled(part, CornerRadius::ZERO, palette.accent.gamma_multiply(0.22));
    for x in [part.left(), part.right()] {
        ui.painter().vline(x, inner.y_range(), (1.5, palette.accent));
    }
    if let Some((from, to)) = scene.transport.muted {
        // At least a line, however long the track is.
        let (left, right) = (to_x(from.0), to_x(to.0).max(to_x(from.0) + 2.0));
        let part = Rect::from_x_y_ranges(left..=right, inner.y_range()).intersect(inner);
        ui.painter().rect_filled(part, CornerRadius::ZERO, palette.background);
    }
}

/// Where it plays, and where the plots above point to.
pub(super) fn playhead(ui: &egui::Ui, scene: &Scene<'_>, view: &ViewState, inner: Rect, to_x: &impl Fn(f64) -> f32) {
    let palette = Palette::of(ui);
    let at = view.transport.seeking_to.unwrap_or(scene.transport.position);
    let x = to_x(at.0).clamp(inner.left(), inner.right());
    ui.painter().vline(x, inner.y_range(), (2.0, palette.text));
    let tip = egui::pos2(x, inner.top());
    let head = vec![
        tip + egui::vec2(-5.0, -4.0),
        tip + egui::vec2(5.0, -4.0),
        tip + egui::vec2(0.0, 4.0),
    ];
    ui.painter()
        .add(egui::Shape::convex_polygon(head, palette.text, egui::Stroke::NONE));
    let line = |at: Option<Seconds>, width: f32, colour| {
        if let Some(x) = at.map(|at| to_x(at.0)).filter(|x| inner.x_range().contains(*x)) {
            ui.painter().vline(x, inner.y_range(), (width, colour));
        }
    };
    line(scene.held.and_then(HeldMoment::cursor_at), 1.5, palette.accent);
    let pointed = view.time.pointed.and_then(|column| scene.history.time_of(column));
    line(pointed, 1.0, palette.text.gamma_multiply(0.6));
}

fn hover_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    view: &mut ViewState,
    (response, inner): (&egui::Response, Rect),
    length: f64,
    track: &Track,
) {
    let Some(pointer) = response.hover_pos().filter(|at| inner.contains(*at)) else {
        return;
    };
    let at = Seconds(f64::from((pointer.x - inner.left()) / inner.width()) * length);
    ui.painter()
        .vline(pointer.x, inner.y_range(), (1.0, Palette::of(ui).text));
    view.time.pointing = scene.history.column_at(at, scene.snapshot.hop);
    let said = match track.known_at(at) {
        Some((point, true)) => wording::point(&point, &scene.model_info.genres),
        Some((point, false)) => format!("Not played yet. {}", wording::point(&point, &scene.model_info.genres)),
        None => format!("At {}: not played yet.", at.clock()),
    };
    let recording = match demo::section_at(at).filter(|_| view.source.is_demo) {
        Some(section) => format!("\nThe recording: {}, {}.", section.title, section.artist),
        None => String::new(),
    };
    let known = section_at(track.truth(), at).map_or(String::new(), |it| format!("\nIn truth: {}.", it.label));
    response
        .clone()
        .on_hover_text_at_pointer(format!("{said}{known}{recording}\nClick: play from here. Drag: loop."));
}

/// What a screen reader says instead of the picture.
fn summary(scene: &Scene<'_>, track: &Track) -> String {
    let shares = track.shares();
    if shares.is_empty() {
        return "Timeline: no sound yet".to_owned();
    }
    let answers = wording::shares(&shares, &scene.model_info.genres);
    let known = match track.truth().len() {
        0 => String::new(),
        count => format!(" {count} true sections are known."),
    };
    let looped = match scene.transport.selection {
        Some((start, end)) => format!(" Looping {} to {}.", start.clock(), end.clock()),
        None => String::new(),
    };
    format!(
        "Timeline: {answers}. The track is {} long and plays at {}. {}.{known}{looped}",
        track.duration.clock(),
        scene.transport.position.clock(),
        wording::parity(&track.parity, scene.snapshot.hop)
    )
}
