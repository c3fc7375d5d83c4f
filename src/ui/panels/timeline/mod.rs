//! The time below: the whole track of a file, which of its segments decided, or the last minutes of anything;
//! probabilities stacked, answers as a ribbon above them.
//!
//! In: history or track. Out: paint; where to seek, what to loop. Thread: window.

mod hand;
mod recent;
mod sections;
mod segments;
mod whole;

use super::Scene;
use crate::ui::choices::{TIMELINE_SPANS, TrackDrag, TrackShows, View};
use crate::ui::theme::{GUTTER, PLOT_RIGHT};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::{heading, save_menu};
use crate::ui::wording;
use eframe::egui::{self, Align, Layout, Rect, Vec2};
pub(super) use recent::visible;

/// What the timeline shows.
#[derive(Debug, Default)]
pub struct TimelineView {
    /// Which of [`TIMELINE_SPANS`]; `None`: the whole track of a file, the first of them otherwise.
    pub span: Option<usize>,
    /// What the track of a file shows.
    pub shows: TrackShows,
    /// Whether sections are listed as they begin.
    pub lists_sections: bool,
    /// What is being dragged over the track.
    pub drag: Option<TrackDrag>,
}

/// The most points drawn: more than one for two pixels cannot be distinguished.
const MOST_POINTS: usize = 360;
/// Height of a ribbon of answers.
const RIBBON: f32 = 16.0;
/// Height of the time labels.
const LABELS: f32 = 18.0;

/// What track and timeline show.
const ANSWERS_OVER_TIME: &str = "Probabilities of all models together over time; the ribbon has the answers";

/// Draws the timeline into what is available.
pub(crate) fn timeline_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let whole = scene.track.filter(|_| view.timeline.span.is_none());
    ui.allocate_ui_with_layout(
        Vec2::new(ui.available_width(), 26.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            let (title, what) = match whole {
                Some(_) if view.timeline.shows == TrackShows::Segments => ("Segments", wording::WHAT_SEGMENTS_SAY),
                Some(_) if view.timeline.shows == TrackShows::Sections => ("Sections", wording::WHAT_SECTIONS_SAY),
                Some(_) => ("The track", ANSWERS_OVER_TIME),
                None => ("Timeline", ANSWERS_OVER_TIME),
            };
            heading(ui, title).on_hover_text(what);
            save_menu(ui, view, "Timeline");
            if view.view == View::Lecture {
                return;
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                for (i, span) in TIMELINE_SPANS.iter().enumerate().rev() {
                    let chosen = whole.is_none() && view.timeline.span.unwrap_or(0) == i;
                    if ui.selectable_label(chosen, span.label).clicked() {
                        view.timeline.span = Some(i);
                    }
                }
                if scene.track.is_some() {
                    for (shows, name) in [
                        (TrackShows::Sections, "Sections"),
                        (TrackShows::Segments, "Segments"),
                        (TrackShows::Answers, "Track"),
                    ] {
                        let chosen = whole.is_some() && view.timeline.shows == shows;
                        if ui.selectable_label(chosen, name).clicked() {
                            (view.timeline.span, view.timeline.shows) = (None, shows);
                        }
                    }
                }
                match whole {
                    Some(track) if view.timeline.shows == TrackShows::Segments => {
                        segments::note_ui(ui, scene, view, track);
                    }
                    Some(_) if view.timeline.shows == TrackShows::Sections => whole::loop_ui(ui, scene, view),
                    Some(track) => whole::note_ui(ui, scene, view, track),
                    None => list_ui(ui, view),
                }
            });
        },
    );
    match whole {
        Some(track) if view.timeline.shows == TrackShows::Segments => segments::segments_ui(ui, scene, view, track),
        Some(track) if view.timeline.shows == TrackShows::Sections => sections::sections_ui(ui, scene, view, track),
        Some(track) => whole::whole_ui(ui, scene, view, track),
        None => recent::recent_ui(ui, scene, view),
    }
}

/// A switch for the list of sections.
fn list_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    ui.add_space(4.0);
    let switch = ui.checkbox(&mut view.timeline.lists_sections, "Section list");
    if switch.on_hover_text(wording::WHAT_THE_LIST_SAYS).changed() {
        view.request(Action::ListSections(view.timeline.lists_sections));
    }
}

/// The parts of the picture: all of it, the ribbons, the bands.
fn parts(rect: Rect, ribbons: usize) -> (Rect, Vec<Rect>, Rect) {
    let inner = Rect::from_min_max(
        rect.min + Vec2::new(GUTTER, 2.0),
        rect.max - Vec2::new(PLOT_RIGHT, LABELS),
    );
    let ribbons: Vec<Rect> = (0..ribbons)
        .map(|i| {
            let top = inner.top() + i as f32 * (RIBBON + 2.0);
            Rect::from_min_size(egui::pos2(inner.left(), top), Vec2::new(inner.width(), RIBBON))
        })
        .collect();
    let top = ribbons.last().map_or(inner.top(), |last| last.bottom() + 3.0);
    (
        inner,
        ribbons,
        Rect::from_min_max(egui::pos2(inner.left(), top), inner.max),
    )
}
