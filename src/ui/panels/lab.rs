//! The lab: the experiments of `attune lab`, run from the window.
//!
//! In: the state of the lab. Out: paint; commands to it. Thread: window.

use super::{Pictures, Scene};
use crate::ui::lab_runner::{Experiment, LabCommand, LabState, Running};
use crate::ui::theme::{Palette, figure_text};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{heading, page_window};
use attune_lab::{Choice, Report, RunConfig, Table};
use eframe::egui::{
    self, Button, Checkbox, Color32, ComboBox, DragValue, Grid, Label, ProgressBar, RichText, Role, ScrollArea,
    TextEdit, Vec2, WidgetInfo,
};

/// What is chosen in the lab.
#[derive(Debug)]
pub struct LabView {
    /// Whether the lab is open.
    pub open: bool,
    /// The name of the chosen one.
    pub chosen: String,
    /// Its flags, as on the command line.
    pub flags: String,
    /// Whether a taste is enough.
    pub quick: bool,
    /// Seed of all random choices.
    pub seed: u64,
}

impl Default for LabView {
    fn default() -> Self {
        Self {
            open: false,
            chosen: "memory".to_owned(),
            flags: String::new(),
            quick: true,
            seed: 1,
        }
    }
}

/// The size that it would like.
const SIZE: Vec2 = Vec2::new(760.0, 600.0);

/// Draws the lab if it is open.
pub(crate) fn lab_ui(ctx: &egui::Context, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    view.lab.open = page_window(ctx, ("Lab", SIZE), view.lab.open, |ui| {
        question_ui(ui, scene, view);
        ui.separator();
        ScrollArea::both()
            .auto_shrink([false, false])
            .show(ui, |ui| found_ui(ui, scene, pictures));
    });
}

/// Which lab, with what; run or stop.
fn question_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let all = Choice::all();
    let running = match scene.lab {
        LabState::Running(running) => Some(running),
        _ => None,
    };
    let chosen = all.iter().find(|about| about.name == view.lab.chosen).or(all.first());
    let Some(chosen) = chosen else { return };
    ui.horizontal_wrapped(|ui| {
        ui.add_enabled_ui(running.is_none(), |ui| {
            let picker = ComboBox::from_id_salt("lab")
                .selected_text(&chosen.name)
                .show_ui(ui, |ui| {
                    for about in all {
                        let label = ui.selectable_label(about.name == chosen.name, &about.name);
                        if label.on_hover_text(&about.question).clicked() {
                            view.lab.chosen.clone_from(&about.name);
                        }
                    }
                });
            picker.response.accessible_name("Which lab");
            ui.add(Checkbox::new(&mut view.lab.quick, "Quick"))
                .on_hover_text("A short version in minutes; the whole lab may take hours");
            let seed = ui.add(
                DragValue::new(&mut view.lab.seed)
                    .prefix("Seed ")
                    .range(0..=u64::from(u32::MAX)),
            );
            seed.on_hover_text("Seed of all random choices")
                .accessible_name("Seed of the lab");
        });
        match running {
            Some(running) => {
                let stop = ui.add_enabled(!running.stopping, Button::new("Stop"));
                if stop
                    .on_hover_text("What is finished is kept; Run continues from there")
                    .clicked()
                {
                    view.request(Action::Lab(LabCommand::Stop));
                }
            }
            None => {
                if ui.button("Run").clicked() {
                    view.request(Action::Lab(LabCommand::Begin(Experiment {
                        lab: chosen.name.clone(),
                        flags: view.lab.flags.clone(),
                        config: RunConfig {
                            quick: view.lab.quick,
                            seed: view.lab.seed,
                        },
                    })));
                }
            }
        }
        if ui
            .add_enabled(scene.lab.report().is_some(), Button::new("Export"))
            .on_hover_text("Write the tables (CSV, JSON) and the picture (SVG)")
            .accessible_name("Export what the lab found")
            .clicked()
        {
            view.request(Action::Lab(LabCommand::Export));
        }
    });
    ui.add_space(4.0);
    ui.add(Label::new(RichText::new(&chosen.question).small().color(palette.muted)).wrap());
    if chosen.flags.is_empty() {
        return;
    }
    let hint = chosen
        .flags
        .iter()
        .map(|(flag, _)| flag.as_str())
        .collect::<Vec<_>>()
        .join("  ");
    let field = TextEdit::singleline(&mut view.lab.flags)
        .hint_text(hint)
        .font(figure_text())
        .desired_width(ui.available_width());
    ui.add_enabled(running.is_none(), field)
        .on_hover_ui(|ui| {
            for (flag, does) in &chosen.flags {
                ui.label(RichText::new(flag).text_style(figure_text()));
                ui.label(RichText::new(does).small());
            }
        })
        .accessible_name("Flags of the lab");
}

/// What is under way, or what was found.
fn found_ui(ui: &mut egui::Ui, scene: &Scene<'_>, pictures: &mut Pictures) {
    let palette = Palette::of(ui);
    match scene.lab {
        LabState::Idle => say(
            ui,
            palette.muted,
            "Nothing has been run yet. Choose a lab and press Run: it runs beside the live analysis, and \
             what it has finished is kept when you stop it.",
        ),
        LabState::Stopped(_) => say(
            ui,
            palette.muted,
            "Stopped. What is finished is kept: Run continues from there.",
        ),
        LabState::Running(running) => progress_ui(ui, running),
        LabState::Failed(failure, _) => say(ui, palette.warning, &failure.to_string()),
        LabState::Ended(_) => {}
    }
    if let Some(report) = scene.lab.report() {
        report_ui(ui, report, pictures);
    }
}

fn say(ui: &mut egui::Ui, colour: Color32, text: &str) {
    ui.add_space(6.0);
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}

fn progress_ui(ui: &mut egui::Ui, running: &Running) {
    let palette = Palette::of(ui);
    let (finished, of) = running.cells;
    let share = finished as f32 / of.max(1) as f32;
    let seconds = running.begun.elapsed().as_secs();
    let text = if of > 0 {
        format!("{finished} of {of} parts, {} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    };
    ui.add_space(6.0);
    ui.add(
        ProgressBar::new(share)
            .desired_width(ui.available_width())
            .desired_height(6.0),
    )
    .widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
    ui.label(RichText::new(&text).text_style(figure_text()));
    let line = if running.stopping {
        "Stopping at the next step"
    } else {
        &running.line
    };
    ui.add(Label::new(RichText::new(line).color(palette.muted)).wrap());
}

fn report_ui(ui: &mut egui::Ui, report: &Report, pictures: &mut Pictures) {
    if let Some(sheet) = &report.picture
        && pictures.lab.show(ui, sheet).is_none()
    {
        ui.label("The picture cannot be drawn here; Export writes it.");
    }
    for table in report.tables.iter().filter(|table| !table.long) {
        ui.add_space(8.0);
        table_ui(ui, table);
    }
    for note in &report.notes {
        ui.add_space(8.0);
        ui.add(Label::new(RichText::new(note).small().color(Palette::of(ui).muted)).wrap());
    }
}

fn table_ui(ui: &mut egui::Ui, table: &Table) {
    let palette = Palette::of(ui);
    heading(ui, &table.title);
    Grid::new(("lab", table.name))
        .striped(true)
        .min_row_height(20.0)
        .spacing([16.0, 4.0])
        .show(ui, |ui| {
            for column in &table.columns {
                ui.label(RichText::new(column).small().color(palette.muted));
            }
            ui.end_row();
            for row in &table.rows {
                for entry in row {
                    ui.label(RichText::new(entry.to_string()).text_style(figure_text()));
                }
                ui.end_row();
            }
        });
}
