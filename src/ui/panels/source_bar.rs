//! The top bar: what to listen to, and what is really open.
//!
//! In: devices, what is open. Out: paint; sources to open. Thread: window.

use super::Scene;
use crate::demo;
use crate::ui::Choice;
use crate::ui::sound_state::SoundState;
use crate::ui::theme::Palette;
use crate::ui::view_state::{Action, ViewState};
use crate::ui::widgets::level_meter;
use crate::ui::wording;
use attune_audio::capture::{DeviceInfo, DeviceKind};
use attune_audio::source::OpenedSource;
use attune_audio::source::SourceKind;
use attune_model::genre::GenreSet;
use eframe::egui::{self, Align, ComboBox, Key, Label, Layout, RichText, TextEdit, ThemePreference};
use std::path::PathBuf;

/// How a source that was opened fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceCondition {
    /// It is open.
    #[default]
    Open,
    /// The file came to its end.
    Ended,
    /// It failed, and the engine tries to open it again.
    Retried,
    /// It failed.
    Failed,
}

/// What the source bar remembers.
#[derive(Debug, Default)]
pub struct SourceView {
    /// What is really open.
    pub opened: Option<OpenedSource>,
    /// Whether that is the bundled demo.
    pub is_demo: bool,
    /// Whether the list of the demo's recordings is open.
    pub credits_open: bool,
    /// Which channel of the device was asked for; `None`: the mean of all.
    pub channel: Option<u16>,
    /// What was requested and has not opened yet.
    pub opening: Option<String>,
    /// How what is open fares.
    pub condition: SourceCondition,
    /// Since when there is no sound though there should be.
    pub missing_since: Option<jiff::Timestamp>,
    /// The path being typed, if the field is open.
    pub path_field: Option<String>,
    /// Whether the path field should take the keyboard in the next frame.
    pub focus_path_field: bool,
}

/// Draws the row of controls, and the path field under it if it is open.
pub(crate) fn source_bar_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Attune").heading().strong().color(Palette::of(ui).text));
        ui.add_space(4.0);
        picker_ui(ui, scene, view);
        if ui
            .button("Open file…")
            .on_hover_text("Choose files (Ctrl+O), type a path (O), or drop some on the window")
            .clicked()
        {
            view.request(Action::Ask(Choice::Files));
        }
        if ui
            .button("Play the demo")
            .on_hover_text("Recordings of seven genres that come with Attune (D)")
            .clicked()
        {
            view.request(Action::PlayDemo);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui
                .button("?")
                .on_hover_text("Keyboard shortcuts")
                .accessible_name("Keyboard shortcuts")
                .clicked()
            {
                view.shortcuts_open = !view.shortcuts_open;
            }
            theme_ui(ui);
            super::views_ui(ui, view);
            let hint = "Analyse files and folders while something else plays (F)";
            if ui.button("Files").on_hover_text(hint).clicked() {
                view.files.open = !view.files.open;
            }
            #[cfg(feature = "lab")]
            if ui
                .button("Lab")
                .on_hover_text("The experiments of `attune lab` (B)")
                .clicked()
            {
                view.lab.open = !view.lab.open;
            }
        });
    });
    path_field_ui(ui, view);
}

fn picker_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let devices = scene.devices;
    let chosen = match (&view.source.opening, &view.source.opened) {
        (Some(name), _) => format!("Opening {name} …"),
        (None, Some(open)) => open.name.clone(),
        (None, None) => "Choose what to listen to".to_owned(),
    };
    let width = (ui.available_width() - 662.0).clamp(150.0, 320.0);
    let response = ComboBox::from_id_salt("source")
        .selected_text(chosen)
        .width(width)
        .truncate()
        .show_ui(ui, |ui| {
            ui.set_min_width(300.0);
            let mut any = false;
            for device in devices.inputs() {
                any = true;
                let open = view.source.opened.as_ref().is_some_and(|open| open.id == device.id);
                if ui.selectable_label(open, device_title(device)).clicked() {
                    view.open_device(Some(device.id.clone()), &device.name);
                }
            }
            if !any {
                let text = match devices.problem() {
                    Some(problem) => problem,
                    None if devices.is_listing() => "Looking for devices …".to_owned(),
                    None => "No microphone or monitor was found. Connect one and refresh, or open a file.".to_owned(),
                };
                ui.add(Label::new(RichText::new(text).color(Palette::of(ui).muted)).wrap());
            }
            ui.separator();
            if ui.button("Refresh the list").clicked() {
                view.request(Action::RefreshDevices);
            }
        })
        .response;
    response
        .accessible_name("Source")
        .on_hover_text("Microphones, and what the loudspeakers play");
}

/// A device as the picker lists it.
fn device_title(device: &DeviceInfo) -> String {
    let kind = match device.kind {
        DeviceKind::Microphone => "microphone",
        DeviceKind::Monitor => "what is playing",
        DeviceKind::Output => "output",
    };
    let default = if device.default { ", default" } else { "" };
    format!("{}  ({kind}, {}{default})", device.name, device.host)
}

fn theme_ui(ui: &mut egui::Ui) {
    let now = ui.ctx().options(|options| options.theme_preference);
    let name = match now {
        ThemePreference::System => "System",
        ThemePreference::Dark => "Dark",
        ThemePreference::Light => "Light",
    };
    let response = ui
        .add(egui::Button::new(format!("Theme: {name}")).min_size(egui::Vec2::new(108.0, 0.0)))
        .on_hover_text("System, dark or light (T)");
    if response.clicked() {
        next_theme(ui.ctx());
    }
}

/// System, dark, light, and around again.
pub(crate) fn next_theme(ctx: &egui::Context) {
    let next = match ctx.options(|options| options.theme_preference) {
        ThemePreference::System => ThemePreference::Dark,
        ThemePreference::Dark => ThemePreference::Light,
        ThemePreference::Light => ThemePreference::System,
    };
    ctx.set_theme(next);
}

fn path_field_ui(ui: &mut egui::Ui, view: &mut ViewState) {
    let Some(mut path) = view.source.path_field.take() else {
        return;
    };
    let mut keep = true;
    let mut open = false;
    ui.horizontal(|ui| {
        let label = ui.label("File");
        let field = ui
            .add(
                TextEdit::singleline(&mut path)
                    .hint_text("/home/me/music/song.mp3 — or drop a file on the window")
                    .desired_width((ui.available_width() - 150.0).max(120.0)),
            )
            .labelled_by(label.id);
        if std::mem::take(&mut view.source.focus_path_field) {
            field.request_focus();
        }
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        open = ui
            .add_enabled(!path.trim().is_empty(), egui::Button::new("Open"))
            .clicked()
            || entered;
        let escaped = ui.input(|input| input.key_pressed(Key::Escape));
        keep = !ui.button("Cancel").clicked() && !escaped;
    });
    if open && !path.trim().is_empty() {
        view.open_file(expand_home(path.trim()));
    } else if keep {
        view.source.path_field = Some(path);
    }
}

/// A path as typed: `~/` is the home directory, quotes from a file browser's "copy path" are removed.
pub(super) fn expand_home(typed: &str) -> PathBuf {
    let typed = typed.trim_matches(['"', '\'']);
    let typed = typed.strip_prefix("file://").unwrap_or(typed);
    match (typed.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(base)) => base.home_dir().join(rest),
        _ => PathBuf::from(typed),
    }
}

/// Draws what is really open, and its level.
pub(crate) fn opened_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    let Some(open) = view.source.opened.clone() else {
        return;
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let flowing = scene.has_frames() && scene.sound == SoundState::Playing;
            let snapshot = scene.snapshot;
            let width = (0.3 * ui.available_width()).clamp(170.0, 300.0);
            level_meter(ui, width, snapshot.rms, snapshot.peak, snapshot.clipped, flowing);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let kind = match open.kind {
                    SourceKind::Microphone => "Microphone",
                    SourceKind::Monitor => "Monitor",
                    SourceKind::File => "File",
                };
                ui.label(RichText::new(kind).small().color(palette.accent).strong());
                if view.source.is_demo {
                    demo_ui(ui, scene, &mut view.source.credits_open);
                }
                channel_ui(ui, &open, view);
                let text = format!("{} · {}", open.name, wording::source(&open));
                ui.add(Label::new(RichText::new(&text).small()).truncate())
                    .on_hover_text(&open.id);
            });
        });
    });
}

/// Which channel of a device is listened to.
fn channel_ui(ui: &mut egui::Ui, open: &OpenedSource, view: &mut ViewState) {
    if open.kind == SourceKind::File || open.channels < 2 {
        return;
    }
    let title = |channel: Option<u16>| match channel {
        None => "All channels".to_owned(),
        Some(channel) => format!("Channel {}", channel + 1),
    };
    let mut chosen = view.source.channel;
    let response = ComboBox::from_id_salt("channel")
        .selected_text(RichText::new(title(chosen)).small())
        .width(100.0)
        .show_ui(ui, |ui| {
            for channel in std::iter::once(None).chain((0..open.channels).map(Some)) {
                ui.selectable_value(&mut chosen, channel, title(channel));
            }
        })
        .response;
    response
        .accessible_name("Channel")
        .on_hover_text("The mean of all channels, or one of them: another line of a mixing desk, say");
    if chosen != view.source.channel {
        view.open_channel(Some(open.id.clone()), &open.name, chosen);
    }
}

/// The recording that sounds, and the way to its licence.
fn demo_ui(ui: &mut egui::Ui, scene: &Scene<'_>, credits_open: &mut bool) {
    if let Some(section) = demo::section_at(scene.snapshot.transport.position) {
        let genre = wording::genre_title(section.genre, &GenreSet::gtzan());
        let text = format!("{genre}: {}, {}", section.title, section.artist);
        ui.add(Label::new(RichText::new(text).small().strong().color(Palette::of(ui).text)).truncate())
            .on_hover_text("The genre as the recording's source names it, its title and its maker");
    }
    let credits = ui
        .small_button("Credits")
        .on_hover_text("Whose recordings these are, and their licences");
    if credits.clicked() {
        *credits_open = !*credits_open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_paths_are_cleaned() {
        assert_eq!(expand_home("\"/a b/c.mp3\""), PathBuf::from("/a b/c.mp3"));
        assert_eq!(expand_home("file:///a/c.mp3"), PathBuf::from("/a/c.mp3"));
        assert!(!expand_home("~/c.mp3").starts_with("~"));
    }
}
