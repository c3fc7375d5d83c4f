//! The time axis that spectrogram, attention and heads share: seconds before now.
//!
//! In: a rectangle and how many columns it shows. Out: where a column lies. Thread: window.

use crate::ui::theme::{Palette, axis_font};
use crate::units::Seconds;
use eframe::egui::{self, Align2, Rect};

/// Places columns so that the newest one ends at the right edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeAxis {
    /// Where the columns are drawn.
    pub rect: Rect,
    /// How many columns fit, not necessarily a whole number.
    pub columns: f32,
    /// Time of one column.
    pub hop: Seconds,
}

impl TimeAxis {
    /// An axis that shows the last `seconds`.
    pub fn new(rect: Rect, seconds: f64, hop: Seconds) -> Self {
        Self {
            rect,
            columns: (seconds / hop.0.max(1e-6)) as f32,
            hop,
        }
    }

    /// Width of one column in points.
    pub fn column_width(&self) -> f32 {
        self.rect.width() / self.columns
    }

    /// Where the right edge of the column `back` columns before the newest lies. Fractions are fine.
    pub fn x_of(&self, back: f32) -> f32 {
        self.rect.right() - back * self.column_width()
    }

    /// Which column lies at `x`, counted back from the newest; `None` outside.
    pub fn back_at(&self, x: f32) -> Option<usize> {
        let back = (self.rect.right() - x) / self.column_width();
        (self.rect.x_range().contains(x) && back >= 0.0).then_some(back as usize)
    }

    /// Seconds between two labelled ticks, so that labels stand at least 56 points apart.
    fn tick_step(&self) -> f64 {
        let per_second = f64::from(self.column_width()) / self.hop.0;
        [1.0, 2.0, 5.0, 10.0, 30.0]
            .into_iter()
            .find(|step| step * per_second >= 56.0)
            .unwrap_or(60.0)
    }

    /// Times before now that get a tick, nearest first.
    pub fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (step, span) = (self.tick_step(), f64::from(self.columns) * self.hop.0);
        (0..)
            .map(move |i| f64::from(i) * step)
            .take_while(move |at| *at <= span + 1e-9)
    }

    /// Draws labels below `y`: `-4 s … now`.
    pub fn draw_labels(&self, ui: &egui::Ui, y: f32) {
        let palette = Palette::of(ui);
        for at in self.ticks() {
            let x = self.x_of((at / self.hop.0) as f32);
            let text = if at == 0.0 {
                "now".to_owned()
            } else {
                format!("−{at} s")
            };
            ui.painter().vline(x, y..=y + 3.0, (1.0, palette.muted));
            ui.painter().text(
                egui::pos2(x, y + 3.0),
                Align2::CENTER_TOP,
                text,
                axis_font(),
                palette.muted,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_column_ends_at_the_right_edge() {
        let rect = Rect::from_min_max(egui::pos2(50.0, 0.0), egui::pos2(650.0, 100.0));
        let axis = TimeAxis::new(rect, 12.0, Seconds(0.5));
        // Sums and quotients of small whole numbers: exact in f32.
        let found = [axis.columns, axis.x_of(0.0), axis.x_of(24.0)].map(|x| x as i32);
        assert_eq!(found, [24, 650, 50]);
        assert_eq!(axis.back_at(649.0), Some(0));
        assert_eq!(axis.back_at(51.0), Some(23));
        assert_eq!(axis.back_at(49.0), None);
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
    }
}
