//! What is wrong and what to do about it, and passing remarks.
//!
//! In: notices. Out: paint. Thread: window.

use crate::ui::notices::Severity;
use crate::ui::theme::Palette;
use crate::ui::view_state::ViewState;
use eframe::egui::{self, Align, CornerRadius, Frame, Label, Layout, Margin, RichText, Stroke};

/// Draws the banner if something is wrong, and the remark if one was just made.
pub(crate) fn banner_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let palette = Palette::of(ui);
    if let Some(problem) = view.notices.problem().cloned() {
        let colour = match problem.severity {
            Severity::Warning => palette.warning,
            Severity::Error => palette.bad,
        };
        let mut read = false;
        strip(palette, colour).show(ui, |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                read = ui.button("Dismiss").clicked();
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    let said = ui.add(Label::new(RichText::new(&problem.message).strong().color(colour)).wrap());
                    // Screen readers say a problem when it comes up, by themselves.
                    ui.ctx()
                        .accesskit_node_builder(said.id, |node| node.set_live(egui::accesskit::Live::Polite));
                    ui.add(Label::new(RichText::new(&problem.remedy).small().color(palette.text)).wrap());
                });
            });
        });
        if read {
            view.notices.dismiss();
        }
    }
}

/// Draws the remark over everything else, at the foot of the window: what stands there does not jump for it.
pub(crate) fn remark_ui(ctx: &egui::Context, view: &ViewState) {
    let Some((text, left)) = view.notices.current_remark() else {
        return;
    };
    let palette = Palette::of_theme(ctx.theme());
    egui::Area::new(egui::Id::unique("remark"))
        .anchor(egui::Align2::CENTER_BOTTOM, [0.0, -40.0])
        .interactable(false)
        .show(ctx, |ui| {
            strip(palette, palette.accent).show(ui, |ui| {
                ui.set_max_width(560.0);
                ui.add(Label::new(RichText::new(text).small().color(palette.text)).wrap());
            });
        });
    ctx.request_repaint_after(left);
}

fn strip(palette: &Palette, colour: egui::Color32) -> Frame {
    Frame::new()
        .fill(palette.card)
        .stroke(Stroke::new(1.0, colour))
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::symmetric(12, 6))
        .outer_margin(Margin {
            bottom: 4,
            ..Margin::ZERO
        })
}
