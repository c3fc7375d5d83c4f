//! What a model does inside, below the spectrogram: the heads of attention, the units of a recurrent model, the field
//! of convolutions, score functions.
//!
//! In: what is chosen. Out: paint; another choice. Thread: window.

use super::attention::attention_ui;
use super::field::field_ui;
use super::scores::scores_ui;
use super::units::units_ui;
use super::words::words_ui;
use super::{Pictures, Scene};
use crate::ui::choices::Internals;
use crate::ui::job::Job;
use crate::ui::query_error::QueryError;
use crate::ui::theme::{Palette, axis_font};
use crate::ui::traces::UnitValue;
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{describe, heading, save_menu};
use eframe::egui::{self, Align, Align2, CornerRadius, Label, Layout, Rect, RichText, Role, Vec2, WidgetInfo};

/// Which part of a network is shown.
#[derive(Debug, Default)]
pub struct InternalsView {
    /// As it was chosen; [`Scene::internals`] says what there is.
    pub chosen: Internals,
    /// Which of the values of gated units is drawn.
    pub unit_value: UnitValue,
    /// The word under the pointer.
    pub word: Option<usize>,
}

/// Draws what is chosen into what is available.
pub(crate) fn internals_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let internals = scene.internals(view);
    if internals != Some(Internals::Words) {
        view.internals.word = None;
    }
    if internals != Some(Internals::Heads) {
        view.heads.pointed = None;
    }
    match internals {
        Some(Internals::Heads) => attention_ui(ui, scene, view, pictures),
        Some(Internals::Units(model)) => units_ui(ui, scene, view, pictures, model),
        Some(Internals::Field) => field_ui(ui, scene, view),
        Some(Internals::Scores) => scores_ui(ui, scene, view, pictures),
        Some(Internals::Words) => words_ui(ui, scene, view),
        None => {}
    }
}

/// The row above a picture: what is inspected, the menu to save it, and a note.
pub(super) fn header_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, name: &str, note: &str) {
    let palette = Palette::of(ui);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), 22.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            chooser_ui(ui, scene, view);
            save_menu(ui, view, name);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(note).size(10.5).color(palette.muted)).truncate());
            });
        },
    );
}

/// The heading, or where there is more than one thing to inspect, a choice of headings.
pub(super) fn chooser_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let units = scene.model_info.recurrent.iter().map(|(model, gated)| {
        let name = scene
            .model_info
            .models
            .get(*model)
            .map_or("", |label| label.name.as_str());
        let title = format!("{name} {}", if *gated { "gates" } else { "units" });
        (
            Internals::Units(*model),
            title,
            "What its units hold, the most selective on top",
        )
    });
    let heads = scene.attends().then(|| {
        let hint = "Self-attention of the newest frame, layer by layer, head by head";
        (Internals::Heads, "Attention heads".to_owned(), hint)
    });
    let scores = scene.model_info.scores.then(|| {
        let hint = "Six score functions over one network's features: what each attends to from a held moment";
        (Internals::Scores, "Scores".to_owned(), hint)
    });
    let field = scene.model_info.convolutions.as_ref().map(|label| {
        let hint = "Dilations, and how far back the newest features really reach";
        (Internals::Field, format!("{} field", label.name), hint)
    });
    let words = scene.model_info.words.then(|| {
        let hint = "What sounds up to a held moment, and where the network looked for each word";
        (Internals::Words, "Words".to_owned(), hint)
    });
    let choices = heads.into_iter().chain(units).chain(field).chain(scores).chain(words);
    let choices: Vec<_> = choices.collect();
    if let [(_, title, hint)] = choices.as_slice() {
        heading(ui, title).on_hover_text(*hint);
        return;
    }
    let chosen = scene.internals(view);
    ui.spacing_mut().item_spacing.x = 4.0;
    // No higher than a heading.
    ui.spacing_mut().interact_size.y = 20.0;
    ui.spacing_mut().button_padding = Vec2::new(6.0, 1.0);
    for (internals, title, hint) in choices {
        let open = chosen == Some(internals);
        let tab = ui.selectable_label(open, &title).on_hover_text(hint);
        tab.widget_info(|| WidgetInfo::selected(Role::Tab, true, open, format!("Show {title}")));
        if tab.clicked() {
            view.internals.chosen = internals;
        }
    }
}

/// What a job made of the held moment; until then, in its place, what is to be done, or why there is nothing.
pub(super) fn of_held<'a, T>(
    ui: &egui::Ui,
    response: &egui::Response,
    plot: Rect,
    job: Option<&'a Job<T, QueryError>>,
    (name, hold, runs, fails): (&str, &str, &str, &str),
) -> Option<&'a T> {
    let text = match job {
        Some(Job::Done(result)) => return Some(result),
        None => hold.to_owned(),
        Some(Job::Failed(error)) => format!("{fails}: {error}"),
        Some(_) => runs.to_owned(),
    };
    let palette = Palette::of(ui);
    describe(response, format!("{name}: {text}"));
    ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
    ui.painter()
        .text(plot.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
    None
}
