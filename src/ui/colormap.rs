//! Colour maps whose lightness grows evenly with the level, so that equal steps look equal.
//!
//! Viridis and Magma: van der Walt and Smith 2015; Cividis: Nuñez et al. 2018.
//!
//! In: a level between 0 and 1. Out: a colour. Thread: window.

use crate::settings::ColourMap;
use eframe::egui::Color32;

impl ColourMap {
    /// All maps, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Viridis, Self::Magma, Self::Cividis, Self::Grey];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "Viridis",
            Self::Magma => "Magma",
            Self::Cividis => "Cividis",
            Self::Grey => "Grey",
        }
    }

    /// The colour of `level`, clamped to 0…1.
    pub fn colour(self, level: f32) -> Color32 {
        let level = f64::from(level.clamp(0.0, 1.0));
        let gradient = match self {
            Self::Viridis => colorous::VIRIDIS,
            Self::Magma => colorous::MAGMA,
            Self::Cividis => colorous::CIVIDIS,
            Self::Grey => return Color32::from_gray((level * 255.0).round() as u8),
        };
        let c = gradient.eval_continuous(level);
        Color32::from_rgb(c.r, c.g, c.b)
    }

    /// 256 colours from level 0 to level 1.
    pub fn table(self) -> [Color32; 256] {
        std::array::from_fn(|i| self.colour(i as f32 / 255.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_grows_with_the_level() {
        for map in ColourMap::ALL {
            let lightness =
                |c: &Color32| 0.2126 * f32::from(c.r()) + 0.7152 * f32::from(c.g()) + 0.0722 * f32::from(c.b());
            let table = map.table();
            for (i, pair) in table.windows(2).enumerate() {
                // Rounding to 8 bits moves the sum by at most half a step of each channel.
                assert!(
                    lightness(&pair[1]) >= lightness(&pair[0]) - 1.0,
                    "{} falls at {i}",
                    map.name()
                );
            }
            assert!(lightness(&table[255]) > lightness(&table[0]) + 120.0, "{}", map.name());
        }
    }

    #[test]
    fn levels_outside_are_clamped() {
        assert_eq!(ColourMap::Viridis.colour(-3.0), ColourMap::Viridis.colour(0.0));
        assert_eq!(ColourMap::Grey.colour(7.0), Color32::WHITE);
        assert_eq!(ColourMap::Grey.colour(f32::NAN), Color32::from_gray(0));
    }
}
