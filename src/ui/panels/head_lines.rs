//! Lines of one head over the spectrogram, from the query frame to those that it attends to most: of the head under
//! the pointer from the newest frame, or of a held moment's chosen head from the cursor.
//!
//! In: weights. Out: paint. Thread: window.

use super::{Scene, attention_lag, head_of, map_shape};
use crate::ui::choices::Page;
use crate::ui::job::Job;
use crate::ui::view_state::ViewState;
use crate::ui::widgets::TimeAxis;
use attune_engine::explain::Head;
use eframe::egui::{self, Color32, Pos2, Stroke};

/// The most lines, and the least share of the strongest weight that gets a line.
const LINES: usize = 8;
const LEAST: f32 = 0.1;
/// Straight pieces of an arc.
const STEPS: usize = 24;
/// White, so that it is not the golden curve of pooling weights.
const INK: Color32 = Color32::WHITE;

/// The query frame, and the strongest of those that it attends to with their weights; all counted back from the newest
/// column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeadLines {
    /// The query.
    pub from: usize,
    /// Its keys, strongest first.
    pub to: Vec<(usize, f32)>,
}

impl HeadLines {
    /// Of what is pointed at or chosen; `None` if neither is, or it is not known.
    pub(crate) fn of(scene: &Scene<'_>, view: &ViewState) -> Option<Self> {
        let (layers, heads) = map_shape(&scene.snapshot.attention);
        let exists = |head: &Head| head.layer < layers && head.head < heads;
        if let Some(head) = view.heads.pointed.filter(exists) {
            let lag = attention_lag(scene.snapshot) as usize;
            return Some(Self::strongest(
                lag,
                head_of(&scene.snapshot.attention, head.layer, head.head),
            ));
        }
        let held = scene.held.filter(|_| view.page == Page::Heads)?;
        let Job::Done(study) = held.heads.of(view.heads.chosen?)? else {
            return None;
        };
        let query = study.frames.checked_sub(held.cursor + 1)?;
        let weights: Vec<f32> = (0..=query).map(|key| study.weight(query, key).unwrap_or(0.0)).collect();
        Some(Self::strongest(held.cursor, &weights))
    }

    /// `weights` are of the frames up to the query, oldest first.
    fn strongest(from: usize, weights: &[f32]) -> Self {
        let most = weights.iter().copied().fold(0.0, f32::max);
        let backs = weights.iter().rev().enumerate();
        let mut to: Vec<(usize, f32)> = backs
            .map(|(back, weight)| (from + back, *weight))
            .filter(|(_, weight)| *weight > 0.0 && *weight >= LEAST * most)
            .collect();
        to.sort_by(|a, b| b.1.total_cmp(&a.1));
        to.truncate(LINES);
        Self { from, to }
    }

    /// Draws an arc to each, the stronger the less transparent.
    pub(super) fn draw(&self, ui: &egui::Ui, time: &TimeAxis) {
        let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
        let foot = time.rect.bottom() - 2.0;
        let at = |back: usize| time.x_of(back as f32 + 0.5);
        let most = self.to.first().map_or(1.0, |(_, weight)| *weight);
        for (back, weight) in self.to.iter().rev() {
            let (x, own) = (at(*back), at(self.from));
            let rise = (0.6 * (own - x).abs()).clamp(16.0, 1.7 * time.rect.height());
            let points: Vec<Pos2> = (0..=STEPS)
                .map(|step| {
                    let share = step as f32 / STEPS as f32;
                    Pos2::new(egui::lerp(own..=x, share), foot - 2.0 * rise * share * (1.0 - share))
                })
                .collect();
            let share = weight / most;
            // A dark edge keeps it apart from light parts of the picture.
            for (width, ink) in [
                (4.0, Color32::from_black_alpha(110)),
                (1.0 + 1.5 * share, INK.gamma_multiply(0.35 + 0.65 * share)),
            ] {
                painter.line(points.clone(), Stroke::new(width, ink));
            }
            painter.circle_filled(Pos2::new(x, foot), 2.5, INK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_are_shown_and_the_weak_are_not() {
        let lines = HeadLines::strongest(10, &[0.05, 0.5, 0.0, 0.04, 0.41]);
        assert_eq!((lines.from, &lines.to[..2]), (10, &[(13, 0.5), (10, 0.41)][..]));
        // 0.05 is just a tenth of the strongest, 0.04 is less.
        assert_eq!(lines.to[2..], [(14, 0.05)]);
        assert_eq!(HeadLines::strongest(0, &[0.1; 40]).to.len(), LINES);
        assert!(HeadLines::strongest(0, &[0.0; 4]).to.is_empty());
    }
}
