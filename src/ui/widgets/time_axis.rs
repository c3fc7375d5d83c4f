//! The time axis that all plots over time share: seconds before now, or before the moment that is held.
//!
//! In: a rectangle and which columns it shows. Out: where a column lies; what the pointer requests. Thread: window.

use crate::ui::panels::Scene;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::time_view::TimeView;
use crate::ui::view_state::{Action, ViewState};
use attune_audio::units::Seconds;
use eframe::egui::{self, Align2, Color32, Rect, Response};

/// Places columns so that the newest one ends at the right edge, or `offset` columns beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeAxis {
    /// Where the columns are drawn.
    pub rect: Rect,
    /// How many columns fit, not necessarily a whole number.
    pub columns: f32,
    /// How many columns the newest one lies beyond the right edge.
    pub offset: f32,
    /// Time of one column.
    pub hop: Seconds,
    /// Whether the newest column is a moment that is held, and not now.
    pub held: bool,
}

impl TimeAxis {
    /// The axis of what is to be seen.
    pub fn of(rect: Rect, scene: &Scene<'_>, time: &TimeView) -> Self {
        time.axis(rect, scene.snapshot.hop, scene.held.is_some())
    }

    /// Width of one column in points.
    pub fn column_width(&self) -> f32 {
        self.rect.width() / self.columns
    }

    /// Where the right edge of the column `back` columns before the newest lies. Fractions are fine.
    pub fn x_of(&self, back: f32) -> f32 {
        self.rect.right() - (back - self.offset) * self.column_width()
    }

    /// Which column lies at `x`, counted back from the newest; `None` outside.
    pub fn back_at(&self, x: f32) -> Option<usize> {
        let back = self.offset + (self.rect.right() - x) / self.column_width();
        (self.rect.x_range().contains(x) && back >= 0.0).then_some(back as usize)
    }

    /// Seconds between two labelled ticks, so that labels stand at least 56 points apart.
    fn tick_step(&self) -> f64 {
        let per_second = f64::from(self.column_width()) / self.hop.0;
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0]
            .into_iter()
            .find(|step| step * per_second >= 56.0)
            .unwrap_or(60.0)
    }

    /// Times before the newest column that get a tick, nearest first.
    pub fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (step, from) = (self.tick_step(), f64::from(self.offset) * self.hop.0);
        let to = from + f64::from(self.columns) * self.hop.0;
        let first = (from / step - 1e-9).ceil().max(0.0) as u32;
        (first..)
            .map(move |i| f64::from(i) * step)
            .take_while(move |at| *at <= to + 1e-9)
    }

    /// A time before the newest column as the axis has it: `−4 s`, `now`, `held`.
    fn label(&self, at: f64) -> String {
        if at == 0.0 {
            return if self.held { "held" } else { "now" }.to_owned();
        }
        let tenths = (10.0 * at).round() / 10.0;
        format!("−{tenths} s")
    }

    /// Draws labels below `y`: `−4 s … now`.
    pub fn draw_labels(&self, ui: &egui::Ui, y: f32) {
        let palette = Palette::of(ui);
        for at in self.ticks() {
            let x = self.x_of((at / self.hop.0) as f32);
            let ink = if at == 0.0 && self.held {
                palette.accent
            } else {
                palette.muted
            };
            ui.painter().vline(x, y..=y + 3.0, (1.0, palette.muted));
            ui.painter().text(
                egui::pos2(x, y + 3.0),
                Align2::CENTER_TOP,
                self.label(at),
                axis_font(),
                ink,
            );
        }
    }

    /// The lines that all plots over time share: where the pointer is over any of them, and where the held moment's
    /// cursor is.
    pub fn draw_cursors(&self, ui: &egui::Ui, scene: &Scene<'_>, time: &TimeView) {
        let line = |back: f32, width: f32, colour: Color32| {
            let x = self.x_of(back + 0.5);
            if self.rect.x_range().contains(x) {
                ui.painter().vline(x, self.rect.y_range(), (width, colour));
            }
        };
        let palette = Palette::of(ui);
        if let Some(held) = scene.held {
            line(held.cursor as f32, 1.5, palette.accent);
        }
        if let Some(back) = time.pointed_back(scene.history) {
            line(back as f32, 1.0, palette.text.gamma_multiply(0.6));
        }
    }

    /// What the pointer does over a plot, the same in all: it points, a click holds the moment, a drag moves through
    /// what is held, the wheel and two fingers zoom.
    pub fn take_pointer(&self, ui: &egui::Ui, scene: &Scene<'_>, view: &mut ViewState, response: &Response) {
        let pointer = response.hover_pos().or_else(|| response.interact_pointer_pos());
        let back = pointer.and_then(|at| self.back_at(at.x));
        if let (Some(back), true) = (back, response.hovered()) {
            view.time.pointing = scene.history.total_columns().checked_sub(back as u64 + 1);
        }
        if response.clicked() || response.drag_started() && scene.held.is_none() {
            view.actions.extend(back.map(Action::Hold));
        }
        let kept = scene.kept();
        if response.dragged() && scene.held.is_some() {
            let per_point = self.hop.0 / f64::from(self.column_width().max(1e-3));
            view.time.pan(f64::from(response.drag_delta().x) * per_point, kept);
        }
        if !response.hovered() {
            return;
        }
        let (pinch, wheel) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta));
        if wheel.x != 0.0 && scene.held.is_some() {
            let per_point = self.hop.0 / f64::from(self.column_width().max(1e-3));
            view.time.pan(f64::from(wheel.x) * per_point, kept);
        }
        // Where the plots themselves scroll, the wheel is theirs.
        let turned = if view.time.wheel_scrolls { 0.0 } else { wheel.y };
        let factor = f64::from(pinch) * f64::from(turned / 240.0).exp();
        if (factor - 1.0).abs() > 1e-6 {
            let around = pointer.map_or(0.0, |at| (self.rect.right() - at.x) / self.rect.width().max(1.0));
            view.time
                .zoom(factor, f64::from(around.clamp(0.0, 1.0)), (kept, self.hop));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(offset: f32) -> TimeAxis {
        let rect = Rect::from_min_max(egui::pos2(50.0, 0.0), egui::pos2(650.0, 100.0));
        TimeAxis {
            rect,
            columns: 24.0,
            offset,
            hop: Seconds(0.5),
            held: false,
        }
    }

    #[test]
    fn the_newest_column_ends_at_the_right_edge() {
        let axis = axis(0.0);
        // Sums and quotients of small whole numbers: exact in f32.
        let found = [axis.columns, axis.x_of(0.0), axis.x_of(24.0)].map(|x| x as i32);
        assert_eq!(found, [24, 650, 50]);
        assert_eq!(axis.back_at(649.0), Some(0));
        assert_eq!(axis.back_at(51.0), Some(23));
        assert_eq!(axis.back_at(49.0), None);
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
    }

    #[test]
    fn panned_back_everything_moves_by_the_same() {
        let axis = axis(6.0);
        assert_eq!([axis.x_of(6.0), axis.x_of(30.0)].map(|x| x as i32), [650, 50]);
        assert_eq!((axis.back_at(649.0), axis.back_at(51.0)), (Some(6), Some(29)));
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
    }
}
