//! Where tiles lie.
//!
//! In: a number of frames. Out: the frames and bands of each tile. Thread: any.

use std::ops::Range;

/// Tiles over time and frequency: all heights of the first time first, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Tiles along time.
    pub times: usize,
    /// Tiles along frequency.
    pub heights: usize,
    /// Frames of a tile.
    pub tile_frames: usize,
    /// Bands of a tile.
    pub tile_bands: usize,
}

/// A tile by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// From the start, from 0.
    pub time: usize,
    /// From below, from 0.
    pub height: usize,
}

impl Grid {
    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.times * self.heights
    }

    /// Tile `number`.
    pub fn tile(&self, number: usize) -> Tile {
        Tile {
            time: number / self.heights,
            height: number % self.heights,
        }
    }

    /// The frames of a tile. The last tile may have fewer.
    pub fn frames(&self, tile: Tile) -> Range<usize> {
        tile.time * self.tile_frames..(tile.time + 1) * self.tile_frames
    }

    /// The bands of a tile.
    pub fn bands(&self, tile: Tile) -> Range<usize> {
        tile.height * self.tile_bands..(tile.height + 1) * self.tile_bands
    }

    /// A tile and all that touch it.
    pub fn around(&self, number: usize) -> impl Iterator<Item = usize> + use<> {
        let (grid, Tile { time, height }) = (*self, self.tile(number));
        let times = time.saturating_sub(1)..(time + 2).min(grid.times);
        let heights = height.saturating_sub(1)..(height + 2).min(grid.heights);
        times.flat_map(move |time| heights.clone().map(move |height| time * grid.heights + height))
    }

    /// The sum within each tile of values (frames, bands).
    pub fn sums(&self, values: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.count()];
        let bands = self.heights * self.tile_bands;
        for (frame, row) in values.chunks_exact(bands.max(1)).enumerate() {
            let first = frame / self.tile_frames * self.heights;
            for (sum, values) in sums[first..].iter_mut().zip(row.chunks_exact(self.tile_bands)) {
                *sum += values.iter().sum::<f32>();
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid {
        times: 3,
        heights: 2,
        tile_frames: 2,
        tile_bands: 4,
    };

    #[test]
    fn sums_are_those_of_the_frames_and_bands_of_each_tile() {
        // 5 frames: the last tiles have one.
        let values: Vec<f32> = (0..5 * 8).map(|n| n as f32).collect();
        let sums = GRID.sums(&values);
        for (number, sum) in sums.iter().enumerate() {
            let tile = GRID.tile(number);
            let frames = GRID.frames(tile).filter(|frame| *frame < 5);
            let all = frames.flat_map(|frame| GRID.bands(tile).map(move |band| (frame * 8 + band) as f32));
            assert!((all.sum::<f32>() - sum).abs() < 1e-3, "{tile:?}");
        }
    }

    #[test]
    fn a_tile_touches_those_beside_and_across() {
        assert_eq!(GRID.around(0).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(GRID.around(3).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }
}
