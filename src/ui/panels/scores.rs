//! Six score functions under one spectrogram: where each attends from the held moment.
//!
//! In: weights of each. Out: paint. Thread: window.

use super::internals::{header_ui, of_held};
use super::{Pictures, Scene};
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, place_plot};
use crate::ui::wording;
use attune_model::scores::ScoreWeights;
use attune_nn::score::ScoreKind;
use eframe::egui::{self, Color32, CornerRadius, Rect, Sense, Vec2};

/// What the plot is called.
const NAME: &str = "Attention scores";
/// Space between two strips.
const GAP: f32 = 2.0;

/// Draws a strip for each score function into what is available.
pub(super) fn scores_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let note = "each trained separately over the TCN's features; no strip points at the passage of another genre more \
                often than chance (docs/lab.md)";
    header_ui(ui, scene, view, NAME, note);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    let said = (
        NAME,
        "Hold a moment (H, or a click) to see what each score function attends to from it",
        "Running them …",
        "The score functions cannot be run",
    );
    let Some(strips) = of_held(ui, &response, plot, scene.held.map(|held| &held.scores), said) else {
        return;
    };
    let looks: Vec<_> = strips
        .iter()
        .map(|(kind, weights)| (*kind, wording::look(weights, scene.snapshot.hop)))
        .collect();
    let said = looks
        .iter()
        .filter_map(|(kind, look)| Some(sentence(*kind, look.as_ref()?)));
    describe(&response, format!("{NAME}: {}", said.collect::<Vec<_>>().join(" ")));
    place_plot(ui, view, NAME, &response);
    let time = TimeAxis::of(plot, scene, &view.time);
    draw(ui, scene, pictures, &time, (plot, strips, &looks));
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    if let Some(pointer) = response.hover_pos()
        && let Some((kind, Some(look))) = looks
            .iter()
            .enumerate()
            .find_map(|(place, look)| row(plot, strips.len(), place).contains(pointer).then_some(look))
    {
        response.on_hover_text_at_pointer(format!("{}\n{}", sentence(*kind, look), kind.formula()));
    }
}

type Look = Option<wording::Look>;

fn row(plot: Rect, rows: usize, place: usize) -> Rect {
    let height = plot.height() / rows as f32;
    let top = plot.top() + place as f32 * height;
    Rect::from_x_y_ranges(plot.x_range(), top..=top + (height - GAP).max(1.0))
}

fn draw(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    pictures: &mut Pictures,
    time: &TimeAxis,
    (plot, strips, looks): (Rect, &ScoreWeights, &[(ScoreKind, Look)]),
) {
    let palette = Palette::of(ui);
    let frames = strips.first().map_or(0, |(_, weights)| weights.len());
    let (left, right) = (time.x_of(frames as f32), time.x_of(0.0));
    let pixels = ((right - left) * ui.ctx().pixels_per_point()).ceil() as usize;
    let weights = strips.iter().map(|(_, weights)| weights.as_slice());
    let sequence = scene.snapshot.sequence;
    let texture = pictures
        .scores
        .update(ui.ctx(), sequence, weights, pixels, palette.attention)
        .map(egui::TextureHandle::id);
    let painter = ui.painter().with_clip_rect(plot.expand(1.0).intersect(ui.clip_rect()));
    for (place, (kind, look)) in looks.iter().enumerate() {
        let row = row(plot, looks.len(), place);
        painter.rect_filled(row, CornerRadius::ZERO, palette.track);
        if let Some(texture) = texture {
            let count = looks.len() as f32;
            let uv = Rect::from_min_max(
                egui::pos2(0.0, (place as f32 + 0.25) / count),
                egui::pos2(1.0, (place as f32 + 0.75) / count),
            );
            let shown = Rect::from_x_y_ranges(left..=right, row.y_range());
            painter.image(texture, shown, uv, Color32::WHITE);
        }
        let mut text = title(*kind).to_owned();
        if let Some(look) = look {
            text = format!("{text} · {:.1} s · {:.1} bit", look.mean_back.0, look.entropy_bits);
        }
        let galley = painter.layout_no_wrap(text, axis_font(), palette.text);
        let at = egui::pos2(row.left() + 4.0, row.center().y - 0.5 * galley.size().y);
        let ground = Rect::from_min_size(at, galley.size()).expand2(Vec2::new(3.0, 0.0));
        painter.rect_filled(
            ground.intersect(row),
            CornerRadius::same(2),
            palette.background.gamma_multiply(0.85),
        );
        painter.with_clip_rect(row).galley(at, galley, palette.text);
    }
}

fn title(kind: ScoreKind) -> &'static str {
    match kind {
        ScoreKind::General => "general",
        ScoreKind::Cosine => "cosine",
        ScoreKind::CosineTempered => "cosine with temperature",
        ScoreKind::Additive => "additive",
        ScoreKind::Location => "location",
        ScoreKind::Dot => "dot",
        ScoreKind::ScaledDot => "scaled dot",
        ScoreKind::Even => "even",
    }
}

fn sentence(kind: ScoreKind, look: &wording::Look) -> String {
    format!(
        "The {} score attends {:.1} s back on average, {:.0} % of its weight at {:.1} s; entropy {:.1} bit.",
        title(kind),
        look.mean_back.0,
        100.0 * look.strongest,
        look.strongest_back.0,
        look.entropy_bits
    )
}
