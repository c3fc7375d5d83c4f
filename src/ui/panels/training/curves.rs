//! Loss and accuracy over the steps of a run, one above the other on one axis.
//!
//! In: the curves. Out: paint. Thread: window.

use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::training::Curves;
use crate::ui::widgets::describe;
use eframe::egui::{self, Align2, Color32, Pos2, Rect, Sense, Shape, Stroke, Vec2};

/// Least and greatest height of either plot.
const HEIGHTS: [f32; 2] = [56.0, 150.0];
const HEADING: f32 = 20.0;
const AXIS: f32 = 18.0;

/// Draws both, in this height if they fit.
pub(super) fn curves_ui(ui: &mut egui::Ui, curves: &Curves, height: f32) {
    let palette = Palette::of(ui);
    let each = (0.5 * (height - AXIS) - HEADING).clamp(HEIGHTS[0], HEIGHTS[1]);
    let size = Vec2::new(ui.available_width(), 2.0 * (each + HEADING) + AXIS);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    describe(&response, in_words(curves));
    let sides = rect.left() + GUTTER..=rect.right() - PLOT_RIGHT;
    let plot = |top: f32| Rect::from_x_y_ranges(sides.clone(), top..=top + each);
    let loss = plot(rect.top() + HEADING);
    let accuracy = plot(loss.bottom() + HEADING);

    let losses: Vec<(f64, f64)> = curves.losses().collect();
    let top = tidy(losses.iter().map(|(_, loss)| *loss).fold(0.1, f64::max));
    frame_ui(ui, loss, "Training loss", &format!("{top}"));
    let points = losses.iter().map(|(at, value)| place(loss, *at, value / top));
    line_ui(ui, points.collect(), palette.attention);

    frame_ui(ui, accuracy, "Validation accuracy", "100 %");
    let steps = curves.steps.max(1) as f64;
    let points = curves.accuracies.iter();
    let points = points.map(|(step, share)| place(accuracy, *step as f64 / steps, *share));
    line_ui(ui, points.collect(), palette.accent);

    let font = axis_font();
    let baseline = accuracy.bottom() + 4.0;
    for (at, align) in [
        (0.0, Align2::LEFT_TOP),
        (0.5, Align2::CENTER_TOP),
        (1.0, Align2::RIGHT_TOP),
    ] {
        let step = (at * steps).round();
        let text = if at > 0.9 {
            format!("step {step}")
        } else {
            step.to_string()
        };
        let x = egui::lerp(accuracy.x_range(), at as f32);
        ui.painter()
            .text(Pos2::new(x, baseline), align, text, font.clone(), palette.muted);
    }
}

/// Where a value of 0…1 lies, at a share of the run.
fn place(plot: Rect, at: f64, value: f64) -> Pos2 {
    let x = egui::lerp(plot.x_range(), at.clamp(0.0, 1.0) as f32);
    let y = egui::lerp(plot.bottom()..=plot.top(), value.clamp(0.0, 1.0) as f32);
    Pos2::new(x, y)
}

fn frame_ui(ui: &egui::Ui, plot: Rect, title: &str, top: &str) {
    let palette = Palette::of(ui);
    let painter = ui.painter();
    painter.rect_filled(plot, 2.0, palette.track);
    for share in [0.25, 0.5, 0.75] {
        let y = egui::lerp(plot.y_range(), share);
        painter.hline(plot.x_range(), y, Stroke::new(1.0, palette.outline));
    }
    let heading = Pos2::new(plot.left(), plot.top() - 3.0);
    let small = egui::TextStyle::Small.resolve(ui.style());
    painter.text(heading, Align2::LEFT_BOTTOM, title, small, palette.text);
    let x = plot.left() - 6.0;
    for (y, align, text) in [
        (plot.top(), Align2::RIGHT_TOP, top),
        (plot.bottom(), Align2::RIGHT_BOTTOM, "0"),
    ] {
        painter.text(Pos2::new(x, y), align, text, axis_font(), palette.muted);
    }
}

fn line_ui(ui: &egui::Ui, points: Vec<Pos2>, colour: Color32) {
    // One point is no line.
    if points.len() < 20 {
        for point in &points {
            ui.painter().circle_filled(*point, 2.5, colour);
        }
    }
    ui.painter().add(Shape::line(points, Stroke::new(1.5, colour)));
}

/// The next larger of 1, 2 and 5 times a power of ten.
fn tidy(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

fn in_words(curves: &Curves) -> String {
    let loss = curves.losses().last();
    let loss = loss.map_or("no step yet".to_owned(), |(_, loss)| format!("training loss {loss:.3}"));
    let accuracy = curves.accuracies.last();
    let accuracy = accuracy.map_or("not validated yet".to_owned(), |(step, share)| {
        format!("validation accuracy {:.0} % after {step} steps", 100.0 * share)
    });
    format!("Curves of the training: {loss}, {accuracy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_tidy_number() {
        for (value, expected) in [(0.1, 0.1), (0.11, 0.2), (0.7, 1.0), (1.1, 2.0), (3.0, 5.0), (5.1, 10.0)] {
            assert!((tidy(value) - expected).abs() < 1e-9, "{value}: {}", tidy(value));
        }
    }

    #[test]
    fn curves_are_said() {
        let mut curves = Curves::new(10);
        assert_eq!(
            in_words(&curves),
            "Curves of the training: no step yet, not validated yet"
        );
        curves.step(1, 0.75);
        curves.validated(5, 0.5);
        assert_eq!(
            in_words(&curves),
            "Curves of the training: training loss 0.750, validation accuracy 50 % after 5 steps"
        );
    }
}
