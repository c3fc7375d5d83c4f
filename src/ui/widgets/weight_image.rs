//! Rows of attention weights as a picture, one row of pixels for each row of weights.
//!
//! In: weights, oldest first. Out: a texture no wider than it is shown. Thread: window.

use super::kept_image::KeptImage;
use eframe::egui::{self, Color32, ColorImage, TextureFilter, TextureHandle, TextureId, TextureOptions};

/// Rows stay apart: a head's weights never bleed into its neighbour's.
const OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Nearest,
    minification: TextureFilter::Nearest,
    wrap_mode: egui::TextureWrapMode::ClampToEdge,
    mipmap_mode: None,
};

/// What a picture was made of; the same key means the same picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    sequence: u64,
    bins: usize,
    colour: Color32,
}

/// A picture of weights that is made again only when they change.
#[derive(Default)]
pub(crate) struct WeightImage(KeptImage<Key>);

impl WeightImage {
    /// The picture of `rows`, each scaled to its own strongest weight. When there are more weights than `pixels`, each
    /// pixel shows the strongest of those it covers, so that no peak is lost.
    pub(crate) fn update<'a>(
        &mut self,
        ctx: &egui::Context,
        sequence: u64,
        rows: impl Iterator<Item = &'a [f32]>,
        pixels: usize,
        colour: Color32,
    ) -> Option<&TextureHandle> {
        let mut rows = rows.filter(|row| !row.is_empty()).peekable();
        let bins = rows.peek()?.len().min(pixels.max(1));
        let key = Key { sequence, bins, colour };
        self.0.update(ctx, key, OPTIONS, || {
            let mut image = Vec::new();
            let mut height = 0;
            for row in rows {
                let binned = bin_by_maximum(row, bins);
                let top = binned.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
                // The square root lifts weak weights into sight; full strength stays full strength.
                image.extend(binned.iter().map(|w| colour.gamma_multiply((w / top).max(0.0).sqrt())));
                height += 1;
            }
            ColorImage::new([bins, height], image)
        })
    }

    /// The pixels, if this is their texture.
    pub(crate) fn texels(&self, texture: TextureId) -> Option<&ColorImage> {
        self.0.texels(texture)
    }
}

/// The strongest weight of each of `bins` equal parts of a row.
fn bin_by_maximum(row: &[f32], bins: usize) -> Vec<f32> {
    (0..bins)
        .map(|bin| {
            let from = bin * row.len() / bins;
            let to = ((bin + 1) * row.len() / bins).max(from + 1);
            row[from..to].iter().copied().fold(0.0, f32::max)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost_when_weights_are_binned() {
        let mut row = vec![0.001; 500];
        row[333] = 0.5;
        let binned = bin_by_maximum(&row, 60);
        assert_eq!(binned.len(), 60);
        // Bin 40 covers the weights from 40 · 500 / 60 = 333 on.
        assert!(binned[40] > 0.49);
        assert_eq!(binned.iter().filter(|w| **w > 0.1).count(), 1);
        assert_eq!(bin_by_maximum(&row, 500), row);
    }
}
