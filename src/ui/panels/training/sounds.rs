//! The first step: folders are chosen, and what was found in them.
//!
//! In: what is in the folders. Out: paint; folders to look through. Thread: window.

use super::super::Scene;
use super::{fault_ui, finding_ui, note, order, page_ui, primary, say};
use crate::ui::Choice;
use crate::ui::theme::{Palette, figure_text};
use crate::ui::training::{Chosen, Fault, Reading, TrainingCommand};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::heading;
use crate::ui::wording;
use attune_engine::text::Printable;
use attune_train::survey::ClassFigures;
use eframe::egui::{
    self, Align, Button, CollapsingHeader, Grid, Key, Label, Layout, ProgressBar, RichText, Role, TextEdit, WidgetInfo,
};

/// The most findings and refused files that are listed.
const LISTED: usize = 100;

/// Nothing is chosen yet.
pub(super) fn choose_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, fault: Option<&Fault>) {
    let palette = Palette::of(ui);
    view.training.settings = false;
    ui.add_space(4.0);
    say(
        ui,
        palette.text,
        "Teach a model classes of your own: put the audio of each class into a folder of its name.",
    );
    note(
        ui,
        "Choose the folder above them, or the folders themselves. 50 or more recordings of each class, by different \
         artists, are a good beginning. Nothing is changed in these folders, and nothing leaves this machine.",
    );
    ui.add_space(8.0);
    folders_ui(ui, view);
    if let Some(fault) = fault {
        fault_ui(ui, fault);
    }
    let unfinished = scene.training.unfinished();
    if unfinished.is_empty() {
        return;
    }
    ui.add_space(12.0);
    heading(ui, "Not finished");
    for run in unfinished {
        let settings = &run.plan.settings;
        ui.horizontal(|ui| {
            if ui
                .button("Resume")
                .on_hover_text(Printable::path(&run.folder).to_string())
                .accessible_name(format!("Resume {}", settings.name))
                .clicked()
            {
                order(view, TrainingCommand::Resume(run.folder.clone()));
            }
            let text = format!(
                "{}: {} of {} steps, {} classes",
                settings.name,
                run.step,
                settings.steps,
                run.plan.classes.len()
            );
            ui.add(Label::new(text).truncate());
        });
    }
}

fn folders_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.horizontal(|ui| {
        let choose = ui.add(primary(ui, "Choose folders…"));
        if choose.clicked() {
            view.request(Action::Ask(Choice::TrainingFolders));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let is_typed = !view.training.path.trim().is_empty();
            let mut look = ui.add_enabled(is_typed, Button::new("Look")).clicked();
            let path = TextEdit::singleline(&mut view.training.path)
                .hint_text("A folder — or drop some on the window")
                .desired_width(ui.available_width());
            let path = ui.add(path).accessible_name("Folder with the classes");
            look |= is_typed && path.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if look {
                let folder = super::super::source_bar::expand_home(view.training.path.trim());
                order(view, TrainingCommand::Survey(vec![folder]));
            }
        });
    });
}

/// Files are read.
pub(super) fn reading_ui(ui: &mut egui::Ui, reading: &Reading, view: &mut ViewState) {
    let palette = Palette::of(ui);
    view.training.settings = false;
    let (done, of) = reading.files;
    ui.add_space(8.0);
    let text = if of == 0 {
        "Looking for files …".to_owned()
    } else {
        format!("{done} of {of} files read")
    };
    bar_ui(ui, done as f32 / of.max(1) as f32, &text);
    ui.add(Label::new(RichText::new(&reading.file).small().color(palette.muted)).truncate());
    ui.add_space(8.0);
    if ui.button("Stop").clicked() {
        order(view, TrainingCommand::Stop);
    }
}

/// A bar of progress with its text.
pub(super) fn bar_ui(ui: &mut egui::Ui, share: f32, text: &str) {
    let bar = ProgressBar::new(share)
        .desired_width(ui.available_width())
        .desired_height(6.0);
    ui.add(bar)
        .widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, text));
    ui.label(RichText::new(text).text_style(figure_text()));
}

/// What is in the folders.
pub(super) fn found_ui(ui: &mut egui::Ui, chosen: &Chosen, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let assessment = &chosen.assessment;
    page_ui(
        ui,
        |ui| {
            ui.add_space(4.0);
            table_ui(ui, &assessment.classes);
            ui.add_space(8.0);
            if assessment.findings.is_empty() {
                say(
                    ui,
                    palette.good,
                    "No leaks were found, and the classes are large enough.",
                );
            } else {
                heading(ui, "What to look at");
            }
            for finding in assessment.findings.iter().take(LISTED) {
                finding_ui(ui, finding);
            }
            more_ui(ui, assessment.findings.len());
            refused_ui(ui, chosen);
        },
        |ui| {
            if ui.button("Other folders").clicked() {
                order(view, TrainingCommand::Restart);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let next = ui.add_enabled(chosen.is_enough, primary(ui, "Next: settings"));
                if next
                    .on_disabled_hover_text("What is marked \"Too little\" must be mended first")
                    .clicked()
                {
                    view.training.settings = true;
                }
            });
        },
    );
}

fn table_ui(ui: &mut egui::Ui, classes: &[ClassFigures]) {
    let palette = Palette::of(ui);
    let has_tags = classes.iter().any(|class| class.artists + class.albums > 0);
    let mut titles = vec!["Class", "Files", "Length"];
    if has_tags {
        titles.extend(["Artists", "Albums"]);
    }
    titles.extend(["Training", "Validation", "Refused"]);
    Grid::new("classes")
        .striped(true)
        .min_row_height(20.0)
        .spacing([20.0, 4.0])
        .show(ui, |ui| {
            for title in titles {
                ui.label(RichText::new(title).small().color(palette.muted));
            }
            ui.end_row();
            for class in classes {
                let label = Printable(&class.label).to_string();
                let length = wording::duration(class.duration.0);
                let said = format!(
                    "{label}: {} files, {length}; {} for training, {} for validation, {} refused",
                    class.files, class.train, class.valid, class.left_out
                );
                let name = ui.add(Label::new(RichText::new(label).strong().color(palette.text)).truncate());
                name.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
                let mut figures = vec![class.files.to_string(), length];
                if has_tags {
                    figures.extend([class.artists, class.albums].map(|count| count.to_string()));
                }
                figures.extend([class.train, class.valid, class.left_out].map(|count| count.to_string()));
                for figure in figures {
                    ui.label(RichText::new(figure).text_style(figure_text()));
                }
                ui.end_row();
            }
        });
}

fn more_ui(ui: &mut egui::Ui, count: usize) {
    if count > LISTED {
        note(ui, &format!("And {} more.", count - LISTED));
    }
}

/// Files that are no clips.
fn refused_ui(ui: &mut egui::Ui, chosen: &Chosen) {
    let refused = &chosen.survey.left_out;
    if refused.is_empty() {
        return;
    }
    ui.add_space(8.0);
    let title = match refused.len() {
        1 => "1 file is refused".to_owned(),
        count => format!("{count} files are refused"),
    };
    CollapsingHeader::new(title)
        .id_salt("refused")
        .default_open(true)
        .show(ui, |ui| {
            for (_, reason) in refused.iter().take(LISTED) {
                say(ui, Palette::of(ui).text, &Printable(&reason.message).to_string());
                note(ui, &Printable(&reason.remedy).to_string());
            }
            more_ui(ui, refused.len());
        });
}
