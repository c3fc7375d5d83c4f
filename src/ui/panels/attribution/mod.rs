//! What changed the answer: for each half second of the past, how many points a class has less without it, or more
//! when only it is attended to. Under the spectrogram's own time axis.
//!
//! In: what the models answered when they ran again, for a held moment or a little while ago. Out: paint; another
//! class. Thread: window.

mod bars;
mod deletion;

use super::Scene;
use super::contribution::has_evidence;
use super::mattered::{Listening, listen_ui};
use crate::ui::choices::AttributionMethod;
use crate::ui::held_moment::HeldMoment;
use crate::ui::history::History;
use crate::ui::job::JobError;
use crate::ui::live_attribution::LiveAttribution;
use crate::ui::query_error::QueryError;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, heading, place_plot, save_menu};
use attune_engine::explain::trust::{self, MapKind};
use attune_engine::explain::{Explanation, wording};
use attune_model::genre::GenreId;
use bars::Bars;
use eframe::egui::{self, Align, Align2, CornerRadius, Label, Layout, Rect, RichText, Role, Sense, Vec2, WidgetInfo};

/// Which changes of the answer are shown.
#[derive(Debug, Default)]
pub struct AttributionView {
    /// Whether they are shown live; of a held moment they always are.
    pub live: bool,
    /// How they are found.
    pub method: AttributionMethod,
    /// The class they are of; `None`: the likeliest.
    pub class: Option<GenreId>,
}

/// What the plot is called.
const NAME: &str = "What changed the answer";
/// Height of the row above the picture.
const HEADER: f32 = 26.0;
/// Height of the deletion curves below it.
const FAITHFULNESS_HEIGHT: f32 = 44.0;

/// Height of the strip of a held moment, and live, where nothing stands below the bars.
const HELD: f32 = 132.0;
const LIVE: f32 = 88.0;
/// Height of the row that plays what mattered, and of the line that says how far to trust the bars.
const LISTEN: f32 = 24.0;
const TRUST: f32 = 16.0;

/// What the strip has to show.
#[derive(Debug, Clone, Copy)]
pub struct Attribution<'a> {
    /// The explanation, and how many columns before the newest one.
    explanation: Option<(&'a Explanation, u64)>,
    /// Why there is none.
    fault: Option<&'a JobError<QueryError>>,
}

impl<'a> Attribution<'a> {
    /// Of a held moment.
    pub fn held(held: &'a HeldMoment) -> Self {
        Self {
            explanation: held.explanation().map(|it| (it, 0)),
            fault: held.explaining.error(),
        }
    }

    /// Of now, or a little while ago.
    pub fn live(live_attribution: &'a LiveAttribution, history: &History) -> Self {
        Self {
            explanation: live_attribution.newest(history),
            fault: live_attribution.fault(),
        }
    }

    /// The explanation, and how many columns before the newest one.
    pub(super) fn explanation(self) -> Option<(&'a Explanation, u64)> {
        self.explanation
    }

    /// What is said while there is none.
    fn waiting(self, scene: &Scene<'_>) -> String {
        match self.fault {
            Some(why) => format!("The models cannot be queried: {why}"),
            None if scene.held.is_none() && !scene.has_frames() => "No sound yet".to_owned(),
            None => "Running the models again without each half second in turn…".to_owned(),
        }
    }
}

/// Height of the strip; 0 if it is not shown.
pub(crate) fn attribution_height(scene: &Scene<'_>) -> f32 {
    match (scene.attribution, scene.held) {
        (Some(_), Some(_)) => HELD + below_height(scene),
        (Some(_), None) => LIVE,
        (None, _) => 0.0,
    }
}

/// Height of what stands below a held moment's bars. Where the contribution of each moment is shown, that is what is
/// listened to.
fn below_height(scene: &Scene<'_>) -> f32 {
    match scene.held {
        None => 0.0,
        Some(_) if has_evidence(scene) => TRUST,
        Some(_) => LISTEN + TRUST,
    }
}

/// What each half second does to the class that is shown, oldest first; nothing while it is not known.
pub(super) fn effects(scene: &Scene<'_>, view: &ViewState) -> Vec<f32> {
    let explained = scene.attribution.and_then(Attribution::explanation);
    explained.map_or(Vec::new(), |(it, ago)| Bars::of(it, ago, view).effects())
}

/// The half second that does most, in a sentence.
pub(super) fn summary(scene: &Scene<'_>, view: &ViewState) -> Option<String> {
    let (it, ago) = scene.attribution?.explanation?;
    Some(format!(
        "{}.",
        Bars::of(it, ago, view).summary(&scene.model_info.genres)
    ))
}

/// The same with the terms of the field, and how far to trust it.
pub(super) fn in_terms(scene: &Scene<'_>, view: &ViewState) -> Option<String> {
    let (it, ago) = scene.attribution?.explanation?;
    let trust = Bars::of(it, ago, view).trust().unwrap_or_default();
    Some(format!("Occlusion: {} {trust}", summary(scene, view)?))
}

/// Draws the strip into what is available.
pub(crate) fn attribution_ui(ui: &mut egui::Ui, scene: &Scene<'_>, changed: Attribution<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let bars = changed.explanation.map(|(it, ago)| Bars::of(it, ago, view));
    header_ui(ui, scene, bars.as_ref(), view);
    let report = changed.explanation.and_then(|(it, _)| it.attention.first());
    let faithfulness = if report.is_some() { FAITHFULNESS_HEIGHT } else { 0.0 };
    let below = faithfulness + below_height(scene);
    let size = ui.available_size() - Vec2::new(0.0, below);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
    let time = TimeAxis::of(plot, scene, &view.time);
    let Some(bars) = bars else {
        let text = changed.waiting(scene);
        describe(&response, format!("{NAME}: {text}"));
        ui.painter()
            .text(plot.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    };
    place_plot(ui, view, NAME, &response);
    describe(&response, format!("{NAME}: {}", bars.summary(&scene.model_info.genres)));
    bars.draw(ui, &time, &response);
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    if let Some(report) = report {
        let sentence = wording::faithfulness(report, &scene.model_info.genres);
        let label = Label::new(RichText::new(sentence).size(11.0).color(palette.muted)).wrap();
        ui.horizontal(|ui| {
            ui.add_space(GUTTER);
            deletion::curves_ui(ui, report, FAITHFULNESS_HEIGHT);
            ui.add(label);
        });
    }
    if scene.held.is_some() {
        below_ui(ui, scene, &bars, view);
    }
}

/// What mattered by these bars, to be listened to, and how far to trust them.
fn below_ui(ui: &mut egui::Ui, scene: &Scene<'_>, bars: &Bars<'_>, view: &mut ViewState) {
    let row = |ui: &mut egui::Ui, height: f32, add: &mut dyn FnMut(&mut egui::Ui)| {
        let size = Vec2::new(ui.available_width() - PLOT_RIGHT, height);
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.add_space(GUTTER);
            add(ui);
        });
    };
    if below_height(scene) > TRUST {
        let (mattered, title) = (bars.mattered(), scene.model_info.genres.title(bars.class));
        row(ui, LISTEN, &mut |ui| {
            let listening = Listening {
                mattered: mattered.as_ref(),
                title: &title,
            };
            listen_ui(ui, scene, view, &listening);
        });
    }
    let muted = Palette::of(ui).muted;
    if let Some(said) = bars.trust() {
        row(ui, TRUST, &mut |ui| {
            ui.add(Label::new(RichText::new(&said).size(10.5).color(muted)).truncate());
        });
    }
}

/// What the bars are, and how far each way to find them is to be trusted.
fn hint(scene: &Scene<'_>) -> String {
    let names = || {
        scene
            .model_info
            .models
            .iter()
            .filter(|model| !model.optional)
            .map(|model| model.name.as_str())
    };
    // Of the contribution map the spectrogram tells.
    let attending = scene.model_info.models.get(scene.snapshot.attention.model);
    let attending = attending.filter(|_| scene.snapshot.evidence.map.units.is_empty());
    let attending = || attending.map(|model| model.name.as_str());
    let said = [
        trust::sentence(MapKind::Occlusion, names()),
        trust::sentence(MapKind::AttentionOverride, attending()),
        trust::sentence(MapKind::AttentionWeights, attending()),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    format!(
        "Each half second is replaced by the mean around it, and all models run again: the bar is what the answer \
         loses (up) or gains (down). {}",
        said.join(" ")
    )
}

/// What the bars are of, and the choice of it.
fn header_ui(ui: &mut egui::Ui, scene: &Scene<'_>, bars: Option<&Bars<'_>>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), HEADER),
        Layout::left_to_right(Align::Center),
        |ui| {
            heading(ui, NAME).on_hover_text(hint(scene));
            save_menu(ui, view, NAME);
            let Some(bars) = bars else { return };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().interact_size.y = 20.0;
                ui.spacing_mut().button_padding = Vec2::new(6.0, 1.0);
                class_ui(ui, scene, bars, view);
                if bars.can_be_alone() {
                    by_ui(ui, view);
                }
                let note = bars.note(&scene.model_info.genres, scene.held.is_some());
                ui.add(Label::new(RichText::new(note).size(10.5).color(palette.muted)).truncate());
            });
        },
    );
}

/// Which class the bars are of.
fn class_ui(ui: &mut egui::Ui, scene: &Scene<'_>, bars: &Bars<'_>, view: &mut ViewState) {
    let genres = &scene.model_info.genres;
    let button = ui.menu_button(genres.title(bars.class), |ui| {
        let likeliest = format!("The likeliest: {}", genres.title(bars.likeliest()));
        ui.radio_value(&mut view.attribution.class, None, likeliest);
        ui.separator();
        for id in genres.ids() {
            ui.radio_value(&mut view.attribution.class, Some(id), genres.title(id));
        }
    });
    let name = format!("Class of the changes: {}", genres.title(bars.class));
    button
        .response
        .widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    button.response.on_hover_text("Which class's points the bars are");
}

/// Without each half second, or with it alone.
fn by_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    for (by, name, hint) in [
        (
            AttributionMethod::AttentionOverride,
            "Attention only here",
            "What the attention model answers when it may attend to one half second only, less its usual answer",
        ),
        (
            AttributionMethod::Occlusion,
            "Without this half second",
            "How much all models together lose without one half second",
        ),
    ] {
        let open = view.attribution.method == by;
        let tab = ui.selectable_label(open, name).on_hover_text(hint);
        tab.widget_info(|| WidgetInfo::selected(Role::Tab, true, open, format!("Changes by: {name}")));
        if tab.clicked() {
            view.attribution.method = by;
        }
    }
}

/// The class that is shown: what was chosen, or the likeliest.
fn shown_class(it: &Explanation, chosen: Option<GenreId>) -> GenreId {
    let count = it.ensemble.whole.as_slice().len();
    chosen
        .filter(|class| usize::from(class.0) < count)
        .unwrap_or_else(|| it.class())
}
