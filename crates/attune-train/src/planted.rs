//! Planted passages: a few seconds of labelled music in the midst of other sound, which teach a network where to look.
//!
//! In: levels of a passage and of what surrounds it. Out: an excerpt, and the terms of the loss that know where the
//! passage is. Thread: training's.
//!
//! Around the passage is music of another class, or sound of no class: recordings ([`Distractors`]), noise, silence. Of
//! the latter the answer is the passage's class, from when it has begun; of music the label is shared by the frames
//! so far. Networks that pool evidence ([`UnitEvidence`]) learn two more things from it (see [`Planted`]): their
//! attention lies in the passage, and each side is given evidence for its own class.

use super::TrainError;
use super::augment::{Augmentation, Source, draw_levels, normal};
use super::dataset::mel_of_file;
use super::recipe::BatchShape;
use super::renditions::music_below;
use attune_audio::features::FrontEndSpec;
use attune_model::genre_net::UnitEvidence;
use attune_nn::kernels::cross_entropy::CrossEntropy;
use candle_core::{D, Device, Tensor};
use half::f16;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How passages are planted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlantedPlan {
    /// Probability that a labelled example is a planted passage.
    pub share: f32,
    /// Weight of −ln of the attention that lies in the passage.
    pub attention_weight: f32,
    /// Weight of the cross-entropy of each side's evidence with its own class.
    pub local_weight: f32,
    /// How many recordings there are to plant in.
    pub recordings: usize,
}

impl Default for PlantedPlan {
    fn default() -> Self {
        Self {
            share: 0.0,
            attention_weight: 0.5,
            local_weight: 0.5,
            recordings: 0,
        }
    }
}

/// A passage lasts 1 to 4 s at the default hop, but no more than two thirds of its excerpt.
const PASSAGE_FRAMES: Range<usize> = 43..173;
/// Half a second of a passage must have come before it is labelled.
const LEAST_FRAMES: usize = 21;
/// Share of the passages that lie in music of another class.
const IN_MUSIC: f64 = 0.5;
/// Share of the others that lie in recordings, where there are any; then in noise, and the rest in silence.
const IN_RECORDINGS: f64 = 0.6;
const IN_NOISE: f64 = 0.75;
/// What surrounds a passage is so much louder than it, in dB.
const LOUDER_DB: Range<f32> = -14.0..8.0;
/// Silence lies so far below a passage, in dB.
const SILENCE_DB: Range<f32> = 60.0..110.0;
/// Added to shares before the logarithm.
const LEAST_SHARE: f64 = 1e-3;

/// Recordings that are no music, as levels (frames, bands), by folder.
#[derive(Debug, Clone, Default)]
pub struct Distractors(pub Vec<Vec<Vec<f16>>>);

impl Distractors {
    /// Reads all audio below each folder, but for what is kept for evaluation: fold 5 of ESC (Piczak 2015; names that
    /// begin with `5-`), and two of the speakers of the Free Spoken Digit Dataset (`_theo_`, `_lucas_`). `progress` gets
    /// how many of how many files are read.
    ///
    /// # Errors
    /// If a folder has no audio but that, or a file cannot be decoded.
    pub fn open(
        folders: &[PathBuf],
        spec: &FrontEndSpec,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TrainError> {
        let mut files = Vec::new();
        for folder in folders {
            let mut below = music_below(folder)?;
            below.retain(|file| !is_for_evaluation(file));
            if below.is_empty() {
                return Err(TrainError::Data {
                    path: folder.clone(),
                    message: "all of its audio is kept for evaluation (fold 5 of ESC, speakers theo and lucas)"
                        .to_owned(),
                });
            }
            files.push(below);
        }
        let total = files.iter().map(Vec::len).sum();
        let mut done = 0;
        let mut sounds = Vec::new();
        for below in files {
            let mut of_folder = Vec::with_capacity(below.len());
            for file in below {
                progress(done, total);
                done += 1;
                let levels = mel_of_file(&file, spec)?;
                if levels.len() >= 2 * spec.bands {
                    of_folder.push(levels.into_iter().map(f16::from_f32).collect());
                }
            }
            sounds.push(of_folder);
        }
        sounds.retain(|of_folder: &Vec<_>| !of_folder.is_empty());
        Ok(Self(sounds))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

fn is_for_evaluation(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("5-") || name.contains("_theo_") || name.contains("_lucas_")
}

/// Where a passage lies in an example, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Planted {
    /// The number of the example in its batch.
    pub example: usize,
    /// The passage's frames.
    pub passage: Range<usize>,
    /// The classes of the passage, as shares.
    pub genres: Vec<f32>,
    /// Those of the music around it; `None` if it is no music.
    pub around: Option<Vec<f32>>,
}

/// What surrounds a passage.
pub(crate) enum Around {
    /// Music of another class.
    Music,
    /// Recordings of a folder.
    Recordings(usize),
    /// Noise made up.
    Noise,
    /// Silence.
    Silence,
}

impl Around {
    /// Draws one; music only where there is another class.
    pub(crate) fn draw(classes: usize, distractors: &Distractors, rng: &mut ChaCha8Rng) -> Self {
        if classes > 1 && rng.random_bool(IN_MUSIC) {
            Self::Music
        } else if !distractors.0.is_empty() && rng.random_bool(IN_RECORDINGS) {
            Self::Recordings(rng.random_range(0..distractors.0.len()))
        } else if rng.random_bool(IN_NOISE) {
            Self::Noise
        } else {
            Self::Silence
        }
    }
}

/// Draws the place of a passage in an excerpt of `frames`.
pub(crate) fn draw_place(frames: usize, rng: &mut ChaCha8Rng) -> Range<usize> {
    let most = (2 * frames / 3).clamp(2, PASSAGE_FRAMES.end - 1);
    let length = rng.random_range(PASSAGE_FRAMES.start.min(frames.div_ceil(3)).clamp(2, most)..=most);
    let start = rng.random_range(0..=frames - length);
    start..start + length
}

/// `frames` frames of recordings, one piece after another.
pub(crate) fn recordings(
    of_folder: &[Vec<f16>],
    frames: usize,
    spec: &FrontEndSpec,
    augmentation: &Augmentation,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let mut levels = Vec::with_capacity(frames * spec.bands);
    while levels.len() < frames * spec.bands {
        let sound = Source::Half(&of_folder[rng.random_range(0..of_folder.len())]);
        let missing = frames - levels.len() / spec.bands;
        let piece = sound.frames(spec.bands).min(missing.max(2));
        levels.extend(draw_levels(sound, None, piece, spec, augmentation, rng).0);
    }
    levels.truncate(frames * spec.bands);
    levels
}

/// Steady noise around 0 dB: a smooth spectrum, and cells that scatter as those of a short spectrum of noise do.
pub(crate) fn noise(frames: usize, bands: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let (tilt, bend) = (30.0 * (rng.random::<f32>() - 0.5), 20.0 * (rng.random::<f32>() - 0.5));
    let scatter = 1.0 + 4.0 * rng.random::<f32>();
    let mut levels = Vec::with_capacity(frames * bands);
    for _ in 0..frames {
        levels.extend((0..bands).map(|band| {
            let at = 2.0 * band as f32 / bands as f32 - 1.0;
            tilt * at + bend * at * at + scatter * normal(rng)
        }));
    }
    levels
}

/// Levels of silence under these.
pub(crate) fn silence(frames: usize, bands: usize, passage: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
    vec![loudness_db(passage, bands) - rng.random_range(SILENCE_DB); frames * bands]
}

/// Brings what surrounds a passage to about its loudness.
pub(crate) fn level_with(around: &mut [f32], passage: &[f32], bands: usize, rng: &mut ChaCha8Rng) {
    let shift = loudness_db(passage, bands) - loudness_db(around, bands) + rng.random_range(LOUDER_DB);
    for level in around {
        *level += shift;
    }
}

/// The mean power of frames, in dB.
fn loudness_db(levels: &[f32], bands: usize) -> f32 {
    let power: f64 = levels.iter().map(|level| 10f64.powf(f64::from(*level) / 10.0)).sum();
    (10.0 * (power / (levels.len() / bands).max(1) as f64).max(1e-30).log10()) as f32
}

impl Planted {
    /// The label at a frame; `None` before enough of the passage has come.
    pub fn label(&self, frame: usize) -> Option<Vec<f32>> {
        match &self.around {
            Some(around) => {
                let share = self.passage_frames(frame) as f32 / (frame + 1) as f32;
                let mixed = self.genres.iter().zip(around);
                Some(mixed.map(|(own, other)| share * own + (1.0 - share) * other).collect())
            }
            None => self.is_long_enough(frame).then(|| self.genres.clone()),
        }
    }

    /// How many frames of the passage there are up to this one.
    fn passage_frames(&self, frame: usize) -> usize {
        (frame + 1).min(self.passage.end).saturating_sub(self.passage.start)
    }

    /// Whether enough of it lies up to this frame.
    fn is_long_enough(&self, frame: usize) -> bool {
        self.passage_frames(frame) >= LEAST_FRAMES.min(self.passage.len())
    }

    /// The share of a unit's frames that lie in the passage.
    fn share_of(&self, unit: &Range<usize>) -> f32 {
        let inside = unit
            .end
            .min(self.passage.end)
            .saturating_sub(unit.start.max(self.passage.start));
        inside as f32 / unit.len() as f32
    }

    fn class(&self) -> usize {
        let classes = 0..self.genres.len();
        classes
            .max_by(|&a, &b| self.genres[a].total_cmp(&self.genres[b]))
            .unwrap_or(0)
    }
}

/// Labels of a batch at each readout frame, and their weights.
pub(crate) struct Labels {
    /// (b, p, classes).
    pub(crate) targets: Tensor,
    /// (b, p); together 1, unless an example has no label at any frame.
    pub(crate) weights: Tensor,
    /// Where they are: (p).
    frames: Vec<usize>,
}

impl Labels {
    /// From the labels of whole examples (b, classes) and their weights (b), in place of which planted ones have their
    /// own at each readout frame.
    pub(crate) fn of(
        targets: &[f32],
        example_weights: &[f32],
        planted: &[Planted],
        shape: &BatchShape,
    ) -> candle_core::Result<Self> {
        let (b, p) = (shape.clips, shape.readout_frames.len());
        let classes = targets.len() / b;
        let mut all: Vec<f32> = targets
            .chunks_exact(classes)
            .flat_map(|row| std::iter::repeat_n(row, p).flatten().copied())
            .collect();
        let mut weights: Vec<f32> = example_weights
            .iter()
            .flat_map(|example| shape.readout_frames.iter().map(move |(_, frame)| example * frame))
            .collect();
        for one in planted {
            let mut given = 0.0;
            for (place, (frame, weight)) in shape.readout_frames.iter().enumerate() {
                let row = one.example * p + place;
                match one.label(*frame) {
                    Some(label) => {
                        all[row * classes..][..classes].copy_from_slice(&label);
                        given += weight;
                    }
                    None => weights[row] = 0.0,
                }
            }
            // An example counts as much as another, however many of its frames have a label.
            let total: f32 = shape.readout_frames.iter().map(|(_, weight)| weight).sum();
            for weight in &mut weights[one.example * p..][..p] {
                *weight *= if given > 0.0 { total / given } else { 0.0 };
            }
        }
        Ok(Self {
            targets: Tensor::from_vec(all, (b, p, classes), &Device::Cpu)?,
            weights: Tensor::from_vec(weights, (b, p), &Device::Cpu)?,
            frames: shape.readout_frames.iter().map(|(frame, _)| *frame).collect(),
        })
    }
}

/// The loss of a batch of examples whose answers are sums over units, of logits (b, p, classes), labels (b, classes)
/// and the weights of the examples (b): cross-entropy, and where passages are `planted` what the plan adds to it, −ln of
/// the attention in them and the cross-entropy of each side's evidence.
///
/// # Errors
/// If shapes do not fit.
pub fn evidence_loss(
    (logits, units): (&Tensor, &UnitEvidence),
    (targets, example_weights): (&[f32], &[f32]),
    planted: &[Planted],
    shape: &BatchShape,
    plan: &PlantedPlan,
) -> candle_core::Result<Tensor> {
    let labels = Labels::of(targets, example_weights, planted, shape)?;
    let mut loss = label_loss(logits, &labels)?;
    if !planted.is_empty() {
        let attention = attention_loss(units, planted, &labels)?;
        let local = local_loss(units, planted, example_weights)?;
        loss = (loss + (attention * f64::from(plan.attention_weight))?)?;
        loss = (loss + (local * f64::from(plan.local_weight))?)?;
    }
    Ok(loss)
}

/// −Σ y·ln p with the labels; of logits (b, p, classes).
pub(crate) fn label_loss(logits: &Tensor, labels: &Labels) -> candle_core::Result<Tensor> {
    let entropy = logits.apply_op2(&labels.targets, CrossEntropy)?; // (b, p)
    (entropy * &labels.weights)?.sum_all()
}

/// −ln of the share of the attention that lies in the passage, of the planted examples, by the weights of their labels.
///
/// In sound of no class it is the attention itself, `Σ_i a_i·m_i` with m the share of a unit's frames in the passage.
/// In other music, where the network may well attend to that, too, it is attention to the passage's class c: with the
/// contrast k_i = max(0, e_i[c] − mean of e_i), `Σ a_i·k_i·m_i / Σ a_i·k_i`
/// ([`attune_model::EvidenceMap::attention_of_frames`]).
pub(crate) fn attention_loss(
    units: &UnitEvidence,
    planted: &[Planted],
    labels: &Labels,
) -> candle_core::Result<Tensor> {
    let (b, count, classes) = units.evidence.dims3()?;
    let mut inside = vec![1.0; b * count];
    let places = labels.frames.len();
    let mut mask = vec![0.0; b * places];
    // Of which class the contrast counts; where none does, all units count alike.
    let (mut contrasts, mut plain) = (vec![0.0; b * classes], vec![1.0; b]);
    for one in planted {
        for (counts, frame) in mask[one.example * places..].iter_mut().zip(&labels.frames) {
            *counts = f32::from(u8::from(one.is_long_enough(*frame)));
        }
        for (unit, share) in inside[one.example * count..][..count].iter_mut().enumerate() {
            *share = one.share_of(&units.windows.frames(unit));
        }
        if one.around.is_some() {
            plain[one.example] = 0.0;
            let row = &mut contrasts[one.example * classes..][..classes];
            row.fill(-1.0 / classes as f32);
            row[one.class()] += 1.0;
        }
    }
    let tensor = |values: Vec<f32>, shape: (usize, usize, usize)| Tensor::from_vec(values, shape, &Device::Cpu);
    let contrasts = tensor(contrasts, (b, classes, 1))?;
    let contrast = units.evidence.matmul(&contrasts)?.squeeze(2)?.relu()?; // (b, units)
    let counted = contrast.unsqueeze(1)?.broadcast_add(&tensor(plain, (b, 1, 1))?)?;
    let counted = units.weights.broadcast_mul(&counted)?; // (b, p, units)
    let within = counted.broadcast_mul(&tensor(inside, (b, 1, count))?)?;
    let share = ((within.sum(D::Minus1)? + LEAST_SHARE)? / (counted.sum(D::Minus1)? + LEAST_SHARE)?)?;
    let weights = (&labels.weights * Tensor::from_vec(mask, (b, places), &Device::Cpu)?)?;
    (share.log()?.neg()? * weights)?.sum_all()
}

/// The cross-entropy of the mean evidence of the units within a passage with its class, and of those within other music
/// with that's; of the planted examples, by their weights (b).
pub(crate) fn local_loss(
    units: &UnitEvidence,
    planted: &[Planted],
    example_weights: &[f32],
) -> candle_core::Result<Tensor> {
    let (b, count, classes) = units.evidence.dims3()?;
    let mut means = vec![0.0; b * 2 * count];
    let mut targets = vec![0.0; b * 2 * classes];
    for one in planted {
        let sides = [(1.0, Some(&one.genres)), (0.0, one.around.as_ref())];
        let sides_of = sides.iter().filter(|(_, side)| side.is_some()).count() as f32;
        for (side, (wanted, genres)) in sides.into_iter().enumerate() {
            let Some(genres) = genres else { continue };
            let row = 2 * one.example + side;
            let is_of = |unit: &usize| {
                let share: f32 = one.share_of(&units.windows.frames(*unit));
                (share - wanted).abs() < 1e-6
            };
            let of_side: Vec<usize> = (0..count).filter(is_of).collect();
            if of_side.is_empty() {
                continue;
            }
            for unit in &of_side {
                means[row * count + unit] = 1.0 / of_side.len() as f32;
            }
            for (target, share) in targets[row * classes..][..classes].iter_mut().zip(genres) {
                *target = example_weights[one.example] * share / sides_of;
            }
        }
    }
    let means = Tensor::from_vec(means, (b, 2, count), &Device::Cpu)?;
    let targets = Tensor::from_vec(targets, (b, 2, classes), &Device::Cpu)?;
    let means = means.matmul(&units.evidence)?;
    means.apply_op2(&targets, CrossEntropy)?.sum_all()
}

#[cfg(test)]
#[path = "planted_tests.rs"]
mod tests;
