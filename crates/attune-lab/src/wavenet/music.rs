//! Music at the network's rate: labelled clips, or composed pieces.
//!
//! In: a folder of clips, or a seed. Out: samples by class. Thread: any.

use crate::export::name_of;
use crate::{LabError, Run};
use attune_audio::decode::decode_file;
use attune_audio::features::{FrontEndError, RateConverter};
use attune_audio::units::SampleRate;
use attune_compose::{InstrumentSet, PieceConfig, Style, compose};
use attune_model::ModelError;
use attune_model::wavenet::RATE;
use attune_train::TrainError;
use attune_train::dataset::{Clip, Dataset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// A clip or piece.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) class: usize,
    /// At [`RATE`].
    pub(crate) samples: Vec<f32>,
}

/// What is learnt from and judged by.
#[derive(Debug)]
pub(crate) struct Music {
    /// For cells and cards.
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) train: Vec<Piece>,
    pub(crate) valid: Vec<Piece>,
}

/// Sound of another rate at [`RATE`].
///
/// # Errors
/// If the rate is not from 8 to 192 kHz.
fn resampled(samples: &[f32], rate: SampleRate) -> Result<Vec<f32>, LabError> {
    let convert = || {
        let mut converter = RateConverter::new(rate, RATE)?;
        let mut sound = Vec::new();
        converter.push(samples, &mut sound)?;
        converter.finish(&mut sound)?;
        Ok(sound)
    };
    convert().map_err(|error: FrontEndError| ModelError::from(error).into())
}

/// The samples of a file at [`RATE`].
///
/// # Errors
/// If it cannot be decoded, or its rate is not from 8 to 192 kHz.
pub(crate) fn read_file(path: &Path) -> Result<Vec<f32>, LabError> {
    let (info, samples) = decode_file(path).map_err(TrainError::from)?;
    resampled(&samples, info.rate)
}

impl Music {
    /// The clips of a folder that have audio.
    ///
    /// # Errors
    /// If a file is missing or damaged, an artist is on both sides, or the run is to stop.
    pub(crate) fn of_clips(folder: &Path, run: &mut Run<'_>) -> Result<Self, LabError> {
        run.say(&format!("reading the clips of {}", folder.display()))?;
        let data = Dataset::list(folder)?;
        let read = |clips: &[Clip]| -> Result<Vec<Piece>, LabError> {
            let with_audio = clips.iter().filter_map(|clip| Some((clip, clip.audio.as_deref()?)));
            let piece = |(clip, path): (&Clip, &Path)| {
                run.check_stop()?;
                Ok(Piece {
                    name: clip.name.clone(),
                    class: usize::from(clip.genre.0),
                    samples: read_file(path)?,
                })
            };
            with_audio.map(piece).collect()
        };
        Ok(Self {
            name: name_of(folder),
            labels: data.genres.labels().to_vec(),
            train: read(&data.train)?,
            valid: read(&data.valid)?,
        })
    }

    /// Composed pieces, so many of each style to learn from and half as many to judge by, whose instruments have other
    /// presets.
    ///
    /// # Errors
    /// Never: their rate is one that can be converted.
    pub(crate) fn composed(count: usize, seconds: f64, seed: u64) -> Result<Self, LabError> {
        let pieces = |count: usize, instruments, seed: u64| -> Result<Vec<Piece>, LabError> {
            let of_style = |(class, style): (usize, Style)| {
                (0..count as u64).map(move |number| {
                    let piece = compose(&PieceConfig::new(style, seed + number, seconds, instruments));
                    Ok(Piece {
                        name: format!("{} {number}", style.genre()),
                        class,
                        samples: resampled(&piece.mix, piece.rate)?,
                    })
                })
            };
            Style::ALL.into_iter().enumerate().flat_map(of_style).collect()
        };
        Ok(Self {
            name: "composed".to_owned(),
            labels: Style::ALL.map(|style| style.genre().to_owned()).to_vec(),
            train: pieces(count, InstrumentSet::Training, 1_000 * seed)?,
            valid: pieces(count.div_ceil(2), InstrumentSet::Unseen, 1_000 * seed + 500)?,
        })
    }

    /// An excerpt to learn from, each class with clips as likely, at a volume that is changed by a number of decibels
    /// in `gains`; and its class.
    ///
    /// # Errors
    /// If no clip is long enough.
    pub(crate) fn draw(
        &self,
        length: usize,
        gains: [f32; 2],
        rng: &mut ChaCha8Rng,
    ) -> Result<(Vec<f32>, usize), LabError> {
        let long_enough = |piece: &&Piece| piece.samples.len() >= length;
        let mut classes: Vec<usize> = self.train.iter().filter(long_enough).map(|piece| piece.class).collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.is_empty() {
            return Err(LabError::Refused(format!(
                "no clip to learn from has {:.1} s of audio: name a folder with longer ones after --data",
                RATE.duration(length as u64).0
            )));
        }
        let class = classes[rng.random_range(0..classes.len())];
        let of_class: Vec<&Piece> = self
            .train
            .iter()
            .filter(long_enough)
            .filter(|it| it.class == class)
            .collect();
        let piece = of_class[rng.random_range(0..of_class.len())];
        let from = rng.random_range(0..=piece.samples.len() - length);
        let gain = 10f32.powf(rng.random_range(gains[0]..=gains[1]) / 20.0);
        let samples = &piece.samples[from..from + length];
        Ok((samples.iter().map(|sample| sample * gain).collect(), class))
    }
}
