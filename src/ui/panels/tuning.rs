//! The knobs of smoothing and decision, with what they would have answered in the last minutes.
//!
//! In: knobs, what was played. Out: paint; other knobs. Thread: window.

use super::Scene;
use crate::ui::theme::{Palette, card};
use crate::ui::view_state::{Action, ViewState};
use crate::ui::wording;
use attune_audio::units::Seconds;
use attune_engine::smoothing::SmoothingConfig;
use eframe::egui::{self, Button, Label, RichText, Slider};
use std::ops::RangeInclusive;

/// The knobs.
#[derive(Debug)]
pub struct TuningView {
    /// As they stand on their page.
    pub knobs: SmoothingConfig,
    /// Those that the engine uses.
    pub in_use: SmoothingConfig,
}

/// One knob: what it is called, how far it goes, what it does.
struct Knob {
    name: &'static str,
    range: RangeInclusive<f64>,
    decimals: usize,
    suffix: &'static str,
    hint: &'static str,
}

/// Draws the knobs.
pub(crate) fn tuning_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState) {
    let palette = Palette::of(ui);
    card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(
            RichText::new("The timeline shows what these would have answered.")
                .small()
                .color(palette.muted),
        );
        ui.add_space(4.0);
        ui.spacing_mut().slider_width = (ui.available_width() - 214.0).max(60.0);
        knobs_ui(ui, &mut view.tuning.knobs);
        ui.add_space(4.0);
        let said = match (scene.knobs_replay, scene.live_replay) {
            (Some(tried), Some(live)) if tried.frames > 0 => wording::replays(tried, live, scene.snapshot.hop),
            _ => "What they would have answered appears when there is sound.".to_owned(),
        };
        ui.add(Label::new(RichText::new(said).small().color(palette.text)).wrap());
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let changed = view.tuning.knobs != view.tuning.in_use;
            let text = if changed {
                RichText::new("Use from now on").color(palette.on_accent)
            } else {
                RichText::new("Use from now on")
            };
            let button = Button::new(text);
            let button = if changed { button.fill(palette.accent) } else { button };
            if ui.add_enabled(changed, button).clicked() {
                view.request(Action::UseKnobs);
            }
            if ui
                .add_enabled(changed, Button::new("Undo"))
                .on_hover_text("Back to the knobs in use")
                .clicked()
            {
                view.tuning.knobs = view.tuning.in_use;
            }
            let usual = SmoothingConfig::default();
            if ui
                .add_enabled(view.tuning.knobs != usual, Button::new("Defaults"))
                .clicked()
            {
                view.tuning.knobs = usual;
            }
        });
    });
}

fn knobs_ui(ui: &mut egui::Ui, knobs: &mut SmoothingConfig) {
    let secs = |name, most, hint| Knob {
        name,
        range: 0.0..=most,
        decimals: 2,
        suffix: " s",
        hint,
    };
    let share = |name, hint| Knob {
        name,
        range: 0.0..=1.0,
        decimals: 2,
        suffix: "",
        hint,
    };
    let time = |ui: &mut egui::Ui, at: &mut Seconds, knob: Knob| knob_ui(ui, &mut at.0, &knob);
    time(
        ui,
        &mut knobs.time_constant,
        secs("Time constant", 10.0, "About how long probabilities are averaged"),
    );
    time(
        ui,
        &mut knobs.dwell,
        secs("Dwell", 10.0, "Least time between two answers"),
    );
    time(
        ui,
        &mut knobs.warm_up,
        secs("Warm-up", 10.0, "Sound needed before the first answer"),
    );
    let of = |ui: &mut egui::Ui, at: &mut f32, knob: Knob| {
        let mut value = f64::from(*at);
        knob_ui(ui, &mut value, &knob);
        *at = value as f32;
    };
    of(
        ui,
        &mut knobs.enter,
        share("Show from", "Smoothed probability from which a genre is shown"),
    );
    of(
        ui,
        &mut knobs.leave,
        share(
            "Drop below",
            "Smoothed probability below which a shown genre is dropped",
        ),
    );
    of(
        ui,
        &mut knobs.lead,
        share("Margin", "By how much another genre must lead to take over"),
    );
    of(
        ui,
        &mut knobs.reject,
        share(
            "Not-music above",
            "Probability of anything but music above which no genre is shown; 1: off",
        ),
    );
    of(
        ui,
        &mut knobs.admit,
        share(
            "Music again below",
            "Probability of anything but music below which genres are shown again",
        ),
    );
    of(
        ui,
        &mut knobs.unfamiliar,
        Knob {
            name: "Unfamiliar below",
            range: 0.0..=0.5,
            decimals: 3,
            suffix: "",
            hint: "Familiarity below which music gets no genre, about the share of known music that does not; 0: off",
        },
    );
    of(
        ui,
        &mut knobs.silence.0,
        Knob {
            name: "Silence",
            range: -90.0..=-20.0,
            decimals: 0,
            suffix: " dB",
            hint: "Level below which it is silence",
        },
    );
    // Two of them keep apart, or the knobs could not be used.
    knobs.leave = knobs.leave.min(knobs.enter);
    knobs.admit = knobs.admit.min(knobs.reject);
}

fn knob_ui(ui: &mut egui::Ui, value: &mut f64, knob: &Knob) {
    ui.horizontal(|ui| {
        let size = egui::Vec2::new(124.0, 20.0);
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_min_size(size);
            ui.label(RichText::new(knob.name).color(Palette::of(ui).text));
        });
        let slider = Slider::new(value, knob.range.clone())
            .fixed_decimals(knob.decimals)
            .suffix(knob.suffix);
        ui.add(slider).accessible_name(knob.name).on_hover_text(knob.hint);
    });
}
