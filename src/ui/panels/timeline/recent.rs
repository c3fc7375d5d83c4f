//! The last minutes of what was played, whatever the source; and what other knobs would have answered.
//!
//! In: history. Out: paint. Thread: window.

use super::{MOST_POINTS, Scene, parts};
use crate::ui::choices::TIMELINE_SPANS;
use crate::ui::history::TimelinePoint;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{Bands, Run, areas_ui, describe, place_plot, ribbon_ui, runs, share_labels};
use crate::ui::wording;
use attune_engine::smoothing::AnswerState;
use eframe::egui::{self, Align2, CornerRadius, Rect, Sense};

/// Draws the last minutes into what is available.
pub(super) fn recent_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let span = TIMELINE_SPANS[view.timeline.span.unwrap_or(0).min(TIMELINE_SPANS.len() - 1)].seconds;
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let points = visible(scene.history.points().iter(), scene.history.played_secs(), span);
    let mut said = summary(scene, &points);
    if let Some(run) = scene
        .history
        .sections()
        .all()
        .next_back()
        .filter(|_| view.timeline.lists_sections)
    {
        said = format!("{said}. {}", wording::listed(run, &scene.model_info.genres));
    }
    describe(&response, said);
    place_plot(ui, view, "Timeline", &response);
    if !ui.is_rect_visible(rect) {
        return;
    }
    let retried = scene.knobs_replay;
    let lists = view.timeline.lists_sections;
    let (inner, ribbons, area) = parts(rect, 1 + usize::from(retried.is_some()) + usize::from(lists));
    let now = scene.history.played_secs();
    let to_x = |secs: f64| inner.right() - ((now - secs) / span) as f32 * inner.width();
    for ribbon in &ribbons {
        ui.painter().rect_filled(*ribbon, CornerRadius::same(2), palette.track);
    }
    ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
    let bands = Bands {
        rect: area,
        range: (now - span, now),
        genres: &scene.model_info.genres,
        opacity: 1.0,
    };
    areas_ui(ui, &bands, &points);
    ribbon_ui(ui, ribbons[0], &runs(&points, now, to_x), &scene.model_info.genres, 1.0);
    if let (Some(result), Some(second)) = (retried, ribbons.get(1)) {
        let tried = visible(result.points.iter(), now, span);
        ribbon_ui(ui, *second, &runs(&tried, now, to_x), &scene.model_info.genres, 1.0);
        for (ribbon, text) in [(ribbons[0], "live"), (*second, "tried")] {
            let at = egui::pos2(ribbon.left() - 6.0, ribbon.center().y);
            ui.painter()
                .text(at, Align2::RIGHT_CENTER, text, axis_font(), palette.muted);
        }
    }
    if let Some(ribbon) = ribbons.last().filter(|_| lists) {
        sections_ui(ui, scene, *ribbon, (now - span, now), &to_x);
    }
    share_labels(ui, area);
    let is_held = scene.held.is_some();
    for i in 0..=4 {
        let back = span * f64::from(i) / 4.0;
        let x = to_x(now - back);
        ui.painter()
            .vline(x, inner.bottom()..=inner.bottom() + 3.0, (1.0, palette.muted));
        let at = egui::pos2(x, inner.bottom() + 3.0);
        let text = back_label(back, is_held);
        ui.painter()
            .text(at, Align2::CENTER_TOP, text, axis_font(), palette.muted);
    }
    cursors(ui, scene, view, inner, &to_x);
    hover_ui(ui, scene, view, (&response, inner), span, &points);
}

/// The sections that were listed in this time.
fn sections_ui(ui: &egui::Ui, scene: &Scene<'_>, ribbon: Rect, (from, to): (f64, f64), to_x: &impl Fn(f64) -> f32) {
    let seen = scene.history.sections().all();
    let seen = seen.filter(|run| run.until_played > from && run.since_played < to);
    let runs: Vec<Run> = seen
        .map(|run| Run {
            from: to_x(run.since_played),
            to: to_x(run.until_played),
            state: AnswerState::Genre(run.genre),
        })
        .collect();
    ribbon_ui(ui, ribbon, &runs, &scene.model_info.genres, 1.0);
    let at = egui::pos2(ribbon.left() - 6.0, ribbon.center().y);
    ui.painter()
        .text(at, Align2::RIGHT_CENTER, "sections", axis_font(), Palette::of(ui).muted);
}

/// Where the plots above point to.
fn cursors(ui: &egui::Ui, scene: &Scene<'_>, view: &ViewState, inner: Rect, to_x: &impl Fn(f64) -> f32) {
    let palette = Palette::of(ui);
    let line = |column: Option<u64>, width: f32, colour| {
        let secs = column
            .and_then(|column| scene.history.moment(column))
            .map(|it| it.played_secs);
        if let Some(x) = secs.map(to_x).filter(|x| inner.x_range().contains(*x)) {
            ui.painter().vline(x, inner.y_range(), (width, colour));
        }
    };
    let held = scene.held.map(|held| held.cursor as u64 + 1);
    line(
        held.and_then(|back| scene.history.total_columns().checked_sub(back)),
        1.5,
        palette.accent,
    );
    line(view.time.pointed, 1.0, palette.text.gamma_multiply(0.6));
}

fn back_label(seconds: f64, is_held: bool) -> String {
    if seconds == 0.0 {
        if is_held { "held" } else { "now" }.to_owned()
    } else if seconds < 120.0 {
        format!("−{seconds:.0} s")
    } else {
        let minutes = seconds / 60.0;
        if minutes.fract() == 0.0 {
            format!("−{minutes:.0} min")
        } else {
            format!("−{minutes:.1} min")
        }
    }
}

/// The points of the last `span` seconds, thinned by their place in time so that they do not shimmer as they scroll.
pub(in crate::ui::panels) fn visible<'a>(
    points: impl Iterator<Item = &'a TimelinePoint>,
    now: f64,
    span: f64,
) -> Vec<TimelinePoint> {
    let oldest = now - span;
    let seen: Vec<&TimelinePoint> = points.filter(|point| point.played_secs >= oldest).collect();
    let stride = seen.len().div_ceil(MOST_POINTS).max(1);
    seen.into_iter()
        .filter(|point| stride == 1 || ((point.played_secs / 0.25).round() as usize).is_multiple_of(stride))
        .copied()
        .collect()
}

fn hover_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    view: &mut ViewState,
    (response, plot): (&egui::Response, Rect),
    span: f64,
    points: &[TimelinePoint],
) {
    let Some(pointer) = response.hover_pos().filter(|at| plot.contains(*at)) else {
        return;
    };
    let secs = scene.history.played_secs() - span * f64::from((plot.right() - pointer.x) / plot.width());
    let at = points.partition_point(|point| point.played_secs <= secs);
    let Some(point) = at.checked_sub(1).and_then(|i| points.get(i)) else {
        return;
    };
    // A pointer in a gap is on no point.
    if secs - point.played_secs > 2.0 * (span / MOST_POINTS as f64).max(0.25) {
        return;
    }
    ui.painter()
        .vline(pointer.x, plot.y_range(), (1.0, Palette::of(ui).text));
    view.time.pointing = scene.history.column_played_at(secs);
    let mut said = wording::point(point, &scene.model_info.genres);
    if let Some(run) = scene
        .history
        .sections()
        .at(secs)
        .filter(|_| view.timeline.lists_sections)
    {
        said = format!("{said}\n{}", wording::listed(run, &scene.model_info.genres));
    }
    response.clone().on_hover_text_at_pointer(said);
}

/// What a screen reader says instead of the picture: how the time in sight was answered.
fn summary(scene: &Scene<'_>, points: &[TimelinePoint]) -> String {
    if points.is_empty() {
        return "Timeline: no sound yet".to_owned();
    }
    let genres = &scene.model_info.genres;
    let named = genres.ids().map(AnswerState::Genre);
    let mut shares: Vec<_> = named
        .chain([AnswerState::Speech, AnswerState::NotMusic, AnswerState::Unfamiliar])
        .map(|state| {
            let answered = points.iter().filter(|point| point.state == state).count();
            (state, answered as f32 / points.len() as f32)
        })
        .filter(|(_, share)| *share > 0.0)
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    if shares.is_empty() {
        return "Timeline: no genre was answered in this time".to_owned();
    }
    format!("Timeline: {}", wording::shares(&shares, genres))
}
