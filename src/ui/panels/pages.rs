//! The pages of the left column: genres, decisions, knobs, sessions, heads.
//!
//! In: which page is open. Out: paint; another page. Thread: window.

use super::{Pictures, Scene};
use crate::ui::choices::Page;
use crate::ui::view_state::ViewState;
use eframe::egui::{self, Role, WidgetInfo};

/// Draws the row of pages, and the page that is open into what is available.
pub(crate) fn page_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        // In the narrowest column five pages just fit, if they stand closely.
        if ui.available_width() < 340.0 {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.spacing_mut().button_padding.x = 6.0;
        }
        for (i, page) in Page::ALL.into_iter().enumerate() {
            let open = view.page == page;
            let tab = ui
                .selectable_label(open, page.title())
                .on_hover_text(format!("{} ({})", page.hint(), i + 1));
            tab.widget_info(|| WidgetInfo::selected(Role::Tab, true, open, format!("Page {}", page.title())));
            if tab.clicked() {
                view.turn_to(page);
            }
        }
    });
    match view.page {
        Page::Genres => super::models_ui(ui, scene, view),
        Page::Decisions => super::decisions_ui(ui, scene, view),
        Page::Knobs => super::tuning_ui(ui, scene, view),
        Page::Sessions => super::sessions_ui(ui, scene, view),
        Page::Heads => super::heads::heads_ui(ui, scene, view, pictures),
    }
}
