//! Probabilities over time, stacked: a band for each class, in its colour.
//!
//! In: points. Out: paint. Thread: window.

use crate::genre::GenreSet;
use crate::ui::history::TimelinePoint;
use crate::ui::theme::Palette;
use eframe::egui::{self, Color32, Rect, Sense, UiBuilder, Vec2};
use egui_plot::{FilledArea, GridMark, Plot, PlotBounds};

/// Where the bands are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Bands<'a> {
    /// A name that no other such plot has.
    pub name: &'static str,
    /// The rectangle.
    pub rect: Rect,
    /// Times (`heard` of the points) at its left and right edge.
    pub range: (f64, f64),
    /// The classes.
    pub genres: &'a GenreSet,
    /// 1, or less for what is not heard yet.
    pub opacity: f32,
}

/// Draws the bands, interrupted where the segment changes.
pub fn areas_ui(ui: &mut egui::Ui, bands: &Bands<'_>, points: &[TimelinePoint]) {
    let palette = Palette::of(ui);
    let (from, to) = bands.range;
    let mut child = ui.new_child(UiBuilder::new().max_rect(bands.rect));
    Plot::new(bands.name)
        .width(bands.rect.width())
        .height(bands.rect.height())
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
                    value: to - (to - from) * f64::from(i) / 4.0,
                    step_size: to - from,
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
            plot.set_plot_bounds(PlotBounds::from_min_max([from, 0.0], [to.max(from + 1e-3), 1.0]));
            let runs = points.chunk_by(|a, b| a.segment == b.segment);
            for run in runs.filter(|run| run.len() > 1) {
                let xs: Vec<f64> = run.iter().map(|point| point.heard).collect();
                let mut low = vec![0.0; run.len()];
                for id in bands.genres.ids() {
                    let high: Vec<f64> = run
                        .iter()
                        .zip(&low)
                        .map(|(point, low)| low + f64::from(point.agreed.of(id)))
                        .collect();
                    let [r, g, b] = bands.genres.colour(id);
                    let fill = Color32::from_rgb(r, g, b).gamma_multiply(bands.opacity);
                    plot.add(FilledArea::new(bands.genres.title(id), &xs, &low, &high).fill_color(fill));
                    low = high;
                }
            }
        });
}

/// `0 %`, `50 %` and `100 %` left of the bands.
pub fn share_labels(ui: &egui::Ui, rect: Rect) {
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
