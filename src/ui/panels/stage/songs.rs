//! The list of songs.

use super::Scene;
use crate::ui::song_list::Song;
use crate::ui::theme::Palette;
use crate::ui::widgets::{describe, state_colour};
use crate::ui::wording;
use attune_engine::smoothing::AnswerState;
use eframe::egui::{self, Align2, CornerRadius, FontId, Rect, RichText, ScrollArea, Sense, Vec2};

/// The songs, newest first.
pub(super) fn songs_ui(ui: &mut egui::Ui, scene: &Scene<'_>, unit: f32) {
    let row = 1.7 * unit;
    let count = scene.songs.all().len();
    if count == 0 {
        let text = RichText::new("Songs are listed here as they play.").size(unit);
        ui.label(text.color(Palette::of(ui).muted));
        return;
    }
    let is_file = scene.transport.duration.0 > 0.0;
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show_rows(ui, row, count, |ui, range| {
            for song in scene.songs.all().rev().skip(range.start).take(range.len()) {
                song_ui(ui, scene, song, Vec2::new(ui.available_width(), row), is_file);
            }
        });
}

fn song_ui(ui: &mut egui::Ui, scene: &Scene<'_>, song: &Song, size: Vec2, is_file: bool) {
    let palette = Palette::of(ui);
    let genres = &scene.model_info.genres;
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let began = if is_file {
        song.at.clock()
    } else {
        wording::time_of_day(song.began)
    };
    let genre = song.genre.map_or("…".to_owned(), |genre| genres.title(genre));
    let lasts = wording::duration(song.secs);
    describe(&response, format!("Song: {began}, {genre}, {lasts}"));
    let font = FontId::proportional(0.62 * size.y);
    let mut x = rect.left();
    for (text, width, ink) in [
        (began, 3.4, palette.muted),
        (genre, 6.0, palette.text),
        (lasts, 4.0, palette.muted),
    ] {
        let is_genre = ink == palette.text;
        if is_genre && let Some(id) = song.genre {
            let swatch = Rect::from_center_size(egui::pos2(x, rect.center().y), Vec2::splat(0.4 * size.y));
            let colour = state_colour(AnswerState::Genre(id), genres, palette);
            ui.painter().rect_filled(swatch, CornerRadius::same(2), colour);
        }
        let left = if is_genre { x + 0.5 * size.y } else { x };
        let at = egui::pos2(left, rect.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, text, font.clone(), ink);
        x += width * size.y;
    }
}
