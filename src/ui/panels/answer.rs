//! The ensemble answer, large: genre or state, how sure, why.
//!
//! In: decision. Out: paint. Thread: window.

use super::{Scene, SourceCondition};
use crate::ui::theme::{Palette, card, display_text, figure_text};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{answer_bar, describe, state_colour};
use crate::ui::wording;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::SoundKind;
use eframe::egui::{self, Color32, CornerRadius, Rect, RichText, Sense, Vec2};

/// Height of the reason: two lines, so that nothing below jumps when it changes.
const REASON_HEIGHT: f32 = 34.0;

/// The answer as every view shows it.
pub(super) struct ShownAnswer {
    /// Genre or state.
    pub word: String,
    /// How sure it is. Beside other words the leading genre's probability would say the opposite of the word.
    pub figure: Option<String>,
    /// That of the word.
    pub colour: Color32,
}

impl ShownAnswer {
    /// The answer now, or that there is none.
    pub(super) fn of(scene: &Scene<'_>, palette: &Palette) -> Self {
        let genres = &scene.model_info.genres;
        let decision = &scene.snapshot.decision;
        if !scene.is_current() {
            let missing = scene.sound.missing();
            return Self {
                word: missing.unwrap_or_else(|| "Waiting for sound".to_owned()),
                figure: None,
                colour: palette.muted,
            };
        }
        let (has_figure, colour) = match decision.state {
            AnswerState::Unsure => (true, palette.muted),
            AnswerState::Silence | AnswerState::WarmingUp => (false, palette.muted),
            AnswerState::Unfamiliar => (false, palette.unfamiliar),
            state => (true, state_colour(state, genres, palette)),
        };
        Self {
            word: wording::answer(decision, genres),
            figure: has_figure.then(|| wording::percent(decision.confidence)),
            colour,
        }
    }

    /// For screen readers.
    pub(super) fn sentence(&self) -> String {
        match &self.figure {
            Some(figure) => format!("Answer: {}, {figure}", self.word),
            None => format!("Answer: {}", self.word),
        }
    }
}

/// Draws the answer.
pub(crate) fn answer_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &ViewState) {
    let Scene {
        snapshot, model_info, ..
    } = *scene;
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let decision = &snapshot.decision;
        let is_current = scene.is_current();
        let shown = ShownAnswer::of(scene, palette);
        let why = match (scene.sound.is_missing(), scene.has_frames()) {
            (true, _) => waiting(view),
            (false, true) => decision.reason.sentence(&model_info.genres),
            (false, false) => "The answer appears when there is sound.".to_owned(),
        };
        let (row, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 44.0), Sense::hover());
        describe(&response, format!("{}. {why}", shown.sentence()));
        let ShownAnswer { word, figure, colour } = shown;
        let stripe = Rect::from_min_size(row.min + Vec2::new(0.0, 4.0), Vec2::new(5.0, 36.0));
        ui.painter().rect_filled(stripe, CornerRadius::same(2), colour);
        // A long state must not run into the figure: it is set smaller.
        let display = display_text().resolve(ui.style());
        let figure_width = 64.0;
        let room = row.width() - 16.0 - if figure.is_some() { figure_width } else { 0.0 };
        let galley = ui.painter().layout_no_wrap(word.clone(), display.clone(), palette.text);
        let galley = if galley.size().x > room {
            let size = display.size * room / galley.size().x;
            let font = egui::FontId::new(size, display.family);
            ui.painter().layout_no_wrap(word, font, palette.text)
        } else {
            galley
        };
        let at = egui::pos2(row.left() + 16.0, row.center().y - 0.5 * galley.size().y);
        ui.painter().galley(at, galley, palette.text);
        let share = figure.as_ref().map_or(0.0, |_| decision.confidence);
        if let Some(figure) = figure {
            let mut font = figure_text().resolve(ui.style());
            font.size = 20.0;
            ui.painter().text(
                row.right_center(),
                egui::Align2::RIGHT_CENTER,
                figure,
                font,
                palette.text,
            );
        }
        let (bar, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 5.0), Sense::hover());
        answer_bar(ui, bar, share, colour);
        ui.allocate_ui(Vec2::new(ui.available_width(), REASON_HEIGHT), |ui| {
            ui.set_min_height(REASON_HEIGHT);
            ui.add(egui::Label::new(RichText::new(why).small().color(palette.muted)).wrap());
        });
        let enabled = enabled_models(scene);
        let line = if is_current && enabled > 0 && decision.state.is_of_music() {
            let agree = (snapshot.agreement * enabled as f32).round() as usize;
            let since = snapshot.transport.position.0 - decision.since.0;
            let verb = if agree == 1 { "says" } else { "say" };
            let leader = model_info.genres.title(snapshot.ensemble.top().0);
            let line = format!("{agree} of {enabled} {verb} {leader} · for {:.0} s", since.max(0.0));
            let column = snapshot.column(snapshot.frames - 1);
            let kinds = column.map(|column| column.kinds);
            let line = match kinds.filter(|kinds| !kinds.as_slice().is_empty()) {
                Some(kinds) => format!("{line} · music {}", wording::percent(SoundKind::Music.of(&kinds))),
                None => line,
            };
            match column.and_then(|column| column.familiarity) {
                Some(familiarity) => format!("{line} · familiar {}", wording::percent(familiarity)),
                None => line,
            }
        } else {
            no_genre(scene, is_current).to_owned()
        };
        ui.label(RichText::new(line).small().color(palette.muted));
    });
}

/// What is waited for while there is no sound.
fn waiting(view: &ViewState) -> String {
    let name = view
        .source
        .opened
        .as_ref()
        .map_or("the source", |open| open.name.as_str());
    if view.source.condition == SourceCondition::Failed {
        return format!("{name} failed. Open it again, or another source.");
    }
    format!("Waiting for {name}. What is shown below is from before.")
}

/// Why the models' genres count for nothing now.
fn no_genre(scene: &Scene<'_>, is_current: bool) -> &'static str {
    match scene.snapshot.decision.state {
        _ if !is_current => "—",
        AnswerState::Silence => "In silence no genre is answered.",
        AnswerState::Speech => "No genre is answered while someone speaks.",
        AnswerState::NotMusic => "No genre is answered of what is not music.",
        _ => "—",
    }
}

fn enabled_models(scene: &Scene<'_>) -> usize {
    let snapshot = scene.snapshot;
    snapshot.models[..snapshot.model_count.min(snapshot.models.len())]
        .iter()
        .filter(|model| model.enabled)
        .count()
}
