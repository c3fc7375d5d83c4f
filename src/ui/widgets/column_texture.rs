//! A picture over time on the graphics card: a ring of columns; only new ones are sent.
//!
//! In: columns of levels, those of the history or of units. Out: a textured rectangle. Thread: window.

use super::TimeAxis;
use crate::settings::ColourMap;
use crate::ui::history::{COLUMNS, History};
use eframe::egui::{
    self, Color32, ColorImage, Mesh, Rect, Shape, TextureFilter, TextureHandle, TextureId, TextureOptions,
    TextureWrapMode,
};

/// The ring repeats, so that a picture that wraps around is one rectangle.
const OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Linear,
    minification: TextureFilter::Linear,
    wrap_mode: TextureWrapMode::Repeat,
    mipmap_mode: None,
};

/// The most columns sent for one frame: a change of all of them takes a few frames to appear.
const MOST_AT_ONCE: u64 = 512;

/// Something whose picture grows by a column at a time; the last [`COLUMNS`] are kept.
pub(crate) trait Columns {
    /// Rows of a column, from the bottom.
    fn rows(&self) -> usize;
    /// Columns so far.
    fn total(&self) -> u64;
    /// What is drawn at a column and row; NaN where nothing is known.
    fn level(&self, column: u64, row: usize) -> f32;
    /// Another number means that older columns have changed too.
    fn version(&self) -> u64 {
        0
    }
}

impl Columns for History {
    fn rows(&self) -> usize {
        self.bands()
    }

    fn total(&self) -> u64 {
        self.total_columns()
    }

    fn level(&self, column: u64, row: usize) -> f32 {
        self.column(column).map_or(f32::NAN, |column| column[row])
    }
}

/// Which colours levels have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shades {
    /// Lighter is more.
    Heat(ColourMap),
    /// Blue below the middle, orange above it, dark at it: values with a sign.
    Signed,
}

impl Shades {
    /// The colour of a share 0…1 of the range.
    pub(crate) fn colour(self, share: f32) -> Color32 {
        match self {
            Self::Heat(map) => map.colour(share),
            Self::Signed => {
                let off = 2.0 * share.clamp(0.0, 1.0) - 1.0;
                let end = if off < 0.0 { BELOW } else { ABOVE };
                MIDDLE.lerp_to_gamma(end, off.abs())
            }
        }
    }

    fn table(self) -> [Color32; 256] {
        std::array::from_fn(|i| self.colour(i as f32 / 255.0))
    }
}

/// The ends and the middle of values with a sign (the ends of ColorBrewer's PuOr, lighter: distinguished with any kind
/// of colour vision).
const BELOW: Color32 = Color32::from_rgb(0x7F, 0xB8, 0xFF);
const MIDDLE: Color32 = Color32::from_rgb(0x14, 0x14, 0x1A);
const ABOVE: Color32 = Color32::from_rgb(0xFF, 0xA9, 0x4D);

/// How levels become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LevelColours {
    /// The colours.
    pub shades: Shades,
    /// Levels at their two ends.
    pub range: (f32, f32),
}

/// A ring of columns on the graphics card.
#[derive(Default)]
pub(crate) struct ColumnTexture {
    texture: Option<TextureHandle>,
    /// The same pixels, for those who save them.
    image: ColorImage,
    colours: Option<(LevelColours, Box<[Color32; 256]>)>,
    version: u64,
    sent: u64,
    bands: usize,
}

impl ColumnTexture {
    /// Sends the columns that are new since the last call; all of them, some at a time, if the colours changed.
    /// Returns how many.
    pub(crate) fn update(&mut self, ctx: &egui::Context, columns: &dyn Columns, colours: LevelColours) -> usize {
        let bands = columns.rows();
        if bands == 0 {
            return 0;
        }
        if self.texture.is_none() || self.bands != bands {
            let empty = ColorImage::filled([COLUMNS, bands], Color32::TRANSPARENT);
            self.image = empty.clone();
            self.texture = Some(ctx.load_texture("columns", empty, OPTIONS));
            self.bands = bands;
            self.sent = 0;
        }
        if self.colours.as_ref().is_none_or(|(known, _)| *known != colours) {
            self.colours = Some((colours, Box::new(colours.shades.table())));
            self.sent = 0;
        }
        if self.version != columns.version() {
            self.version = columns.version();
            self.sent = 0;
        }
        let (Some(texture), Some((_, table))) = (&mut self.texture, &self.colours) else {
            return 0;
        };
        let total = columns.total();
        // The history started over: so does the picture.
        if self.sent > total {
            self.sent = 0;
        }
        let first = self.sent.max(total.saturating_sub(COLUMNS as u64));
        let until = total.min(first + MOST_AT_ONCE);
        if until < total {
            ctx.request_repaint();
        }
        let mut at = first;
        while at < until {
            let slot = at as usize % COLUMNS;
            let run = ((until - at) as usize).min(COLUMNS - slot);
            let mut pixels = vec![Color32::TRANSPARENT; run * bands];
            for i in 0..run {
                for band in 0..bands {
                    let level = columns.level(at + i as u64, band);
                    // Row 0 is the top, band 0 the bottom.
                    pixels[(bands - 1 - band) * run + i] = colour_of(level, colours.range, table);
                }
            }
            for (row, new) in pixels.chunks_exact(run).enumerate() {
                self.image.pixels[row * COLUMNS + slot..][..run].copy_from_slice(new);
            }
            texture.set_partial([slot, 0], ColorImage::new([run, bands], pixels), OPTIONS);
            at += run as u64;
        }
        self.sent = until;
        (until - first) as usize
    }

    /// The pixels, if this is their texture.
    pub(crate) fn texels(&self, texture: TextureId) -> Option<&ColorImage> {
        let own = self.texture.as_ref()?.id();
        (own == texture).then_some(&self.image)
    }

    /// The columns of `axis` that are kept, as shapes that fill it from the right; `total` of them there are so far.
    pub(crate) fn shape(&self, total: u64, axis: &TimeAxis) -> Option<Shape> {
        let texture = self.texture.as_ref()?;
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
            shades: Shades::Heat(ColourMap::Magma),
            range: (-80.0, 0.0),
        };
        assert_eq!(texture.update(&ctx, &history, colours), 0);
        history.absorb(&snapshot(1, 100));
        assert_eq!(texture.update(&ctx, &history, colours), 100);
        assert_eq!(texture.update(&ctx, &history, colours), 0);
        history.absorb(&snapshot(1, 103));
        assert_eq!(texture.update(&ctx, &history, colours), 3);
        colours.shades = Shades::Heat(ColourMap::Grey);
        assert_eq!(
            texture.update(&ctx, &history, colours),
            103,
            "other colours: all of them"
        );
        history.absorb(&snapshot(1, 1000));
        let sent: Vec<usize> = (0..3).map(|_| texture.update(&ctx, &history, colours)).collect();
        assert_eq!(sent, [512, 385, 0], "no more than the limit at once");
    }

    #[test]
    fn values_with_a_sign_are_dark_in_the_middle_and_lighter_to_either_end() {
        let lightness = |share: f32| {
            let c = Shades::Signed.colour(share);
            u32::from(c.r()) + u32::from(c.g()) + u32::from(c.b())
        };
        for step in 1..=10_u8 {
            let off = f32::from(step) / 20.0;
            assert!(lightness(0.5 + off) > lightness(0.5 + off - 0.05));
            assert!(lightness(0.5 - off) > lightness(0.5 - off + 0.05));
        }
    }

    #[test]
    fn the_ends_of_the_range_have_the_ends_of_the_map() {
        let table = ColourMap::Grey.table();
        assert_eq!(colour_of(-80.0, (-80.0, 0.0), &table), Color32::BLACK);
        assert_eq!(colour_of(3.0, (-80.0, 0.0), &table), Color32::WHITE);
        assert_eq!(colour_of(f32::NAN, (-80.0, 0.0), &table), Color32::TRANSPARENT);
    }
}
