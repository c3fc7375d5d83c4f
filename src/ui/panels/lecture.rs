//! The view that is shown to others: one plot and one sentence at a time, as a story in five steps.
//!
//! In: all that the plots take. Out: paint; another step. Thread: window.

use super::answer::ShownAnswer;
use super::attribution::attribution_ui;
use super::{Pictures, Scene, attribution, internals_ui, lecture_figures as figures, spectrogram_ui, timeline_ui};
use crate::settings::Words;
use crate::ui::choices::Internals;
use crate::ui::theme::{Palette, axis_font, display_text, figure_text};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::describe;
use crate::ui::wording;
use eframe::egui::{
    self, Align2, CornerRadius, FontId, Label, Rect, RichText, Role, Sense, UiBuilder, Vec2, WidgetInfo,
};

/// Everything is drawn so much larger than on the bench: axis labels have 18 points then, sentences 23.
pub(crate) const LECTURE_ZOOM: f32 = 1.75;

/// A step of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Step {
    /// What the models hear.
    #[default]
    Hears,
    /// Where the attention model attends.
    Attends,
    /// What mattered to the answer.
    Mattered,
    /// What each head attends to.
    Heads,
    /// What the recurrent model remembers.
    Remembers,
}

impl Step {
    /// All steps, in the order of the story.
    pub const ALL: [Self; 5] = [Self::Hears, Self::Attends, Self::Mattered, Self::Heads, Self::Remembers];

    fn title(self) -> &'static str {
        match self {
            Self::Hears => "Hears",
            Self::Attends => "Attends",
            Self::Mattered => "Mattered",
            Self::Heads => "Heads",
            Self::Remembers => "Remembers",
        }
    }
}

/// What the lecture remembers.
#[derive(Debug)]
pub struct LectureView {
    /// The step that is shown.
    pub step: Step,
    /// How figures are put into words.
    pub words: Words,
}

impl LectureView {
    /// From the first step on.
    pub fn new(words: Words) -> Self {
        Self {
            step: Step::default(),
            words,
        }
    }
}

/// Heights of the rows above and below the plot.
const ANSWER: f32 = 40.0;
const SENTENCE: f32 = 38.0;
const TRACK: f32 = 92.0;
/// What the ribbon of the true sections takes besides.
const TRUTH: f32 = 18.0;
const THUMBNAIL: f32 = 58.0;
/// Below this width only the step that is shown has its name.
const NARROW: f32 = 760.0;
/// Below this height there are no thumbnails.
const LOW: f32 = 330.0;

/// Draws the view into what is available.
pub(crate) fn lecture_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    steps_ui(ui, scene, view);
    let all = ui.available_rect_before_wrap();
    let thumbnails = if all.height() < LOW { 0.0 } else { THUMBNAIL };
    let mut top = all.top();
    let mut part = |height: f32| {
        let rect = Rect::from_x_y_ranges(all.x_range(), top..=top + height);
        top += height;
        rect
    };
    let knows_truth = scene.track.is_some_and(|track| !track.truth().is_empty());
    let track = if knows_truth { TRACK + TRUTH } else { TRACK };
    let plot = all.height() - ANSWER - SENTENCE - track - thumbnails;
    answer_ui(ui, scene, part(ANSWER));
    let step = view.lecture.step;
    let rect = part(plot);
    let mut child = ui.new_child(UiBuilder::new().id_salt("lecture plot").max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    scene.fade(&mut child);
    plot_ui(&mut child, scene, view, pictures, step);
    sentence_ui(ui, scene, view, part(SENTENCE));
    if thumbnails > 0.0 {
        thumbnails_ui(ui, scene, view, part(thumbnails));
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("lecture track").max_rect(part(track)));
    timeline_ui(&mut child, scene, view);
}

fn steps_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let is_narrow = ui.available_width() < NARROW;
    ui.horizontal(|ui| {
        if is_narrow {
            ui.spacing_mut().item_spacing.x = 4.0;
        }
        for (i, step) in Step::ALL.into_iter().enumerate() {
            let chosen = view.lecture.step == step;
            let text = if chosen || !is_narrow {
                format!("{} {}", i + 1, step.title())
            } else {
                format!("{}", i + 1)
            };
            let tab = ui.selectable_label(chosen, text);
            tab.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, format!("Step {}", step.title())));
            if tab.clicked() {
                view.lecture.step = step;
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            super::views_ui(ui, view);
            let mut expert = view.lecture.words == Words::Expert;
            if ui
                .toggle_value(&mut expert, "Expert")
                .on_hover_text("Sentences with the terms of the field")
                .changed()
            {
                view.lecture.words = if expert { Words::Expert } else { Words::Plain };
            }
            let mut frozen = scene.held.is_some();
            let freeze = ui.toggle_value(&mut frozen, "Freeze");
            if freeze
                .on_hover_text("Freezes the picture while listening goes on (H); End releases it")
                .changed()
            {
                view.request(if frozen { Action::Hold(0) } else { Action::LetGo });
            }
            #[cfg(feature = "lab")]
            if ui
                .button("Lab")
                .on_hover_text("The experiments behind this (B)")
                .clicked()
            {
                view.lab.open = !view.lab.open;
            }
        });
    });
}

fn answer_ui(ui: &mut egui::Ui, scene: &Scene<'_>, rect: Rect) {
    let palette = Palette::of(ui);
    let shown = ShownAnswer::of(scene, palette);
    let response = ui.allocate_rect(rect, Sense::hover());
    describe(&response, shown.sentence());
    let ShownAnswer { word, figure, colour } = shown;
    let stripe = Rect::from_center_size(
        rect.left_center() + Vec2::new(3.0, 0.0),
        Vec2::new(5.0, 0.7 * rect.height()),
    );
    ui.painter().rect_filled(stripe, CornerRadius::same(2), colour);
    let mut font = display_text().resolve(ui.style());
    font.size = 26.0;
    let at = egui::pos2(rect.left() + 14.0, rect.center().y);
    let word = ui.painter().text(at, Align2::LEFT_CENTER, word, font, palette.text);
    if let Some(figure) = figure {
        let font = FontId::new(18.0, figure_text().resolve(ui.style()).family);
        let at = egui::pos2(word.right() + 12.0, rect.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, figure, font, palette.muted);
    }
}

/// What each step shows. What is chosen for it stays chosen on the bench.
fn plot_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures, step: Step) {
    match step {
        Step::Hears | Step::Attends => spectrogram_ui(ui, scene, view, pictures),
        Step::Mattered => {
            if let Some(it) = scene.attribution {
                attribution_ui(ui, scene, it, view);
            }
        }
        Step::Heads | Step::Remembers => {
            let units = scene
                .model_info
                .recurrent
                .first()
                .map(|(model, _)| Internals::Units(*model));
            view.internals.chosen = match units {
                Some(units) if step == Step::Remembers => units,
                _ => Internals::Heads,
            };
            internals_ui(ui, scene, view, pictures);
        }
    }
}

/// One sentence about what is shown.
fn sentence_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &ViewState, rect: Rect) {
    let said = match view.lecture.words {
        Words::Plain => plain(scene, view),
        Words::Expert => expert(scene, view),
    };
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.add(Label::new(RichText::new(said).size(13.5).color(Palette::of(ui).text)).wrap());
}

fn plain(scene: &Scene<'_>, view: &ViewState) -> String {
    let nothing = || "This appears when there is sound.".to_owned();
    if !scene.has_frames() {
        return nothing();
    }
    match view.lecture.step {
        Step::Hears => {
            "Time runs to the right, low notes are below, high notes above; what is bright is loud. This is \
                        all that the models hear."
                .to_owned()
        }
        Step::Attends => figures::look(scene).map_or_else(nothing, |look| wording::attends_plainly(&look)),
        Step::Mattered => attribution::summary(scene, view).unwrap_or_else(|| {
            "The models listen again, each time with another half second hidden: what changes the answer mattered."
                .to_owned()
        }),
        Step::Heads => figures::farthest(scene)
            .map_or_else(nothing, |(layer, head, look)| wording::head_plainly(layer, head, &look)),
        Step::Remembers => figures::median_time_constant(scene).map_or_else(nothing, wording::memory_plainly),
    }
}

fn expert(scene: &Scene<'_>, view: &ViewState) -> String {
    let nothing = || plain(scene, view);
    match view.lecture.step {
        Step::Hears => {
            let spec = &scene.model_info.front_end;
            format!(
                "{} mel bands in dB, a frame every {:.1} ms. {}",
                spec.bands,
                1000.0 * spec.hop().0,
                scene.snapshot.decision.reason.sentence(&scene.model_info.genres)
            )
        }
        Step::Attends => figures::look(scene).map_or_else(nothing, |look| wording::pooling(&look)),
        Step::Mattered => attribution::in_terms(scene, view).unwrap_or_else(nothing),
        Step::Heads => {
            figures::farthest(scene).map_or_else(nothing, |(layer, head, look)| wording::head(layer, head, &look))
        }
        Step::Remembers => figures::units(scene).unwrap_or_else(nothing),
    }
}

/// The other steps, small: a click goes there.
fn thumbnails_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, rect: Rect) {
    let palette = Palette::of(ui);
    let others: Vec<Step> = Step::ALL
        .into_iter()
        .filter(|step| *step != view.lecture.step)
        .collect();
    let width = (rect.width() - 8.0 * (others.len() - 1) as f32) / others.len() as f32;
    for (i, step) in others.into_iter().enumerate() {
        let left = rect.left() + i as f32 * (width + 8.0);
        let tile = Rect::from_min_size(
            egui::pos2(left, rect.top() + 2.0),
            Vec2::new(width, rect.height() - 6.0),
        );
        let response = ui.interact(tile, ui.scope_id().with(("thumbnail", i)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Show {}", step.title())));
        let fill = if response.hovered() {
            palette.control_hovered
        } else {
            palette.card
        };
        ui.painter().rect_filled(tile, CornerRadius::same(4), fill);
        let title = format!(
            "{} {}",
            Step::ALL.iter().position(|known| *known == step).map_or(0, |at| at + 1),
            step.title()
        );
        let at = tile.left_top() + Vec2::new(6.0, 4.0);
        ui.painter()
            .text(at, Align2::LEFT_TOP, title, axis_font(), palette.muted);
        let inner = Rect::from_min_max(tile.min + Vec2::new(6.0, 20.0), tile.max - Vec2::splat(6.0));
        picture(ui, scene, view, inner, step);
        if response.clicked() {
            view.lecture.step = step;
        }
    }
}

/// A step in a few strokes: the figures that its plot shows, without axes.
fn picture(ui: &egui::Ui, scene: &Scene<'_>, view: &ViewState, rect: Rect, step: Step) {
    let palette = Palette::of(ui);
    let values = match step {
        Step::Hears => figures::levels(scene),
        Step::Attends => figures::pooling(scene),
        Step::Mattered => attribution::effects(scene, view),
        Step::Heads => figures::reaches(scene),
        Step::Remembers => figures::time_constants(scene),
    };
    let most = values
        .iter()
        .copied()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    if most <= 0.0 {
        let at = rect.center();
        ui.painter()
            .text(at, Align2::CENTER_CENTER, "click to see", axis_font(), palette.muted);
        return;
    }
    let ink = if step == Step::Attends {
        palette.attention
    } else {
        palette.muted
    };
    let width = rect.width() / values.len() as f32;
    for (i, value) in values.iter().enumerate() {
        let left = rect.left() + i as f32 * width;
        let height = rect.height() * (value.abs() / most);
        let bar = Rect::from_min_max(
            egui::pos2(left, rect.bottom() - height),
            egui::pos2(left + (0.8 * width).max(0.5), rect.bottom()),
        );
        ui.painter().rect_filled(bar, CornerRadius::ZERO, ink);
    }
}
