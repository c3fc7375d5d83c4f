//! The models that the user loaded, and a way to load one more.
//!
//! In: their files. Out: paint; a dialog, a model removed. Thread: window.

use super::{Scene, printable};
use crate::ui::app::Choice;
use crate::ui::theme::{Palette, model_colour};
use crate::ui::view_state::{Action, ViewState};
use eframe::egui::{self, Align, CornerRadius, Label, Layout, Rect, RichText, Sense, Vec2, WidgetInfo};

/// Height of one row.
const ROW: f32 = 24.0;
/// Height of the button and of the space above it.
const BUTTON: f32 = 36.0;

const LOAD: &str = "Load a model…";
const LOAD_HINT: &str = "A manifest NAME.json with its NAME.safetensors beside it, as attune train writes them; dropping \
                         it on the window does the same. It is checked before it runs.";

/// What the window says of a model that the user loaded, beside what it says of every model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnModelLabel {
    /// The name of its manifest's file.
    pub file: String,
}

/// The page of genres and models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelsView {
    /// The models that the user loaded: the last ones of all.
    pub own: Vec<OwnModelLabel>,
    /// The file that is being loaded and proved.
    pub loading: Option<String>,
}

/// The height of what [`own_models_ui`] draws.
pub(super) fn own_models_height(view: &ViewState) -> f32 {
    BUTTON + ROW * view.models.own.len() as f32
}

/// Draws a row for each model that the user loaded, and the button.
pub(super) fn own_models_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let first = scene.model_info.models.len().saturating_sub(view.models.own.len());
    let mut removed = None;
    for (label, (place, own)) in scene.model_info.models[first..]
        .iter()
        .zip((first..).zip(&view.models.own))
    {
        let size = Vec2::new(ui.available_width(), ROW);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let remove = ui.add(egui::Button::new(RichText::new("Remove").size(11.5)));
            remove.widget_info(|| {
                WidgetInfo::labeled(egui::Role::Button, true, format!("Remove the model {}", label.name))
            });
            if remove
                .on_hover_text("The other models are reset; its files stay where they are")
                .clicked()
            {
                removed = Some(place);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let (swatch, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
                ui.painter()
                    .rect_filled(swatch, CornerRadius::same(5), model_colour(palette, place));
                let text = format!("{} · {}", label.name, own.file);
                let text = RichText::new(text).size(11.5).color(palette.muted);
                ui.add(Label::new(text).truncate());
            });
        });
    }
    if let Some(place) = removed {
        view.request(Action::RemoveModel(place));
    }
    ui.add_space(6.0);
    let (text, is_free) = match &view.models.loading {
        Some(file) => (format!("Checking {}…", printable(file, 24)), false),
        None => (LOAD.to_owned(), true),
    };
    let button = ui.add_enabled(is_free, egui::Button::new(RichText::new(text).size(11.5)));
    if button.on_hover_text(LOAD_HINT).clicked() {
        view.request(Action::Ask(Choice::Model));
    }
}

/// The same as an entry of a menu, which is in sight in every view.
pub(super) fn load_model_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let button = ui.add_enabled(view.models.loading.is_none(), egui::Button::new(LOAD));
    if button.on_hover_text(LOAD_HINT).clicked() {
        view.request(Action::Ask(Choice::Model));
        ui.close();
    }
}

/// Draws the colour of a model under its name.
pub(super) fn model_mark(ui: &egui::Ui, cell: Rect, place: usize) {
    let line = Rect::from_min_max(
        egui::pos2(cell.left() + 2.0, cell.bottom() + 1.0),
        egui::pos2(cell.right() - 2.0, cell.bottom() + 3.0),
    );
    ui.painter()
        .rect_filled(line, CornerRadius::ZERO, model_colour(Palette::of(ui), place));
}
