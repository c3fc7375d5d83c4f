//! What the answer was, and what it may become.

use super::Scene;
use crate::ui::history::History;
use crate::ui::theme::Palette;
use crate::ui::widgets::describe;
use crate::ui::wording;
use attune_engine::smoothing::{AnswerState, Reason};
use attune_model::genre::GenreId;
use eframe::egui::{self, Align2, FontId, Rect, Sense};

/// The models leave an answer if their answers to single frames named another genre this long…
const LEAVING_SECS: f64 = 1.5;
/// …in this share of the frames.
const LEAVING_SHARE: f32 = 0.8;

/// What it was, and what it may become.
pub(super) fn becoming_ui(ui: &mut egui::Ui, scene: &Scene<'_>, rect: Rect, unit: f32) {
    let palette = Palette::of(ui);
    let response = ui.allocate_rect(rect, Sense::hover());
    let (was, becomes) = (was(scene), becomes(scene));
    let (becomes, ink) = match becomes {
        Some(Becomes::Changing(text)) => (text, palette.accent),
        Some(Becomes::Next(text)) => (text, palette.muted),
        None => (String::new(), palette.muted),
    };
    let said: Vec<&str> = [was.as_str(), becomes.as_str()]
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect();
    describe(
        &response,
        if said.is_empty() {
            "No change".to_owned()
        } else {
            said.join("; ")
        },
    );
    let font = FontId::proportional(1.3 * unit);
    let mid = rect.center().y;
    let painter = ui.painter();
    painter.text(
        egui::pos2(rect.left(), mid),
        Align2::LEFT_CENTER,
        was,
        font.clone(),
        palette.muted,
    );
    painter.text(egui::pos2(rect.right(), mid), Align2::RIGHT_CENTER, becomes, font, ink);
}

enum Becomes {
    /// The models leave the answer.
    Changing(String),
    /// What is likeliest after it.
    Next(String),
}

/// For how long it has been answered, and the genre before.
fn was(scene: &Scene<'_>) -> String {
    if !scene.has_frames() || scene.sound.is_missing() {
        return String::new();
    }
    let decision = &scene.snapshot.decision;
    let newest = scene
        .snapshot
        .column(scene.snapshot.frames - 1)
        .map_or(0.0, |column| column.at.0);
    let lasts = wording::duration(newest - decision.since.0);
    let mut genres = scene
        .history
        .points()
        .iter()
        .rev()
        .filter_map(|point| point.state.genre());
    match genres.find(|genre| decision.state != AnswerState::Genre(*genre)) {
        Some(genre) => format!("{lasts} · before: {}", scene.model_info.genres.title(genre)),
        None => lasts,
    }
}

fn becomes(scene: &Scene<'_>) -> Option<Becomes> {
    let genres = &scene.model_info.genres;
    let AnswerState::Genre(answered) = scene.snapshot.decision.state else {
        return None;
    };
    if scene.sound.is_missing() {
        return None;
    }
    let challenger = match scene.snapshot.decision.reason {
        Reason::Held { challenger, .. } => Some(challenger),
        _ => leaving(scene.history, answered, scene.snapshot.hop.0),
    };
    if let Some(challenger) = challenger {
        return Some(Becomes::Changing(format!("Changing: {}?", genres.title(challenger))));
    }
    let others = genres.ids().filter(|id| *id != answered);
    let next = others.max_by(|a, b| {
        scene
            .snapshot
            .ensemble
            .of(*a)
            .total_cmp(&scene.snapshot.ensemble.of(*b))
    })?;
    let share = wording::percent(scene.snapshot.ensemble.of(next));
    Some(Becomes::Next(format!("next: {} {share}", genres.title(next))))
}

/// The genre that the models name in most of the newest frames, if it is not the answer.
fn leaving(history: &History, answered: GenreId, hop: f64) -> Option<GenreId> {
    let frames = (LEAVING_SECS / hop) as u64;
    let total = history.total_columns();
    let newest = (total.checked_sub(frames)?..total).map(|column| history.moment(column)?.raw.map(|raw| raw.top().0));
    let named: Vec<GenreId> = newest.collect::<Option<_>>()?;
    let last = *named.last()?;
    let share = named.iter().filter(|id| **id == last).count() as f32 / named.len() as f32;
    (last != answered && share >= LEAVING_SHARE).then_some(last)
}
