//! Pieces as a network reads them: frames, the words that are true of them, and which tiles are whose.
//!
//! In: a split, numbers. Out: [`Sounding`] pieces and [`Example`]s. Thread: any.

use super::words;
use crate::LabError;
use attune_audio::features::{FeatureExtractor, FrontEndSpec, levels_of};
use attune_compose::{Instrument, InstrumentSet, Piece, PieceConfig, Style, compose};
use attune_model::ModelError;
use attune_model::caption::Grid;
use attune_train::dataset::Side;
use attune_train::sound::mean_power;
use half::f16;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Frames that are read at once: 11.9 s.
pub(crate) const FRAMES: usize = 512;
/// What is read begins up to so many frames after the piece does: 4 s.
const ENTRY: usize = 172;
/// An instrument with less than this share of the power of the whole does not count as sounding (−40 dB), as in
/// medleys.
const AUDIBLE: f64 = 1e-4;
/// A tile with less than this share of the power of the loudest tile is nobody's (−60 dB).
const SILENT: f32 = 1e-6;
/// Gains of instruments, in dB.
const GAINS_DB: std::ops::Range<f32> = -6.0..6.0;

/// No instrument's.
pub(crate) const NOBODY: u8 = u8::MAX;

/// Something to read, and what is true of it.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    /// Normalised frames (FRAMES, bands).
    pub(crate) frames: Vec<f16>,
    /// Numbers of the words, in the order of the language, without the end.
    pub(crate) words: Vec<u32>,
    /// The word of the instrument with the most power in each tile; [`NOBODY`] where it is all but silent.
    pub(crate) owners: Vec<u8>,
    /// Power of each tile in dB.
    pub(crate) levels_db: Vec<f32>,
}

impl Example {
    /// The frames in f32.
    pub(crate) fn wide(&self) -> Vec<f32> {
        self.frames.iter().map(|value| value.to_f32()).collect()
    }

    /// Whether each tile is the instrument's of this word.
    pub(crate) fn mask(&self, word: u32) -> Vec<bool> {
        self.owners.iter().map(|owner| u32::from(*owner) == word).collect()
    }
}

/// A piece that was composed, with what each instrument is in each frame.
pub(crate) struct Sounding {
    piece: Piece,
    /// Mel power of each stem, (frames, bands).
    power: Vec<Vec<f32>>,
    spec: FrontEndSpec,
    grid: Grid,
}

/// Which stems sound, and how loud: a factor for each.
pub(crate) type Gains = Vec<f32>;

impl Sounding {
    /// Piece `number` of a split: training and validation have no seed and no preset of an instrument in common.
    ///
    /// # Errors
    /// If the front end refuses the rate.
    pub(crate) fn new(
        (seed, split, number): (u64, Side, u64),
        spec: &FrontEndSpec,
        grid: Grid,
    ) -> Result<Self, LabError> {
        let mut rng = rng_of(seed, split, number, 0);
        let style = Style::ALL[rng.random_range(0..Style::ALL.len())];
        let instruments = match split {
            Side::Train => InstrumentSet::Training,
            Side::Valid => InstrumentSet::Unseen,
        };
        let samples = (ENTRY + FRAMES) * spec.hop_samples + spec.window_samples;
        let piece = compose(&PieceConfig {
            rate: spec.rate,
            ..PieceConfig::new(style, rng.random(), spec.rate.duration(samples as u64).0, instruments)
        });
        let power = piece.stems.iter().map(|stem| -> Result<Vec<f32>, LabError> {
            let levels = levels_of(&stem.samples, spec.rate, spec).map_err(ModelError::from)?;
            Ok(levels.iter().map(|db| 10f32.powf(db / 10.0)).collect())
        });
        Ok(Self {
            power: power.collect::<Result<_, LabError>>()?,
            piece,
            spec: spec.clone(),
            grid,
        })
    }

    /// How many instruments play.
    pub(crate) fn stems(&self) -> usize {
        self.piece.stems.len()
    }

    /// The word of an instrument that plays.
    pub(crate) fn word(&self, stem: usize) -> u32 {
        words::of_instrument(self.piece.stems[stem].preset.instrument)
    }

    /// What sounds from frame `entry` on with these gains.
    ///
    /// # Errors
    /// If the front end refuses the rate.
    pub(crate) fn example(&self, entry: usize, gains: &[f32]) -> Result<Example, LabError> {
        let hop = self.spec.hop_samples;
        let length = (FRAMES - 1) * hop + self.spec.window_samples;
        let range = entry * hop..entry * hop + length;
        let mut mix = vec![0.0; length];
        for (stem, &gain) in self.piece.stems.iter().zip(gains) {
            for (sum, sample) in mix.iter_mut().zip(&stem.samples[range.clone()]) {
                *sum += gain * sample;
            }
        }
        let mut extractor = FeatureExtractor::new(&self.spec, self.spec.rate).map_err(ModelError::from)?;
        let mut frames = extractor.push(&mix).map_err(ModelError::from)?.normalized;
        frames.extend(extractor.finish().map_err(ModelError::from)?.normalized);
        frames.truncate(FRAMES * self.spec.bands);
        let least = AUDIBLE * mean_power(&mix);
        let sounds: Vec<bool> = (self.piece.stems.iter().zip(gains))
            .map(|(stem, &gain)| f64::from(gain).powi(2) * mean_power(&stem.samples[range.clone()]) > least)
            .collect();
        let (owners, levels_db) = self.owners(entry, gains, &sounds);
        Ok(Example {
            frames: frames.iter().map(|&value| f16::from_f32(value)).collect(),
            words: self.words(&sounds),
            owners,
            levels_db,
        })
    }

    /// Instruments that sound, tempo, and, if anything but drums sounds, the mode.
    fn words(&self, sounds: &[bool]) -> Vec<u32> {
        let stems = self.piece.stems.iter().zip(sounds).filter(|(_, sounds)| **sounds);
        let sounding: Vec<Instrument> = stems.map(|(stem, _)| stem.preset.instrument).collect();
        let mut all: Vec<u32> = sounding
            .iter()
            .map(|&instrument| words::of_instrument(instrument))
            .collect();
        all.sort_unstable();
        if !sounding.is_empty() {
            all.push(words::of_tempo(self.piece.tempo_bpm));
        }
        if sounding.iter().any(|instrument| *instrument != Instrument::Drums) {
            all.push(words::of_mode(self.piece.mode));
        }
        all
    }

    /// Whose each tile is, and its power in dB.
    fn owners(&self, entry: usize, gains: &[f32], sounds: &[bool]) -> (Vec<u8>, Vec<f32>) {
        let bands = self.spec.bands;
        let of_stems: Vec<Vec<f32>> = (self.power.iter().zip(gains))
            .map(|(power, gain)| {
                let sums = self.grid.sums(&power[entry * bands..(entry + FRAMES) * bands]);
                sums.iter().map(|sum| sum * gain * gain).collect()
            })
            .collect();
        let sum = |tile: usize| of_stems.iter().map(|power| power[tile]).sum::<f32>();
        let sums: Vec<f32> = (0..self.grid.count()).map(sum).collect();
        let least = SILENT * sums.iter().copied().fold(0.0, f32::max);
        let owner = |tile: usize| {
            let sounding = (0..of_stems.len()).filter(|&stem| sounds[stem]);
            let first = sounding.max_by(|&a, &b| of_stems[a][tile].total_cmp(&of_stems[b][tile]));
            match first {
                Some(stem) if sums[tile] > least => self.word(stem) as u8,
                _ => NOBODY,
            }
        };
        let owners = (0..sums.len()).map(owner).collect();
        (owners, sums.iter().map(|sum| 10.0 * sum.max(1e-10).log10()).collect())
    }
}

/// Random numbers for one use of one piece.
fn rng_of(seed: u64, split: Side, number: u64, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(4 * number + 2 * part + u64::from(split == Side::Valid));
    rng
}

/// Where reading of piece `number` begins, in frames.
pub(crate) fn entry(seed: u64, split: Side, number: u64) -> usize {
    rng_of(seed, split, number, 1).random_range(0..=ENTRY)
}

/// Examples of a training piece: as it is; then, in turn, with other gains, and with other gains and some instruments
/// left out.
///
/// # Errors
/// If the front end refuses the rate.
pub(crate) fn examples(
    of: (u64, u64),
    count: usize,
    spec: &FrontEndSpec,
    grid: Grid,
) -> Result<Vec<Example>, LabError> {
    let (seed, number) = of;
    let piece = Sounding::new((seed, Side::Train, number), spec, grid)?;
    let mut rng = rng_of(seed, Side::Train, number, 1);
    let example = |turn: usize| {
        let at = rng.random_range(0..=ENTRY);
        let mut gains: Gains = vec![1.0; piece.stems()];
        if turn > 0 {
            for gain in &mut gains {
                *gain = 10f32.powf(rng.random_range(GAINS_DB) / 20.0);
            }
        }
        if turn > 0 && turn.is_multiple_of(2) {
            let stays = rng.random_range(0..gains.len());
            for (stem, gain) in gains.iter_mut().enumerate() {
                if stem != stays && rng.random_bool(0.4) {
                    *gain = 0.0;
                }
            }
        }
        piece.example(at, &gains)
    };
    (0..count).map(example).collect()
}
