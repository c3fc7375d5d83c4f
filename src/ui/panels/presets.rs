//! The list of presets: arrangements of the window under names.
//!
//! In: settings. Out: paint; a preset saved, chosen or deleted. Thread: window.

use crate::settings::{LONGEST_PRESET, Presets};
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use eframe::egui::{self, Align, Align2, Button, Key, Label, Layout, RichText, TextEdit, Vec2, WidgetInfo};

/// What the user does with the presets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresetCommand {
    /// Keep the present arrangement under this name.
    Save(String),
    /// Arrange the window as the one of this name.
    Use(String),
    /// Forget the one of this name.
    Delete(String),
}

/// The list of presets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PresetsView {
    /// Whether it is shown.
    pub open: bool,
    /// The name that is typed.
    pub name: String,
}

/// Draws the list if it is open.
pub(crate) fn presets_ui(ctx: &egui::Context, presets: &Presets, view: &mut ViewState) {
    let mut open = view.presets.open;
    egui::Window::new("Presets")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .vscroll(true)
        .default_width(380.0)
        .show(ctx, |ui| {
            let palette = Palette::of(ui);
            let text = "The view, its plots, the models that are on, the knobs and the colours as they are now.";
            ui.add(Label::new(RichText::new(text).small().color(palette.muted)).wrap());
            ui.add_space(4.0);
            // Above the list: it stays in sight, however long that is.
            save_ui(ui, view);
            ui.separator();
            for preset in presets.all() {
                let size = Vec2::new(ui.available_width(), 28.0);
                ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                    let name = &preset.name;
                    let delete = ui.button("Delete");
                    delete.widget_info(|| {
                        WidgetInfo::labeled(egui::Role::Button, true, format!("Delete the preset {name}"))
                    });
                    if delete.clicked() {
                        view.request(Action::Preset(PresetCommand::Delete(name.clone())));
                    }
                    let width = ui.available_width();
                    let choose = ui.add(Button::new(name.as_str()).truncate().min_size(Vec2::new(width, 28.0)));
                    choose.widget_info(|| {
                        WidgetInfo::labeled(egui::Role::Button, true, format!("Use the preset {name}"))
                    });
                    if choose.clicked() {
                        view.request(Action::Preset(PresetCommand::Use(name.clone())));
                        view.presets.open = false;
                    }
                });
            }
        });
    // Chosen: it is out of the way.
    view.presets.open &= open;
}

fn save_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.horizontal(|ui| {
        let edit = TextEdit::singleline(&mut view.presets.name)
            .hint_text("Name of a new preset")
            .char_limit(LONGEST_PRESET)
            .desired_width(ui.available_width() - 84.0);
        let field = ui.add(edit);
        field.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Name of a new preset"));
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let is_named = !view.presets.name.trim().is_empty();
        let save = ui.add_enabled(is_named, Button::new("Save"));
        let save = save.on_hover_text("Keeps the present arrangement; a preset of the same name is replaced");
        save.widget_info(|| WidgetInfo::labeled(egui::Role::Button, is_named, "Save the preset"));
        if is_named && (save.clicked() || is_entered) {
            view.request(Action::Preset(PresetCommand::Save(view.presets.name.clone())));
        }
    });
}
