//! The level meter: rms as a bar, peak as a tick, and words for clipped and silent.
//!
//! In: levels in dB re full scale. Out: paint. Thread: window.

use crate::ui::theme::{Palette, figure_text};
use crate::ui::wording::decibels;
use attune_audio::units::Decibels;
use eframe::egui::{self, Align2, CornerRadius, FontId, Rect, Response, Sense, Vec2};

/// The level at the left end.
const FLOOR_DB: f32 = -60.0;
/// Below this rms it is called silent: the default threshold of the decision.
const SILENT_DB: f32 = -60.0;
/// Space for the figure and for the word.
const FIGURE_WIDTH: f32 = 68.0;

/// A meter `width` wide. `flowing`: whether samples flow at all.
pub(crate) fn level_meter(
    ui: &mut egui::Ui,
    width: f32,
    rms: Decibels,
    peak: Decibels,
    clipped: bool,
    flowing: bool,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 20.0), Sense::hover());
    let silent = flowing && rms.0 < SILENT_DB;
    let name = if !flowing {
        "Level: no sound".to_owned()
    } else if silent {
        "Level: silent".to_owned()
    } else {
        let clipping = if clipped { ", clipped" } else { "" };
        format!("Level: {}, peak {}{clipping}", decibels(rms.0), decibels(peak.0))
    };
    super::describe(&response, &name);
    if ui.is_rect_visible(rect) {
        let palette = Palette::of(ui);
        let painter = ui.painter();
        let bar = Rect::from_min_max(
            egui::pos2(rect.left(), rect.center().y - 4.0),
            egui::pos2(rect.right() - FIGURE_WIDTH, rect.center().y + 4.0),
        );
        let radius = CornerRadius::same(2);
        painter.rect_filled(bar, radius, palette.track);
        painter.rect_stroke(bar, radius, (1.0, palette.outline), egui::StrokeKind::Outside);
        let x_of = |level: f32| {
            let share = ((level - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0);
            bar.left() + share * bar.width()
        };
        if flowing {
            for (from, to, colour) in [
                (FLOOR_DB, -12.0, palette.good),
                (-12.0, -3.0, palette.warning),
                (-3.0, 0.0, palette.bad),
            ] {
                if rms.0 > from {
                    let part = Rect::from_x_y_ranges(x_of(from)..=x_of(rms.0.min(to)), bar.y_range());
                    painter.rect_filled(part, radius, colour);
                }
            }
            if peak.0 > FLOOR_DB {
                painter.vline(x_of(peak.0), bar.y_range(), (2.0, palette.text));
            }
        }
        // egui's dB ticks would crowd a bar this small; the two that matter are enough.
        for level in [-40.0, -20.0] {
            painter.vline(x_of(level), bar.bottom()..=bar.bottom() + 3.0, (1.0, palette.muted));
        }
        let (word, colour) = if !flowing {
            ("—".to_owned(), palette.muted)
        } else if clipped {
            ("CLIP".to_owned(), palette.bad)
        } else if silent {
            ("silent".to_owned(), palette.warning)
        } else {
            (decibels(rms.0), palette.text)
        };
        let font: FontId = figure_text().resolve(ui.style());
        painter.text(rect.right_center(), Align2::RIGHT_CENTER, word, font, colour);
    }
    response.on_hover_text(name)
}
