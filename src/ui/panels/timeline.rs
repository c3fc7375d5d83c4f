//! The last minutes: agreed probabilities stacked, answers as a ribbon above them.
//!
//! In: history. Out: paint. Thread: window.

use super::Scene;
use crate::smoothing::AnswerState;
use crate::ui::history::TimelinePoint;
use crate::ui::sentences;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::{TIMELINE_SPANS, ViewState};
use crate::ui::widgets::{describe, heading};
use eframe::egui::{self, Align, Align2, Color32, CornerRadius, Layout, Rect, Sense, TextStyle, UiBuilder, Vec2};
use egui_plot::{FilledArea, GridMark, Plot, PlotBounds};

/// The most points drawn: more than one for two pixels cannot be told apart.
const MOST_POINTS: usize = 360;
/// Height of the ribbon of answers.
const RIBBON: f32 = 18.0;
/// Height of the time labels.
const LABELS: f32 = 18.0;

/// Draws the timeline into what is available.
pub fn timeline_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), 26.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            heading(ui, "Timeline").on_hover_text("Agreed probabilities over time; the ribbon holds the answers");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                for (i, span) in TIMELINE_SPANS.iter().enumerate().rev() {
                    if ui.selectable_label(view.timeline_span == i, span.label).clicked() {
                        view.timeline_span = i;
                    }
                }
            });
        },
    );
    let span = TIMELINE_SPANS[view.timeline_span.min(TIMELINE_SPANS.len() - 1)].seconds;
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    describe(&response, summary(scene, span));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let inner = Rect::from_min_max(
        rect.min + Vec2::new(GUTTER, 2.0),
        rect.max - Vec2::new(PLOT_RIGHT, LABELS),
    );
    let ribbon = Rect::from_min_size(inner.min, Vec2::new(inner.width(), RIBBON));
    let area = Rect::from_min_max(egui::pos2(inner.left(), ribbon.bottom() + 3.0), inner.max);
    let points = visible(scene, span);
    let to_x = |heard: f64| inner.right() - ((scene.history.heard() - heard) / span) as f32 * inner.width();
    ui.painter().rect_filled(ribbon, CornerRadius::same(2), palette.track);
    ui.painter().rect_filled(area, CornerRadius::ZERO, palette.track);
    areas_ui(ui, scene, area, span, &points);
    ribbon_ui(ui, scene, ribbon, &points, to_x);
    for (share, text) in [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")] {
        let y = egui::lerp(area.bottom()..=area.top(), share);
        let align = match share {
            0.0 => Align2::RIGHT_BOTTOM,
            1.0 => Align2::RIGHT_TOP,
            _ => Align2::RIGHT_CENTER,
        };
        if align != Align2::RIGHT_CENTER || area.height() > 44.0 {
            ui.painter().text(
                egui::pos2(area.left() - 6.0, y),
                align,
                text,
                axis_font(),
                palette.muted,
            );
        }
    }
    for i in 0..=4 {
        let back = span * f64::from(i) / 4.0;
        let x = to_x(scene.history.heard() - back);
        ui.painter()
            .vline(x, inner.bottom()..=inner.bottom() + 3.0, (1.0, palette.muted));
        let at = egui::pos2(x, inner.bottom() + 3.0);
        ui.painter()
            .text(at, Align2::CENTER_TOP, back_label(back), axis_font(), palette.muted);
    }
    hover_ui(ui, scene, &response, inner, span, &points);
}

fn back_label(seconds: f64) -> String {
    if seconds == 0.0 {
        "now".to_owned()
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

/// The points in sight, thinned so that there are not more than can be told apart.
fn visible(scene: &Scene<'_>, span: f64) -> Vec<TimelinePoint> {
    let points = scene.history.points();
    let oldest = scene.history.heard() - span;
    let first = points.partition_point(|point| point.heard < oldest);
    let stride = (points.len() - first).div_ceil(MOST_POINTS).max(1);
    points
        .iter()
        .enumerate()
        .skip(first)
        // Thinned by the place in time, not in sight, or the picture would shimmer as it scrolls.
        .filter(|(_, point)| stride == 1 || ((point.heard / 0.25).round() as usize).is_multiple_of(stride))
        .map(|(_, point)| *point)
        .collect()
}

/// Runs of points of one segment.
fn segments(points: &[TimelinePoint]) -> impl Iterator<Item = &[TimelinePoint]> {
    points.chunk_by(|a, b| a.segment == b.segment)
}

fn areas_ui(ui: &mut egui::Ui, scene: &Scene<'_>, area: Rect, span: f64, points: &[TimelinePoint]) {
    let palette = Palette::of(ui);
    let now = scene.history.heard();
    let mut child = ui.new_child(UiBuilder::new().max_rect(area));
    Plot::new("timeline")
        .width(area.width())
        .height(area.height())
        .show_axes(false)
        .show_background(false)
        .show_crosshair(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .allow_axis_zoom_drag(false)
        .sense(Sense::empty())
        .set_margin_fraction(Vec2::ZERO)
        .grid_color(palette.outline)
        .grid_fade(0.0)
        .x_grid_spacer(move |_| {
            (1..4)
                .map(|i| GridMark {
                    value: now - span * f64::from(i) / 4.0,
                    step_size: span,
                })
                .collect()
        })
        .y_grid_spacer(|_| {
            vec![GridMark {
                value: 0.5,
                step_size: 1.0,
            }]
        })
        .show(&mut child, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([now - span, 0.0], [now, 1.0]));
            for run in segments(points).filter(|run| run.len() > 1) {
                let xs: Vec<f64> = run.iter().map(|point| point.heard).collect();
                let mut low = vec![0.0; run.len()];
                for id in scene.cast.genres.ids() {
                    let high: Vec<f64> = run
                        .iter()
                        .zip(&low)
                        .map(|(point, low)| low + f64::from(point.agreed.of(id)))
                        .collect();
                    let [r, g, b] = scene.cast.genres.colour(id);
                    let name = scene.cast.genres.title(id);
                    plot.add(FilledArea::new(name, &xs, &low, &high).fill_color(Color32::from_rgb(r, g, b)));
                    low = high;
                }
            }
        });
}

fn ribbon_ui(ui: &egui::Ui, scene: &Scene<'_>, ribbon: Rect, points: &[TimelinePoint], to_x: impl Fn(f64) -> f32) {
    let palette = Palette::of(ui);
    let painter = ui.painter().with_clip_rect(ribbon.intersect(ui.clip_rect()));
    let font = TextStyle::Small.resolve(ui.style());
    for run in points.chunk_by(|a, b| a.segment == b.segment && a.state == b.state) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        // A run lasts until the next point of its segment; the newest until now.
        let next = points
            .iter()
            .find(|point| point.heard > last.heard && point.segment == last.segment);
        let is_newest = points.last().is_some_and(|newest| newest.heard <= last.heard);
        let end = match next {
            Some(next) => next.heard,
            None if is_newest => scene.history.heard(),
            None => last.heard,
        };
        let part = Rect::from_x_y_ranges(to_x(first.heard)..=to_x(end), ribbon.y_range());
        let (fill, word) = match first.state {
            AnswerState::Genre(id) => {
                let [r, g, b] = scene.cast.genres.colour(id);
                (Color32::from_rgb(r, g, b), scene.cast.genres.title(id))
            }
            AnswerState::Unsure => (palette.control_hovered, "unsure".to_owned()),
            AnswerState::Silence => (palette.track, "silence".to_owned()),
            AnswerState::Speech => (palette.speech, "speech".to_owned()),
            AnswerState::NotMusic => (palette.not_music, "not music".to_owned()),
            AnswerState::WarmingUp => (palette.control, "…".to_owned()),
        };
        painter.rect_filled(part, CornerRadius::same(2), fill);
        let ink = match first.state {
            AnswerState::Genre(_) => ink_on(fill),
            AnswerState::Speech | AnswerState::NotMusic => palette.text,
            _ => palette.muted,
        };
        let galley = painter.layout_no_wrap(word, font.clone(), ink);
        let seen = part.intersect(ribbon);
        if galley.size().x + 8.0 <= seen.width() {
            painter.galley(seen.center() - 0.5 * galley.size(), galley, ink);
        }
    }
}

/// Black or white, whichever stands out more.
fn ink_on(fill: Color32) -> Color32 {
    let lightness = 0.2126 * f32::from(fill.r()) + 0.7152 * f32::from(fill.g()) + 0.0722 * f32::from(fill.b());
    if lightness > 118.0 {
        Color32::from_gray(16)
    } else {
        Color32::WHITE
    }
}

fn hover_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    response: &egui::Response,
    plot: Rect,
    span: f64,
    points: &[TimelinePoint],
) {
    let Some(pointer) = response.hover_pos().filter(|at| plot.contains(*at)) else {
        return;
    };
    let heard = scene.history.heard() - span * f64::from((plot.right() - pointer.x) / plot.width());
    let at = points.partition_point(|point| point.heard <= heard);
    let Some(point) = at.checked_sub(1).and_then(|i| points.get(i)) else {
        return;
    };
    // A pointer in a gap is on no point.
    if heard - point.heard > 2.0 * (span / MOST_POINTS as f64).max(0.25) {
        return;
    }
    ui.painter()
        .vline(pointer.x, plot.y_range(), (1.0, Palette::of(ui).text));
    let genres = &scene.cast.genres;
    let word = point.state.title(genres);
    let mut ranked: Vec<_> = genres.ids().map(|id| (point.agreed.of(id), id)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best: Vec<_> = ranked
        .iter()
        .take(3)
        .map(|(share, id)| format!("{} {}", genres.title(*id), sentences::percent(*share)))
        .collect();
    response
        .clone()
        .on_hover_text_at_pointer(format!("{} · {word}\n{}", point.at.clock(), best.join(" · ")));
}

/// What a screen reader says instead of the picture: how the time in sight was answered.
fn summary(scene: &Scene<'_>, span: f64) -> String {
    let points = visible(scene, span);
    if points.is_empty() {
        return "Timeline: nothing is heard yet".to_owned();
    }
    let genres = &scene.cast.genres;
    let named = genres.ids().map(AnswerState::Genre);
    let mut shares: Vec<_> = named
        .chain([AnswerState::Speech, AnswerState::NotMusic])
        .map(|state| {
            let answered = points.iter().filter(|point| point.state == state).count();
            (answered as f32 / points.len() as f32, state.title(genres))
        })
        .filter(|(share, _)| *share > 0.0)
        .collect();
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    if shares.is_empty() {
        return "Timeline: no genre was answered in this time".to_owned();
    }
    let parts: Vec<_> = shares
        .iter()
        .take(3)
        .map(|(share, title)| format!("{title} {} of the time", sentences::percent(*share)))
        .collect();
    format!("Timeline: {}", parts.join(", "))
}
