//! The units of a recurrent model over the spectrogram's own time axis, a row each, the most selective on top.
//!
//! In: traces. Out: paint; which of their values is drawn. Thread: window.

use super::internals::chooser_ui;
use super::{Pictures, Scene};
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::traces::{Traces, UnitValue};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{LevelColours, Shades, TimeAxis, describe, place_plot, save_menu};
use crate::ui::wording;
use eframe::egui::{self, Align, Align2, CornerRadius, Layout, Rect, RichText, Sense, Vec2};

/// Time constants at the ends of the colours, as common logarithms of seconds: 5 ms and 20 s.
const TIME_CONSTANTS: (f32, f32) = (-2.3, 1.3);

/// Draws the units of the model at this place into what is available.
pub(super) fn units_ui(
    ui: &mut egui::Ui,
    scene: &Scene<'_>,
    view: &mut ViewState,
    pictures: &mut Pictures,
    model: usize,
) {
    let traces = scene.traces.filter(|traces| traces.model == model);
    let kind = shown_kind(traces, view);
    header_ui(ui, scene, view, traces, kind);
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    let name = scene
        .model_info
        .models
        .get(model)
        .map_or("", |label| label.name.as_str());
    let fault = traces.and_then(|traces| traces.fault().map(ToString::to_string));
    let known = traces.filter(|traces| traces.has_begun() && scene.has_frames() && fault.is_none());
    let Some(traces) = known else {
        let text = match fault {
            Some(fault) => format!("The units of {name} cannot be shown: {fault}"),
            None if traces.is_some() && scene.has_frames() => format!("Running {name} over the sound so far…"),
            None if scene.has_frames() => format!("{name} is not part of this window"),
            None => "What each unit holds appears when there is sound".to_owned(),
        };
        describe(&response, format!("Units of {name}: {text}"));
        ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
        ui.painter()
            .text(plot.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    };
    let column = newest(scene, traces);
    describe(&response, wording::units(name, traces, column));
    place_plot(ui, view, "Units", &response);
    let time = TimeAxis::of(plot, scene, &view.time);
    let shades = colours(kind, view).shades;
    let nothing = if shades == Shades::Signed { 0.5 } else { 0.0 };
    ui.painter()
        .rect_filled(plot, CornerRadius::ZERO, shades.colour(nothing));
    pictures
        .units
        .update(ui.ctx(), &traces.shown(kind), colours(kind, view));
    // The newest columns may still be on their way.
    let lag = scene.history.total_columns().saturating_sub(traces.total()) as f32;
    let axis = TimeAxis {
        offset: time.offset - lag,
        ..time
    };
    if let Some(shape) = pictures.units.shape(traces.total(), &axis) {
        ui.painter().with_clip_rect(plot.intersect(ui.clip_rect())).add(shape);
    }
    let stroke = (1.0, palette.outline);
    ui.painter()
        .rect_stroke(plot, CornerRadius::ZERO, stroke, egui::StrokeKind::Outside);
    for (y, align, text) in [
        (plot.top(), Align2::RIGHT_TOP, "selective"),
        (plot.bottom(), Align2::RIGHT_BOTTOM, "steady"),
    ] {
        let at = egui::pos2(plot.left() - 4.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    }
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    let Some(pointer) = response.hover_pos().filter(|at| plot.contains(*at)) else {
        return;
    };
    let place = ((pointer.y - plot.top()) / plot.height() * traces.units() as f32) as usize;
    let back = time.back_at(pointer.x);
    let column = back.and_then(|back| scene.history.total_columns().checked_sub(back as u64 + 1));
    if let Some(said) = column.and_then(|column| wording::unit(traces, place, column)) {
        response.on_hover_text_at_pointer(said);
    }
}

/// The value that is drawn: what was chosen, if the units have it.
fn shown_kind(traces: Option<&Traces>, view: &ViewState) -> UnitValue {
    let kinds = traces.map_or(&UnitValue::GATED[..], Traces::kinds);
    if kinds.contains(&view.internals.unit_value) {
        view.internals.unit_value
    } else {
        kinds.first().copied().unwrap_or_default()
    }
}

fn colours(kind: UnitValue, view: &ViewState) -> LevelColours {
    match kind {
        UnitValue::Cell | UnitValue::Hidden => LevelColours {
            shades: Shades::Signed,
            range: (-1.0, 1.0),
        },
        UnitValue::Forget => LevelColours {
            shades: Shades::Heat(view.spectrogram.colour_map),
            range: TIME_CONSTANTS,
        },
        UnitValue::Input | UnitValue::Output => LevelColours {
            shades: Shades::Heat(view.spectrogram.colour_map),
            range: (0.0, 1.0),
        },
    }
}

/// What the colours mean, in a word for each end.
fn ends(kind: UnitValue) -> (&'static str, &'static str) {
    match kind {
        UnitValue::Cell | UnitValue::Hidden => ("−1", "+1"),
        UnitValue::Forget => ("5 ms", "20 s"),
        UnitValue::Input | UnitValue::Output => ("closed", "open"),
    }
}

fn header_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, traces: Option<&Traces>, kind: UnitValue) {
    let palette = Palette::of(ui);
    let note = |text: String| RichText::new(text).size(10.5).color(palette.muted);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), 22.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            chooser_ui(ui, scene, view);
            save_menu(ui, view, "Units");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (low, high) = ends(kind);
                ui.label(note(high.to_owned()));
                let (bar, _) = ui.allocate_exact_size(Vec2::new(48.0, 8.0), Sense::hover());
                for step in 0..24_u8 {
                    let left = bar.left() + 2.0 * f32::from(step);
                    let part = Rect::from_x_y_ranges(left..=left + 2.0, bar.y_range());
                    let colour = colours(kind, view).shades.colour(f32::from(step) / 23.0);
                    ui.painter().rect_filled(part, CornerRadius::ZERO, colour);
                }
                ui.label(note(low.to_owned()));
                let kinds = traces.map_or(&[][..], Traces::kinds);
                for known in kinds.iter().rev().filter(|_| kinds.len() > 1) {
                    if ui.selectable_label(kind == *known, known.title()).clicked() {
                        view.internals.unit_value = *known;
                    }
                }
                ui.add_space(4.0);
                let tau = traces.and_then(|traces| traces.median_time_constant(pointed(scene, view, traces)));
                if let Some(tau) = tau {
                    let text = format!("median τ {}", wording::time_constant(tau));
                    ui.add(egui::Label::new(note(text)).truncate()).on_hover_text(
                        "The median over all units of the time in which the forget gate alone lets a cell fade to 1/e: \
                         τ = −hop / ln f",
                    );
                }
            });
        },
    );
}

/// The newest column whose units are known.
fn newest(scene: &Scene<'_>, traces: &Traces) -> u64 {
    traces.total().min(scene.history.total_columns()).saturating_sub(1)
}

/// The column at the pointer, at the held cursor, or the newest.
fn pointed(scene: &Scene<'_>, view: &ViewState, traces: &Traces) -> u64 {
    let held = scene
        .held
        .and_then(|held| scene.history.total_columns().checked_sub(held.cursor as u64 + 1));
    let wanted = view.time.pointed.or(held);
    wanted.unwrap_or(u64::MAX).min(newest(scene, traces))
}
