//! The last step: the trained model, how good it is, and what it is not good for.
//!
//! In: a trained model. Out: paint; the wish to use it. Thread: window.

use super::curves::curves_ui;
use super::{note, order, page_ui, primary, say};
use crate::ui::theme::{Palette, figure_text};
use crate::ui::training::{Curves, Trained, TrainingCommand};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{describe, heading};
use attune_engine::text::Printable;
use attune_model::genre::GenreSet;
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{self, Align, Align2, Color32, Label, Layout, Pos2, Rect, RichText, Sense, Vec2};

/// Height of the curves.
const CURVES: f32 = 200.0;
/// Size of a cell of the confusion matrix, and what its labels take at the left.
const CELL: Vec2 = Vec2::new(44.0, 24.0);
const LABELS: f32 = 120.0;

/// The model.
pub(super) fn result_ui(ui: &mut egui::Ui, trained: &Trained, curves: &Curves, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let is_wanted = view.training.wanted.as_ref() == Some(&trained.manifest);
    page_ui(
        ui,
        |ui| {
            if is_wanted {
                by_command_ui(ui, &command_of(&trained.manifest));
                ui.separator();
            }
            ui.add_space(4.0);
            let metrics = &trained.metrics;
            let [low, high] = metrics.interval95.map(|share| 100.0 * share);
            ui.add(Label::new(
                RichText::new(format!("{:.0} % correct", 100.0 * metrics.accuracy))
                    .size(24.0)
                    .strong()
                    .color(palette.text),
            ));
            say(
                ui,
                palette.text,
                &format!(
                    "of {} validation clips, from which it never learnt; 95 % interval: {low:.0} to {high:.0} %. The best \
                     of its validations was kept, so expect a little less on other sounds.",
                    metrics.clips
                ),
            );
            let guess = 100.0 * most_frequent(&metrics.confusion) as f64 / metrics.clips.max(1) as f64;
            note(
                ui,
                &format!("Always naming the most frequent class would be right in {guess:.0} %."),
            );
            ui.add_space(8.0);
            heading(ui, "What is taken for what");
            confusion_ui(ui, &metrics.confusion, &trained.genres);
            ui.add_space(8.0);
            heading(ui, "What it was trained on");
            about_ui(ui, trained);
            ui.add_space(8.0);
            heading(ui, "Limits");
            say(ui, palette.text, trained.limits);
            ui.add_space(8.0);
            curves_ui(ui, curves, CURVES);
        },
        |ui| {
            if ui.add(primary(ui, "Use it now")).clicked() {
                order(view, TrainingCommand::Use(trained.manifest.clone()));
            }
            let folder = trained.manifest.parent();
            if let Some(folder) = folder
                && ui
                    .button("Open folder")
                    .on_hover_text(Printable::path(folder).to_string())
                    .clicked()
            {
                order(view, TrainingCommand::Show(folder.to_owned()));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("Train another").clicked() {
                    order(view, TrainingCommand::Restart);
                }
            });
        },
    );
}

/// The command that starts with a model.
fn command_of(manifest: &std::path::Path) -> String {
    let path = manifest.display().to_string();
    // Quoted for a shell: nothing in it means anything else than itself.
    format!("attune --model '{}'", path.replace('\'', r"'\''"))
}

fn by_command_ui(ui: &mut egui::Ui, command: &str) {
    let palette = Palette::of(ui);
    say(
        ui,
        palette.text,
        "The models of this window have other classes. Start Attune with the new one:",
    );
    ui.horizontal(|ui| {
        if ui.button("Copy").clicked() {
            ui.copy_text(command.to_owned());
        }
        let text = RichText::new(Printable(command).to_string()).text_style(figure_text());
        ui.add(Label::new(text).truncate());
    });
}

fn most_frequent(confusion: &[Vec<usize>]) -> usize {
    confusion.iter().map(|row| row.iter().sum()).max().unwrap_or(0)
}

fn about_ui(ui: &mut egui::Ui, trained: &Trained) {
    let settings = &trained.plan.settings;
    let labels: Vec<String> = trained
        .genres
        .labels()
        .iter()
        .map(|label| Printable(label).to_string())
        .collect();
    let text = format!(
        "{} clips of {}. {} with {} weights, {} steps, seed {}.",
        trained.clips,
        labels.join(", "),
        settings.kind.name().to_uppercase(),
        trained.weights,
        settings.steps,
        settings.seed
    );
    say(ui, Palette::of(ui).text, &text);
    note(
        ui,
        &format!("Kept together: {}.", settings.together.title().to_lowercase()),
    );
    let card = trained.manifest.with_extension("md");
    note(ui, &format!("The whole card: {}", Printable::path(&card)));
}

/// Rows are the truth, columns the answer.
fn confusion_ui(ui: &mut egui::Ui, confusion: &[Vec<usize>], genres: &GenreSet) {
    let palette = Palette::of(ui);
    note(ui, "Rows: the class; columns: the answer, in the same order.");
    let count = confusion.len();
    let cell = Vec2::new(
        CELL.x
            .min(((ui.available_width() - LABELS) / count.max(1) as f32).max(14.0)),
        CELL.y,
    );
    let size = Vec2::new(LABELS + cell.x * count as f32, cell.y * count as f32);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    describe(&response, in_words(confusion, genres));
    let painter = ui.painter_at(rect);
    let font = egui::TextStyle::Small.resolve(ui.style());
    for (id, row) in genres.ids().zip(confusion) {
        let truth = usize::from(id.0);
        let clips: usize = row.iter().sum();
        let top = rect.top() + cell.y * truth as f32;
        let label = Printable(genres.title(id)).to_string();
        let place = Rect::from_min_size(Pos2::new(rect.left(), top), Vec2::new(LABELS - 8.0, cell.y));
        let mut job = LayoutJob::simple_singleline(label, font.clone(), palette.text);
        job.wrap = TextWrapping::truncate_at_width(place.width());
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        let corner = place.left_center() - Vec2::new(0.0, 0.5 * galley.size().y);
        painter.galley(corner, galley, palette.text);
        for (answer, taken) in row.iter().enumerate() {
            let left = rect.left() + LABELS + cell.x * answer as f32;
            let place = Rect::from_min_size(Pos2::new(left, top), cell).shrink(1.0);
            let share = *taken as f32 / clips.max(1) as f32;
            let colour = if answer == truth { palette.good } else { palette.bad };
            painter.rect_filled(place, 2.0, palette.track);
            painter.rect_filled(place, 2.0, faint(colour, 0.55 * share));
            if *taken > 0 {
                let text = taken.to_string();
                painter.text(place.center(), Align2::CENTER_CENTER, text, font.clone(), palette.text);
            }
        }
    }
}

fn faint(colour: Color32, share: f32) -> Color32 {
    colour.gamma_multiply(share.clamp(0.0, 1.0))
}

/// The matrix for screen readers: each class, and what it is taken for most often besides.
fn in_words(confusion: &[Vec<usize>], genres: &GenreSet) -> String {
    let rows = genres.ids().zip(confusion).map(|(id, row)| {
        let truth = usize::from(id.0);
        let clips: usize = row.iter().sum();
        let title = Printable(genres.title(id)).to_string();
        let right = row.get(truth).copied().unwrap_or(0);
        let wrong = genres.ids().filter(|other| *other != id);
        let worst = wrong.max_by_key(|other| row.get(usize::from(other.0)).copied().unwrap_or(0));
        match worst.filter(|_| right < clips) {
            Some(worst) => {
                let taken = row.get(usize::from(worst.0)).copied().unwrap_or(0);
                format!(
                    "{title} {right} of {clips}, {taken} taken for {}",
                    Printable(genres.title(worst))
                )
            }
            None => format!("{title} {right} of {clips}"),
        }
    });
    format!("Confusion matrix: {}", rows.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_path_is_quoted_for_a_shell() {
        assert_eq!(
            command_of(Path::new("/m/it's $(x)/a.json")),
            r"attune --model '/m/it'\''s $(x)/a.json'"
        );
    }

    #[test]
    fn the_matrix_is_said_with_what_is_confused_most() {
        let genres = GenreSet::new(["rain", "dogs", "cats"].map(str::to_owned).to_vec()).unwrap();
        let said = in_words(&[vec![4, 0, 0], vec![0, 2, 2], vec![1, 0, 3]], &genres);
        assert_eq!(said.matches("of 4").count(), 3, "{said}");
        assert!(said.to_lowercase().contains("dogs 2 of 4, 2 taken for cats"), "{said}");
        assert!(said.to_lowercase().contains("rain 4 of 4;"), "{said}");
    }
}
