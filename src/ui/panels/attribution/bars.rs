//! One bar for each half second.

use super::shown_class;
use crate::ui::choices::AttributionMethod;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::TimeAxis;
use attune_engine::explain::trust::{self, MapKind};
use attune_engine::explain::{Explanation, Mattered};
use attune_model::genre::{GenreId, GenreSet};
use eframe::egui::{self, Align2, CornerRadius, Rect};

/// The least scale of the bars: below it there is nothing to be seen.
const LEAST_POINTS: f32 = 0.02;

/// What each half second does to one class.
pub(super) struct Bars<'a> {
    it: &'a Explanation,
    /// How many columns ago it was computed.
    ago: u64,
    pub(super) class: GenreId,
    by: AttributionMethod,
    /// Of each place; `None` out of reach.
    added: Vec<Option<f32>>,
}

impl<'a> Bars<'a> {
    /// As they were chosen; by force only of models that attend.
    pub(super) fn of(it: &'a Explanation, ago: u64, view: &ViewState) -> Self {
        let class = shown_class(it, view.attribution.class);
        let overridden = match view.attribution.method {
            AttributionMethod::AttentionOverride => it.override_effects(class),
            AttributionMethod::Occlusion => None,
        };
        let (by, added) = if let Some(added) = overridden {
            (AttributionMethod::AttentionOverride, added)
        } else {
            let added = it.ensemble.contributions(usize::from(class.0));
            (AttributionMethod::Occlusion, added.into_iter().map(Some).collect())
        };
        Self {
            it,
            ago,
            class,
            by,
            added,
        }
    }

    /// What each half second does; 0 out of reach.
    pub(super) fn effects(&self) -> Vec<f32> {
        self.added.iter().map(|added| added.unwrap_or(0.0)).collect()
    }

    pub(super) fn likeliest(&self) -> GenreId {
        self.it.class()
    }

    /// Whether attention can be forced onto one half second.
    pub(super) fn can_be_alone(&self) -> bool {
        !self.it.attention.is_empty()
    }

    /// The half seconds that carry most of what is for the class.
    pub(super) fn mattered(&self) -> Option<Mattered> {
        Mattered::of_explanation(self.it, &self.effects())
    }

    /// How far to trust them; `None` if that was not measured.
    pub(super) fn trust(&self) -> Option<String> {
        match self.by {
            AttributionMethod::Occlusion => {
                let names = self.it.models.iter().map(|of| of.model.as_str());
                trust::sentence(MapKind::Occlusion, names)
            }
            AttributionMethod::AttentionOverride => {
                let name = self.it.attention.first().map(|of| of.model.as_str());
                trust::sentence(MapKind::AttentionOverride, name)
            }
        }
    }

    /// What the bars are.
    pub(super) fn note(&self, genres: &GenreSet, held: bool) -> String {
        let when = if held {
            "at the held frame".to_owned()
        } else {
            format!("{:.0} s ago", self.ago as f64 * self.it.hop.0)
        };
        match self.by {
            AttributionMethod::Occlusion => {
                format!(
                    "points that {} loses without each half second, {when}",
                    genres.title(self.class)
                )
            }
            AttributionMethod::AttentionOverride => format!("points more when attention is only there, {when}"),
        }
    }

    /// What a screen reader says instead of the picture.
    pub(super) fn summary(&self, genres: &GenreSet) -> String {
        let title = genres.title(self.class);
        let known = self.added.iter().zip(&self.it.segments);
        let highest = known
            .filter_map(|(added, place)| Some(((*added)?, *place)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((added, place)) = highest else {
            return "no sound yet".to_owned();
        };
        let ago = self.ago as f64 * self.it.hop.0;
        let (from, to) = self.it.back(place);
        let (from, to) = (from + ago, to + ago);
        let (points, span) = (100.0 * added, format!("the sound {from:.1} to {to:.1} seconds back"));
        match self.by {
            AttributionMethod::Occlusion => format!("{title} loses most, {points:.0} points, without {span}"),
            AttributionMethod::AttentionOverride => {
                format!("{title} gains most, {points:+.0} points, when attention is only on {span}")
            }
        }
    }

    pub(super) fn draw(&self, ui: &egui::Ui, time: &TimeAxis, response: &egui::Response) {
        let palette = Palette::of(ui);
        let plot = time.rect;
        let known = self.added.iter().flatten();
        let most = known.fold(LEAST_POINTS, |most, added| most.max(added.abs()));
        let middle = plot.center().y;
        let label = |y: f32, align, text: String| {
            let at = egui::pos2(plot.left() - 6.0, y);
            ui.painter().text(at, align, text, axis_font(), palette.muted);
        };
        label(plot.top(), Align2::RIGHT_TOP, format!("+{:.0}", 100.0 * most));
        label(plot.bottom(), Align2::RIGHT_BOTTOM, format!("−{:.0}", 100.0 * most));
        let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
        let pointed = response.hover_pos().and_then(|pointer| time.back_at(pointer.x));
        for (place, added) in self.it.segments.iter().zip(&self.added) {
            let back = |frame: usize| self.it.frames - frame + self.ago as usize;
            let (from, to) = (back(place.start), back(place.end));
            let x = time.x_of(from as f32)..=time.x_of(to as f32) - 1.0;
            let added_here = added.unwrap_or(0.0);
            let y = middle - added_here / most * (0.5 * plot.height() - 2.0);
            let colour = if added_here >= 0.0 { palette.good } else { palette.bad };
            painter.rect_filled(
                Rect::from_x_y_ranges(x, y.min(middle)..=y.max(middle)),
                CornerRadius::ZERO,
                colour,
            );
            if pointed.is_some_and(|back| (to..from).contains(&back)) {
                let (from, to) = (from as f64 * self.it.hop.0, to as f64 * self.it.hop.0);
                let what = self.what(*added);
                response
                    .clone()
                    .on_hover_text_at_pointer(format!("−{from:.1} … −{to:.1} s {what}"));
            }
        }
        painter.hline(plot.x_range(), middle, (1.0, palette.muted));
    }

    /// What one half second does.
    fn what(&self, added: Option<f32>) -> String {
        let Some(added) = added else {
            return "is out of reach of attention".to_owned();
        };
        let points = 100.0 * added.abs();
        match (self.by, added >= 0.0) {
            (AttributionMethod::Occlusion, true) => format!("adds {points:.1} points"),
            (AttributionMethod::Occlusion, false) => format!("costs {points:.1} points"),
            (AttributionMethod::AttentionOverride, true) => format!("alone: {points:.1} points more"),
            (AttributionMethod::AttentionOverride, false) => format!("alone: {points:.1} points less"),
        }
    }
}
