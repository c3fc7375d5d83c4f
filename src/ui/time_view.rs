//! The part of the past that all plots over time show: one span, one place, one cursor.
//!
//! In: zooming, panning, pointing. Out: a [`TimeAxis`] for each plot. Thread: window.

use super::history::{COLUMNS, History};
use super::widgets::TimeAxis;
use attune_audio::units::Seconds;
use eframe::egui::Rect;

/// The shortest span that can be shown, in seconds.
pub(super) const NARROWEST: f64 = 1.0;
/// By how much a key zooms.
pub(super) const ZOOM_STEP: f64 = 1.5;

/// What of the past is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeView {
    /// Seconds from the left edge to the right one.
    pub span: f64,
    /// Seconds from the right edge to the newest column; 0 while nothing is held.
    pub back: f64,
    /// Whether the plots are scrolled in this window, so that the wheel is not theirs.
    pub wheel_scrolls: bool,
    /// The column under the pointer in the last frame, whichever plot it was over.
    pub pointed: Option<u64>,
    /// The same, of this frame.
    pub pointing: Option<u64>,
}

impl TimeView {
    /// The last `span` seconds.
    pub fn new(span: f64) -> Self {
        Self {
            span: span.clamp(NARROWEST, 600.0),
            back: 0.0,
            wheel_scrolls: false,
            pointed: None,
            pointing: None,
        }
    }

    /// The longest span that can be shown: what is kept of the spectrogram.
    pub fn widest(hop: Seconds) -> f64 {
        COLUMNS as f64 * hop.0
    }

    /// Sets the span, in seconds; shows the newest column again unless a moment is held.
    pub fn set_span(&mut self, span: f64, kept: f64, hop: Seconds) {
        self.span = span.clamp(NARROWEST, Self::widest(hop));
        self.pan(0.0, kept);
    }

    /// Zooms by a factor (above 1: into it). `around`: the place that stays where it is, from the right edge (0) to the
    /// left (1); live it is always the right edge, which is now.
    pub fn zoom(&mut self, factor: f64, around: f64, (kept, hop): (f64, Seconds)) {
        let old = self.span;
        self.span = (old / factor.max(1e-3)).clamp(NARROWEST, Self::widest(hop));
        self.pan(around * (old - self.span), kept);
    }

    /// Goes back by `by` seconds, within the `kept` seconds of a held moment; `kept` is 0 live.
    pub fn pan(&mut self, by: f64, kept: f64) {
        self.back = (self.back + by).clamp(0.0, (kept - self.span).max(0.0));
    }

    /// Where columns lie in a plot.
    pub fn axis(&self, rect: Rect, hop: Seconds, held: bool) -> TimeAxis {
        TimeAxis {
            rect,
            columns: (self.span / hop.0.max(1e-6)) as f32,
            offset: (self.back / hop.0.max(1e-6)) as f32,
            hop,
            held,
        }
    }

    /// How many columns before the newest the pointed column lies.
    pub fn pointed_back(&self, history: &History) -> Option<u64> {
        history.total_columns().checked_sub(self.pointed? + 1)
    }

    /// A frame has been painted: what was pointed at in it is what the next one shows.
    pub fn turn(&mut self) {
        self.pointed = self.pointing.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui;

    const HOP: Seconds = Seconds(0.02);

    #[test]
    fn zooming_keeps_the_place_under_the_pointer_while_a_moment_is_held() {
        let mut view = TimeView::new(12.0);
        view.back = 5.0;
        let rect = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(600.0, 10.0));
        let pointer = 150.0;
        let at = |view: &TimeView| {
            let axis = view.axis(rect, HOP, true);
            f64::from(axis.offset + (rect.right() - pointer) / axis.column_width()) * HOP.0
        };
        let before = at(&view);
        for factor in [1.5, 1.5, 0.8] {
            view.zoom(factor, 0.75, (40.0, HOP));
            // Positions are f32 points: a few units in the last place of some hundreds of columns.
            assert!((at(&view) - before).abs() < 1e-3, "{} is not {before}", at(&view));
        }
    }

    #[test]
    fn live_the_right_edge_stays_now_and_nothing_unknown_is_shown() {
        let mut view = TimeView::new(12.0);
        view.zoom(2.0, 0.9, (0.0, HOP));
        assert!((view.span - 6.0).abs() < 1e-9 && view.back == 0.0, "{view:?}");
        view.zoom(1e-9, 0.5, (0.0, HOP));
        assert!((view.span - TimeView::widest(HOP)).abs() < 1e-9);
        view.zoom(1e9, 0.5, (0.0, HOP));
        assert!((view.span - NARROWEST).abs() < 1e-9);
        view.pan(99.0, 30.0);
        assert!(
            (view.back - 29.0).abs() < 1e-9,
            "no further than what is kept: {view:?}"
        );
        view.pan(-99.0, 30.0);
        assert!(view.back == 0.0);
    }
}
