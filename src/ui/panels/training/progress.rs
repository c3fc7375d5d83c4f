//! The third step: how the training goes.
//!
//! In: a run. Out: paint; pause, stop, resume. Thread: window.

use super::curves::curves_ui;
use super::sounds::bar_ui;
use super::{fault_ui, note, order, page_ui, primary, say};
use crate::ui::theme::Palette;
use crate::ui::training::{Doing, Fault, Run, TrainingCommand};
use crate::ui::view_state::ViewState;
use crate::ui::wording;
use attune_engine::text::Printable;
use eframe::egui::{self, Button};

/// Height of what stands above the curves.
const ABOVE: f32 = 84.0;

/// A run that is under way.
pub(super) fn running_ui(ui: &mut egui::Ui, run: &Run, view: &mut ViewState) {
    let steps = run.plan.settings.steps;
    page_ui(
        ui,
        |ui| {
            let room = ui.available_height();
            ui.add_space(4.0);
            let (share, text) = match run.doing {
                Doing::Reading(_, 0) => (0.0, "Reading the files …".to_owned()),
                Doing::Reading(done, of) => (done as f32 / of as f32, format!("{done} of {of} files read")),
                Doing::Training => {
                    let left = run.time_left().filter(|_| !run.is_paused());
                    let left = left.map_or(String::new(), |left| format!(", about {} left", wording::rough(left)));
                    let at = format!("Step {} of {steps}{left}", run.step);
                    (run.step as f32 / steps.max(1) as f32, at)
                }
                Doing::Finishing => (1.0, "Measuring the model and writing it …".to_owned()),
            };
            bar_ui(ui, share, &text);
            let state = match (run.stopping, run.is_paused(), run.clips) {
                (true, ..) => "Stopping: the checkpoint is written after this step".to_owned(),
                (_, true, _) => "Paused. Close the window and the run is kept; it can be resumed.".to_owned(),
                (_, _, Some((train, valid))) => {
                    format!("{train} clips train, {valid} validate. Live listening goes on.")
                }
                (_, _, None) => String::new(),
            };
            note(ui, &state);
            curves_ui(ui, &run.curves, room - ABOVE);
        },
        |ui| {
            let can_pause = run.doing == Doing::Training && !run.stopping;
            let title = if run.is_paused() { "Go on" } else { "Pause" };
            let pause = ui.add_enabled(can_pause, Button::new(title));
            if pause.accessible_name(format!("{title}: training")).clicked() {
                order(view, TrainingCommand::Pause(!run.is_paused()));
            }
            let can_stop = !run.stopping && run.doing != Doing::Finishing;
            let stop = ui.add_enabled(can_stop, Button::new("Stop"));
            if stop
                .on_hover_text("The checkpoint is kept, and the run can be resumed from it")
                .accessible_name("Stop: training")
                .clicked()
            {
                order(view, TrainingCommand::Stop);
            }
        },
    );
}

/// A run that was stopped, or failed.
pub(super) fn stopped_ui(ui: &mut egui::Ui, run: &Run, fault: Option<&Fault>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let has_any = run.step > 0;
    page_ui(
        ui,
        |ui| {
            let room = ui.available_height();
            ui.add_space(4.0);
            match fault {
                Some(fault) => fault_ui(ui, fault),
                None if has_any => {
                    let text = format!("Stopped after step {} of {}.", run.step, run.plan.settings.steps);
                    say(ui, palette.text, &text);
                    let folder = Printable::path(&run.folder);
                    note(
                        ui,
                        &format!("The checkpoint is in {folder}. A later start of Attune offers it again."),
                    );
                }
                None => say(ui, palette.text, "Stopped before the first step: nothing was written."),
            }
            if has_any {
                curves_ui(ui, &run.curves, room - ABOVE);
            }
        },
        |ui| {
            // Before its first step there is nothing to resume: what is wrong is mended in the settings.
            if has_any && ui.add(primary(ui, "Resume")).clicked() {
                order(view, TrainingCommand::Resume(run.folder.clone()));
            }
            if ui.button("Back to the settings").clicked() {
                order(view, TrainingCommand::Back);
            }
            if ui.button("Other folders").clicked() {
                order(view, TrainingCommand::Restart);
            }
        },
    );
}
