//! The window's icon, drawn by code: five bars under a curve of attention.
//!
//! In: nothing. Out: pixels. Thread: window.

use eframe::egui::IconData;

/// Side of the icon in pixels.
const SIDE: u32 = 128;
/// Heights of the bars, as shares of the icon.
const BARS: [f32; 5] = [0.30, 0.52, 0.78, 0.46, 0.26];

/// The icon.
pub(super) fn icon() -> IconData {
    let mut rgba = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = |v: u32| (v as f32 + 0.5) / SIDE as f32;
            rgba.extend(pixel(at(x), at(y)));
        }
    }
    IconData {
        rgba,
        width: SIDE,
        height: SIDE,
    }
}

/// The colour at a place, both coordinates between 0 and 1.
fn pixel(x: f32, y: f32) -> [u8; 4] {
    if rounded(x - 0.5, y - 0.5, 0.5, 0.22) > 0.0 {
        return [0; 4];
    }
    for (i, height) in BARS.iter().enumerate() {
        let middle = 0.18 + 0.16 * i as f32;
        if (x - middle).abs() < 0.052 && y > 0.88 - height && y < 0.88 {
            return [0x4F, 0xB8, 0xC4, 0xFF];
        }
    }
    // A bell over the loudest bar: the moment that matters.
    let bell = 0.60 - 0.48 * (-((x - 0.5) / 0.20).powi(2)).exp();
    if (y - bell).abs() < 0.028 {
        return [0xFF, 0xC8, 0x4A, 0xFF];
    }
    [0x12, 0x15, 0x1A, 0xFF]
}

/// Signed distance to a rounded square: positive outside.
fn rounded(x: f32, y: f32, half: f32, radius: f32) -> f32 {
    let (dx, dy) = ((x.abs() - half + radius).max(0.0), (y.abs() - half + radius).max(0.0));
    (dx * dx + dy * dy).sqrt() - radius
}
