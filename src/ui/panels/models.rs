//! A table of genres × models: what each model says beside all of them together.
//!
//! In: smoothed probabilities, step times. Out: paint; models switched on and off. Thread: window.

use super::Scene;
use super::own_models::{model_mark, own_models_height, own_models_ui};
use crate::ui::theme::{Palette, card, figure_text};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::share_bar;
use crate::ui::wording;
use attune_engine::Command;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreId;
use eframe::egui::{
    self, Align, Button, Color32, CornerRadius, FontId, Label, Layout, Rect, RichText, Sense, TextStyle, Vec2,
};

/// Width of the genres' names.
const NAME_WIDTH: f32 = 66.0;
/// Height of the row of names.
const HEADER_HEIGHT: f32 = 28.0;
/// Height of a row of figures.
const FIGURE_HEIGHT: f32 = 17.0;
/// Height of a model that waits to be switched on.
const WAITING_HEIGHT: f32 = 26.0;
/// Space between columns.
const GAP: f32 = 6.0;
/// Opacity of probabilities that are no answer.
const NO_ANSWER: f32 = 0.35;
/// The least width of a column that can still be read.
const LEAST_COLUMN: f32 = 40.0;

/// Draws the table.
pub(crate) fn models_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let count = scene.snapshot.model_count.min(scene.model_info.models.len());
        let is_on = |model: usize| scene.snapshot.models[model].enabled || !scene.model_info.models[model].optional;
        let (shown, waiting): (Vec<usize>, Vec<usize>) = (0..count).partition(|model| is_on(*model));
        let models = &shown[..];
        let room = (ui.available_width() - NAME_WIDTH) / (models.len() + 1) as f32 - GAP;
        let column = room.max(LEAST_COLUMN);
        let genres = scene.model_info.genres.len() as f32;
        let below = 16.0 + if waiting.is_empty() { 0.0 } else { WAITING_HEIGHT } + own_models_height(view);
        let rows = ui.available_height() - HEADER_HEIGHT - 3.0 * FIGURE_HEIGHT - below;
        let row_height = (rows / genres).floor().clamp(18.0, 28.0);
        let table = |ui: &mut egui::Ui, view: &mut ViewState| {
            let spacing = ui.spacing().clone();
            ui.spacing_mut().item_spacing = Vec2::new(GAP, 0.0);
            // Rows are as high as their bars, not as a button.
            ui.spacing_mut().interact_size.y = 0.0;
            header_ui(ui, scene, view, column, models);
            let opacity = ui.opacity();
            if scene.has_frames() && !scene.snapshot.decision.state.is_of_music() {
                // What the networks compute of silence and speech is no answer.
                ui.set_opacity(opacity * NO_ANSWER);
            }
            for id in scene.model_info.genres.ids() {
                genre_row_ui(ui, scene, id, Vec2::new(column, row_height), models);
            }
            ui.set_opacity(opacity);
            ui.add_space(4.0);
            figures_ui(ui, scene, column, models);
            for &model in &waiting {
                waiting_ui(ui, scene, view, model);
            }
            *ui.spacing_mut() = spacing;
        };
        if room < LEAST_COLUMN {
            egui::ScrollArea::horizontal().show(ui, |ui| table(ui, view));
        } else {
            table(ui, view);
        }
        own_models_ui(ui, scene, view);
    });
}

fn header_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, column: f32, models: &[usize]) {
    let palette = Palette::of(ui);
    let width = NAME_WIDTH + (models.len() + 1) as f32 * (column + GAP);
    let (row, _) = ui.allocate_exact_size(Vec2::new(width, HEADER_HEIGHT), Sense::hover());
    let cell = |i: usize| {
        let left = row.left() + NAME_WIDTH + GAP + i as f32 * (column + GAP);
        Rect::from_min_size(egui::pos2(left, row.top()), Vec2::new(column, HEADER_HEIGHT - 4.0))
    };
    // A long name is set smaller before it is cut.
    let size_of = |name: &str| (column / (0.55 * name.chars().count() as f32)).clamp(9.0, 11.5);
    let together = "All together";
    ui.painter().with_clip_rect(cell(0)).text(
        cell(0).center(),
        egui::Align2::CENTER_CENTER,
        together,
        FontId::proportional(size_of(together)),
        palette.text,
    );
    for (place, &model) in models.iter().enumerate() {
        let label = &scene.model_info.models[model];
        model_mark(ui, cell(place + 1), model);
        let on = scene.snapshot.models[model].enabled;
        let text = RichText::new(&label.name).size(size_of(&label.name));
        let text = if on {
            text.color(palette.text)
        } else {
            text.color(palette.muted).strikethrough()
        };
        let response = ui
            .scope(|ui| {
                ui.spacing_mut().button_padding = Vec2::new(1.0, 1.0);
                ui.put(cell(place + 1), Button::new(text).truncate())
            })
            .inner;
        let (state, verb) = if on { ("on", "off") } else { ("off", "on") };
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, format!("Model {}", label.name))
        });
        let hover = format!("{} is {state}. Click to switch it {verb}.", label.name);
        if response.on_hover_text(hover).clicked() {
            view.order(Command::EnableModel { model, on: !on });
        }
    }
}

/// A model that is off until someone wants it: no column, but a way to have one.
fn waiting_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, model: usize) {
    let label = &scene.model_info.models[model];
    ui.add_space(4.0);
    let text = RichText::new(format!("+ {}", label.name)).size(11.5);
    let button = ui.add_sized(Vec2::new(NAME_WIDTH, WAITING_HEIGHT - 4.0), Button::new(text));
    button
        .widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, false, format!("Model {}", label.name)));
    let hover = format!(
        "{} ({} weights) is off. Click to run it beside the others.",
        label.name,
        wording::count(label.weight_count)
    );
    if button.on_hover_text(hover).clicked() {
        view.order(Command::EnableModel { model, on: true });
    }
}

fn genre_row_ui(ui: &mut egui::Ui, scene: &Scene<'_>, id: GenreId, size: Vec2, models: &[usize]) {
    let palette = Palette::of(ui);
    let snapshot = scene.snapshot;
    let has_frames = scene.has_frames();
    let title = scene.model_info.genres.title(id);
    let [r, g, b] = scene.model_info.genres.colour(id);
    let colour = Color32::from_rgb(r, g, b);
    let answered = has_frames && snapshot.decision.state == AnswerState::Genre(id);
    ui.horizontal(|ui| {
        let (name, _) = ui.allocate_exact_size(Vec2::new(NAME_WIDTH, size.y), Sense::hover());
        let swatch = Rect::from_center_size(name.left_center() + Vec2::new(5.0, 0.0), Vec2::splat(10.0));
        ui.painter().rect_filled(swatch, CornerRadius::same(2), colour);
        let font = TextStyle::Body.resolve(ui.style());
        let ink = if answered { palette.text } else { palette.muted };
        let at = name.left_center() + Vec2::new(16.0, 0.0);
        ui.painter().text(at, egui::Align2::LEFT_CENTER, &title, font, ink);
        let ensemble = if has_frames { snapshot.ensemble.of(id) } else { 0.0 };
        share_bar(ui, size, ensemble, colour, &format!("{title}, all together"));
        for &model in models {
            let label = &scene.model_info.models[model];
            let state = &snapshot.models[model];
            let share = if has_frames && state.enabled {
                state.smoothed.of(id)
            } else {
                0.0
            };
            let ink = if state.enabled { colour } else { palette.track };
            let raw = if has_frames { state.raw.of(id) } else { 0.0 };
            share_bar(ui, size, share, ink, &format!("{title}, {}", label.name)).on_hover_text(format!(
                "{} says {title}: {} smoothed, {} at this frame.",
                label.name,
                wording::percent(share),
                wording::percent(raw)
            ));
        }
    });
}

/// Step times, loads and sizes, under their models.
fn figures_ui(ui: &mut egui::Ui, scene: &Scene<'_>, column: f32, models: &[usize]) {
    let palette = Palette::of(ui);
    let figure = |text: String| {
        RichText::new(text)
            .text_style(figure_text())
            .size(10.5)
            .color(palette.muted)
    };
    for (title, hover) in [
        ("Step, µs", "Median time that one frame takes, in microseconds"),
        (
            "Load, %",
            "Share of the time from one frame to the next that a step takes: 100 % would be too much for one core",
        ),
        ("Weights", "How many trained numbers the model has"),
    ] {
        ui.horizontal(|ui| {
            let size = Vec2::new(NAME_WIDTH, FIGURE_HEIGHT);
            cell(ui, size, Align::Min, RichText::new(title).small().color(palette.muted)).on_hover_text(hover);
            ui.allocate_exact_size(Vec2::new(column, FIGURE_HEIGHT), Sense::hover());
            for &model in models {
                let label = &scene.model_info.models[model];
                let state = &scene.snapshot.models[model];
                let is_timed = state.enabled && state.step_us > 0.0;
                let load = 1e-4 * f64::from(state.step_us) / scene.snapshot.hop.0;
                let text = match title {
                    "Weights" => wording::count(label.weight_count),
                    _ if !is_timed => "—".to_owned(),
                    "Load, %" => format!("{load:.1}"),
                    _ => format!("{:.0}", state.step_us),
                };
                cell(ui, Vec2::new(column, FIGURE_HEIGHT), Align::Max, figure(text));
            }
        });
    }
}

fn cell(ui: &mut egui::Ui, size: Vec2, align: Align, text: RichText) -> egui::Response {
    let layout = match align {
        Align::Max => Layout::right_to_left(Align::Center),
        _ => Layout::left_to_right(Align::Center),
    };
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_size(size);
        ui.add(Label::new(text).truncate())
    })
    .inner
}
