//! What every moment contributes to the answered class, drawn over the spectrogram: attention weight times evidence,
//! with its sign.
//!
//! In: evidence. Out: paint; a row with the legend, what mattered, and how far to trust the map. Thread: window.

use super::Scene;
use super::mattered::{Listening, listen_ui};
use crate::ui::theme::{PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{Shades, TimeAxis, describe, fill_under};
use attune_engine::explain::Mattered;
use attune_engine::explain::trust::{self, MapKind};
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreId;
use eframe::egui::{self, Align, Color32, Label, Layout, Mesh, Pos2, Rect, RichText, Sense, Shape, Stroke, Vec2};

/// Height of the row with the legend, and of the line below it that says how far to trust the map.
const ROW: f32 = 24.0;
const TRUST: f32 = 16.0;
/// The zero line lies at this share of the plot's height, from the top…
const ZERO: f32 = 0.62;
/// …and the strongest moment is this share of it away.
const REACH: f32 = 0.30;

/// The contribution of every moment to one class.
pub(super) struct Contribution {
    pub(super) class: GenreId,
    /// Of each frame, oldest first, in units of a logit.
    values: Vec<f32>,
    /// Columns from its newest frame to the newest column.
    lag: u64,
    /// The largest amount.
    most: f32,
}

impl Contribution {
    /// Of the class that is chosen, or else of the answer; `None` if the attention model that is shown has no
    /// evidence.
    pub(super) fn of(scene: &Scene<'_>, view: &ViewState) -> Option<Self> {
        let (snapshot, map) = (scene.snapshot, &scene.snapshot.evidence.map);
        let class = shown_class(scene, view);
        if !has_evidence(scene) || usize::from(class.0) >= map.classes {
            return None;
        }
        let mut values = Vec::new();
        map.contribution_of_frames(usize::from(class.0), &mut values);
        Some(Self {
            class,
            most: values.iter().fold(0.0, |most: f32, of| most.max(of.abs())),
            values,
            lag: snapshot.frames.saturating_sub(map.newest.0 + 1),
        })
    }

    /// What a column contributes, counted back from the newest; `None` out of reach.
    pub(super) fn at(&self, back: usize) -> Option<f32> {
        let back = usize::try_from((back as u64).checked_sub(self.lag)?).ok()?;
        self.values.get(self.values.len().checked_sub(back + 1)?).copied()
    }

    /// Seconds back of the moment that is most of all for the class, or against it; `None` if none is.
    fn strongest(&self, sign: f32, scene: &Scene<'_>) -> Option<f64> {
        let signed = self.values.iter().map(|of| sign * of).enumerate();
        let (at, of) = signed.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let back = self.lag as usize + self.values.len() - 1 - at;
        (of > 0.0).then_some(back as f64 * scene.snapshot.hop.0)
    }

    /// What a screen reader says of it.
    pub(super) fn summary(&self, scene: &Scene<'_>) -> String {
        let title = scene.model_info.genres.title(self.class);
        let part = |at: Option<f64>, what: &str| at.map(|at| format!("{what} {at:.1} s back"));
        let parts = [
            part(self.strongest(1.0, scene), "most for it"),
            part(self.strongest(-1.0, scene), "most against it"),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            parts.push("no moment stands out".to_owned());
        }
        let sum: f32 = self.values.iter().sum();
        format!(
            "Contribution to {title}: {} of its logit in all; {}.",
            signed(sum),
            parts.join(", ")
        )
    }

    /// What the pointer is told of a column.
    pub(super) fn said(&self, scene: &Scene<'_>, back: usize) -> Option<String> {
        let title = scene.model_info.genres.title(self.class);
        let value = self.at(back)?;
        let side = if value < 0.0 { "speaks against" } else { "speaks for" };
        Some(format!("It {side} {title}: {} of its logit", signed(value)))
    }

    /// Points of the curve: x at each frame's middle.
    fn points(&self, time: &TimeAxis) -> Vec<Pos2> {
        let (zero, height) = ground(time.rect);
        let last = self.values.len();
        let place = |(i, value): (usize, &f32)| {
            let back = self.lag as f32 + (last - 1 - i) as f32 + 0.5;
            let share = if self.most > 0.0 { value / self.most } else { 0.0 };
            egui::pos2(time.x_of(back), zero - height * share)
        };
        self.values.iter().enumerate().map(place).collect()
    }

    /// Draws it over the spectrogram.
    pub(super) fn draw(&self, ui: &egui::Ui, time: &TimeAxis) {
        let points = self.points(time);
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let (zero, _) = ground(time.rect);
        let painter = ui.painter().with_clip_rect(time.rect.intersect(ui.clip_rect()));
        painter.hline(first.x..=last.x, zero, (3.0, Color32::from_black_alpha(110)));
        painter.hline(first.x..=last.x, zero, (1.0, Color32::from_white_alpha(200)));
        // What is for the class lies above zero, what is against it below, each in the colour of its sign.
        for is_above in [true, false] {
            let colour = Shades::Signed.colour(if is_above { 1.0 } else { 0.0 });
            let side = |y: f32| if is_above { y.min(zero) } else { y.max(zero) };
            let side: Vec<Pos2> = points.iter().map(|at| egui::pos2(at.x, side(at.y))).collect();
            // Darker below the fill: both colours occur in the maps of levels too.
            painter.add(fill_under(&side, zero, Color32::from_black_alpha(200)));
            painter.add(fill_under(&side, zero, colour.gamma_multiply(0.75)));
            for run in side.split(|at| (at.y - zero).abs() < 0.25).filter(|run| run.len() > 1) {
                // A dark edge keeps the line apart from light parts of the picture.
                painter.line(run.to_vec(), Stroke::new(3.0, Color32::from_black_alpha(130)));
                painter.line(run.to_vec(), Stroke::new(1.5, colour));
            }
        }
        let label = painter.layout_no_wrap("0".to_owned(), axis_font(), Color32::WHITE);
        let at = egui::pos2(first.x.max(time.rect.left()) + 3.0, zero - label.size().y - 1.0);
        painter.galley(at, label, Color32::WHITE);
    }
}

/// Where zero lies, and how far from it the strongest moment.
fn ground(plot: Rect) -> (f32, f32) {
    (plot.top() + ZERO * plot.height(), REACH * plot.height())
}

/// A part of a logit, with its sign: `+0.013`, `−1.20`.
fn signed(value: f32) -> String {
    let sign = if value < 0.0 { '−' } else { '+' };
    let amount = value.abs();
    if amount < 0.1 {
        format!("{sign}{amount:.3}")
    } else {
        format!("{sign}{amount:.2}")
    }
}

/// Whether the attention model that is shown has evidence.
pub(super) fn has_evidence(scene: &Scene<'_>) -> bool {
    let (evidence, attention) = (&scene.snapshot.evidence, &scene.snapshot.attention);
    evidence.model == attention.model && attention.frames > 0 && !evidence.map.units.is_empty()
}

/// The class that is chosen, or else the answered genre, or else the likeliest.
fn shown_class(scene: &Scene<'_>, view: &ViewState) -> GenreId {
    let known = |id: &GenreId| usize::from(id.0) < scene.model_info.genres.len();
    let answered = match scene.snapshot.decision.state {
        AnswerState::Genre(id) => id,
        _ => scene.snapshot.ensemble.top().0,
    };
    view.attribution.class.filter(known).unwrap_or(answered)
}

/// The sentence that says how far to trust the map; `None` if that was not measured.
fn trust_of(scene: &Scene<'_>) -> Option<String> {
    let model = scene.model_info.models.get(scene.snapshot.evidence.model)?;
    trust::sentence(MapKind::Contribution, [model.name.as_str()])
}

/// Height of what [`contribution_row_ui`] draws.
pub(crate) fn contribution_height(scene: &Scene<'_>) -> f32 {
    match has_evidence(scene) {
        false => 0.0,
        true if trust_of(scene).is_some() => ROW + TRUST,
        true => ROW,
    }
}

/// The legend of the map, the button that plays what mattered, and how far to trust the map.
pub(super) fn contribution_row_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, map: &Contribution) {
    let palette = Palette::of(ui);
    let title = scene.model_info.genres.title(map.class);
    let hop = scene.snapshot.hop;
    let mattered = Mattered::of_evidence(&scene.snapshot.evidence.map, usize::from(map.class.0), hop);
    let small = |text: String| RichText::new(text).size(10.5).color(palette.muted);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width() - PLOT_RIGHT, ROW),
        Layout::left_to_right(Align::Center),
        |ui| {
            let model = scene.model_info.models.get(scene.snapshot.evidence.model);
            let model = model.map_or("the attention model", |model| model.name.as_str());
            ui.label(RichText::new(format!("Contribution to {title}")).size(11.5)).on_hover_text(format!(
                "What each moment adds to the logit of {title} in {model}: its attention weight times its evidence, \
                 less the mean over the classes. Above the line it speaks for {title}, below it against. The sum over \
                 all moments is the model's answer."
            ));
            ui.label(small("against".to_owned()));
            scale_ui(ui, map);
            ui.label(small("for".to_owned()));
            ui.add_space(4.0);
            listen_ui(
                ui,
                scene,
                view,
                &Listening {
                    mattered: mattered.as_ref(),
                    title: &title,
                },
            );
        },
    );
    if let Some(said) = trust_of(scene) {
        ui.allocate_ui_with_layout(
            Vec2::new(ui.available_width() - PLOT_RIGHT, TRUST),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.add(Label::new(small(said)).truncate());
            },
        );
    }
}

/// The colours of both signs, with a mark at zero.
fn scale_ui(ui: &mut egui::Ui, map: &Contribution) {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(44.0, 8.0), Sense::hover());
    let (least, most) = (signed(-map.most), signed(map.most));
    let said = format!("From {least} to {most} of the logit in a frame; the line is zero");
    describe(&response, format!("Colours of the contribution. {said}"));
    response.on_hover_text(said);
    let mut mesh = Mesh::default();
    for i in 0..=16_u32 {
        let share = i as f32 / 16.0;
        let x = egui::lerp(rect.x_range(), share);
        mesh.colored_vertex(egui::pos2(x, rect.top()), Shades::Signed.colour(share));
        mesh.colored_vertex(egui::pos2(x, rect.bottom()), Shades::Signed.colour(share));
        if i > 0 {
            mesh.add_triangle(2 * i - 2, 2 * i - 1, 2 * i);
            mesh.add_triangle(2 * i - 1, 2 * i, 2 * i + 1);
        }
    }
    ui.painter().add(Shape::mesh(mesh));
    let muted = Palette::of(ui).muted;
    ui.painter()
        .vline(rect.center().x, rect.top() - 2.0..=rect.bottom() + 2.0, (1.0, muted));
}
