//! The list of files: what is answered to each, sorted and filtered; a double click opens one.
//!
//! In: the list. Out: paint; files to add, to open, to export. Thread: window.

use super::Scene;
use crate::ui::Choice;
use crate::ui::file_list::{FileEntry, FileList, FileState};
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::page_window;
use crate::ui::wording;
use attune_engine::text::Printable;
use attune_model::genre::GenreSet;
use eframe::egui::{
    self, Align, Align2, Button, Color32, Label, Layout, ProgressBar, Rect, RichText, Role, ScrollArea, Sense, Shape,
    Stroke, TextEdit, Vec2, WidgetInfo,
};

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileColumn {
    /// As they were added.
    #[default]
    Added,
    /// Name of the file.
    Name,
    /// The answer.
    Answer,
    /// Its probability.
    Confidence,
    /// Length.
    Length,
}

/// What is shown of the list.
#[derive(Debug, Default)]
pub struct FilesView {
    /// Whether it is open.
    pub open: bool,
    /// Only files with these words in their path or answer.
    pub filter: String,
    /// A path that is being typed.
    pub path: String,
    /// What it is sorted by, and whether the other way round.
    pub sort: (FileColumn, bool),
    /// The file that was clicked.
    pub chosen: Option<std::path::PathBuf>,
    /// Places of the files that are shown, and what they were worked out for.
    shown: Vec<usize>,
    shown_for: Option<(u64, String, (FileColumn, bool))>,
}

/// What the list is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum FilesCommand {
    /// Analyse these too.
    Add(Vec<std::path::PathBuf>),
    /// Analyse no more.
    Stop,
    /// Forget all.
    Clear,
    /// Write all to a table.
    Export,
}

const SIZE: Vec2 = Vec2::new(820.0, 600.0);
const ROW: f32 = 22.0;
/// Widths of answer, probability and length; the name has the rest.
const ANSWER: f32 = 130.0;
const CONFIDENCE: f32 = 56.0;
const LENGTH: f32 = 76.0;

/// Draws the list if it is open.
pub(crate) fn files_ui(ctx: &egui::Context, scene: &Scene<'_>, view: &mut ViewState) {
    let open = page_window(ctx, ("Files", SIZE), view.files.open, |ui| {
        add_ui(ui, scene, view);
        status_ui(ui, scene.files);
        ui.separator();
        heading_ui(ui, view);
        rows_ui(ui, scene, view);
    });
    view.files.open &= open;
}

/// What to add, what to look for, and what to do with all.
fn add_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let has_any = !scene.files.entries().is_empty();
            let clear = ui.add_enabled(has_any, Button::new("Clear"));
            if clear
                .on_hover_text("Forget the list; the files stay as they are")
                .clicked()
            {
                view.request(Action::Files(FilesCommand::Clear));
            }
            let export = ui.add_enabled(has_any, Button::new("Export"));
            if export.on_hover_text("Write the list as a table (CSV)").clicked() {
                view.request(Action::Files(FilesCommand::Export));
            }
            let stop = ui.add_enabled(scene.files.is_busy(), Button::new("Stop"));
            if stop.on_hover_text("Analyse no more of them").clicked() {
                view.request(Action::Files(FilesCommand::Stop));
            }
            let filter = TextEdit::singleline(&mut view.files.filter)
                .hint_text("Filter")
                .desired_width(110.0);
            ui.add(filter).accessible_name("Filter the files");
            let folder = ui.button("Add folder…");
            if folder.on_hover_text("Choose a folder to analyse").clicked() {
                view.request(Action::Ask(Choice::Folder));
            }
            let is_typed = !view.files.path.trim().is_empty();
            let mut add = ui.add_enabled(is_typed, Button::new("Add")).clicked();
            let path = TextEdit::singleline(&mut view.files.path)
                .hint_text("A file or a folder — or drop some on the window")
                .desired_width(ui.available_width());
            let path = ui.add(path).accessible_name("File or folder to analyse");
            add |= is_typed && path.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if add {
                let typed = std::mem::take(&mut view.files.path);
                let path = super::source_bar::expand_home(typed.trim());
                view.request(Action::Files(FilesCommand::Add(vec![path])));
            }
        });
    });
}

/// How far all of them are.
fn status_ui(ui: &mut egui::Ui, files: &FileList) {
    let palette = Palette::of(ui);
    let counts = files.counts();
    let total = counts.done + counts.failed + counts.left;
    let mut said = match (&files.fault, total) {
        (Some(fault), _) => fault.clone(),
        (None, 0) if files.is_busy() => "Looking for music …".to_owned(),
        (None, 0) => "Each file gets the answer that attune analyze gives it.".to_owned(),
        (None, _) => format!("{} of {total} analysed", counts.done + counts.failed),
    };
    if counts.failed > 0 {
        said = format!("{said}, {} of them failed", counts.failed);
    }
    if let Some(left) = files.time_left().filter(|_| files.is_busy()) {
        said = format!("{said}; about {} left", wording::rough(left));
    }
    if total > 0 && files.is_busy() {
        let share = (counts.done + counts.failed) as f32 / total as f32;
        ui.add(ProgressBar::new(share).desired_height(4.0));
    }
    ui.add(Label::new(RichText::new(said).small().color(palette.muted)).truncate());
}

fn columns(rect: Rect) -> [Rect; 4] {
    let (right, span) = (rect.right(), rect.y_range());
    let length = right - LENGTH;
    let confidence = length - CONFIDENCE;
    let answer = (confidence - ANSWER).max(rect.left() + 60.0);
    [
        Rect::from_x_y_ranges(rect.left()..=answer - 8.0, span),
        Rect::from_x_y_ranges(answer..=confidence - 4.0, span),
        Rect::from_x_y_ranges(confidence..=length - 4.0, span),
        Rect::from_x_y_ranges(length..=right, span),
    ]
}

/// Titles that sort by their column, and the other way round at a second click.
fn heading_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let size = Vec2::new(ui.available_width() - 8.0, ROW);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let titles = [
        (FileColumn::Name, "File", Align2::LEFT_CENTER),
        (FileColumn::Answer, "Answer", Align2::LEFT_CENTER),
        (FileColumn::Confidence, "%", Align2::RIGHT_CENTER),
        (FileColumn::Length, "Length", Align2::RIGHT_CENTER),
    ];
    for (part, (column, title, align)) in columns(rect).into_iter().zip(titles) {
        let response = ui.interact(part, ui.scope_id().with(title), Sense::click());
        let (by, down) = view.files.sort;
        let ink = if by == column || response.hovered() {
            palette.text
        } else {
            palette.muted
        };
        let font = egui::TextStyle::Small.resolve(ui.style());
        let text = ui.painter().text(align.pos_in_rect(&part), align, title, font, ink);
        if by == column {
            let is_left = align == Align2::LEFT_CENTER;
            let x = if is_left { text.right() + 8.0 } else { text.left() - 8.0 };
            arrow_ui(ui, egui::pos2(x, text.center().y), down, ink);
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Sort by {title}")));
        if response.on_hover_text("Sort").clicked() {
            view.files.sort = match (by == column, down) {
                (true, false) => (column, true),
                (true, true) => (FileColumn::Added, false),
                _ => (column, false),
            };
        }
    }
}

/// Which way it is sorted; the fonts have no arrows.
fn arrow_ui(ui: &egui::Ui, at: egui::Pos2, down: bool, ink: Color32) {
    let tip = if down { 3.0 } else { -3.0 };
    let corners = [(0.0, tip), (3.5, -tip), (-3.5, -tip)];
    let corners = corners.map(|(x, y)| at + Vec2::new(x, y)).to_vec();
    ui.painter().add(Shape::convex_polygon(corners, ink, Stroke::NONE));
}

fn rows_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let genres = &scene.model_info.genres;
    let files = scene.files;
    let key = (files.version(), view.files.filter.clone(), view.files.sort);
    if view.files.shown_for.as_ref() != Some(&key) {
        view.files.shown = order(files.entries(), &view.files.filter, view.files.sort, genres);
        view.files.shown_for = Some(key);
    }
    let count = view.files.shown.len();
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show_rows(ui, ROW, count, |ui, range| {
            for row in range {
                let Some(entry) = view.files.shown.get(row).and_then(|place| files.entries().get(*place)) else {
                    continue;
                };
                row_ui(ui, view, entry, genres);
            }
        });
}

fn row_ui(ui: &mut egui::Ui, view: &mut ViewState, entry: &FileEntry, genres: &GenreSet) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width() - 8.0, ROW), Sense::click());
    let name = entry.path.file_name().map_or_else(
        || entry.path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let name = Printable(name).to_string();
    let answer = answer_of(&entry.state, genres);
    let said = format!("{name}: {}", answer.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, &said));
    let is_chosen = view.files.chosen.as_ref() == Some(&entry.path);
    if is_chosen || response.hovered() {
        let fill = if is_chosen {
            palette.control_hovered
        } else {
            palette.control
        };
        ui.painter().rect_filled(rect, 3.0, fill);
    }
    let [file, word, share, length] = columns(rect.shrink2(Vec2::new(4.0, 0.0)));
    let text = |part: Rect, align: Align2, text: &str, ink: Color32, font: egui::FontId| {
        let painter = ui.painter().with_clip_rect(part.intersect(ui.clip_rect()));
        painter.text(align.pos_in_rect(&part), align, text, font, ink);
    };
    let body = egui::TextStyle::Small.resolve(ui.style());
    let figure = egui::FontId::monospace(11.0);
    text(file, Align2::LEFT_CENTER, &name, palette.text, body.clone());
    if let Some([r, g, b]) = answer.colour {
        let dot = Rect::from_center_size(word.left_center() + Vec2::new(5.0, 0.0), Vec2::splat(9.0));
        ui.painter().rect_filled(dot, 2.0, Color32::from_rgb(r, g, b));
    }
    let ink = match &entry.state {
        FileState::Failed(..) => palette.warning,
        FileState::Waiting | FileState::Running(_) => palette.muted,
        FileState::Done(_) => palette.text,
    };
    let word = word.with_min_x(word.left() + 14.0);
    text(word, Align2::LEFT_CENTER, &answer.text, ink, body);
    text(share, Align2::RIGHT_CENTER, &answer.share, palette.text, figure.clone());
    text(length, Align2::RIGHT_CENTER, &answer.length, palette.muted, figure);
    if response.clicked() {
        view.files.chosen = Some(entry.path.clone());
    }
    let by_key = response.has_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if response.double_clicked() || by_key {
        view.files.open = false;
        view.open_file(entry.path.clone());
    }
    let path = Printable::path(&entry.path);
    response.on_hover_text(format!("{path}\n{}\nDouble click (Enter) opens it.", answer.reason));
}

/// A file's answer as a row has it.
struct Answer {
    text: String,
    share: String,
    length: String,
    reason: String,
    colour: Option<[u8; 3]>,
}

fn answer_of(state: &FileState, genres: &GenreSet) -> Answer {
    let plain = |text: &str, reason: &str| Answer {
        text: text.to_owned(),
        share: String::new(),
        length: String::new(),
        reason: reason.to_owned(),
        colour: None,
    };
    match state {
        FileState::Waiting => plain("waiting", "Others come first."),
        FileState::Running(share) => plain(&format!("{} …", wording::percent(*share)), "It is being analysed."),
        FileState::Failed(why, remedy) => plain("failed", &format!("{}\n{}", Printable(why), Printable(remedy))),
        FileState::Done(answer) => {
            let genre = answer.genre.as_deref().and_then(|label| genres.find(label));
            let mut reason = answer.reason.clone();
            for warning in &answer.warnings {
                reason = format!("{reason}\nNote: {}", Printable(warning));
            }
            Answer {
                text: genre.map_or_else(|| answer.state.replace('_', " "), |id| genres.title(id)),
                share: answer
                    .confidence
                    .map_or_else(String::new, |share| format!("{:.0}", 100.0 * share)),
                length: answer.duration.clock(),
                reason,
                colour: genre.map(|id| genres.colour(id)),
            }
        }
    }
}

/// Places of the files to be shown, in their order.
fn order(entries: &[FileEntry], filter: &str, (by, down): (FileColumn, bool), genres: &GenreSet) -> Vec<usize> {
    let wanted: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let fits = |entry: &FileEntry| {
        let text = format!("{} {}", entry.path.display(), answer_of(&entry.state, genres).text).to_lowercase();
        wanted.iter().all(|word| text.contains(word))
    };
    let mut places: Vec<usize> = (0..entries.len())
        .filter(|place| wanted.is_empty() || fits(&entries[*place]))
        .collect();
    let name = |place: &usize| {
        let name = entries[*place].path.file_name();
        name.map(|name| name.to_string_lossy().to_lowercase())
    };
    let figure = |place: &usize| match (&entries[*place].state, by) {
        (FileState::Done(answer), FileColumn::Confidence) => answer.confidence,
        (FileState::Done(answer), _) => Some(answer.duration.0),
        _ => None,
    };
    match by {
        FileColumn::Added => {}
        FileColumn::Name => places.sort_by_cached_key(name),
        FileColumn::Answer => {
            places.sort_by_cached_key(|place| answer_of(&entries[*place].state, genres).text.to_lowercase());
        }
        FileColumn::Confidence | FileColumn::Length => {
            places.sort_by(|a, b| figure(a).unwrap_or(f64::MAX).total_cmp(&figure(b).unwrap_or(f64::MAX)));
        }
    }
    if down && by != FileColumn::Added {
        places.reverse();
        // What has no figure stands last, whichever way it is sorted.
        let has_one =
            |place: &usize| matches!(by, FileColumn::Confidence | FileColumn::Length) && figure(place).is_none();
        places.sort_by_key(has_one);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::file_list::FileAnswer;
    use attune_audio::units::Seconds;

    #[test]
    fn files_are_filtered_and_sorted_and_those_without_a_figure_stand_last() {
        let genres = GenreSet::gtzan();
        let entry = |path: &str, genre: &str, confidence: f64| FileEntry {
            path: path.into(),
            state: FileState::Done(FileAnswer {
                state: "genre",
                genre: Some(genre.to_owned()),
                confidence: Some(confidence),
                reason: String::new(),
                duration: Seconds(60.0 * confidence),
                warnings: Vec::new(),
            }),
        };
        let waiting = FileEntry {
            path: "/m/a.mp3".into(),
            state: FileState::Waiting,
        };
        let files = [
            entry("/m/C.mp3", "rock", 0.5),
            waiting,
            entry("/x/b.flac", "jazz", 0.9),
            entry("/m/d.ogg", "hiphop", 0.7),
        ];
        let of = |filter: &str, sort| order(&files, filter, sort, &genres);
        assert_eq!(of("", (FileColumn::Added, false)), [0, 1, 2, 3]);
        assert_eq!(of("", (FileColumn::Name, false)), [1, 2, 0, 3]);
        assert_eq!(of("", (FileColumn::Confidence, false)), [0, 3, 2, 1]);
        assert_eq!(of("", (FileColumn::Length, true)), [2, 3, 0, 1]);
        assert_eq!(of("", (FileColumn::Answer, false)), [3, 2, 0, 1]);
        assert_eq!(of("ROCK /m/", (FileColumn::Name, true)), [0]);
        assert_eq!(of("hip-hop", (FileColumn::Name, true)), [3]);
    }
}
