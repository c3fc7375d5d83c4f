//! Which frame attended to which, as a picture: queries from top to bottom, keys from left to right, oldest first.
//!
//! In: a study of one head. Out: a texture no larger than it is shown. Thread: window.

use super::kept_image::KeptImage;
use attune_engine::explain::HeadStudy;
use eframe::egui::{self, Color32, ColorImage, TextureFilter, TextureHandle, TextureId, TextureOptions};

/// Frames stay apart.
const OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Nearest,
    minification: TextureFilter::Linear,
    wrap_mode: egui::TextureWrapMode::ClampToEdge,
    mipmap_mode: None,
};

/// Colours of a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MatrixColours {
    /// The strongest weight of a query.
    pub weight: Color32,
    /// No weight.
    pub ground: Color32,
    /// The future, which no frame attends to.
    pub impossible: Color32,
    /// What lies too far back.
    pub out_of_reach: Color32,
}

/// A picture that is made again only when it shows something else.
#[derive(Default)]
pub(crate) struct MatrixImage(KeptImage<(u64, usize, MatrixColours)>);

impl MatrixImage {
    /// The picture of a study, at most `pixels` wide; `name` distinguishes studies.
    pub(crate) fn update(
        &mut self,
        ctx: &egui::Context,
        study: &HeadStudy,
        (name, pixels): (u64, usize),
        colours: MatrixColours,
    ) -> Option<&TextureHandle> {
        let bins = study.frames.min(pixels.max(1));
        if bins == 0 {
            return None;
        }
        self.0.update(ctx, (name, bins, colours), OPTIONS, || {
            ColorImage::new([bins, bins], pixels_of(study, bins, colours))
        })
    }

    /// The pixels, if this is their texture.
    pub(crate) fn texels(&self, texture: TextureId) -> Option<&ColorImage> {
        self.0.texels(texture)
    }
}

/// Each row is scaled to its strongest weight; a pixel shows the strongest of what it covers, so that no peak is lost.
fn pixels_of(study: &HeadStudy, bins: usize, colours: MatrixColours) -> Vec<Color32> {
    let frames = study.frames;
    let range = |bin: usize| bin * frames / bins..((bin + 1) * frames / bins).max(bin * frames / bins + 1);
    let mut pixels = Vec::with_capacity(bins * bins);
    for row in 0..bins {
        let mut strongest = vec![0.0_f32; bins];
        for query in range(row) {
            let weights = &study.weights[query * frames..(query + 1) * frames];
            let top = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            for (bin, strongest) in strongest.iter_mut().enumerate() {
                let most = weights[range(bin)].iter().copied().fold(0.0, f32::max);
                *strongest = strongest.max(most / top);
            }
        }
        let newest = range(row).end - 1;
        for (column, strongest) in strongest.iter().enumerate() {
            let keys = range(column);
            pixels.push(if keys.start > newest {
                colours.impossible
            } else if keys.end + study.reach <= range(row).start + 1 {
                colours.out_of_reach
            } else {
                // The square root lifts weak weights into sight; full strength stays full strength.
                colours.ground.lerp_to_gamma(colours.weight, strongest.sqrt())
            });
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::explain::Head;
    use attune_model::genre::Probabilities;

    #[test]
    fn the_future_is_grey_and_no_peak_is_lost() {
        let (frames, reach) = (100, 40);
        let mut weights = vec![0.0; frames * frames];
        for query in 0..frames {
            weights[query * frames + query.saturating_sub(10)] = 0.7;
        }
        let study = HeadStudy {
            head: Head { layer: 0, head: 0 },
            whole: Probabilities::uniform(2),
            without: Probabilities::uniform(2),
            frames,
            reach,
            weights,
            mean_lag: 10.0,
        };
        let colours = MatrixColours {
            weight: Color32::WHITE,
            ground: Color32::BLACK,
            impossible: Color32::RED,
            out_of_reach: Color32::BLUE,
        };
        let bins = 30;
        let pixels = pixels_of(&study, bins, colours);
        for row in 0..bins {
            let line = &pixels[row * bins..(row + 1) * bins];
            assert!(line.contains(&Color32::WHITE), "row {row} lost its peak");
            assert!(line[row + 1..].iter().all(|pixel| *pixel == Color32::RED), "row {row}");
            assert!(!line[..=row].contains(&Color32::RED), "row {row}");
        }
        // 40 of 100 frames are 12 of 30 rows.
        let last = &pixels[(bins - 1) * bins..];
        assert_eq!(last.iter().filter(|pixel| **pixel == Color32::BLUE).count(), 17);
    }
}
