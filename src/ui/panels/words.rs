//! What sounds up to the held moment, in words, and where the network looked for each: a row for each word, and over
//! the spectrogram the tiles of the one under the pointer.
//!
//! In: a caption. Out: paint; what to play. Thread: window.

use super::Scene;
use super::internals::{header_ui, of_held};
use crate::ui::held_moment::MomentCaption;
use crate::ui::job::Job;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, place_plot};
use crate::ui::wording;
use attune_audio::source::SourceKind;
use attune_audio::units::Seconds;
use attune_model::caption::{SaidWord, Tile};
use eframe::egui::{self, Color32, CornerRadius, CursorIcon, Rect, Sense, Vec2};

/// What the plot is called.
const NAME: &str = "Words";
/// Space between two rows.
const GAP: f32 = 2.0;
/// Rows are no higher than this.
const HIGHEST: f32 = 24.0;
/// The colour of what is looked at, over the maps of levels.
const GLOW: Color32 = Color32::from_rgb(0xFF, 0xC8, 0x4A);

/// Draws a row for each word into what is available.
pub(super) fn words_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    view.internals.word = None;
    header_ui(ui, scene, view, NAME, wording::WHERE_WORDS_ARE_FROM);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    let said = (
        NAME,
        "Hold a moment (H, or a click) to read what sounds in the twelve seconds before it",
        "Writing …",
        "No words",
    );
    let Some(caption) = of_held(ui, &response, plot, scene.held.map(|held| &held.words), said) else {
        return;
    };
    let words = &caption.said.words;
    describe(&response, wording::caption(words));
    place_plot(ui, view, NAME, &response);
    let time = TimeAxis::of(plot, scene, &view.time);
    let height = (plot.height() / words.len().max(1) as f32).min(HIGHEST);
    let pointed = response.hover_pos().filter(|at| plot.contains(*at));
    let pointed = pointed.map(|at| ((at.y - plot.top()) / height) as usize);
    view.internals.word = pointed.filter(|place| *place < words.len());
    for (place, word) in words.iter().enumerate() {
        let top = plot.top() + place as f32 * height;
        let row = Rect::from_x_y_ranges(plot.x_range(), top..=top + (height - GAP).max(1.0));
        row_ui(ui, &time, row, (caption, word), view.internals.word == Some(place));
    }
    let Some(word) = view.internals.word.map(|place| &words[place]) else {
        return;
    };
    let mut said = wording::word(word);
    let is_file = view
        .source
        .opened
        .as_ref()
        .is_some_and(|open| open.kind == SourceKind::File);
    if let Some((start, end)) = span_of(scene, caption, word).filter(|_| is_file) {
        ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
        said = format!("{said}\nClick to play what it looked at.");
        if response.clicked() {
            view.play_between(start, end);
        }
    }
    response.on_hover_text_at_pointer(said);
}

/// When a word was looked at, and its name.
fn row_ui(ui: &egui::Ui, time: &TimeAxis, row: Rect, (caption, word): (&MomentCaption, &SaidWord), pointed: bool) {
    let palette = Palette::of(ui);
    let painter = ui.painter().with_clip_rect(row.intersect(ui.clip_rect()));
    painter.rect_filled(row, CornerRadius::ZERO, palette.track);
    let by_time: Vec<f32> = word
        .weights
        .chunks(caption.grid.heights.max(1))
        .map(|heights| heights.iter().sum())
        .collect();
    let most = by_time.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    for (tile, weight) in by_time.iter().enumerate() {
        let (from, to) = caption.columns_back(tile);
        let part = Rect::from_x_y_ranges(time.x_of(from as f32)..=time.x_of(to as f32), row.y_range());
        let fill = palette.attention.gamma_multiply(0.85 * weight / most);
        painter.rect_filled(part, CornerRadius::ZERO, fill);
    }
    let text = format!("{} {}", word.word, wording::percent(word.probability as f32));
    let ink = if pointed { palette.accent } else { palette.text };
    let galley = painter.layout_no_wrap(text, axis_font(), ink);
    let at = egui::pos2(row.left() + 4.0, row.center().y - 0.5 * galley.size().y);
    let ground = Rect::from_min_size(at, galley.size()).expand2(Vec2::new(3.0, 0.0));
    painter.rect_filled(
        ground.intersect(row),
        CornerRadius::same(2),
        palette.background.gamma_multiply(0.85),
    );
    painter.galley(at, galley, ink);
}

/// Stream times between which half of the word's attention lies.
fn span_of(scene: &Scene<'_>, caption: &MomentCaption, word: &SaidWord) -> Option<(Seconds, Seconds)> {
    let newest = scene.history.total_columns().checked_sub(1)?;
    let end = scene.history.time_of(newest)?.0;
    let begin = end - caption.said.end_s;
    let [from, to] = word.time_s.map(|at| Seconds((begin + at).max(0.0)));
    Some((from, to))
}

/// Draws the tiles of the word under the pointer over the spectrogram.
pub(super) fn glow_ui(ui: &egui::Ui, scene: &Scene<'_>, view: &ViewState, time: &TimeAxis) {
    let held = scene.held.map(|held| &held.words);
    let (Some(Job::Done(caption)), Some(place)) = (held, view.internals.word) else {
        return;
    };
    let Some(word) = caption.said.words.get(place) else {
        return;
    };
    let plot = time.rect;
    let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
    // The rest of the picture steps back.
    painter.rect_filled(plot, CornerRadius::ZERO, Color32::from_black_alpha(110));
    let most = word.weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let rows = caption.grid.heights as f32;
    for (number, weight) in word.weights.iter().enumerate() {
        let Tile { time: tile, height } = caption.grid.tile(number);
        let (from, to) = caption.columns_back(tile);
        let y = |row: usize| plot.bottom() - plot.height() * row as f32 / rows;
        let part = Rect::from_x_y_ranges(time.x_of(from as f32)..=time.x_of(to as f32), y(height + 1)..=y(height));
        painter.rect_filled(part, CornerRadius::ZERO, GLOW.gamma_multiply(0.75 * weight / most));
    }
}
