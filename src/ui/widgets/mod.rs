//! Small pieces that panels are made of.
//!
//! In: values. Out: paint and responses. Thread: window.

mod areas;
mod bar;
mod column_texture;
mod fill;
mod kept_image;
mod level_meter;
mod matrix_image;
mod mel_axis;
mod page_window;
mod ribbon;
mod save_menu;
#[cfg(feature = "lab")]
mod sheet_image;
mod time_axis;
mod weight_image;

pub(super) use areas::{Bands, areas_ui, share_labels};
pub(super) use bar::{answer_bar, share_bar};
pub(super) use column_texture::{ColumnTexture, Columns, LevelColours, Shades};
pub(super) use fill::fill_under;
pub(super) use level_meter::level_meter;
pub(super) use matrix_image::{MatrixColours, MatrixImage};
pub(super) use mel_axis::{MelAxis, hz_label};
pub(super) use page_window::page_window;
pub(super) use ribbon::{Run, ink_on, ribbon_ui, runs, state_colour};
pub(super) use save_menu::{place_plot, save_menu};
#[cfg(feature = "lab")]
pub(super) use sheet_image::SheetImage;
pub(super) use time_axis::TimeAxis;
pub(super) use weight_image::WeightImage;

use eframe::egui::{self, Response, Role, WidgetInfo};

/// Gives a painted thing a name for screen readers, and for tests.
pub(super) fn describe(response: &Response, name: impl Into<String>) {
    let name = name.into();
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
}

/// A heading of a panel.
pub(super) fn heading(ui: &mut egui::Ui, text: &str) -> Response {
    ui.label(egui::RichText::new(text).strong().color(ui.visuals().text_color()))
}
