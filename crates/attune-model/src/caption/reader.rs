//! Captions of any sound: piece by piece, what the network writes, and when and how high it looked for each word.
//!
//! In: log-mel levels of a whole file. Out: [`SaidPiece`]s. Thread: any.

use super::{CaptionModel, Grid};
use crate::token_decoder::Hypothesis;
use crate::{ModelError, bundled_caption};
use attune_audio::features::{FrontEndSpec, LoudnessNormalizer, hz_from_mel, mel_from_hz};
use serde::Serialize;
use std::ops::Range;
use std::path::Path;

/// Of a piece that is shorter than the others, at least so many tiles along time are read: 3 s.
const LEAST_TIMES: usize = 4;
/// The share of α that lies within the span that is named.
const SPAN: f32 = 0.5;

/// A captioning network and the front end whose frames it reads.
#[derive(Debug)]
pub struct CaptionReader {
    model: CaptionModel,
    spec: FrontEndSpec,
}

/// What is written of one piece of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaidPiece {
    /// Where it begins in the file, in seconds.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// In the order in which they were written.
    pub words: Vec<SaidWord>,
    /// Probability of the whole caption.
    pub probability: f64,
    /// Tiles along time, and along frequency, of every word's weights.
    pub tiles: [usize; 2],
}

/// A word, and where the decoder looked when it wrote it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaidWord {
    /// The word.
    pub word: String,
    /// Its probability after the words before it.
    pub probability: f64,
    /// The shortest time that holds half of its attention, from … to, in seconds of the file.
    pub time_s: [f64; 2],
    /// The narrowest range of frequencies that does, in hertz.
    pub range_hz: [f64; 2],
    /// α of each tile: (times, heights), the lowest first.
    pub weights: Vec<f32>,
}

impl CaptionReader {
    /// The bundled network.
    ///
    /// # Errors
    /// If it does not pass a check.
    pub fn bundled() -> Result<Self, ModelError> {
        Self::new(bundled_caption()?)
    }

    /// Loads `NAME.json` and, beside it, `NAME.safetensors`.
    ///
    /// # Errors
    /// If a file cannot be read or does not pass a check.
    pub fn load(manifest: &Path) -> Result<Self, ModelError> {
        Self::new(CaptionModel::load(manifest)?)
    }

    /// Reads with this network.
    ///
    /// # Errors
    /// If it needs another number of bands than the front end makes.
    pub fn new(model: CaptionModel) -> Result<Self, ModelError> {
        let spec = FrontEndSpec::default();
        let bands = model.net.shape().bands;
        if bands != spec.bands {
            let message = format!(
                "a captioning network of {bands} bands where the front end has {}",
                spec.bands
            );
            return Err(ModelError::Shape(message));
        }
        Ok(Self { model, spec })
    }

    /// The network.
    pub fn model(&self) -> &CaptionModel {
        &self.model
    }

    /// The front end that makes its levels.
    pub fn front_end(&self) -> &FrontEndSpec {
        &self.spec
    }

    /// Captions of these log-mel levels (frames, bands), one for each piece as long as those that the network learnt
    /// from, kept likeliest by a beam. A last piece of less than 3 s is not read.
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub fn captions(&self, levels_db: &[f32], beam: usize) -> Result<Vec<SaidPiece>, ModelError> {
        let mut frames = Vec::with_capacity(levels_db.len());
        LoudnessNormalizer::new(&self.spec).push(levels_db, &mut frames);
        let shape = self.model.net.shape();
        let least = LEAST_TIMES * shape.grid(1).tile_frames * shape.bands;
        let mut pieces = Vec::new();
        for (number, frames) in frames.chunks(shape.frames * shape.bands).enumerate() {
            if frames.len() >= least {
                let written = self.model.net.write(frames, beam)?;
                let first = number * shape.frames;
                pieces.push(self.said(&written, first..first + frames.len() / shape.bands));
            }
        }
        Ok(pieces)
    }

    fn said(&self, written: &Hypothesis, frames: Range<usize>) -> SaidPiece {
        let grid = self.model.net.shape().grid(frames.len());
        let secs = |frame: usize| (frame as f64 * self.spec.hop().0 * 1e3).round() / 1e3;
        let words = written
            .tokens
            .iter()
            .zip(&written.probabilities)
            .zip(&written.alignment);
        let words = words.map(|((word, probability), weights)| {
            let [times, heights] = spans(grid, weights);
            let time = |tile: usize| secs((frames.start + tile * grid.tile_frames).min(frames.end));
            let edge = |tile: usize| self.edge_hz(tile * grid.tile_bands).round();
            SaidWord {
                word: self.model.manifest.labels[*word as usize].clone(),
                probability: f64::from(*probability),
                time_s: [time(times.start), time(times.end)],
                range_hz: [edge(heights.start), edge(heights.end)],
                weights: weights.clone(),
            }
        });
        SaidPiece {
            start_s: secs(frames.start),
            end_s: secs(frames.end),
            words: words.collect(),
            probability: written.log_probability.exp(),
            tiles: [grid.times, grid.heights],
        }
    }

    /// The frequency between band `band` and the one below it.
    fn edge_hz(&self, band: usize) -> f64 {
        let [low, high] = [self.spec.low_hz, self.spec.high_hz].map(mel_from_hz);
        hz_from_mel(low + (high - low) * (band as f64 + 0.5) / (self.spec.bands + 1) as f64)
    }
}

/// The shortest spans of times and of heights that hold half of the weights.
fn spans(grid: Grid, weights: &[f32]) -> [Range<usize>; 2] {
    let mut by_time = vec![0.0; grid.times];
    let mut by_height = vec![0.0; grid.heights];
    for (number, weight) in weights.iter().enumerate() {
        let tile = grid.tile(number);
        by_time[tile.time] += weight;
        by_height[tile.height] += weight;
    }
    [shortest(&by_time), shortest(&by_height)]
}

/// The shortest run that holds the share [`SPAN`] of all; the fullest of those as short.
fn shortest(values: &[f32]) -> Range<usize> {
    let wanted = SPAN * values.iter().sum::<f32>();
    for length in 1..values.len() {
        let runs = values.windows(length).enumerate().rev(); // of equals the first
        let sums = runs.map(|(start, run)| (start, run.iter().sum::<f32>()));
        if let Some((start, sum)) = sums.max_by(|a, b| a.1.total_cmp(&b.1))
            && sum >= wanted
        {
            return start..start + length;
        }
    }
    0..values.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_the_shortest_that_holds_half() {
        assert_eq!(shortest(&[0.1, 0.1, 0.6, 0.2]), 2..3);
        assert_eq!(shortest(&[0.3, 0.1, 0.3, 0.3]), 2..4);
        assert_eq!(shortest(&[0.0, 0.0]), 0..1);
    }
}
