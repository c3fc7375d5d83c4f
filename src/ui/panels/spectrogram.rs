//! The scrolling mel spectrogram with its axes; over it what each moment contributes or is attended to, beneath it the
//! pooling weights.
//!
//! In: history, attention. Out: paint; how it is drawn. Thread: window.

use super::contribution::{Contribution, contribution_row_ui};
use super::surprise::surprise_ui;
use super::truth::truth_over_plot;
use super::weights::{overlay_ui, strip_ui};
use super::words::glow_ui;
use super::{HeadLines, Pictures, Scene, attention_lag, pooling_of};
use crate::settings::ColourMap;
use crate::ui::choices::{SPECTROGRAM_SPANS, View};
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{LevelColours, MelAxis, Shades, TimeAxis, describe, heading, hz_label, place_plot, save_menu};
use crate::ui::wording;
use attune_engine::explain::trust::{self, MapKind};
use attune_engine::smoothing::AnswerState;
use eframe::egui::{
    self, Align, Align2, Color32, CornerRadius, Layout, Mesh, Rect, RichText, Sense, Shape, Stroke, Vec2,
};

/// How the spectrogram is drawn.
#[derive(Debug)]
pub struct SpectrogramView {
    /// Its colours.
    pub colour_map: ColourMap,
    /// Level drawn darkest and level drawn lightest, in dB re full scale.
    pub range_db: (f32, f32),
    /// Whether attention is drawn over it, or what each moment contributes.
    pub attention: bool,
    /// Whether the surprise is measured, and drawn beneath it.
    pub surprise: bool,
}

/// Height of the row above the picture.
const HEADER: f32 = 28.0;
/// Height of the strip of pooling weights.
const STRIP: f32 = 34.0;
/// Space above a strip.
const STRIP_GAP: f32 = 4.0;
/// Height of the time labels.
const LABELS: f32 = 18.0;

/// Draws the spectrogram into what is available.
pub(crate) fn spectrogram_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let map = Contribution::of(scene, view);
    header_ui(ui, scene, view, map.is_some());
    let is_lecture = view.view == View::Lecture;
    if let Some(map) = map.as_ref().filter(|_| !is_lecture) {
        contribution_row_ui(ui, scene, view, map);
    }
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let colours = LevelColours {
        shades: Shades::Heat(view.spectrogram.colour_map),
        range: view.spectrogram.range_db,
    };
    pictures.columns.update(ui.ctx(), scene.history, colours);
    // In the lecture, what is heard and where attention lies are two steps.
    let attends = scene.attends() && (view.shows_attention() || !is_lecture);
    let strips = usize::from(attends) + usize::from(view.spectrogram.surprise);
    let strip_height = strips as f32 * (STRIP + STRIP_GAP);
    let plot = Rect::from_min_max(
        rect.min + Vec2::new(GUTTER, 4.0),
        rect.max - Vec2::new(PLOT_RIGHT, LABELS + strip_height),
    );
    let time = TimeAxis::of(plot, scene, &view.time);
    let mel = MelAxis::new(&scene.model_info.front_end);
    describe(&response, summary(scene, map.as_ref()));
    place_plot(ui, view, "Spectrogram", &response);
    if !ui.is_rect_visible(rect) {
        return;
    }
    ui.painter()
        .rect_filled(plot, CornerRadius::ZERO, view.spectrogram.colour_map.colour(0.0));
    if let Some(shape) = pictures.columns.shape(scene.history.total_columns(), &time) {
        ui.painter().with_clip_rect(plot.intersect(ui.clip_rect())).add(shape);
    }
    let mut labelled = f32::NEG_INFINITY;
    for (hz, height) in mel.ticks().collect::<Vec<_>>().into_iter().rev() {
        let y = egui::lerp(plot.bottom()..=plot.top(), height as f32);
        // Where the picture is low, labels that would touch are left out.
        if y - labelled < 12.0 {
            continue;
        }
        labelled = y;
        ui.painter()
            .hline(plot.left() - 3.0..=plot.left(), y, (1.0, palette.muted));
        ui.painter()
            .hline(plot.x_range(), y, (1.0, Color32::from_white_alpha(18)));
        ui.painter().text(
            egui::pos2(plot.left() - 6.0, y),
            Align2::RIGHT_CENTER,
            hz_label(hz),
            axis_font(),
            palette.muted,
        );
    }
    ui.painter().text(
        egui::pos2(rect.left(), plot.top()),
        Align2::LEFT_TOP,
        "Hz",
        axis_font(),
        palette.muted,
    );
    let mut strips = (0..strips).map(|place| {
        let top = plot.bottom() + STRIP_GAP + place as f32 * (STRIP + STRIP_GAP);
        let rect = Rect::from_x_y_ranges(plot.x_range(), top..=top + STRIP);
        TimeAxis { rect, ..time }
    });
    if attends && let Some(strip) = strips.next() {
        strip_ui(ui, scene, &strip);
        match &map {
            _ if !view.shows_attention() || !is_current(scene) => {}
            Some(map) => map.draw(ui, &time),
            None => overlay_ui(ui, scene, &time),
        }
    }
    if view.spectrogram.surprise
        && let Some(strip) = strips.next()
    {
        surprise_ui(ui, scene, &strip);
    }
    glow_ui(ui, scene, view, &time);
    if let Some(lines) = HeadLines::of(scene, view) {
        lines.draw(ui, &time);
    }
    let ribbon = truth_over_plot(ui, scene, &time);
    ui.painter().rect_stroke(
        plot,
        CornerRadius::ZERO,
        (1.0, palette.outline),
        egui::StrokeKind::Outside,
    );
    field_ui(ui, scene, &time, plot.top() + ribbon);
    time.draw_labels(ui, rect.bottom() - LABELS);
    let whole = Rect::from_min_max(plot.min, egui::pos2(plot.right(), rect.bottom() - LABELS));
    TimeAxis { rect: whole, ..time }.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    hover_ui(ui, scene, &response, (&time, &mel), map.as_ref());
}

/// Height that the strip of surprise adds.
pub(crate) fn surprise_height(view: &ViewState) -> f32 {
    if view.spectrogram.surprise {
        STRIP + STRIP_GAP
    } else {
        0.0
    }
}

fn header_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, contributes: bool) {
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), HEADER),
        Layout::left_to_right(Align::Center),
        |ui| {
            heading(ui, "Spectrogram");
            save_menu(ui, view, "Spectrogram");
            if view.view == View::Lecture {
                return;
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.menu_button("Colours", |ui| colours_ui(ui, view))
                    .response
                    .on_hover_text("Colour map and range of levels");
                legend_ui(ui, view);
                for span in SPECTROGRAM_SPANS.iter().rev() {
                    let shown = (view.time.span - span.seconds).abs() < 0.05;
                    let chosen = ui.selectable_label(shown, span.label);
                    if chosen
                        .on_hover_text("Zoom: + and −, the wheel, or two fingers")
                        .clicked()
                    {
                        view.time.set_span(span.seconds, scene.kept(), scene.snapshot.hop);
                    }
                }
                let (name, hint) = if contributes {
                    let hint = "Draw what each moment contributes to the answer of the attention model over the \
                                spectrogram";
                    ("Contribution", hint.to_owned())
                } else {
                    ("Attention", attention_hint(scene))
                };
                ui.checkbox(&mut view.spectrogram.attention, name).on_hover_text(hint);
                let switch = ui.checkbox(&mut view.spectrogram.surprise, "Surprise");
                if switch.on_hover_text(wording::WHAT_SURPRISE_SAYS).changed() {
                    view.request(Action::TraceSurprise(view.spectrogram.surprise));
                }
                ui.add_space(4.0);
                ui.checkbox(&mut view.attribution.live, "Changes").on_hover_text(
                    "Show what changed the answer: the models run again every few seconds, without each half second in \
                     turn (C)",
                );
            });
        },
    );
}

/// What attention weights are, and how far to trust them.
fn attention_hint(scene: &Scene<'_>) -> String {
    let model = scene.model_info.models.get(scene.snapshot.attention.model);
    let trust = model.and_then(|model| trust::sentence(MapKind::AttentionWeights, [model.name.as_str()]));
    format!(
        "Draw what the attention model attends to over the spectrogram. What changed the answer is a different \
         question. {}",
        trust.unwrap_or_default()
    )
}

fn colours_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.set_min_width(220.0);
    for map in ColourMap::ALL {
        ui.radio_value(&mut view.spectrogram.colour_map, map, map.name());
    }
    ui.separator();
    let (mut low, mut high) = view.spectrogram.range_db;
    ui.add(
        egui::Slider::new(&mut low, -100.0..=0.0)
            .text("Darkest")
            .suffix(" dB")
            .fixed_decimals(0),
    );
    ui.add(
        egui::Slider::new(&mut high, -40.0..=50.0)
            .text("Lightest")
            .suffix(" dB")
            .fixed_decimals(0),
    );
    // The two ends keep apart, or the picture is one flat colour.
    view.spectrogram.range_db = (low.min(high - 10.0), high);
}

/// The colours and the levels they stand for.
fn legend_ui(ui: &mut egui::Ui, view: &ViewState) {
    if ui.available_width() < 420.0 {
        return;
    }
    let palette = Palette::of(ui);
    let (low, high) = view.spectrogram.range_db;
    ui.add_space(4.0);
    ui.label(RichText::new(wording::decibels(high)).size(10.5).color(palette.muted));
    let (rect, response) = ui.allocate_exact_size(Vec2::new(64.0, 8.0), Sense::hover());
    describe(
        &response,
        format!("Colours from {} to {}", wording::decibels(low), wording::decibels(high)),
    );
    let mut mesh = Mesh::default();
    let steps = 16;
    for i in 0..=steps {
        let share = i as f32 / steps as f32;
        let x = egui::lerp(rect.x_range(), share);
        mesh.colored_vertex(egui::pos2(x, rect.top()), view.spectrogram.colour_map.colour(share));
        mesh.colored_vertex(egui::pos2(x, rect.bottom()), view.spectrogram.colour_map.colour(share));
        if i > 0 {
            let at = 2 * i;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    ui.painter().add(Shape::mesh(mesh));
    ui.label(
        RichText::new(format!("{low:.0}").replace('-', "−"))
            .size(10.5)
            .color(palette.muted),
    );
    ui.add_space(4.0);
}

/// A bracket over what the convolutions see at once.
fn field_ui(ui: &egui::Ui, scene: &Scene<'_>, time: &TimeAxis, edge: f32) {
    let Some(label) = &scene.model_info.convolutions else {
        return;
    };
    let frames = label.frames();
    let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
    let (left, right) = (time.x_of(frames as f32), time.x_of(0.0));
    let (top, foot) = (edge + 4.0, edge + 9.0);
    let corners = [(left, foot), (left, top), (right - 1.0, top), (right - 1.0, foot)].map(|(x, y)| egui::pos2(x, y));
    // A dark edge keeps it apart from light parts of the picture.
    painter.line(corners.to_vec(), Stroke::new(3.0, Color32::from_black_alpha(150)));
    painter.line(corners.to_vec(), Stroke::new(1.0, Color32::WHITE));
    let text = format!("{} {:.1} s", label.name, frames as f64 * scene.snapshot.hop.0);
    let galley = painter.layout_no_wrap(text, axis_font(), Color32::WHITE);
    let at = egui::pos2(left - galley.size().x - 6.0, edge + 1.0);
    let ground = Rect::from_min_size(at, galley.size()).expand2(Vec2::new(3.0, 0.0));
    painter.rect_filled(ground, CornerRadius::same(2), Color32::from_black_alpha(150));
    painter.galley(at, galley, Color32::WHITE);
}

fn hover_ui(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    response: &egui::Response,
    (time, mel): (&TimeAxis, &MelAxis),
    map: Option<&Contribution>,
) {
    let Some(pointer) = response.hover_pos() else { return };
    let Some(back) = time.back_at(pointer.x) else { return };
    let plot = time.rect;
    ui.painter().vline(
        pointer.x,
        plot.top()..=response.rect.bottom() - LABELS,
        (1.0, Color32::from_white_alpha(140)),
    );
    let since = if scene.held.is_some() { "the held moment" } else { "now" };
    let mut said = format!("{:.1} s before {since}", back as f64 * scene.snapshot.hop.0);
    let index = scene.history.total_columns().checked_sub(back as u64 + 1);
    if let Some(at) = index.and_then(|index| scene.history.time_of(index)) {
        said = format!("{said}, at {}", at.clock());
    }
    if plot.contains(pointer) {
        let height = f64::from((plot.bottom() - pointer.y) / plot.height());
        said = format!("{said}: {:.0} Hz", mel.hz_at(height));
        let level = index
            .and_then(|index| scene.history.column(index))
            .and_then(|c| c.get(mel.band_at(height)).copied());
        if let Some(level) = level.filter(|level| !level.is_nan()) {
            said = format!("{said} with {}", wording::decibels(level));
        }
    }
    let weights = pooling_of(&scene.snapshot.attention);
    let in_reach = (back as u64)
        .checked_sub(attention_lag(scene.snapshot))
        .map(|back| back as usize);
    if let Some(weight) = in_reach
        .and_then(|back| weights.len().checked_sub(back + 1))
        .map(|i| weights[i])
    {
        said = format!(
            "{said}. The attention model gives this frame {:.2} % of its weight",
            100.0 * weight
        );
    }
    let moment = index.and_then(|index| scene.history.moment(index));
    if let Some(mark) = moment.and_then(|moment| moment.surprise) {
        said = format!("{said}. {}", wording::surprise(mark, &scene.model_info.genres));
    }
    if let Some(contribution) = map.and_then(|map| map.said(scene, back)) {
        said = format!("{said}. {contribution}");
    }
    response.clone().on_hover_text_at_pointer(format!("{said}."));
}

/// Whether there is something that attention is paid to: in silence the weights lie on nothing.
fn is_current(scene: &Scene<'_>) -> bool {
    scene.has_frames() && scene.snapshot.decision.state != AnswerState::Silence
}

/// What a screen reader says instead of the picture.
fn summary(scene: &Scene<'_>, map: Option<&Contribution>) -> String {
    if !scene.has_frames() {
        return "Spectrogram: no sound yet".to_owned();
    }
    let attention = match wording::look(pooling_of(&scene.snapshot.attention), scene.snapshot.hop) {
        Some(look) => wording::pooling(&look),
        None => "Attention appears when there is sound.".to_owned(),
    };
    let field = match &scene.model_info.convolutions {
        Some(label) => {
            let secs = label.frames() as f64 * scene.snapshot.hop.0;
            format!(" The convolutions of {} see {secs:.1} s at once.", label.name)
        }
        None => String::new(),
    };
    let contribution = map.map_or(String::new(), |map| format!(" {}", map.summary(scene)));
    format!(
        "Spectrogram of the last seconds, level {}. {attention}{contribution}{field}",
        wording::decibels(scene.snapshot.rms.0)
    )
}
