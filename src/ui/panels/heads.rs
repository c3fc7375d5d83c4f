//! The page of heads: layer × head, the answer without each head, and the attention matrix of the chosen one.
//!
//! In: the held moment. Out: paint; heads to study. Thread: window.

use super::matrix::matrix_ui;
use super::{Pictures, Scene, map_shape};
use crate::ui::held_moment::HeldMoment;
use crate::ui::job::Job;
use crate::ui::theme::{Palette, card, figure_text};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::describe;
use crate::ui::wording;
use attune_engine::explain::{Head, HeadStudy};
use attune_model::genre::GenreId;
use eframe::egui::{
    self, Align2, Button, Color32, CornerRadius, Label, Rect, RichText, Role, Sense, Stroke, TextStyle, Vec2,
    WidgetInfo,
};

/// Which heads are of interest.
#[derive(Debug, Default)]
pub struct HeadsView {
    /// The head that is shown.
    pub chosen: Option<Head>,
    /// The head whose row was under the pointer in the last frame.
    pub pointed: Option<Head>,
}

/// Width of the layers' names.
const NAMES: f32 = 52.0;
/// Height of a head's button.
const CELL: f32 = 22.0;
/// How many classes are listed of a head: those that change most.
const CLASSES: usize = 4;
/// Height of the row of one class.
const ROW: f32 = 18.0;

/// Draws the page.
pub(super) fn heads_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures) {
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let (layers, heads) = map_shape(&scene.snapshot.attention);
        let say = |ui: &mut egui::Ui, text: &str| {
            ui.add(Label::new(RichText::new(text).small().color(palette.muted)).wrap());
        };
        let Some(held) = scene.held.filter(|_| layers * heads > 0) else {
            say(
                ui,
                if scene.attends() {
                    "Hold a moment (H, or a click into a plot): then each head of the \
                     attention model can be ablated, and its attention matrix is shown here."
                } else {
                    "No model has attention."
                },
            );
            return;
        };
        say(ui, "Click a head: the model runs again without it.");
        ui.add_space(4.0);
        grid_ui(ui, scene, held, view, (layers, heads));
        let Some(head) = view
            .heads
            .chosen
            .filter(|head| head.layer < layers && head.head < heads)
        else {
            return;
        };
        ui.add_space(8.0);
        match held.heads.of(head) {
            None => {}
            Some(Job::Idle | Job::Running(_)) => say(ui, "Running the model again, with this head and without it…"),
            Some(Job::Failed(why)) => say(ui, &format!("The query failed: {why}.")),
            Some(Job::Done(study)) => {
                without_ui(ui, scene, study);
                ui.add_space(8.0);
                matrix_ui(ui, scene, held, view, pictures, study);
            }
        }
    });
}

/// The class of all figures: the answer at the held frame, if the models have given it.
fn class(held: &HeldMoment, study: &HeadStudy) -> GenreId {
    held.explanation()
        .map_or_else(|| study.whole.top().0, attune_engine::explain::Explanation::class)
}

fn grid_ui(
    ui: &mut egui::Ui,
    scene: &Scene<'_>,
    held: &HeldMoment,
    view: &mut ViewState,
    (layers, heads): (usize, usize),
) {
    let palette = Palette::of(ui);
    ui.spacing_mut().item_spacing = Vec2::splat(4.0);
    ui.spacing_mut().interact_size.y = CELL;
    let small = TextStyle::Small.resolve(ui.style());
    let width = ((ui.available_width() - NAMES) / heads as f32 - 4.0).clamp(20.0, 64.0);
    let (names, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 14.0), Sense::hover());
    for head in 0..heads {
        let x = names.left() + NAMES + (width + 4.0) * head as f32 + 0.5 * width;
        let at = egui::pos2(x, names.center().y);
        let text = format!("head {}", head + 1);
        ui.painter()
            .text(at, Align2::CENTER_CENTER, text, small.clone(), palette.muted);
    }
    for layer in 0..layers {
        ui.horizontal(|ui| {
            let (name, _) = ui.allocate_exact_size(Vec2::new(NAMES - 4.0, CELL), Sense::hover());
            ui.painter().text(
                name.left_center(),
                Align2::LEFT_CENTER,
                format!("layer {}", layer + 1),
                small.clone(),
                palette.muted,
            );
            for head in 0..heads {
                head_ui(ui, scene, held, view, Head { layer, head }, width);
            }
        });
    }
    ui.horizontal(|ui| {
        let all: Vec<Head> = (0..layers)
            .flat_map(|layer| (0..heads).map(move |head| Head { layer, head }))
            .collect();
        let open = all.iter().any(|head| held.heads.of(*head).is_none());
        let button = ui.add_enabled(open, Button::new(RichText::new("Ablate all, one by one").small()));
        if button.clicked() {
            view.heads.chosen.get_or_insert(all[0]);
            view.request(Action::Study(all));
        }
    });
}

/// One head: what it adds to the answer, once that is known.
fn head_ui(ui: &mut egui::Ui, scene: &Scene<'_>, held: &HeldMoment, view: &mut ViewState, head: Head, width: f32) {
    let palette = Palette::of(ui);
    let study = held.heads.result(head);
    let (text, ink) = match study {
        Some(study) => {
            let added = 100.0 * study.added(usize::from(class(held, study).0));
            (wording::points(-added), signed(palette, -added))
        }
        None if held.heads.of(head).is_some() => ("…".to_owned(), palette.muted),
        None => ("ablate".to_owned(), palette.muted),
    };
    let chosen = view.heads.chosen == Some(head);
    let text = RichText::new(text).text_style(figure_text()).size(10.5).color(ink);
    // The figure keeps its colour: what is chosen has a frame.
    let button = Button::new(text).truncate();
    let button = if chosen {
        button.stroke(Stroke::new(1.5, palette.accent))
    } else {
        button
    };
    let button = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = Vec2::new(2.0, 0.0);
            ui.add_sized(Vec2::new(width, CELL), button)
        })
        .inner;
    let name = format!("Ablate layer {}, head {}", head.layer + 1, head.head + 1);
    button.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    let hover = match study {
        Some(study) => wording::ablated(study, class(held, study), &scene.model_info.genres),
        None => name,
    };
    if button.on_hover_text(hover).clicked() {
        view.heads.chosen = Some(head);
        view.request(Action::Study(vec![head]));
    }
}

/// Green for what adds, red for what takes away.
fn signed(palette: &Palette, points: f32) -> Color32 {
    match points {
        points if points.abs() < 0.05 => palette.text,
        points if points > 0.0 => palette.good,
        _ => palette.bad,
    }
}

/// The answer with and without the head, the classes that change most first.
fn without_ui(ui: &mut egui::Ui, scene: &Scene<'_>, study: &HeadStudy) {
    let palette = Palette::of(ui);
    let genres = &scene.model_info.genres;
    let mut ids: Vec<GenreId> = genres.ids().collect();
    let change = |id: &GenreId| -study.added(usize::from(id.0));
    ids.sort_by(|a, b| change(b).abs().total_cmp(&change(a).abs()));
    let most = ids.first().map_or(0.0, |id| change(id).abs()).max(0.01);
    ui.spacing_mut().item_spacing.y = 0.0;
    let title = format!("Without head {} of layer {}", study.head.head + 1, study.head.layer + 1);
    ui.label(RichText::new(title).strong().color(palette.text));
    ui.add_space(2.0);
    for id in ids.into_iter().take(CLASSES) {
        let (row, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::hover());
        let points = 100.0 * change(&id);
        let figures = format!(
            "{} → {}",
            wording::tenths(study.whole.of(id)),
            wording::tenths(study.without.of(id))
        );
        let title = genres.title(id);
        describe(
            &response,
            format!(
                "{title} without this head: {figures}, {} points",
                wording::points(points)
            ),
        );
        let painter = ui.painter();
        let text = |x: f32, align, text: String, style: TextStyle, ink| {
            painter.text(
                egui::pos2(x, row.center().y),
                align,
                text,
                style.resolve(ui.style()),
                ink,
            );
        };
        let [r, g, b] = genres.colour(id);
        let swatch = Rect::from_center_size(row.left_center() + Vec2::new(5.0, 0.0), Vec2::splat(10.0));
        painter.rect_filled(swatch, CornerRadius::same(2), Color32::from_rgb(r, g, b));
        text(
            row.left() + 16.0,
            Align2::LEFT_CENTER,
            title,
            TextStyle::Small,
            palette.text,
        );
        text(
            row.left() + 196.0,
            Align2::RIGHT_CENTER,
            figures,
            figure_text(),
            palette.muted,
        );
        text(
            row.right(),
            Align2::RIGHT_CENTER,
            wording::points(points),
            figure_text(),
            signed(palette, points),
        );
        let (from, to) = (row.left() + 206.0, row.right() - 44.0);
        let middle = 0.5 * (from + to);
        let end = middle + change(&id) / most * 0.5 * (to - from);
        let bar = Rect::from_x_y_ranges(middle.min(end)..=middle.max(end), row.top() + 5.0..=row.bottom() - 5.0);
        if to > from {
            painter.rect_filled(bar, CornerRadius::ZERO, signed(palette, points));
            painter.vline(middle, row.top() + 3.0..=row.bottom() - 3.0, (1.0, palette.muted));
        }
    }
}
