//! A plot as a picture or a table: a small menu in its heading, and the same on the plot itself.
//!
//! In: a plot's name and place. Out: a wish to save it. Thread: window.

use crate::ui::choices::{Picture, Plot, PlotPlace};
use crate::ui::panels::plot_choices_ui;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use eframe::egui::containers::menu::MenuButton;
use eframe::egui::{self, Button, Response, RichText};

fn choices_ui(ui: &mut egui::Ui, view: &mut ViewState, plot: &str) {
    for (picture, words) in [
        (Picture::Png, "Save as PNG"),
        (Picture::Svg, "Save as SVG"),
        (Picture::Csv, "Save figures as CSV"),
    ] {
        if ui.button(words).clicked() {
            view.request(Action::SavePlot(plot.to_owned(), picture));
        }
    }
    plot_choices_ui(ui, view, Plot::named(plot));
}

/// The menu in the heading of a plot.
pub(crate) fn save_menu(ui: &mut egui::Ui, view: &mut ViewState, plot: &str) {
    let dots = RichText::new("…").color(Palette::of(ui).muted);
    let button = Button::new(dots).frame_when_inactive(false).small();
    let menu = ui.scope(|ui| {
        // No higher than the heading it stands beside.
        ui.spacing_mut().interact_size.y = 0.0;
        ui.spacing_mut().button_padding = egui::Vec2::new(6.0, 0.0);
        MenuButton::from_button(button)
            .ui(ui, |ui| choices_ui(ui, view, plot))
            .0
    });
    menu.inner
        .accessible_name(format!("Save {plot}"))
        .on_hover_text("Save this plot, enlarge or hide it");
}

/// Says where a plot is, and offers to save it with a right click on it.
pub(crate) fn place_plot(ui: &egui::Ui, view: &mut ViewState, plot: &str, response: &Response) {
    view.plots.push(PlotPlace {
        name: plot.to_owned(),
        rect: response.rect,
        layer: ui.layer_id(),
    });
    response.context_menu(|ui| choices_ui(ui, view, plot));
}
