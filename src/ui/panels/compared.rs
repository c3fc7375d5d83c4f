//! Two models side by side: what each answers over the same stretch of time, and where they differ.
//!
//! In: history. Out: paint; other models to be compared. Thread: window.

use super::Scene;
use super::disagreement::{RIBBON, curves, runs, seen};
use crate::ui::choices::TWO_MODELS;
use crate::ui::history::History;
use crate::ui::model_answers::Agreement;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font, model_colour};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, fill_under, heading, place_plot, ribbon_ui, save_menu};
use crate::ui::wording;
use attune_engine::smoothing::{AnswerState, disagreement};
use attune_model::genre::{GenreId, Probabilities};
use eframe::egui::{self, Align, Align2, Color32, ComboBox, CornerRadius, Layout, Rect, RichText, Sense, Stroke, Vec2};

/// Height of the row of choices, of the sentence, and of all.
const CHOICES: f32 = 28.0;
const SENTENCE: f32 = 18.0;
const HEIGHT: f32 = 188.0;
/// Height of the strip of differences.
const DIFFERENCES: f32 = 26.0;

/// Which two models are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparedView {
    /// Whether any are.
    pub is_on: bool,
    /// Their places.
    pub pair: [usize; 2],
    /// The genre whose probabilities are drawn; `None`: the one that leads.
    pub genre: Option<GenreId>,
}

impl Default for ComparedView {
    fn default() -> Self {
        Self {
            is_on: false,
            pair: [0, 1],
            genre: None,
        }
    }
}

/// The two that are compared, if they are there.
pub(super) fn compared_pair(scene: &Scene<'_>, view: &ViewState) -> Option<[usize; 2]> {
    let there = scene.model_info.models.len().min(scene.snapshot.model_count);
    let pair = view.compared.pair;
    (view.compared.is_on && there > 1).then(|| {
        if pair.iter().all(|model| *model < there) {
            pair
        } else {
            [0, 1]
        }
    })
}

/// The height of what [`compared_ui`] draws.
pub(crate) fn compared_height(scene: &Scene<'_>, view: &ViewState) -> f32 {
    compared_pair(scene, view).map_or(0.0, |_| HEIGHT)
}

/// What two models answered at one column.
struct Both {
    /// How many columns before the newest.
    back: f32,
    /// What all answered together.
    state: AnswerState,
    answers: [Option<Probabilities>; 2],
}

impl Both {
    fn at(history: &History, index: u64, pair: [usize; 2]) -> Option<Self> {
        Some(Self {
            back: history.total_columns().checked_sub(index + 1)? as f32,
            state: history.moment(index)?.state,
            answers: pair.map(|model| history.answer_of(index, model)),
        })
    }

    /// The two answers; `None` if one was off, or no music was played.
    fn two(&self) -> Option<[&Probabilities; 2]> {
        let [Some(a), Some(b)] = &self.answers else {
            return None;
        };
        self.state.is_of_music().then_some([a, b])
    }

    /// How much they differ, 0…1.
    fn difference(&self) -> Option<f32> {
        disagreement(self.two()?.into_iter())
    }

    fn has_other_genres(&self) -> bool {
        self.two().is_some_and(|[a, b]| a.top().0 != b.top().0)
    }

    /// What one of them answered, as a state to be drawn.
    fn state_of(&self, which: usize) -> Option<AnswerState> {
        match &self.answers[which] {
            Some(answer) if self.state.is_of_music() => Some(AnswerState::Genre(answer.top().0)),
            Some(_) => Some(self.state),
            None => None,
        }
    }
}

/// Draws the two into what is available.
pub(super) fn compared_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let Some(pair) = compared_pair(scene, view) else {
        return;
    };
    let palette = Palette::of(ui);
    choices_ui(ui, scene, view, pair);
    let history = scene.history;
    let held = scene.held.map_or(0, |held| held.cursor as u64);
    let here = view.time.pointed.or(history.total_columns().checked_sub(held + 1));
    let plot_width = ui.available_width() - GUTTER - PLOT_RIGHT;
    let height = ui.available_height() - SENTENCE;
    let axis = |left: f32, top: f32| {
        let corner = egui::pos2(left + GUTTER, top);
        let plot = Rect::from_min_size(corner, Vec2::new(plot_width, height - 4.0));
        TimeAxis::of(plot, scene, &view.time)
    };
    let time = axis(ui.cursor().left(), ui.cursor().top() + SENTENCE);
    let columns: Vec<Both> = seen(history, &time)
        .filter_map(|(back, _)| Both::at(history, history.total_columns() - 1 - back as u64, pair))
        .collect();
    let now = here.and_then(|index| Both::at(history, index, pair));
    let said = sentence(scene, pair, &columns, now.as_ref());
    let size = Vec2::new(ui.available_width(), SENTENCE);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        let text = RichText::new(&said).size(11.5).color(palette.text);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(&said);
    });
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    describe(&response, format!("Two models: {said}"));
    place_plot(ui, view, TWO_MODELS, &response);
    if !ui.is_rect_visible(rect) {
        return;
    }
    let genre = view.compared.genre.or_else(|| leading(history, here?));
    paint(ui, scene, (&time, pair), &columns, genre);
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
}

/// The genre that led at a column.
fn leading(history: &History, index: u64) -> Option<GenreId> {
    history.moment(index).map(|moment| moment.leader.0)
}

fn choices_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, mut pair: [usize; 2]) {
    let palette = Palette::of(ui);
    let size = Vec2::new(ui.available_width(), CHOICES);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        heading(ui, TWO_MODELS).on_hover_text(
            "Two ribbons: the genre that each model finds likeliest. Two curves: the probability that each gives one \
             genre. Below: the Jensen–Shannon divergence of the two; bars where they name other genres.",
        );
        save_menu(ui, view, TWO_MODELS);
        let there = scene.model_info.models.len().min(scene.snapshot.model_count);
        let models = &scene.model_info.models[..there];
        for (which, letter) in ["A", "B"].into_iter().enumerate() {
            let (swatch, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
            let colour = model_colour(palette, pair[which]);
            ui.painter().rect_filled(swatch, CornerRadius::same(5), colour);
            let combo = ComboBox::from_id_salt(("compared", which))
                .width(88.0)
                .selected_text(format!("{letter} {}", models[pair[which]].name))
                .truncate()
                .show_ui(ui, |ui| {
                    for (model, label) in models.iter().enumerate() {
                        if ui.selectable_label(pair[which] == model, &label.name).clicked() {
                            // The other one's place: they change places.
                            if pair[1 - which] == model {
                                pair[1 - which] = pair[which];
                            }
                            pair[which] = model;
                        }
                    }
                });
            let name = format!("Model {letter}: {}", models[pair[which]].name);
            combo
                .response
                .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name.clone()));
        }
        view.compared.pair = pair;
        let genres = &scene.model_info.genres;
        let chosen = match view.compared.genre {
            None => "Leading genre".to_owned(),
            Some(id) => genres.title(id),
        };
        let combo = ComboBox::from_id_salt("compared genre")
            .width(104.0)
            .selected_text(&chosen)
            .truncate()
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut view.compared.genre, None, "Leading genre");
                for id in genres.ids() {
                    ui.selectable_value(&mut view.compared.genre, Some(id), genres.title(id));
                }
            });
        combo
            .response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, format!("Curves of: {chosen}")));
    });
}

/// The latest answers of both, and for how much of the time they name the same genre.
fn sentence(scene: &Scene<'_>, pair: [usize; 2], columns: &[Both], now: Option<&Both>) -> String {
    let genres = &scene.model_info.genres;
    let answer = |which: usize| {
        let name = &scene.model_info.models[pair[which]].name;
        let Some(now) = now else {
            return format!("{name}: no answer");
        };
        match &now.answers[which] {
            Some(answer) => {
                let (genre, share) = answer.top();
                format!("{name}: {} {}", genres.title(genre), wording::percent(share))
            }
            None => format!("{name} is off"),
        }
    };
    let mut shown = Agreement::default();
    for [a, b] in columns.iter().filter_map(Both::two) {
        shown.push(a, b);
    }
    let whole = scene.history.agreement(pair[0], pair[1]);
    let agreement = match (shown.share(), whole.share()) {
        (Some(share), Some(all)) => format!(
            "The same genre for {} of the music shown, {} of all {} compared.",
            wording::percent(share),
            wording::percent(all),
            wording::duration(whole.frames as f64 * scene.snapshot.hop.0)
        ),
        (None, Some(all)) => format!("The same genre for {} of the music compared.", wording::percent(all)),
        _ => "No music has been compared yet.".to_owned(),
    };
    format!("{}, {}. {agreement}", answer(0), answer(1))
}

/// Two ribbons, two curves, and where they differ.
fn paint(
    ui: &egui::Ui,
    scene: &Scene<'_>,
    (time, pair): (&TimeAxis, [usize; 2]),
    columns: &[Both],
    genre: Option<GenreId>,
) {
    let palette = Palette::of(ui);
    let (plot, genres) = (time.rect, &scene.model_info.genres);
    let colours = pair.map(|model| model_colour(palette, model));
    let label = |y: f32, align: Align2, text: &str, ink: Color32| {
        ui.painter()
            .text(egui::pos2(plot.left() - 6.0, y), align, text, axis_font(), ink);
    };
    let mut top = plot.top();
    for (which, letter) in ["A", "B"].into_iter().enumerate() {
        let row = Rect::from_min_size(egui::pos2(plot.left(), top), Vec2::new(plot.width(), RIBBON));
        ui.painter().rect_filled(row, CornerRadius::same(2), palette.track);
        let states = columns
            .iter()
            .filter_map(|both| Some((both.back, both.state_of(which)?)));
        ribbon_ui(ui, row, &runs(states, time), genres, 1.0);
        label(row.center().y, Align2::RIGHT_CENTER, letter, palette.text);
        let mark = Rect::from_center_size(egui::pos2(plot.left() - 24.0, row.center().y), Vec2::splat(8.0));
        ui.painter().rect_filled(mark, CornerRadius::same(4), colours[which]);
        top = row.bottom() + 2.0;
    }
    let below = Rect::from_min_max(egui::pos2(plot.left(), plot.bottom() - DIFFERENCES), plot.max);
    let area = Rect::from_min_max(
        egui::pos2(plot.left(), top),
        egui::pos2(plot.right(), below.top() - 4.0),
    );
    for rect in [area, below] {
        ui.painter().rect_filled(rect, CornerRadius::ZERO, palette.track);
    }
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    if let Some(genre) = genre {
        for (which, colour) in colours.into_iter().enumerate() {
            let values = columns
                .iter()
                .map(|both| (both.back, both.answers[which].map(|answer| answer.of(genre))));
            for part in curves(values, time, area, 1.0) {
                painter.line(part, Stroke::new(1.5, colour));
            }
        }
        let at = area.left_top() + Vec2::new(4.0, 2.0);
        let text = format!("probability of {}", genres.title(genre));
        painter.text(at, Align2::LEFT_TOP, text, axis_font(), palette.muted);
    }
    label(area.top(), Align2::RIGHT_TOP, "100 %", palette.muted);
    label(area.bottom(), Align2::RIGHT_BOTTOM, "0 %", palette.muted);
    let painter = ui.painter().with_clip_rect(below.intersect(ui.clip_rect()));
    let differences = columns.iter().map(|both| (both.back, both.difference()));
    for part in curves(differences, time, below, 1.0) {
        painter.add(fill_under(&part, below.bottom(), palette.text.gamma_multiply(0.35)));
        painter.line(part, Stroke::new(1.0, palette.text.gamma_multiply(0.8)));
    }
    for both in columns.iter().filter(|both| both.has_other_genres()) {
        let x = time.x_of(both.back + 1.0)..=time.x_of(both.back);
        let bar = Rect::from_x_y_ranges(x, below.top()..=below.top() + 4.0);
        painter.rect_filled(bar, CornerRadius::ZERO, palette.warning);
    }
    label(below.center().y, Align2::RIGHT_CENTER, "differ", palette.muted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_music_plays_or_one_is_off_nothing_is_compared() {
        let row = |top: usize| {
            let row: [f32; 3] = std::array::from_fn(|class| if class == top { 0.8 } else { 0.1 });
            Some(Probabilities::from_slice(&row))
        };
        let both = |state, answers| Both {
            back: 0.0,
            state,
            answers,
        };
        let music = AnswerState::Unsure;
        let other = both(music, [row(0), row(1)]);
        assert!(other.has_other_genres() && other.difference().is_some_and(|it| it > 0.2));
        let same = both(music, [row(0), row(0)]);
        assert!(!same.has_other_genres() && same.difference() == Some(0.0));
        let off = both(music, [row(0), None]);
        assert_eq!((off.difference(), off.state_of(1)), (None, None));
        let speech = both(AnswerState::Speech, [row(0), row(1)]);
        assert!(!speech.has_other_genres() && speech.difference().is_none());
        assert_eq!(speech.state_of(0), Some(AnswerState::Speech));
    }
}
