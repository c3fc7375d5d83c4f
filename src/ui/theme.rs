//! How the window looks: two palettes, a type scale, a 4-pixel grid.
//!
//! In: the system's or the user's choice of theme. Out: [`Palette`], and egui's styles set once. Thread: window.

use crate::settings;
use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Theme, ThemePreference, Vec2,
};

/// The grid: distances are this or a multiple of it.
pub(super) const GRID: f32 = 4.0;
/// Width of the gutter left of every plot, so that all plots share one x axis.
pub(super) const GUTTER: f32 = 48.0;
/// Space right of every plot: half of the widest label at its edge.
pub(super) const PLOT_RIGHT: f32 = 20.0;

/// Colours by what they mean. Text on `card` and `background` has a contrast of at least 4.5 : 1 (WCAG 2.1 AA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    /// Behind everything.
    pub background: Color32,
    /// Behind a group of things that belong together.
    pub card: Color32,
    /// Behind a control.
    pub control: Color32,
    /// Behind a control under the pointer.
    pub control_hovered: Color32,
    /// Lines between things, and grids.
    pub outline: Color32,
    /// The empty part of a bar.
    pub track: Color32,
    /// What is read first.
    pub text: Color32,
    /// What is read second.
    pub muted: Color32,
    /// The one accent: what is chosen, and where one can act.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Attention, wherever it is drawn.
    pub attention: Color32,
    /// A voice is played instead of music.
    pub speech: Color32,
    /// Something else is played instead of music.
    pub not_music: Color32,
    /// Music unlike any that the models learnt is played.
    pub unfamiliar: Color32,
    /// All is well.
    pub good: Color32,
    /// Look at this.
    pub warning: Color32,
    /// This is wrong.
    pub bad: Color32,
}

/// On dark.
const DARK: Palette = Palette {
    background: Color32::from_rgb(0x12, 0x15, 0x1A),
    card: Color32::from_rgb(0x1A, 0x1E, 0x25),
    control: Color32::from_rgb(0x28, 0x2E, 0x38),
    control_hovered: Color32::from_rgb(0x34, 0x3C, 0x48),
    outline: Color32::from_rgb(0x30, 0x37, 0x42),
    track: Color32::from_rgb(0x0D, 0x10, 0x14),
    text: Color32::from_rgb(0xE8, 0xEB, 0xF0),
    muted: Color32::from_rgb(0x9D, 0xA7, 0xB5),
    accent: Color32::from_rgb(0x4F, 0xB8, 0xC4),
    on_accent: Color32::from_rgb(0x06, 0x1A, 0x1D),
    attention: Color32::from_rgb(0xFF, 0xC8, 0x4A),
    speech: Color32::from_rgb(0x55, 0x62, 0x78),
    not_music: Color32::from_rgb(0x4A, 0x42, 0x3C),
    unfamiliar: Color32::from_rgb(0x5A, 0x46, 0x6E),
    good: Color32::from_rgb(0x5F, 0xC9, 0x8A),
    warning: Color32::from_rgb(0xF0, 0xB4, 0x4C),
    bad: Color32::from_rgb(0xFF, 0x7B, 0x72),
};

/// On light.
const LIGHT: Palette = Palette {
    background: Color32::from_rgb(0xEF, 0xF1, 0xF4),
    card: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    control: Color32::from_rgb(0xE6, 0xE9, 0xEE),
    control_hovered: Color32::from_rgb(0xD8, 0xDD, 0xE4),
    outline: Color32::from_rgb(0xD3, 0xD8, 0xDF),
    track: Color32::from_rgb(0xEA, 0xED, 0xF1),
    text: Color32::from_rgb(0x17, 0x1B, 0x21),
    muted: Color32::from_rgb(0x55, 0x5F, 0x6D),
    accent: Color32::from_rgb(0x0B, 0x72, 0x85),
    on_accent: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    attention: Color32::from_rgb(0x9A, 0x62, 0x00),
    speech: Color32::from_rgb(0xA9, 0xB6, 0xCA),
    not_music: Color32::from_rgb(0xC9, 0xC0, 0xB6),
    unfamiliar: Color32::from_rgb(0xC6, 0xB4, 0xDA),
    good: Color32::from_rgb(0x16, 0x73, 0x43),
    warning: Color32::from_rgb(0x8F, 0x5A, 0x00),
    bad: Color32::from_rgb(0xB4, 0x23, 0x18),
};

impl Palette {
    /// The palette of a theme.
    pub(super) fn of_theme(theme: Theme) -> &'static Self {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The palette in use.
    pub(super) fn of(ui: &egui::Ui) -> &'static Self {
        Self::of_theme(if ui.visuals().dark_mode {
            Theme::Dark
        } else {
            Theme::Light
        })
    }
}

/// The colours of models on dark and on light, after Okabe and Ito: eight, as many as can run.
const MODELS: [[Color32; 8]; 2] = [
    [
        Color32::from_rgb(0x56, 0xB4, 0xE9),
        Color32::from_rgb(0xE6, 0x9F, 0x00),
        Color32::from_rgb(0xE0, 0x8F, 0xBF),
        Color32::from_rgb(0x3F, 0xCB, 0xA0),
        Color32::from_rgb(0xF0, 0xE4, 0x42),
        Color32::from_rgb(0xFF, 0x8A, 0x4A),
        Color32::from_rgb(0x9F, 0xA8, 0xFF),
        Color32::from_rgb(0xBD, 0xBD, 0xBD),
    ],
    [
        Color32::from_rgb(0x0B, 0x6F, 0xA4),
        Color32::from_rgb(0x96, 0x5F, 0x00),
        Color32::from_rgb(0xA3, 0x40, 0x7F),
        Color32::from_rgb(0x00, 0x73, 0x4F),
        Color32::from_rgb(0x75, 0x66, 0x00),
        Color32::from_rgb(0xB3, 0x47, 0x00),
        Color32::from_rgb(0x4A, 0x53, 0xC8),
        Color32::from_rgb(0x5F, 0x5F, 0x5F),
    ],
];

/// The colour of the model at this place.
pub(super) fn model_colour(palette: &Palette, place: usize) -> Color32 {
    let colours = MODELS[usize::from(*palette == LIGHT)];
    colours[place % colours.len()]
}

/// The answer: the largest text there is.
pub(super) fn display_text() -> TextStyle {
    TextStyle::Name("display".into())
}

/// Figures that change: digits of one width, so that nothing jumps.
pub(super) fn figure_text() -> TextStyle {
    TextStyle::Monospace
}

/// The font of axis labels.
pub(super) fn axis_font() -> FontId {
    FontId::new(10.5, FontFamily::Proportional)
}

/// The user's choice as egui knows it.
pub(super) fn preference(theme: settings::Theme) -> ThemePreference {
    match theme {
        settings::Theme::System => ThemePreference::System,
        settings::Theme::Light => ThemePreference::Light,
        settings::Theme::Dark => ThemePreference::Dark,
    }
}

/// The user's choice as it is kept.
pub(super) fn kept(preference: ThemePreference) -> settings::Theme {
    match preference {
        ThemePreference::System => settings::Theme::System,
        ThemePreference::Light => settings::Theme::Light,
        ThemePreference::Dark => settings::Theme::Dark,
    }
}

/// Sets both styles of a context, once.
pub(super) fn install(ctx: &egui::Context) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| {
            let palette = Palette::of_theme(theme);
            style.text_styles = [
                (TextStyle::Small, FontId::new(11.5, FontFamily::Proportional)),
                (TextStyle::Body, FontId::new(13.5, FontFamily::Proportional)),
                (TextStyle::Button, FontId::new(13.5, FontFamily::Proportional)),
                (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
                (TextStyle::Heading, FontId::new(17.0, FontFamily::Proportional)),
                (display_text(), FontId::new(34.0, FontFamily::Proportional)),
            ]
            .into();
            let spacing = &mut style.spacing;
            spacing.item_spacing = Vec2::new(2.0 * GRID, GRID);
            spacing.button_padding = Vec2::new(2.5 * GRID, GRID);
            spacing.interact_size = Vec2::new(32.0, 28.0);
            spacing.window_margin = Margin::same(12);
            spacing.menu_margin = Margin::same(8);
            set_visuals(&mut style.visuals, palette);
        });
    }
}

fn set_visuals(visuals: &mut egui::Visuals, palette: &Palette) {
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.outline);
    visuals.extreme_bg_color = palette.track;
    visuals.faint_bg_color = palette.card;
    visuals.code_bg_color = palette.control;
    visuals.weak_text_color = Some(palette.muted);
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.bad;
    visuals.selection.bg_fill = palette.accent;
    visuals.selection.stroke = Stroke::new(1.0, palette.on_accent);
    visuals.slider_trailing_fill = true;
    let radius = CornerRadius::same(5);
    let widgets = &mut visuals.widgets;
    for (state, fill, line) in [
        (&mut widgets.noninteractive, palette.card, palette.outline),
        (&mut widgets.inactive, palette.control, palette.outline),
        (&mut widgets.hovered, palette.control_hovered, palette.accent),
        (&mut widgets.active, palette.control_hovered, palette.accent),
        (&mut widgets.open, palette.control_hovered, palette.outline),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, line);
        state.fg_stroke = Stroke::new(1.0, palette.text);
        state.corner_radius = radius;
        // egui lets controls grow under the pointer; on a tight grid that reads as jitter.
        state.expansion = 0.0;
    }
}

/// The frame around a group of things that belong together.
pub(super) fn card(ui: &egui::Ui) -> egui::Frame {
    let palette = Palette::of(ui);
    egui::Frame::new()
        .fill(palette.card)
        .stroke(Stroke::new(1.0, palette.outline))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as WCAG 2.1 defines them.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let [r, g, b] = [c.r(), c.g(), c.b()].map(|v| {
                let v = f32::from(v) / 255.0;
                if v <= 0.040_45 {
                    v / 12.92
                } else {
                    ((v + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (x, y) = (luminance(a) + 0.05, luminance(b) + 0.05);
        x.max(y) / x.min(y)
    }

    #[test]
    fn text_can_be_read_in_both_themes() {
        for theme in [Theme::Dark, Theme::Light] {
            let p = Palette::of_theme(theme);
            for ground in [p.background, p.card] {
                for ink in [p.text, p.muted, p.good, p.warning, p.bad] {
                    let found = contrast(ink, ground);
                    assert!(found >= 4.5, "{theme:?}: {ink:?} on {ground:?} has contrast {found:.2}");
                }
            }
            assert!(contrast(p.on_accent, p.accent) >= 4.5);
            assert!(contrast(p.attention, p.track) >= 3.0, "graphics need 3 : 1");
            for place in 0..8 {
                for ground in [p.track, p.card, p.control] {
                    let found = contrast(model_colour(p, place), ground);
                    assert!(
                        found >= 3.0,
                        "{theme:?}: model {place} on {ground:?} has contrast {found:.2}"
                    );
                }
            }
            for ground in [p.speech, p.not_music, p.unfamiliar] {
                let found = contrast(p.text, ground);
                assert!(found >= 4.5, "{theme:?}: text on {ground:?} has contrast {found:.2}");
            }
        }
    }
}
