//! Earlier sessions: search, star, annotate, reopen.
//!
//! In: sessions. Out: paint; commands to the history, files to open. Thread: window.

use super::Scene;
use crate::sessions::{Decided, Session, SessionCommand};
use crate::ui::theme::{Palette, card};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::wording;
use attune_audio::units::Seconds;
use attune_engine::table;
use eframe::egui::{
    self, Align, Button, Label, Layout, Mesh, Pos2, RichText, ScrollArea, Sense, Shape, Stroke, TextEdit, Vec2,
};

/// What the page of sessions remembers.
#[derive(Debug, Default)]
pub struct SessionsView {
    /// What the sessions are searched for.
    pub search: String,
    /// The session whose decisions are read.
    pub open: Option<i64>,
    /// The note that is being written, and on which session.
    pub note: Option<(i64, String)>,
}

/// How many decisions of a session are in sight at once.
const MOST_DECISIONS: f32 = 12.0;
/// The least height of the list.
const LEAST_LIST: f32 = 160.0;

/// Draws the sessions.
pub(crate) fn sessions_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let field = TextEdit::singleline(&mut view.sessions.search)
            .hint_text("Search names, genres and notes")
            .desired_width(ui.available_width());
        ui.add(field).accessible_name("Search the sessions");
        ui.add_space(4.0);
        let wanted = view.sessions.search.trim().to_lowercase();
        let found: Vec<&Session> = scene
            .recorder
            .list
            .iter()
            .filter(|it| fits(it, scene, &wanted))
            .collect();
        if found.is_empty() {
            let text = match (&scene.recorder.fault, wanted.is_empty()) {
                (Some(fault), _) => fault.as_str(),
                (None, _) if !scene.recorder.is_kept() => "Sessions are not kept here.",
                (None, true) => "Each source you open is listed here.",
                (None, false) => "No session has these words.",
            };
            ui.add(Label::new(RichText::new(text).small().color(palette.muted)).wrap());
            ui.add_space((ui.available_height() - 8.0).max(0.0));
            return;
        }
        let height = (ui.available_height() - 4.0).max(LEAST_LIST);
        ScrollArea::vertical()
            .id_salt("sessions")
            .max_height(height)
            .auto_shrink([false, false])
            .show(ui, |ui| {
                for session in found {
                    session_ui(ui, scene, view, session);
                    ui.separator();
                }
            });
    });
}

fn fits(session: &Session, scene: &Scene<'_>, wanted: &str) -> bool {
    let genre = session
        .genre
        .as_deref()
        .map(|label| wording::genre_title(label, &scene.model_info.genres));
    let words = [
        &session.beginning.name,
        genre.as_deref().unwrap_or_default(),
        &session.note,
    ]
    .map(str::to_lowercase);
    wanted.is_empty() || words.iter().any(|word| word.contains(wanted))
}

fn session_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, session: &Session) {
    let palette = Palette::of(ui);
    let beginning = &session.beginning;
    let name = &beginning.name;
    ui.push_id(session.id, |ui| {
        ui.horizontal(|ui| {
            let verb = if session.favourite {
                "Remove from favourites"
            } else {
                "Add to favourites"
            };
            let star = star_ui(ui, session.favourite);
            star.widget_info(|| {
                egui::WidgetInfo::selected(
                    egui::Role::CheckBox,
                    true,
                    session.favourite,
                    format!("Favourite: {name}"),
                )
            });
            if star.on_hover_text(verb).clicked() {
                view.request(Action::Session(SessionCommand::Favour(session.id, !session.favourite)));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let forget = ui
                    .add(Button::new("×").frame(false))
                    .on_hover_text("Forget this session");
                if forget.accessible_name(format!("Forget {name}")).clicked() {
                    view.request(Action::Session(SessionCommand::Forget(session.id)));
                }
                if beginning.kind == "file" {
                    let again = ui.small_button("Open").on_hover_text(&beginning.source);
                    if again.accessible_name(format!("Open {name} again")).clicked() {
                        view.open_file(beginning.source.clone().into());
                    }
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(name).strong().color(palette.text)).truncate());
                });
            });
        });
        let genre = match &session.genre {
            Some(label) => wording::genre_title(label, &scene.model_info.genres),
            None => "no genre".to_owned(),
        };
        let said = format!(
            "{} · {} · {genre} · {} decisions",
            wording::date_and_time(beginning.begun),
            Seconds(session.played_secs).clock(),
            session.decisions
        );
        let is_open = view.sessions.open == Some(session.id);
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let verb = if is_open { "Hide" } else { "Read" };
                let read = ui.add_enabled(session.decisions > 0, Button::new(verb).small());
                let read = read.on_hover_text("What was decided in this session");
                if read
                    .accessible_name(format!("{verb} {name}, session {}", session.id))
                    .clicked()
                {
                    view.sessions.open = (!is_open).then_some(session.id);
                    view.request(Action::Session(SessionCommand::Read(session.id)));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = RichText::new(said).size(10.5).color(palette.muted);
                    ui.add(Label::new(text).truncate());
                });
            });
        });
        if is_open {
            decisions_ui(ui, scene, session);
        }
        note_ui(ui, view, session);
    });
}

/// What was decided in a session, to be read and copied.
fn decisions_ui(ui: &mut egui::Ui, scene: &Scene<'_>, session: &Session) {
    let known = scene.recorder.decisions.as_ref().filter(|(id, _)| *id == session.id);
    let Some((_, decisions)) = known else {
        ui.label(RichText::new("Reading …").small());
        return;
    };
    let genres = &scene.model_info.genres;
    let answer = |decided: &Decided| {
        let genre = decided
            .genre
            .as_deref()
            .map(|label| wording::genre_title(label, genres));
        genre.unwrap_or_else(|| decided.state.replace('_', " "))
    };
    let copy = ui
        .small_button("Copy as CSV")
        .on_hover_text("The list below, as a table");
    if copy.clicked() {
        let rows = decisions.iter().map(|it| {
            let confidence = format!("{:.4}", it.confidence);
            vec![format!("{:.3}", it.at), answer(it), confidence, it.rule.clone()]
        });
        let title = ["at_s", "answer", "confidence", "rule"].map(str::to_owned).to_vec();
        ui.copy_text(table::csv(std::iter::once(title).chain(rows)));
    }
    let height = 16.0;
    ScrollArea::vertical()
        .id_salt("decisions of a session")
        .max_height(MOST_DECISIONS * height)
        .show_rows(ui, height, decisions.len(), |ui, range| {
            for decided in &decisions[range] {
                let said = format!(
                    "{}  {} {}",
                    Seconds(decided.at).clock(),
                    answer(decided),
                    wording::percent(decided.confidence as f32)
                );
                ui.add(Label::new(RichText::new(said).small()).truncate());
            }
        });
}

/// A star, filled or not; the fonts have none.
fn star_ui(ui: &mut egui::Ui, filled: bool) -> egui::Response {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(20.0), Sense::click());
    let (middle, ink) = (rect.center(), if filled { palette.attention } else { palette.muted });
    let corner = |i: usize| {
        let radius = if i.is_multiple_of(2) { 7.0 } else { 3.0 };
        middle + radius * Vec2::angled(std::f32::consts::PI * (i as f32 / 5.0 - 0.5))
    };
    let corners: Vec<Pos2> = (0..10).map(corner).collect();
    if filled {
        let mut mesh = Mesh::default();
        mesh.colored_vertex(middle, ink);
        for (i, corner) in corners.iter().enumerate() {
            mesh.colored_vertex(*corner, ink);
            mesh.add_triangle(0, i as u32 + 1, (i as u32 + 1) % 10 + 1);
        }
        ui.painter().add(Shape::mesh(mesh));
    } else {
        ui.painter().add(Shape::closed_line(corners, Stroke::new(1.0, ink)));
    }
    response
}

/// The note: what is typed is kept when the field is left.
fn note_ui(ui: &mut egui::Ui, view: &mut ViewState, session: &Session) {
    let mut text = match &view.sessions.note {
        Some((id, text)) if *id == session.id => text.clone(),
        _ => session.note.clone(),
    };
    let field = TextEdit::singleline(&mut text)
        .hint_text("Note")
        .desired_width(ui.available_width());
    let response = ui
        .add(field)
        .accessible_name(format!("Note on {}, number {}", session.beginning.name, session.id));
    if response.changed() {
        view.sessions.note = Some((session.id, text.clone()));
    }
    if response.lost_focus() && view.sessions.note.as_ref().is_some_and(|(id, _)| *id == session.id) {
        view.sessions.note = None;
        view.request(Action::Session(SessionCommand::Note(session.id, text)));
    }
}
