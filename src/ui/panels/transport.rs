//! The transport of a file: play, pause, seek, loop, pace.
//!
//! In: where the file is. Out: paint; commands to the engine. Thread: window.

use super::Scene;
use crate::ui::choices::PACES;
use crate::ui::theme::{Palette, figure_text};
use crate::ui::view_state::ViewState;
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use attune_engine::Command;
use eframe::egui::{self, Align, Button, ComboBox, Layout, RichText, Sense, Slider, Vec2};

/// What the transport remembers.
#[derive(Debug)]
pub struct TransportView {
    /// Where the seek slider is being dragged to.
    pub seeking_to: Option<Seconds>,
    /// How fast files play.
    pub pace: Pace,
}

impl Default for TransportView {
    fn default() -> Self {
        Self {
            seeking_to: None,
            pace: Pace::Times(1.0),
        }
    }
}

/// Draws the transport.
pub(crate) fn transport_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let transport = scene.snapshot.transport;
    let figure = |at: Seconds| RichText::new(at.clock()).text_style(figure_text()).color(palette.text);
    ui.horizontal(|ui| {
        let (word, command) = if transport.playing {
            ("Pause", Command::Pause)
        } else {
            ("Play", Command::Play)
        };
        let fill = Button::new(RichText::new(word).color(palette.on_accent))
            .fill(palette.accent)
            .min_size(Vec2::new(64.0, 28.0));
        if ui.add(fill).on_hover_text("Space").clicked() {
            view.order(command);
        }
        let shown = view.transport.seeking_to.unwrap_or(transport.position);
        ui.add_sized(Vec2::new(56.0, 20.0), egui::Label::new(figure(shown)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            pace_ui(ui, view);
            let looping = ui
                .add(Button::new("Loop").selected(transport.looping))
                .on_hover_text("Start again at the end (L)");
            looping.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, transport.looping, "Loop"));
            if looping.clicked() {
                view.order(Command::Loop(!transport.looping));
            }
            ui.add_sized(Vec2::new(56.0, 20.0), egui::Label::new(figure(transport.duration)));
            ui.spacing_mut().slider_width = ui.available_width().max(60.0);
            seek_ui(ui, view, shown, transport.duration);
        });
    });
}

fn seek_ui(ui: &mut egui::Ui, view: &mut ViewState, shown: Seconds, duration: Seconds) {
    let mut at = shown.0;
    let slider = Slider::new(&mut at, 0.0..=duration.0.max(0.1)).show_value(false);
    let response = ui.add_enabled(duration.0 > 0.0, slider).accessible_name("Seek");
    // A press that ends within one frame is no drag.
    let click = ui.interact(response.rect, response.id.with("click"), Sense::CLICK);
    let clicked = click
        .interact_pointer_pos()
        .filter(|_| click.clicked() && duration.0 > 0.0);
    if let Some(pointer) = clicked.filter(|_| !response.dragged() && !response.drag_stopped()) {
        let handle = 0.4 * response.rect.height();
        let range = response.rect.x_range().shrink(handle);
        let to = egui::remap_clamp(pointer.x, range, 0.0..=1.0);
        view.order(Command::Seek(Seconds(f64::from(to) * duration.0)));
    } else if response.dragged() {
        view.transport.seeking_to = Some(Seconds(at));
    } else if response.changed() || response.drag_stopped() {
        // One command when the hand lets go: each seek resets every model.
        let to = view.transport.seeking_to.take().unwrap_or(Seconds(at));
        view.order(Command::Seek(if response.changed() { Seconds(at) } else { to }));
    }
}

fn pace_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let name = PACES
        .iter()
        .find(|(pace, _)| *pace == view.transport.pace)
        .map_or("1×", |(_, name)| *name);
    let response = ComboBox::from_id_salt("pace")
        .selected_text(name)
        .width(76.0)
        .show_ui(ui, |ui| {
            for (pace, name) in PACES {
                if ui.selectable_label(view.transport.pace == pace, name).clicked() {
                    view.transport.pace = pace;
                    view.order(Command::SetPace(pace));
                }
            }
        })
        .response;
    response
        .accessible_name("Pace")
        .on_hover_text("How fast the file plays; beyond 1× it is silent");
}
