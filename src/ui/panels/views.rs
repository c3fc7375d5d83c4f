//! The choice of a view, and of the bench's plots.
//!
//! In: what is shown. Out: paint; another view, plots hidden or enlarged. Thread: window.

use super::own_models::load_model_ui;
use crate::ui::choices::{Plot, View};
use crate::ui::view_state::{Action, ViewState};
use eframe::egui::{self, Button};
use std::collections::BTreeSet;

/// Which plots the bench shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BenchView {
    /// Those that are hidden.
    pub hidden: BTreeSet<Plot>,
    /// The one that has all the room.
    pub enlarged: Option<Plot>,
}

impl BenchView {
    /// Whether a plot is to be drawn.
    pub fn shows(&self, plot: Plot) -> bool {
        self.enlarged
            .map_or(!self.hidden.contains(&plot), |enlarged| enlarged == plot)
    }

    /// Hides a plot, or shows it again.
    pub fn toggle(&mut self, plot: Plot) {
        if !self.hidden.remove(&plot) {
            self.hidden.insert(plot);
        }
    }
}

/// A menu of the views, and of the plots of the bench.
pub(crate) fn views_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let name = format!("View: {}", view.view.title());
    let menu = ui.menu_button(name, |ui| {
        for (i, each) in View::ALL.into_iter().enumerate() {
            let keys = format!("Ctrl+{}", i + 1);
            let button = Button::selectable(view.view == each, each.title()).shortcut_text(keys);
            if ui.add(button).on_hover_text(each.hint()).clicked() {
                view.view = each;
                ui.close();
            }
        }
        ui.separator();
        let is_full = view.full_screen.contains(&view.view);
        let full = Button::selectable(is_full, "Full screen").shortcut_text("F11");
        if ui.add(full).on_hover_text("Remembered for each view").clicked() {
            view.toggle_full_screen();
            ui.close();
        }
        if view.view == View::Bench {
            plots_ui(ui, view);
        }
        ui.separator();
        if ui
            .button("Presets…")
            .on_hover_text("Arrangements of the window under names")
            .clicked()
        {
            view.presets.open = true;
            ui.close();
        }
        load_model_ui(ui, view);
        served_ui(ui, view);
        #[cfg(feature = "train")]
        training_ui(ui, view);
    });
    menu.response
        .on_hover_text("Stage, lecture or bench; which plots are shown");
}

fn plots_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.separator();
    for plot in Plot::ALL {
        let mut shown = view.bench.shows(plot);
        if ui.checkbox(&mut shown, plot.title()).changed() {
            if view.bench.enlarged.take().is_none() {
                view.bench.toggle(plot);
            } else {
                view.bench.hidden.remove(&plot);
            }
        }
    }
}

/// A page for OBS and browsers on this machine.
fn served_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.separator();
    let mut on = view.served.is_some();
    let switch = ui.checkbox(&mut on, "Serve a page");
    let hint = "A page with the answer for OBS and browsers, and the same as WebSocket, events and text; only for \
                programs on this machine";
    if switch.on_hover_text(hint).changed() {
        view.request(Action::Serve(on));
    }
    if let Some(url) = &view.served {
        let copy = ui.button(format!("Copy {url}"));
        if copy.on_hover_text("For a browser source in OBS").clicked() {
            ui.copy_text(url.clone());
            ui.close();
        }
    }
}

/// The way to the training.
#[cfg(feature = "train")]
fn training_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.separator();
    let train = Button::new("Train on my own folders…").shortcut_text("R");
    let hint = "Teach a model classes of your own, while everything else goes on";
    if ui.add(train).on_hover_text(hint).clicked() {
        view.training.open = true;
        ui.close();
    }
}

/// Hides or enlarges one plot: for the menu in its heading.
pub(crate) fn plot_choices_ui(ui: &mut egui::Ui, view: &mut ViewState, plot: Plot) {
    if view.view != View::Bench {
        return;
    }
    ui.separator();
    let is_enlarged = view.bench.enlarged == Some(plot);
    if ui.button(if is_enlarged { "All plots" } else { "Enlarge" }).clicked() {
        view.bench.enlarged = (!is_enlarged).then_some(plot);
    }
    let hide = ui.button("Hide");
    if hide.on_hover_text("The menu View shows it again").clicked() {
        view.bench.enlarged = None;
        view.bench.hidden.insert(plot);
    }
}
