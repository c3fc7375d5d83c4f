//! The spectrogram's picture on the graphics card: a ring of columns, of which only new ones are sent.
//!
//! In: the history's columns. Out: a textured rectangle. Thread: window.

use super::TimeAxis;
use crate::settings::ColourMap;
use crate::ui::history::{COLUMNS, History};
use eframe::egui::{
    self, Color32, ColorImage, Mesh, Rect, Shape, TextureFilter, TextureHandle, TextureOptions, TextureWrapMode,
};

/// The ring repeats, so that a picture that wraps around is one rectangle.
const OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Linear,
    minification: TextureFilter::Linear,
    wrap_mode: TextureWrapMode::Repeat,
    mipmap_mode: None,
};

/// How levels become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelColours {
    /// The colour map.
    pub map: ColourMap,
    /// Levels in dB at its two ends.
    pub range_db: (f32, f32),
}

/// A ring of columns on the graphics card.
#[derive(Default)]
pub struct ColumnTexture {
    texture: Option<TextureHandle>,
    colours: Option<(LevelColours, Box<[Color32; 256]>)>,
    sent: u64,
    bands: usize,
}

impl ColumnTexture {
    /// Sends the columns that are new since the last call; all of them if the colours changed. Returns how many.
    pub fn update(&mut self, ctx: &egui::Context, history: &History, colours: LevelColours) -> usize {
        let bands = history.bands();
        if bands == 0 {
            return 0;
        }
        if self.texture.is_none() || self.bands != bands {
            let empty = ColorImage::filled([COLUMNS, bands], Color32::TRANSPARENT);
            self.texture = Some(ctx.load_texture("spectrogram", empty, OPTIONS));
            self.bands = bands;
            self.sent = 0;
        }
        if self.colours.as_ref().is_none_or(|(known, _)| *known != colours) {
            self.colours = Some((colours, Box::new(colours.map.table())));
            self.sent = 0;
        }
        let (Some(texture), Some((_, table))) = (&mut self.texture, &self.colours) else {
            return 0;
        };
        let total = history.total_columns();
        // The history began anew: so does the picture.
        if self.sent > total {
            self.sent = 0;
        }
        let first = self.sent.max(total.saturating_sub(COLUMNS as u64));
        let mut at = first;
        while at < total {
            let slot = at as usize % COLUMNS;
            let run = ((total - at) as usize).min(COLUMNS - slot);
            let mut pixels = vec![Color32::TRANSPARENT; run * bands];
            for i in 0..run {
                for (band, &level) in history.column(at + i as u64).unwrap_or(&[]).iter().enumerate() {
                    // Row 0 is the top, band 0 the bottom.
                    pixels[(bands - 1 - band) * run + i] = colour_of(level, colours.range_db, table);
                }
            }
            texture.set_partial([slot, 0], ColorImage::new([run, bands], pixels), OPTIONS);
            at += run as u64;
        }
        self.sent = total;
        (total - first) as usize
    }

    /// The columns of `axis` that are kept, as shapes that fill it from the right.
    pub fn shape(&self, history: &History, axis: &TimeAxis) -> Option<Shape> {
        let texture = self.texture.as_ref()?;
        let total = history.total_columns();
        let shown = (axis.offset + axis.columns).min(total.min(COLUMNS as u64) as f32);
        if shown < axis.offset + 1.0 {
            return None;
        }
        let end = (total % COLUMNS as u64) as f32;
        let u = |back: f32| (end - back) / COLUMNS as f32;
        let mut mesh = Mesh::with_texture(texture.id());
        // The newest column's right half is drawn in its own colour: interpolated, it would mix with the ring's oldest.
        let split = axis.x_of(0.5);
        let rect = |left, right| Rect::from_x_y_ranges(left..=right, axis.rect.y_range());
        let uv = |left, right| Rect::from_min_max(egui::pos2(left, 0.0), egui::pos2(right, 1.0));
        // Beyond the right edge it is cut off by whoever draws it.
        mesh.add_rect_with_uv(rect(axis.x_of(shown), split), uv(u(shown), u(0.5)), Color32::WHITE);
        mesh.add_rect_with_uv(rect(split, axis.x_of(0.0)), uv(u(0.5), u(0.5)), Color32::WHITE);
        Some(Shape::mesh(mesh))
    }
}

fn colour_of(level: f32, (low, high): (f32, f32), table: &[Color32; 256]) -> Color32 {
    if level.is_nan() {
        return Color32::TRANSPARENT;
    }
    let share = ((level - low) / (high - low).max(1e-3)).clamp(0.0, 1.0);
    table[(share * 255.0).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::history::tests::snapshot;

    #[test]
    fn only_new_columns_are_sent() {
        let ctx = egui::Context::default();
        let mut history = History::new();
        let mut texture = ColumnTexture::default();
        let mut colours = LevelColours {
            map: ColourMap::Magma,
            range_db: (-80.0, 0.0),
        };
        assert_eq!(texture.update(&ctx, &history, colours), 0);
        history.absorb(&snapshot(1, 100));
        assert_eq!(texture.update(&ctx, &history, colours), 100);
        assert_eq!(texture.update(&ctx, &history, colours), 0);
        history.absorb(&snapshot(1, 103));
        assert_eq!(texture.update(&ctx, &history, colours), 3);
        colours.map = ColourMap::Grey;
        assert_eq!(
            texture.update(&ctx, &history, colours),
            103,
            "other colours: all of them"
        );
    }

    #[test]
    fn the_ends_of_the_range_have_the_ends_of_the_map() {
        let table = ColourMap::Grey.table();
        assert_eq!(colour_of(-80.0, (-80.0, 0.0), &table), Color32::BLACK);
        assert_eq!(colour_of(3.0, (-80.0, 0.0), &table), Color32::WHITE);
        assert_eq!(colour_of(f32::NAN, (-80.0, 0.0), &table), Color32::TRANSPARENT);
    }
}
