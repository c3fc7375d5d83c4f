//! Training on folders of one's own, as a page of four steps: sounds, settings, training, result.
//!
//! In: how far the training is. Out: paint; commands to it. Thread: window.

mod curves;
mod progress;
mod result;
mod settings;
mod sounds;

use super::Scene;
use crate::ui::theme::Palette;
use crate::ui::training::{Fault, TrainingCommand, TrainingState};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::page_window;
use attune_train::findings::{Finding, FindingKind};
use eframe::egui::{
    self, Button, Color32, CornerRadius, Frame, Label, Margin, RichText, Role, ScrollArea, Vec2, WidgetInfo,
};
use std::path::PathBuf;

/// What the page remembers.
#[derive(Debug, Default)]
pub struct TrainingView {
    /// Whether it is open.
    pub open: bool,
    /// A path that is being typed.
    pub path: String,
    /// Whether the settings of what was chosen are shown.
    pub settings: bool,
    /// A trained model that this window was asked to use and cannot load itself.
    pub wanted: Option<PathBuf>,
}

/// The size that it would like.
const SIZE: Vec2 = Vec2::new(860.0, 660.0);
/// The steps.
const STEPS: [&str; 4] = ["Sounds", "Settings", "Training", "Result"];

/// Draws the page if it is open.
pub(crate) fn training_ui(ctx: &egui::Context, scene: &Scene<'_>, view: &mut ViewState) {
    let open = page_window(ctx, ("Train on my own folders", SIZE), view.training.open, |ui| {
        steps_ui(ui, step_of(scene.training.state(), view));
        ui.add_space(4.0);
        ui.separator();
        let shows_settings = view.training.settings;
        match scene.training.state() {
            TrainingState::Choosing(fault) => sounds::choose_ui(ui, scene, view, fault.as_ref()),
            TrainingState::Reading(reading) => sounds::reading_ui(ui, reading, view),
            TrainingState::Chosen(chosen) if shows_settings => settings::settings_ui(ui, chosen, view),
            TrainingState::Chosen(chosen) => sounds::found_ui(ui, chosen, view),
            TrainingState::Running(run) => progress::running_ui(ui, run, view),
            TrainingState::Stopped(run, fault) => progress::stopped_ui(ui, run, fault.as_ref(), view),
            TrainingState::Trained(trained, curves) => result::result_ui(ui, trained, curves, view),
        }
    });
    view.training.open &= open;
}

fn step_of(state: &TrainingState, view: &ViewState) -> usize {
    match state {
        TrainingState::Choosing(_) | TrainingState::Reading(_) => 0,
        TrainingState::Chosen(_) => usize::from(view.training.settings),
        TrainingState::Running(_) | TrainingState::Stopped(..) => 2,
        TrainingState::Trained(..) => 3,
    }
}

/// Where one is.
fn steps_ui(ui: &mut egui::Ui, now: usize) {
    let palette = Palette::of(ui);
    let row = ui.horizontal(|ui| {
        for (number, title) in STEPS.into_iter().enumerate() {
            let (fill, ink, text) = if number == now {
                (palette.accent, palette.on_accent, palette.text)
            } else {
                (palette.control, palette.muted, palette.muted)
            };
            Frame::new()
                .fill(fill)
                .corner_radius(CornerRadius::same(9))
                .inner_margin(Margin::symmetric(7, 1))
                .show(ui, |ui| {
                    ui.add(Label::new(RichText::new((number + 1).to_string()).small().color(ink)).selectable(false));
                });
            let title = RichText::new(title).color(text);
            let title = if number == now { title.strong() } else { title };
            ui.add(Label::new(title).selectable(false));
            ui.add_space(12.0);
        }
    });
    let said = format!("Step {} of {}: {}", now + 1, STEPS.len(), STEPS[now]);
    row.response
        .widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
}

/// What scrolls, above a row of buttons that does not.
fn page_ui(ui: &mut egui::Ui, body: impl FnOnce(&mut egui::Ui), buttons: impl FnOnce(&mut egui::Ui)) {
    const BUTTONS: f32 = 44.0;
    let height = (ui.available_height() - BUTTONS).max(80.0);
    ScrollArea::vertical()
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, false])
        .show(ui, body);
    ui.separator();
    ui.horizontal(buttons);
}

/// The button by which one goes on.
fn primary<'a>(ui: &egui::Ui, text: &'a str) -> Button<'a> {
    let palette = Palette::of(ui);
    Button::new(RichText::new(text).color(palette.on_accent))
        .fill(palette.accent)
        .min_size(Vec2::new(96.0, 28.0))
}

fn order(view: &mut ViewState, command: TrainingCommand) {
    view.request(Action::Training(command));
}

fn say(ui: &mut egui::Ui, colour: Color32, text: &str) {
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}

fn note(ui: &mut egui::Ui, text: &str) {
    let muted = Palette::of(ui).muted;
    ui.add(Label::new(RichText::new(text).small().color(muted)).wrap());
}

/// What went wrong.
fn fault_ui(ui: &mut egui::Ui, fault: &Fault) {
    let palette = Palette::of(ui);
    ui.add_space(4.0);
    say(ui, palette.bad, &fault.message);
    say(ui, palette.muted, &fault.remedy);
    ui.add_space(4.0);
}

/// What is wrong with the data, with a word that says how bad it is: colour alone does not.
fn finding_ui(ui: &mut egui::Ui, finding: &Finding) {
    let palette = Palette::of(ui);
    let (word, colour) = if finding.is_fatal() {
        ("Too little", palette.bad)
    } else if finding.is_leak() {
        ("Leak", palette.bad)
    } else if finding.kind == FindingKind::SameSoundTwoClasses {
        ("Conflict", palette.warning)
    } else {
        ("Note", palette.warning)
    };
    ui.add_space(2.0);
    ui.add(Label::new(RichText::new(format!("{word}: {}.", finding.message)).color(colour)).wrap());
    note(ui, finding.remedy);
}
