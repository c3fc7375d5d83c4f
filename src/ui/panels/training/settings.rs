//! The second step: what is trained, and how long it takes.
//!
//! In: what is set. Out: paint; other settings, the beginning. Thread: window.

use super::{finding_ui, note, order, page_ui, primary, say};
use crate::ui::theme::Palette;
use crate::ui::training::{Chosen, Settings, Together, TrainingCommand};
use crate::ui::view_state::ViewState;
use crate::ui::wording;
use attune_train::recipe::ModelKind;
use eframe::egui::{self, Align, ComboBox, DragValue, Grid, Layout, RichText, TextEdit};
use std::time::Duration;

/// The kinds of model, in plain words.
const KINDS: [(ModelKind, &str, &str); 4] = [
    (
        ModelKind::Tcn,
        "TCN",
        "Convolutions over time: the quickest to train, and a good first choice.",
    ),
    (
        ModelKind::Lstm,
        "LSTM",
        "Recurrent with gates: remembers as long as it needs to. Its gates can be looked at.",
    ),
    (
        ModelKind::Attention,
        "Attention",
        "Shows what it attends to, moment by moment. The slowest to train.",
    ),
    (ModelKind::Rnn, "RNN", "Plain recurrence, for comparison with the LSTM."),
];

/// Lengths of a run that are offered.
const LENGTHS: [(u64, &str); 3] = [(60, "A try"), (300, "Usual"), (1500, "Thorough")];
/// The most steps of a run.
const MOST_STEPS: u64 = 100_000;

/// What is set, and what that costs.
pub(super) fn settings_ui(ui: &mut egui::Ui, chosen: &Chosen, view: &mut ViewState) {
    let mut settings = chosen.settings.clone();
    page_ui(
        ui,
        |ui| {
            ui.add_space(4.0);
            // A grid gives its columns no more room than they had.
            let width = (ui.available_width() - 140.0).clamp(160.0, 560.0);
            Grid::new("training settings")
                .num_columns(2)
                .spacing([16.0, 8.0])
                .min_col_width(96.0)
                .show(ui, |ui| choices_ui(ui, &mut settings, width));
            ui.add_space(8.0);
            sides_ui(ui, chosen);
            cost_ui(ui, chosen);
        },
        |ui| {
            if ui.button("Back").clicked() {
                view.training.settings = false;
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let fault = chosen.settings.fault();
                let can = fault.is_none() && chosen.assessment.is_trainable();
                let begin = ui.add_enabled(can, primary(ui, "Train"));
                let why = fault.unwrap_or("With these files kept together there is too little to train on");
                if begin.on_disabled_hover_text(why).clicked() {
                    order(view, TrainingCommand::Begin);
                }
            });
        },
    );
    if settings != chosen.settings {
        order(view, TrainingCommand::Set(settings));
    }
}

fn choices_ui(ui: &mut egui::Ui, settings: &mut Settings, width: f32) {
    let title = |ui: &mut egui::Ui, text: &str| ui.label(RichText::new(text).color(Palette::of(ui).muted)).id;
    let id = title(ui, "Name");
    ui.vertical(|ui| {
        let field = TextEdit::singleline(&mut settings.name).desired_width(220.0);
        ui.add(field)
            .labelled_by(id)
            .on_hover_text("Of the model, its files and its folder");
        if let Some(fault) = settings.fault() {
            say(ui, Palette::of(ui).bad, fault);
        }
    });
    ui.end_row();

    title(ui, "Model");
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.horizontal_wrapped(|ui| {
            for (kind, name, _) in KINDS {
                ui.selectable_value(&mut settings.kind, kind, name);
            }
        });
        if let Some((_, _, about)) = KINDS.iter().find(|(kind, ..)| *kind == settings.kind) {
            note(ui, about);
        }
    });
    ui.end_row();

    title(ui, "For");
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut settings.is_music, true, "Music");
            ui.selectable_value(&mut settings.is_music, false, "Short sounds");
        });
        note(
            ui,
            if settings.is_music {
                "A memory of ten seconds; the size of the bundled models."
            } else {
                "A smaller network with a memory of five seconds, for sounds of a few seconds and few of them."
            },
        );
    });
    ui.end_row();

    title(ui, "How long");
    ui.horizontal_wrapped(|ui| {
        for (steps, name) in LENGTHS {
            ui.selectable_value(&mut settings.steps, steps, name);
        }
        let steps = DragValue::new(&mut settings.steps)
            .range(1..=MOST_STEPS)
            .suffix(" steps");
        ui.add(steps).accessible_name("Steps of the training");
    });
    ui.end_row();

    title(ui, "Keep together");
    ui.vertical(|ui| {
        ui.set_width(width);
        let picker = ComboBox::from_id_salt("together")
            .width(260.0)
            .selected_text(settings.together.title())
            .show_ui(ui, |ui| {
                for each in Together::ALL {
                    ui.selectable_value(&mut settings.together, each, each.title());
                }
            });
        picker.response.accessible_name("What is kept together");
        note(
            ui,
            "Some of the files only validate: the model is measured on them and never learns from them. What sounds \
             alike for another reason than its class belongs on one side.",
        );
    });
    ui.end_row();

    let id = title(ui, "Seed");
    let seed = DragValue::new(&mut settings.seed).range(0..=u64::from(u32::MAX));
    ui.add(seed)
        .labelled_by(id)
        .on_hover_text("Of all random choices: the same seed and files give the same model");
    ui.end_row();
}

/// What the split makes of the files, and what is wrong with it.
fn sides_ui(ui: &mut egui::Ui, chosen: &Chosen) {
    let assessment = &chosen.assessment;
    let count = |of: fn(&attune_train::survey::ClassFigures) -> usize| assessment.classes.iter().map(of).sum::<usize>();
    say(
        ui,
        Palette::of(ui).text,
        &format!(
            "{} files for training ({}), {} for validation ({})",
            count(|class| class.train),
            wording::duration(assessment.train.0),
            count(|class| class.valid),
            wording::duration(assessment.valid.0)
        ),
    );
    let is_of_split = |finding: &&attune_train::findings::Finding| finding.is_fatal() || finding.is_leak();
    for finding in assessment.findings.iter().filter(is_of_split).take(5) {
        finding_ui(ui, finding);
    }
}

/// What the run takes.
fn cost_ui(ui: &mut egui::Ui, chosen: &Chosen) {
    let text = match (chosen.estimate(), chosen.estimate_fault()) {
        (Some(time), _) => {
            let about = wording::rough(Duration::from_secs_f64(time.0.max(0.0)));
            let memory = (chosen.memory_bytes() / 1e6).ceil();
            format!("About {about} on this machine, after the files are read once more; {memory:.0} MB for the clips.")
        }
        (None, Some(fault)) => format!("How long it takes cannot be said: {fault}"),
        (None, None) => "Measuring how long it takes …".to_owned(),
    };
    ui.add_space(4.0);
    say(ui, Palette::of(ui).text, &text);
    note(
        ui,
        "Training takes half of the processor's cores, and lets live listening go first. It can be paused, stopped and \
         continued, also after the window was closed.",
    );
}
