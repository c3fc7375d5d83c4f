//! *Listen to what mattered*: plays only the moments that carry most of what speaks for a class.
//!
//! In: those moments. Out: paint; a request to play them, or to stop. Thread: window.

use super::Scene;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use attune_audio::source::SourceKind;
use attune_audio::units::Seconds;
use attune_engine::explain::{Mattered, wording};
use eframe::egui::{self, Button, Label, RichText, Vec2};

/// What the button plays.
pub(super) struct Listening<'a> {
    /// `None`: nothing speaks for the class.
    pub(super) mattered: Option<&'a Mattered>,
    /// The class.
    pub(super) title: &'a str,
}

/// Draws the button, and what it plays.
pub(super) fn listen_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, of: &Listening<'_>) {
    let palette = Palette::of(ui);
    ui.spacing_mut().button_padding = Vec2::new(6.0, 1.0);
    ui.spacing_mut().interact_size.y = 20.0;
    if scene.is_listening {
        let stop = ui.button(RichText::new("Stop").size(11.5));
        if stop.on_hover_text("Stop what is played").clicked() {
            view.request(Action::StopListening);
        }
    } else {
        let spans = spans(scene, view, of);
        let button = Button::new(RichText::new("Listen to what mattered").size(11.5));
        let response = ui.add_enabled(spans.is_ok(), button);
        match spans {
            Ok(spans) => {
                let hint = "Plays only the moments that carry 80 % of what speaks for it, with crossfades; the moment \
                            is held and the file pauses";
                if response.on_hover_text(hint).clicked() {
                    view.request(Action::Listen(spans));
                }
            }
            Err(why) => {
                response.on_disabled_hover_text(why);
            }
        }
    }
    if let Some(it) = of.mattered {
        let said = wording::mattered(it, scene.snapshot.hop, of.title);
        ui.add(Label::new(RichText::new(said).size(10.5).color(palette.muted)).truncate());
    }
}

/// Where in the open file they lie, or why they cannot be played.
fn spans(scene: &Scene<'_>, view: &ViewState, of: &Listening<'_>) -> Result<Vec<(Seconds, Seconds)>, String> {
    let opened = view.source.opened.as_ref();
    if opened.is_none_or(|open| open.kind != SourceKind::File) {
        return Err("Attune keeps no sound of a device. Open a file to listen to what mattered.".to_owned());
    }
    let Some(mattered) = of.mattered else {
        return Err(format!("No moment in reach speaks for {}.", of.title));
    };
    let newest = scene.history.total_columns().checked_sub(1);
    let Some(at) = newest.and_then(|newest| scene.history.time_of(newest)) else {
        return Err("No sound yet.".to_owned());
    };
    Ok(mattered.spans(at, &scene.model_info.front_end))
}
