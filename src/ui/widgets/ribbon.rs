//! Answers over time as a ribbon: each in its colour, with its name where there is room.
//!
//! In: runs of answers. Out: paint. Thread: window.

use crate::ui::history::TimelinePoint;
use crate::ui::theme::{Palette, axis_font};
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreSet;
use eframe::egui::{self, Color32, CornerRadius, Rect};

/// One answer, from one x to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    /// Left edge.
    pub from: f32,
    /// Right edge.
    pub to: f32,
    /// What is answered.
    pub state: AnswerState,
}

/// The colour that an answer has everywhere.
pub(crate) fn state_colour(state: AnswerState, genres: &GenreSet, palette: &Palette) -> Color32 {
    match state {
        AnswerState::Genre(id) => {
            let [r, g, b] = genres.colour(id);
            Color32::from_rgb(r, g, b)
        }
        AnswerState::Unsure => palette.control_hovered,
        AnswerState::Silence => palette.track,
        AnswerState::Speech => palette.speech,
        AnswerState::NotMusic => palette.not_music,
        AnswerState::Unfamiliar => palette.unfamiliar,
        AnswerState::WarmingUp => palette.control,
    }
}

/// Runs of the same answer; a run lasts until the next point of its segment, the newest until `end`.
pub(crate) fn runs(points: &[TimelinePoint], end: f64, to_x: impl Fn(f64) -> f32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let next = points.get(i + 1);
        let until = match next {
            Some(next) if next.segment == point.segment => next.played_secs,
            Some(_) => point.played_secs,
            None => end,
        };
        let joined = i > 0 && points[i - 1].segment == point.segment;
        match runs.last_mut() {
            Some(run) if joined && run.state == point.state => run.to = to_x(until),
            _ => runs.push(Run {
                from: to_x(point.played_secs),
                to: to_x(until),
                state: point.state,
            }),
        }
    }
    runs
}

/// Draws runs into `rect`; `opacity` below 1: what is not played yet.
pub(crate) fn ribbon_ui(ui: &egui::Ui, rect: Rect, runs: &[Run], genres: &GenreSet, opacity: f32) {
    let palette = Palette::of(ui);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    for run in runs {
        let part = Rect::from_x_y_ranges(run.from..=run.to.max(run.from + 1.0), rect.y_range());
        let fill = state_colour(run.state, genres, palette);
        painter.rect_filled(part, CornerRadius::same(2), fill.gamma_multiply(opacity));
        let ink = match run.state {
            AnswerState::Genre(_) if opacity >= 1.0 => ink_on(fill),
            AnswerState::Genre(_) | AnswerState::Speech | AnswerState::NotMusic | AnswerState::Unfamiliar => {
                palette.text
            }
            _ => palette.muted,
        };
        let word = match run.state {
            AnswerState::Genre(id) => genres.title(id),
            AnswerState::WarmingUp => "…".to_owned(),
            other => other.title(genres).to_lowercase(),
        };
        let seen = part.intersect(rect);
        if seen.width() < 16.0 {
            continue;
        }
        let galley = painter.layout_no_wrap(word, axis_font(), ink);
        if galley.size().x + 8.0 <= seen.width() {
            painter.galley(seen.center() - 0.5 * galley.size(), galley, ink);
        }
    }
}

/// Black or white, whichever stands out more.
pub(crate) fn ink_on(fill: Color32) -> Color32 {
    let lightness = 0.2126 * f32::from(fill.r()) + 0.7152 * f32::from(fill.g()) + 0.0722 * f32::from(fill.b());
    if lightness > 118.0 {
        Color32::from_gray(16)
    } else {
        Color32::WHITE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::Seconds;
    use attune_model::genre::{GenreId, Probabilities};

    #[test]
    fn runs_end_where_the_answer_changes_or_the_segment_does() {
        let point = |played_secs: f64, segment, genre| TimelinePoint {
            played_secs,
            at: Seconds(played_secs),
            segment,
            ensemble: Probabilities::uniform(10),
            state: AnswerState::Genre(GenreId(genre)),
            confidence: 0.5,
        };
        let points = [point(0.0, 1, 1), point(1.0, 1, 1), point(2.0, 1, 3), point(5.0, 2, 3)];
        let found: Vec<_> = runs(&points, 7.0, |secs| secs as f32)
            .iter()
            .map(|run| (run.from as i32, run.to as i32))
            .collect();
        assert_eq!(found, [(0, 2), (2, 2), (5, 7)]);
    }
}
