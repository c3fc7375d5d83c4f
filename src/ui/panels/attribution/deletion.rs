//! Deletion curves: what is left of the answer as the most attended frames, or random ones, are removed.

use crate::ui::theme::{Palette, axis_font};
use crate::ui::widgets::describe;
use attune_engine::explain::AttentionReport;
use attune_engine::explain::faithfulness::SHARES;
use eframe::egui::{self, Align2, CornerRadius, Pos2, Rect, Sense, Stroke, Vec2};

/// Width of the picture.
const WIDTH: f32 = 120.0;
/// Room for the words beside it.
const NAMES: f32 = 46.0;

/// Draws the curves and names them.
pub(super) fn curves_ui(ui: &mut egui::Ui, report: &AttentionReport, height: f32) {
    let palette = Palette::of(ui);
    let it = &report.faithfulness;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(WIDTH + NAMES, height - 4.0), Sense::hover());
    let plot = Rect::from_min_max(rect.min + Vec2::new(0.0, 2.0), rect.max - Vec2::new(NAMES, 2.0));
    ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
    let last = SHARES.last().copied().unwrap_or(1.0);
    let at = |share: f64, left: f64| {
        let x = egui::lerp(plot.x_range(), (share / last) as f32);
        Pos2::new(x, egui::lerp(plot.bottom() - 1.0..=plot.top() + 1.0, left as f32))
    };
    let line = |left: &[f64], width, colour| {
        let begin = std::iter::once(at(0.0, it.whole));
        let points = begin.chain(SHARES.iter().zip(left).map(|(share, left)| at(*share, *left)));
        ui.painter().line(points.collect(), Stroke::new(width, colour));
    };
    line(&it.deletion.random, 1.0, palette.muted);
    line(&it.deletion.attended, 1.5, palette.attention);
    for (y, align, text, colour) in [
        (plot.top(), Align2::LEFT_TOP, "random", palette.muted),
        (plot.bottom(), Align2::LEFT_BOTTOM, "attended", palette.attention),
    ] {
        let place = Pos2::new(plot.right() + 4.0, y);
        ui.painter().text(place, align, text, axis_font(), colour);
    }
    let (left, by_chance) = it.areas();
    describe(
        &response,
        format!(
            "Deletion curves: {:.0} % is left on average, most attended first; {:.0} % in random order",
            100.0 * left,
            100.0 * by_chance
        ),
    );
    response.on_hover_text(format!(
        "What is left of the probability, 0 to 100 %, while 0 to {:.0} % of the frames are replaced by the mean \
         around them: the most attended first, and in random order (the mean of three). The further the first curve \
         lies below the second, the more faithful the attention (Samek et al. 2017).",
        100.0 * last
    ));
}
