//! What changed the answer: for each half second of the past, how many points the answer loses without it. Under the
//! spectrogram's own time axis.
//!
//! In: what the engines said when they were asked again, of a held moment or a little while ago. Out: paint. Thread: window.

use super::Scene;
use crate::explain::{Explanation, words};
use crate::ui::changing::Changing;
use crate::ui::frozen::{Frozen, Inquiry};
use crate::ui::history::History;
use crate::ui::theme::{GUTTER, PLOT_RIGHT, Palette, axis_font};
use crate::ui::view_state::ViewState;
use crate::ui::widgets::{TimeAxis, describe, heading, place_plot, save_menu};
use eframe::egui::{self, Align, Align2, CornerRadius, Layout, Rect, RichText, Sense, Vec2};

/// Height of the row above the picture.
const HEADER: f32 = 26.0;
/// The least scale of the bars: below it there is nothing to be seen.
const LEAST_POINTS: f32 = 0.02;

/// What the strip has to show.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// What was told, and how many columns before the newest one.
    told: Option<(&'a Explanation, u64)>,
    /// Why nothing was.
    fault: Option<&'a str>,
}

impl<'a> Changed<'a> {
    /// Of a held moment.
    pub fn held(frozen: &'a Frozen) -> Self {
        Self {
            told: frozen.explanation().map(|it| (it, 0)),
            fault: match &frozen.inquiry {
                Inquiry::Failed(why) => Some(why),
                Inquiry::Asking | Inquiry::Told(_) => None,
            },
        }
    }

    /// Of now, or a little while ago.
    pub fn live(changing: &'a Changing, history: &History) -> Self {
        Self {
            told: changing.told(history),
            fault: changing.fault(),
        }
    }

    /// What is said while nothing is told.
    fn waiting(self, scene: &Scene<'_>) -> String {
        match self.fault {
            Some(why) => format!("The engines could not be asked: {why}"),
            None if scene.frozen.is_none() && !scene.has_heard() => "Nothing was heard yet".to_owned(),
            None => "Asking the engines again, without each half second in turn…".to_owned(),
        }
    }
}

/// Draws the strip into what is available.
pub fn changed_ui(ui: &mut egui::Ui, scene: &Scene<'_>, changed: Changed<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let explanation = changed.told.map(|(it, _)| it);
    let title = explanation.map(|it| scene.cast.genres.title(it.class()));
    let when = match (scene.frozen, changed.told) {
        (None, Some((it, ago))) => format!("{:.0} s ago", ago as f64 * it.hop.0),
        _ => "at the held frame".to_owned(),
    };
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), HEADER),
        Layout::left_to_right(Align::Center),
        |ui| {
            heading(ui, "What changed the answer").on_hover_text(
                "Each half second is replaced by the mean around it and all engines are asked again: the bar is what the answer \
                 loses (up) or gains (down). In test pieces whose answer one passage carries, the highest bar lay in it in 8 \
                 of 10 cases, the most attended half second in 4, by chance 3.5.",
            );
            save_menu(ui, view, "What changed the answer");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let note = match &title {
                    Some(title) => format!("points that each half second adds to {title}, the likeliest {when}"),
                    None => String::new(),
                };
                ui.add(egui::Label::new(RichText::new(note).size(10.5).color(palette.muted)).truncate());
            });
        },
    );
    let sentence = explanation
        .and_then(|it| it.looked.first())
        .map(|looked| words::faithfulness(looked, &scene.cast.genres));
    let below = if sentence.is_some() { 30.0 } else { 0.0 };
    let size = ui.available_size() - Vec2::new(0.0, below);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let plot = Rect::from_min_max(rect.min + Vec2::new(GUTTER, 2.0), rect.max - Vec2::new(PLOT_RIGHT, 4.0));
    ui.painter().rect_filled(plot, CornerRadius::ZERO, palette.track);
    let time = TimeAxis::of(plot, scene, &view.time);
    let Some((it, ago)) = changed.told else {
        let text = changed.waiting(scene);
        describe(&response, format!("What changed the answer: {text}"));
        ui.painter()
            .text(plot.center(), Align2::CENTER_CENTER, text, axis_font(), palette.muted);
        return;
    };
    place_plot(ui, view, "What changed the answer", &response);
    describe(&response, summary(it, title.as_deref().unwrap_or_default()));
    bars(ui, (it, ago), &time, &response);
    time.draw_cursors(ui, scene, &view.time);
    time.take_pointer(ui, scene, view, &response);
    if let Some(sentence) = sentence {
        let label = egui::Label::new(RichText::new(sentence).size(11.0).color(palette.muted)).wrap();
        ui.horizontal(|ui| {
            ui.add_space(GUTTER);
            ui.add(label);
        });
    }
}

fn bars(ui: &egui::Ui, (it, ago): (&Explanation, u64), time: &TimeAxis, response: &egui::Response) {
    let palette = Palette::of(ui);
    let plot = time.rect;
    let added = it.agreed.contributions(usize::from(it.class().0));
    let most = added.iter().fold(LEAST_POINTS, |most, x| most.max(x.abs()));
    let middle = plot.center().y;
    let label = |y: f32, align, text: String| {
        let at = egui::pos2(plot.left() - 6.0, y);
        ui.painter().text(at, align, text, axis_font(), palette.muted);
    };
    label(plot.top(), Align2::RIGHT_TOP, format!("+{:.0}", 100.0 * most));
    label(plot.bottom(), Align2::RIGHT_BOTTOM, format!("−{:.0}", 100.0 * most));
    let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
    let pointed = response.hover_pos().and_then(|pointer| time.back_at(pointer.x));
    for (place, added) in it.places.iter().zip(&added) {
        let back = |frame: usize| it.frames - frame + ago as usize;
        let (from, to) = (back(place.start), back(place.end));
        let x = time.x_of(from as f32)..=time.x_of(to as f32) - 1.0;
        let y = middle - added / most * (0.5 * plot.height() - 2.0);
        let colour = if *added >= 0.0 { palette.good } else { palette.bad };
        painter.rect_filled(
            Rect::from_x_y_ranges(x, y.min(middle)..=y.max(middle)),
            CornerRadius::ZERO,
            colour,
        );
        if pointed.is_some_and(|back| (to..from).contains(&back)) {
            let (from, to) = (from as f64 * it.hop.0, to as f64 * it.hop.0);
            let verb = if *added >= 0.0 { "adds" } else { "takes" };
            response.clone().on_hover_text_at_pointer(format!(
                "−{from:.1} … −{to:.1} s {verb} {:.1} points",
                100.0 * added.abs()
            ));
        }
    }
    painter.hline(plot.x_range(), middle, (1.0, palette.muted));
}

/// What a screen reader says instead of the picture.
fn summary(it: &Explanation, title: &str) -> String {
    let added = it.agreed.contributions(usize::from(it.class().0));
    let highest = (0..added.len()).max_by(|&a, &b| added[a].total_cmp(&added[b]));
    match highest {
        Some(highest) => {
            let (from, to) = it.back(it.places[highest]);
            format!(
                "What changed the answer: {title} loses most, {:.0} points, without the sound {from:.1} to {to:.1} seconds back",
                100.0 * added[highest]
            )
        }
        None => "What changed the answer: nothing was heard".to_owned(),
    }
}
