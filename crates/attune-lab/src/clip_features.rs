//! Labelled clips as features, for training and validation; no artist is on both sides.
//!
//! In: a folder of labelled clips. Out: batches to learn from, clips to judge by. Thread: any.

use super::{Entry, LabError, Run, mean};
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::Input;
use attune_model::architecture::BodyShape;
use attune_model::genre::{GenreId, GenreSet};
use attune_model::{LoadedModel, ModelError, ModelSet};
use attune_train::dataset::{Clip, Dataset};
use attune_train::evaluate::wilson;
use attune_train::validate::Part;
use candle_core::{Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a lab's clips are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ClipArgs {
    /// Folder with clips.csv (clip, genre, split, audio, artist), audio in SPLIT/CLIP.ogg, mel3s.safetensors; without
    /// it only what needs no music is done
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// Right answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Share of right answers.
    pub accuracy: f64,
    /// Clips.
    pub clips: usize,
}

/// A clip, or an excerpt of one.
#[derive(Debug, Clone)]
pub struct FeatureClip {
    /// Its class.
    pub genre: GenreId,
    /// Whole or excerpt.
    pub part: Part,
    /// (frames, width).
    pub features: Vec<f32>,
}

/// All clips of a data set.
#[derive(Debug)]
pub struct FeatureSet {
    /// The classes.
    pub genres: GenreSet,
    /// The front end behind the features.
    pub spec: FrontEndSpec,
    /// Features of a frame.
    pub width: usize,
    /// For training.
    pub train: Vec<FeatureClip>,
    /// For validation.
    pub valid: Vec<FeatureClip>,
}

/// Reads a data set.
///
/// # Errors
/// If a file is missing or damaged, an artist is on both sides, or the run is to stop.
pub(crate) fn read(folder: &Path, spec: &FrontEndSpec, run: &mut Run<'_>) -> Result<Dataset, LabError> {
    run.say(&format!("reading the clips of {}", folder.display()))?;
    Ok(Dataset::open(folder, spec, |_, _| {})?)
}

/// The model whose features a lab trains on: the first whose body is convolutions, whose features each depend on a
/// bounded past; else the first.
///
/// # Errors
/// If there is no model.
pub(crate) fn encoder(models: &ModelSet) -> Result<LoadedModel, LabError> {
    let is_tcn = |model: &&LoadedModel| matches!(model.manifest().architecture.body, BodyShape::Tcn(_));
    let mut all = models.models.iter();
    let found = all.find(is_tcn).or(models.models.first());
    found
        .cloned()
        .ok_or_else(|| LabError::Refused("this lab needs a model to compute features with".to_owned()))
}

/// Reads a data set and encodes it with [`encoder`].
///
/// # Errors
/// If a file is missing or damaged, an artist is on both sides, or the run is to stop.
pub(crate) fn encoded(folder: &Path, run: &mut Run<'_>) -> Result<(LoadedModel, Dataset, FeatureSet), LabError> {
    let encoder = encoder(&run.models()?)?;
    let spec = &encoder.manifest().front_end;
    let data = read(folder, spec, run)?;
    let set = FeatureSet::new(&data, spec, encoder.feature_width(), |frames| encoder.encode(frames))?;
    Ok((encoder, data, set))
}

impl FeatureSet {
    /// Every clip and excerpt of `data`, its normalised frames as `features` makes them of `width`.
    ///
    /// # Errors
    /// As of `features`.
    pub fn new(
        data: &Dataset,
        spec: &FrontEndSpec,
        width: usize,
        features: impl Fn(&[f32]) -> Result<Vec<f32>, ModelError>,
    ) -> Result<Self, ModelError> {
        let side = |clips: &[Clip]| -> Result<Vec<FeatureClip>, ModelError> {
            let parts = clips.iter().flat_map(|clip| {
                let parts = [(Part::Excerpt, &clip.excerpt), (Part::Whole, &clip.whole)];
                parts.into_iter().filter_map(move |(part, levels)| {
                    let input = Input::of_levels(levels.as_ref()?, spec);
                    Some((clip.genre, part, input.frames))
                })
            });
            parts
                .map(|(genre, part, frames)| {
                    Ok(FeatureClip {
                        genre,
                        part,
                        features: features(&frames)?,
                    })
                })
                .collect()
        };
        Ok(Self {
            genres: data.genres.clone(),
            spec: spec.clone(),
            width,
            train: side(&data.train)?,
            valid: side(&data.valid)?,
        })
    }

    /// Validation clips, whole or excerpts.
    pub fn judged(&self, part: Part) -> impl Iterator<Item = &FeatureClip> {
        self.valid.iter().filter(move |clip| clip.part == part)
    }

    /// Excerpts of `frames` frames of training clips, genres evenly: x (count, frames, width), and their classes. None
    /// if no clip is that long.
    pub fn draw(&self, count: usize, frames: usize, rng: &mut ChaCha8Rng) -> Option<(Tensor, Vec<GenreId>)> {
        let size = frames * self.width;
        let mut by_genre: Vec<Vec<&FeatureClip>> = vec![Vec::new(); self.genres.len()];
        for clip in self.train.iter().filter(|clip| clip.features.len() >= size) {
            by_genre[usize::from(clip.genre.0)].push(clip);
        }
        by_genre.retain(|clips| !clips.is_empty());
        if by_genre.is_empty() {
            return None;
        }
        let (mut x, mut genres) = (Vec::with_capacity(count * size), Vec::with_capacity(count));
        for _ in 0..count {
            let clips = &by_genre[rng.random_range(0..by_genre.len())];
            let clip = clips[rng.random_range(0..clips.len())];
            let start = rng.random_range(0..=(clip.features.len() - size) / self.width) * self.width;
            x.extend_from_slice(&clip.features[start..start + size]);
            genres.push(clip.genre);
        }
        let x = Tensor::from_vec(x, (count, frames, self.width), &Device::Cpu).ok()?;
        Some((x, genres))
    }
}

/// One-hot rows of classes, the same for each of `answers` classifications: (count, answers, classes).
///
/// # Errors
/// If memory runs out.
pub(crate) fn one_hot(classes: &[usize], answers: usize, of: usize) -> candle_core::Result<Tensor> {
    let mut values = vec![0.0f32; classes.len() * answers * of];
    for (row, at) in values.chunks_exact_mut(of).enumerate() {
        at[classes[row / answers]] = 1.0;
    }
    Tensor::from_vec(values, (classes.len(), answers, of), &Device::Cpu)
}

/// Accuracy of all seeds, with the 95 % interval of that accuracy on so many clips.
pub(super) fn accuracy(scores: &[Score]) -> Vec<Entry> {
    let clips = scores.first().map_or(0, |score| score.clips);
    if clips == 0 {
        return vec![Entry::Absent, Entry::Absent];
    }
    let accuracy = mean(scores.iter().map(|score| score.accuracy));
    let [low, high] = wilson(accuracy, clips as f64);
    vec![
        Entry::Share(accuracy),
        Entry::Text(format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)),
    ]
}
