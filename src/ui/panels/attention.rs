//! Layers × heads: each head's weights over the past as a strip, under the spectrogram's own time axis, or enlarged
//! where heads reach back a small part of it.
//!
//! In: attention. Out: paint. Thread: window.

use super::internals::header_ui;
use super::{Pictures, Scene, attention_lag, head_of, map_shape};
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, place_plot};
use crate::ui::wording;
use attune_engine::MAX_ATTENTION_FRAMES;
use attune_engine::explain::Head;
use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Sense, Vec2};

/// Space between two layers.
const LAYER_GAP: f32 = 4.0;
/// Space between two heads.
pub(crate) const ATTENTION_ROW_GAP: f32 = 1.0;

/// Heads that reach back less than one in so many of the columns shown have an axis of their own.
const ENLARGED: usize = 4;

/// Draws the heat map into what is available.
pub(super) fn attention_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let palette = Palette::of(ui);
    let attention = &scene.snapshot.attention;
    let of_model = scene.model_info.models.get(attention.model);
    let context = of_model.and_then(|model| model.attention_context);
    let enlarged = context.filter(|context| (ENLARGED * context) as f64 * scene.snapshot.hop.0 < view.time.span);
    let last = enlarged.map_or(String::new(), |context| {
        format!("the last {:.1} s, enlarged · ", context as f64 * scene.snapshot.hop.0)
    });
    let note =
        format!("{last}mean distance · entropy · a wedge marks a sink · each row scaled to its strongest weight");
    header_ui(ui, scene, view, "Attention heads", &note);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let (layers, heads) = map_shape(attention);
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    if attention.frames == 0 || layers * heads == 0 {
        let text = "The weights of each head appear when there is sound";
        describe(&response, format!("Attention heads: {text}"));
        ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
        ui.painter()
            .text(plot.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    }
    let looks = looks(scene, layers, heads);
    describe(&response, summary(&looks, layers, heads));
    place_plot(ui, view, "Attention heads", &response);
    let mut time = TimeAxis::of(plot, scene, &view.time);
    if let Some(context) = enlarged {
        (time.columns, time.offset) = (context as f32, attention_lag(scene.snapshot) as f32);
    }
    let frames = attention.frames.min(MAX_ATTENTION_FRAMES);
    let grid = Grid {
        plot,
        layers,
        heads,
        frames: enlarged.map_or(frames, |context| context.min(frames)),
    };
    draw_rows(ui, scene, pictures, &time, &grid, &looks);
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    let pointed = hover_ui(ui, scene, &response, &time, &grid);
    if pointed != view.heads.pointed {
        view.heads.pointed = pointed;
        // Its lines are drawn above, in the next frame.
        ui.ctx().request_repaint();
    }
}

/// Where each head's row lies.
struct Grid {
    plot: Rect,
    layers: usize,
    heads: usize,
    /// How many of the newest frames have a column.
    frames: usize,
}

impl Grid {
    fn row(&self, layer: usize, head: usize) -> Rect {
        let gaps = LAYER_GAP * (self.layers - 1) as f32;
        let height = (self.plot.height() - gaps) / (self.layers * self.heads) as f32;
        let top = self.plot.top() + layer as f32 * (self.heads as f32 * height + LAYER_GAP) + head as f32 * height;
        Rect::from_x_y_ranges(self.plot.x_range(), top..=top + (height - ATTENTION_ROW_GAP).max(1.0))
    }

    fn cells(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let heads = self.heads;
        (0..self.layers).flat_map(move |layer| (0..heads).map(move |head| (layer, head)))
    }
}

fn draw_rows(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    pictures: &mut Pictures,
    time: &TimeAxis,
    grid: &Grid,
    looks: &[Option<wording::Look>],
) {
    let palette = Palette::of(ui);
    let attention = &scene.snapshot.attention;
    let lag = attention_lag(scene.snapshot) as f32;
    let (left, right) = (time.x_of(lag + grid.frames as f32), time.x_of(lag));
    let pixels = ((right - left) * ui.ctx().pixels_per_point()).ceil() as usize;
    let rows = grid.cells().map(|(layer, head)| {
        let row = head_of(attention, layer, head);
        &row[row.len().saturating_sub(grid.frames)..]
    });
    let sequence = scene.snapshot.sequence;
    let texture = pictures
        .heads
        .update(ui.ctx(), sequence, rows, pixels, palette.attention)
        .map(egui::TextureHandle::id);
    let painter = ui
        .painter()
        .with_clip_rect(grid.plot.expand(1.0).intersect(ui.clip_rect()));
    let count = (grid.layers * grid.heads) as f32;
    out_of_reach(ui, scene, grid, left);
    for (i, (layer, head)) in grid.cells().enumerate() {
        let row = grid.row(layer, head);
        let reached = row.intersect(Rect::from_x_y_ranges(left..=right, row.y_range()));
        if reached.is_positive() {
            painter.rect_filled(reached, CornerRadius::ZERO, palette.track);
        }
        if let Some(texture) = texture {
            let uv = Rect::from_min_max(
                egui::pos2(0.0, (i as f32 + 0.25) / count),
                egui::pos2(1.0, (i as f32 + 0.75) / count),
            );
            painter.image(
                texture,
                Rect::from_x_y_ranges(left..=right, row.y_range()),
                uv,
                Color32::WHITE,
            );
        }
        if let Some(Some(look)) = looks.get(i) {
            figures(&painter, palette, row, look, (left, right));
        }
        if head == 0 {
            let last = grid.row(layer, grid.heads - 1);
            let y = 0.5 * (row.top() + last.bottom());
            let at = egui::pos2(grid.plot.left() - 6.0, y);
            ui.painter().text(
                at,
                Align2::RIGHT_CENTER,
                format!("layer {}", layer + 1),
                axis_font(),
                palette.muted,
            );
        }
    }
}

/// What lies beyond the model's reach is hatched: no weight there is not the same as a weight of zero.
fn out_of_reach(ui: &egui::Ui, scene: &Scene<'_>, grid: &Grid, left: f32) {
    let plot = grid.plot;
    if left <= plot.left() {
        return;
    }
    let beyond = Rect::from_x_y_ranges(plot.left()..=left.min(plot.right()), plot.y_range());
    let painter = ui.painter().with_clip_rect(beyond.intersect(ui.clip_rect()));
    let palette = Palette::of(ui);
    let mut x = beyond.left() - beyond.height();
    while x < beyond.right() {
        let (from, to) = (
            egui::pos2(x, beyond.bottom()),
            egui::pos2(x + beyond.height(), beyond.top()),
        );
        painter.line_segment([from, to], (1.0, palette.outline.gamma_multiply(0.6)));
        x += 8.0;
    }
    let reach = grid.frames as f64 * scene.snapshot.hop.0;
    let text = format!("out of reach: it attends to the last {reach:.1} s");
    let galley = painter.layout_no_wrap(text, axis_font(), palette.muted);
    if galley.size().x + 220.0 < beyond.width() {
        let at = beyond.center() - 0.5 * galley.size();
        painter.rect_filled(
            Rect::from_min_size(at, galley.size()).expand2(Vec2::new(6.0, 2.0)),
            CornerRadius::same(3),
            palette.background,
        );
        painter.galley(at, galley, palette.muted);
    }
}

/// Mean look-back and entropy at the left end of a row, and a mark at the end that is a sink.
fn figures(painter: &egui::Painter, palette: &Palette, row: Rect, look: &wording::Look, (left, right): (f32, f32)) {
    if let Some((sink, _)) = look.sink {
        let (tip, outward) = match sink {
            wording::Sink::Oldest => (left.max(row.left()), -5.0),
            wording::Sink::Newest => (right.min(row.right()), -5.0),
        };
        let y = row.center().y;
        let corner = |dy: f32| egui::pos2(tip + outward, y + dy);
        let triangle = vec![egui::pos2(tip, y), corner(-4.0), corner(4.0)];
        painter.add(egui::Shape::convex_polygon(
            triangle,
            palette.warning,
            egui::Stroke::NONE,
        ));
    }
    if row.height() < 11.0 {
        return;
    }
    let text = format!("{:.1} s · {:.1} bit", look.mean_back.0, look.entropy_bits);
    let galley = painter.layout_no_wrap(text, axis_font(), palette.text);
    let at = egui::pos2(row.left() + 4.0, row.center().y - 0.5 * galley.size().y);
    let ground = Rect::from_min_size(at, galley.size())
        .expand2(Vec2::new(3.0, 0.0))
        .intersect(row);
    painter.rect_filled(ground, CornerRadius::same(2), palette.background.gamma_multiply(0.85));
    painter.galley(at, galley, palette.text);
}

/// Says what the head under the pointer does; which that is.
fn hover_ui(ui: &egui::Ui, scene: &Scene<'_>, response: &egui::Response, time: &TimeAxis, grid: &Grid) -> Option<Head> {
    let pointer = response.hover_pos()?;
    let attention = &scene.snapshot.attention;
    let cell = grid
        .cells()
        .find(|(layer, head)| grid.row(*layer, *head).expand(0.5).contains(pointer));
    let (layer, head) = cell?;
    let weights = head_of(attention, layer, head);
    let look = wording::look(weights, scene.snapshot.hop)?;
    let palette = Palette::of(ui);
    ui.painter().rect_stroke(
        grid.row(layer, head),
        0.0,
        (1.0, palette.text),
        egui::StrokeKind::Outside,
    );
    let mut said = wording::head(layer, head, &look);
    let back = time
        .back_at(pointer.x)
        .and_then(|back| (back as u64).checked_sub(attention_lag(scene.snapshot)));
    if let Some(weight) = back
        .and_then(|back| weights.len().checked_sub(back as usize + 1))
        .map(|i| weights[i])
    {
        said = format!("{said}\nHere: {:.2} %", 100.0 * weight);
    }
    if scene.held.is_some() {
        said = format!("{said}\nThe page Heads (5) has the answer without it.");
    }
    response.clone().on_hover_text_at_pointer(said);
    Some(Head { layer, head })
}

/// Where each head attends, layer by layer.
fn looks(scene: &Scene<'_>, layers: usize, heads: usize) -> Vec<Option<wording::Look>> {
    (0..layers)
        .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
        .map(|(layer, head)| wording::look(head_of(&scene.snapshot.attention, layer, head), scene.snapshot.hop))
        .collect()
}

/// What a screen reader says instead of the picture: the head that attends farthest back, and the one that attends
/// least far.
fn summary(looks: &[Option<wording::Look>], layers: usize, heads: usize) -> String {
    let places = (0..layers).flat_map(|layer| (0..heads).map(move |head| (layer, head)));
    let known = places
        .zip(looks)
        .filter_map(|(place, look)| Some((place, look.as_ref()?)));
    let by_reach = |a: &((usize, usize), &wording::Look), b: &((usize, usize), &wording::Look)| {
        a.1.median_back.0.total_cmp(&b.1.median_back.0)
    };
    let mut said = format!("Attention heads: {layers} layers of {heads}.");
    let farthest = known.clone().max_by(by_reach);
    let nearest = known.min_by(by_reach);
    if let (Some(farthest), Some(nearest)) = (farthest, nearest)
        && farthest.0 != nearest.0
    {
        for ((layer, head), look) in [farthest, nearest] {
            said = format!("{said} {}", wording::head(layer, head, look));
        }
    }
    said
}
