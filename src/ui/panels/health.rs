//! Whether the engine keeps up: one line at the bottom.
//!
//! In: health. Out: paint. Thread: window.

use super::Scene;
use crate::ui::sound_state::{STALLED_SECS, SoundState};
use crate::ui::theme::{Palette, figure_text};
use crate::ui::view_state::ViewState;
use attune_audio::source::SourceKind;
use eframe::egui::{self, Align2, Color32, Sense, TextStyle, Vec2};

/// Latency above which an answer feels late: about one hop and a buffer more than the design needs.
const LATE_MS: f32 = 100.0;
/// Draws the strip.
pub(crate) fn health_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &ViewState) {
    let palette = Palette::of(ui);
    let health = &scene.snapshot.health;
    let has_frames = scene.has_frames();
    let ink = |wrong: bool| if wrong { palette.bad } else { palette.text };
    let wide = ui.available_width() > 700.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        let lossy = health.samples_lost > 0 || health.xruns > 0;
        let wrong = lossy || health.load > 0.9 || health.latency_p99_ms > LATE_MS;
        let (dot, response) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
        let (colour, word) = match scene.sound {
            SoundState::Missing(_) => (palette.bad, "no sound comes"),
            SoundState::NotYet => (palette.muted, "no sound yet"),
            SoundState::Paused => (palette.muted, "paused"),
            SoundState::Ended => (palette.muted, "the file has ended"),
            SoundState::Playing if wrong => (palette.warning, "see the figures in red"),
            SoundState::Playing => (palette.good, "the engine keeps up"),
        };
        let word = format!("Health: {word}");
        ui.painter().circle_filled(dot.center(), 4.0, colour);
        crate::ui::widgets::describe(&response, &word);
        response.on_hover_text(word);
        let value = |text: String| if has_frames { text } else { "—".to_owned() };
        figure_ui(
            ui,
            "Lost",
            &value(group_digits(health.samples_lost)),
            7,
            ink(has_frames && health.samples_lost > 0),
            "Samples that came faster than they were read",
        );
        figure_ui(
            ui,
            "Load",
            &value(format!("{:.0} %", 100.0 * health.load)),
            5,
            ink(has_frames && health.load > 0.9),
            "Share of real time that the models need; 100 % is the limit",
        );
        figure_ui(
            ui,
            "Latency",
            &value(format!(
                "{:.0} / {:.0} ms",
                health.latency_p50_ms, health.latency_p99_ms
            )),
            13,
            ink(has_frames && health.latency_p99_ms > LATE_MS),
            "From a sample's arrival to the picture that holds it: median and 99th percentile",
        );
        let device = view
            .source
            .opened
            .as_ref()
            .is_some_and(|open| open.kind != SourceKind::File);
        if device {
            let age = health.callback_age.0;
            figure_ui(
                ui,
                "Callback",
                &value(format!("{:.0} ms ago", 1000.0 * age)),
                11,
                ink(has_frames && age > STALLED_SECS),
                "When the device last brought samples",
            );
        }
        if health.missed.0 > 0.0 {
            figure_ui(
                ui,
                "Missed",
                &format!("{:.1} s", health.missed.0),
                8,
                palette.bad,
                "Time for which the device was lost",
            );
        }
        if health.xruns > 0 {
            figure_ui(
                ui,
                "Overruns",
                &group_digits(health.xruns),
                6,
                palette.bad,
                "Buffers that the device's driver dropped before the engine could read them",
            );
        }
        if wide {
            details_ui(ui, scene, &value);
        }
    });
}

/// What only a wide window has room for.
fn details_ui(ui: &mut egui::Ui, scene: &Scene<'_>, value: &dyn Fn(String) -> String) {
    let palette = Palette::of(ui);
    let health = &scene.snapshot.health;
    figure_ui(
        ui,
        "Ring",
        &value(format!("{:.0} %", 100.0 * health.ring_fill)),
        5,
        palette.text,
        "How full the ring is",
    );
    let slowest = slowest_step(scene);
    figure_ui(
        ui,
        "Step p99",
        &value(format!("{slowest:.0} µs")),
        9,
        palette.text,
        "99th percentile of one frame's step, the slowest model",
    );
    if health.samples_not_finite > 0 {
        figure_ui(
            ui,
            "NaN",
            &group_digits(health.samples_not_finite),
            6,
            palette.warning,
            "Samples that were not numbers and were replaced by silence",
        );
    }
}

/// A label and a figure in a fixed width, so that nothing moves when digits change.
fn figure_ui(ui: &mut egui::Ui, label: &str, figure: &str, digits: usize, colour: Color32, hover: &str) {
    let palette = Palette::of(ui);
    let font = figure_text().resolve(ui.style());
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
    let title = ui
        .painter()
        .layout_no_wrap(label.to_owned(), TextStyle::Small.resolve(ui.style()), palette.muted);
    let title_width = title.size().x;
    let size = Vec2::new(title_width + 6.0 + digits as f32 * digit, 20.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    crate::ui::widgets::describe(&response, format!("{label}: {figure}"));
    let at = rect.left_center();
    ui.painter()
        .galley(at - Vec2::new(0.0, 0.5 * title.size().y), title, palette.muted);
    let at = at + Vec2::new(title_width + 6.0, 0.0);
    ui.painter().text(at, Align2::LEFT_CENTER, figure, font, colour);
    response.on_hover_text(hover);
}

fn slowest_step(scene: &Scene<'_>) -> f32 {
    let snapshot = scene.snapshot;
    snapshot.models[..snapshot.model_count.min(snapshot.models.len())]
        .iter()
        .filter(|model| model.enabled)
        .map(|model| model.step_p99_us)
        .fold(0.0, f32::max)
}

/// Digits in groups of three.
fn group_digits(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202F}');
        }
        out.push(digit);
    }
    out
}
