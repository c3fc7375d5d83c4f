//! Charts of a sheet as pixels, redrawn only when sheet, width or theme change.
//!
//! In: a [`Sheet`]. Out: an image. Thread: window.

use attune_engine::picture::{Paper, Sheet};
use eframe::egui::{self, ColorImage, FontDefinitions, Response, TextureHandle, TextureOptions, Vec2};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

/// What the last image was drawn of.
struct Drawn {
    sheet: Sheet,
    paper: Paper,
    /// In pixels.
    width: u32,
}

/// The image of a sheet.
#[derive(Default)]
pub(crate) struct SheetImage {
    fonts: Option<Arc<fontdb::Database>>,
    kept: Option<(Drawn, TextureHandle, Vec2)>,
}

impl SheetImage {
    /// Draws the sheet as wide as there is room, at most in its own size; `None` if it cannot be drawn.
    pub(crate) fn show(&mut self, ui: &mut egui::Ui, sheet: &Sheet) -> Option<Response> {
        let scale = ui.ctx().pixels_per_point();
        let paper = if ui.visuals().dark_mode {
            Paper::Dark
        } else {
            Paper::Light
        };
        let width = (ui.available_width() * scale).floor().max(1.0) as u32;
        let is_same = |(drawn, ..): &(Drawn, TextureHandle, Vec2)| {
            (drawn.paper, drawn.width) == (paper, width) && drawn.sheet == *sheet
        };
        if !self.kept.as_ref().is_some_and(is_same) {
            let fonts = Arc::clone(self.fonts.get_or_insert_with(fonts));
            let sheet = sheet.clone();
            let wanted = Drawn { sheet, paper, width };
            let image = pixels(&wanted, scale, fonts)?;
            let size = Vec2::new(image.width() as f32, image.height() as f32) / scale;
            let texture = ui.ctx().load_texture("sheet", image, TextureOptions::LINEAR);
            self.kept = Some((wanted, texture, size));
        }
        let (_, texture, size) = self.kept.as_ref()?;
        let response = ui.image((texture.id(), *size));
        super::describe(&response, sheet.title.clone());
        Some(response)
    }
}

/// The window's own letters: a picture looks the same on every machine.
fn fonts() -> Arc<fontdb::Database> {
    let mut database = fontdb::Database::new();
    for font in FontDefinitions::default().font_data.values() {
        let bytes: &[u8] = font.font.as_ref().as_ref();
        database.load_font_data(bytes.to_vec());
    }
    let names = |face: &fontdb::FaceInfo| face.families.first().map(|(name, _)| name.clone());
    let own = database
        .faces()
        .filter_map(names)
        .find(|name| name.starts_with("Ubuntu"));
    if let Some(own) = own {
        database.set_sans_serif_family(&own);
        database.set_serif_family(own);
    }
    Arc::new(database)
}

fn pixels(wanted: &Drawn, scale: f32, fonts: Arc<fontdb::Database>) -> Option<ColorImage> {
    let options = Options {
        fontdb: fonts,
        ..Options::default()
    };
    let tree = Tree::from_str(&wanted.sheet.svg_on(wanted.paper), &options).ok()?;
    let size = tree.size();
    let scale = scale.min(wanted.width as f32 / size.width());
    let (width, height) = ((size.width() * scale).ceil(), (size.height() * scale).ceil());
    let mut pixmap = Pixmap::new(width as u32, height as u32)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let size = [pixmap.width() as usize, pixmap.height() as usize];
    Some(ColorImage::from_rgba_premultiplied(size, pixmap.data()))
}
