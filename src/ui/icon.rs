//! The window's icon: that of the desktop.
//!
//! In: nothing. Out: pixels. Thread: window.

use eframe::egui::IconData;
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8, Transform};
use resvg::usvg::{Options, Tree};

/// Side of the icon in pixels.
const SIDE: u32 = 128;
const DRAWING: &str = include_str!("../../assets/desktop/io.github.attune.attune.svg");

/// The icon; empty, which leaves the choice to the system, if it cannot be drawn.
pub(super) fn icon() -> IconData {
    draw().unwrap_or_default()
}

fn draw() -> Option<IconData> {
    let tree = Tree::from_str(DRAWING, &Options::default()).ok()?;
    let mut pixmap = Pixmap::new(SIDE, SIDE)?;
    let scale = SIDE as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let pixels = pixmap.pixels().iter().map(PremultipliedColorU8::demultiply);
    Some(IconData {
        rgba: pixels
            .flat_map(|it| [it.red(), it.green(), it.blue(), it.alpha()])
            .collect(),
        width: SIDE,
        height: SIDE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_becomes_pixels() {
        let icon = draw().unwrap();
        let at = |x: usize, y: usize| &icon.rgba[4 * (y * SIDE as usize + x)..][..4];
        assert_eq!(icon.rgba.len(), 4 * 128 * 128);
        assert_eq!(at(0, 0), [0; 4], "round corners");
        assert_eq!(at(64, 100), [0x4F, 0xB8, 0xC4, 0xFF], "the loudest bar");
        assert_eq!(at(33, 62), [0xFF, 0xC8, 0x4A, 0xFF], "the curve, behind the bars");
        assert_eq!(at(64, 120), [0x12, 0x15, 0x1A, 0xFF], "the tile");
    }
}
