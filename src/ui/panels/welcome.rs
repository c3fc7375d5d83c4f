//! What to do when nothing is open.
//!
//! In: devices. Out: paint; sources to open. Thread: window.

use super::Scene;
use crate::ui::Choice;
use crate::ui::theme::{Palette, card};
use crate::ui::view_state::{Action, ViewState};
use attune_audio::capture::{DeviceInfo, DeviceKind};
use eframe::egui::{self, Button, Label, RichText, Vec2};

/// How many sources opened before are offered.
const SHOWN: usize = 5;

/// Draws the ways to begin.
pub(crate) fn welcome_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let room = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space((0.5 * (room - 380.0)).max(8.0));
        ui.label(
            RichText::new("What shall we listen to?")
                .heading()
                .size(24.0)
                .color(palette.text),
        );
        ui.label(
            RichText::new("Attune names the genre while the music plays, and shows what the answer rests on.")
                .color(palette.muted),
        );
        ui.add_space(16.0);
        let width = ui.available_width().min(460.0);
        ui.allocate_ui(Vec2::new(width, 0.0), |ui| {
            ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                microphone_ui(ui, scene, view);
                ui.add_space(8.0);
                way_ui(
                    ui,
                    "A file",
                    "Drop it on this window, or press O to type its path.",
                    |ui| {
                        if ui.add(wide("Open…")).on_hover_text("Ctrl+O").clicked() {
                            view.request(Action::Ask(Choice::Files));
                        }
                    },
                );
                ui.add_space(8.0);
                way_ui(
                    ui,
                    "The demo",
                    "A minute of music in several styles that comes with Attune.",
                    |ui| {
                        if ui.add(wide("Play it")).on_hover_text("D").clicked() {
                            view.request(Action::PlayDemo);
                        }
                    },
                );
                training_ui(ui, view);
                recent_ui(ui, scene, view);
                sessions_of_before_ui(ui, scene, view);
            });
        });
    });
}

/// The way to models of one's own.
fn training_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    #[cfg(feature = "train")]
    {
        ui.add_space(8.0);
        let train = Button::new(RichText::new("Train on my own folders…").small()).frame(false);
        if ui.add(train).on_hover_text("R").clicked() {
            view.training.open = true;
        }
    }
    #[cfg(not(feature = "train"))]
    let _ = (ui, view);
}

/// What was open before.
fn recent_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let recent = scene.recent.all();
    if recent.is_empty() {
        return;
    }
    let palette = Palette::of(ui);
    ui.add_space(12.0);
    ui.label(RichText::new("Opened before").small().color(palette.muted));
    for source in recent.iter().take(SHOWN) {
        let kind = if source.is_device { "Device" } else { "File" };
        let button = Button::new((
            RichText::new(&source.name),
            egui::Atom::grow(),
            RichText::new(kind).small().weak(),
        ))
        .truncate()
        .min_size(Vec2::new(ui.available_width(), 26.0));
        let response = ui.add(button).on_hover_text(&source.id);
        if response.clicked() {
            if source.is_device {
                view.open_device(Some(source.id.clone()), &source.name);
            } else {
                view.open_file(source.id.clone().into());
            }
        }
    }
}

/// Earlier sessions, once they are asked for.
fn sessions_of_before_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    if scene.recorder.list.is_empty() {
        return;
    }
    ui.add_space(8.0);
    egui::CollapsingHeader::new("Earlier sessions").show(ui, |ui| {
        ui.set_max_height(320.0);
        super::sessions_ui(ui, scene, view);
    });
}

/// The default input, and the monitor of what the computer plays, if that is another device.
fn microphone_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let devices = scene.devices;
    let usual = devices
        .inputs()
        .find(|device| device.default)
        .or_else(|| devices.inputs().next());
    if let Some(usual) = usual {
        let mut listen_ui = |ui: &mut egui::Ui, device: &DeviceInfo, button: Button<'_>| {
            let title = match device.kind {
                DeviceKind::Monitor => "What this computer plays",
                DeviceKind::Microphone | DeviceKind::Output => "A microphone",
            };
            way_ui(ui, title, &device.name, |ui| {
                if ui.add(button).clicked() {
                    view.open_device(Some(device.id.clone()), &device.name);
                }
            });
        };
        listen_ui(ui, usual, primary(palette, "Listen"));
        let is_monitor = |device: &&DeviceInfo| device.kind == DeviceKind::Monitor;
        if let Some(monitor) = devices.inputs().find(is_monitor).filter(|it| it.id != usual.id) {
            ui.add_space(8.0);
            listen_ui(ui, monitor, wide("Listen in"));
        }
        return;
    }
    let text = match devices.problem() {
        Some(problem) => problem,
        None if devices.is_listing() => "Looking for devices …".to_owned(),
        None => "None was found. Plug one in, or start the sound server, then refresh.".to_owned(),
    };
    way_ui(ui, "A microphone", &text, |ui| {
        if ui.add(wide("Refresh")).clicked() {
            view.request(Action::RefreshDevices);
        }
    });
}

/// The way that most will take.
fn primary<'a>(palette: &Palette, text: &'a str) -> Button<'a> {
    Button::new(RichText::new(text).color(palette.on_accent))
        .fill(palette.accent)
        .min_size(Vec2::new(108.0, 32.0))
}

fn wide(text: &str) -> Button<'_> {
    Button::new(text).min_size(Vec2::new(108.0, 32.0))
}

fn way_ui(ui: &mut egui::Ui, title: &str, text: &str, act: impl FnOnce(&mut egui::Ui)) {
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                act(ui);
                ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                    ui.label(RichText::new(title).strong().color(palette.text));
                    ui.add(Label::new(RichText::new(text).small().color(palette.muted)).wrap());
                });
            });
        });
    });
}
