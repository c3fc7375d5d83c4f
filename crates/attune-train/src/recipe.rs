//! What is trained and how: one value that a run, its checkpoint and its card agree on.

use super::augment::Augmentation;
use super::planted::PlantedPlan;
use super::renditions::RenditionsPlan;
use super::split::SplitChoice;
use attune_audio::features::FrontEndSpec;
use attune_model::architecture::{Architecture, BodyShape};
use attune_model::attention::EncoderShape;
use attune_model::front::FrontShape;
use attune_model::genre_net::{HeadShape, PoolingShape};
use attune_model::recurrent::RecurrentShape;
use attune_model::tcn::TcnShape;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The kind of model to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Stacked plain recurrence.
    Rnn,
    /// Stacked long short-term memory.
    Lstm,
    /// Temporal convolutional network.
    Tcn,
    /// Causal windowed Transformer encoder.
    Attention,
}

impl ModelKind {
    /// Its name in manifests and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Lstm => "lstm",
            Self::Tcn => "tcn",
            Self::Attention => "attention",
        }
    }
}

/// One training run, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The kind of model.
    #[serde(rename = "engine")]
    pub kind: ModelKind,
    /// Everything random comes from this.
    pub seed: u64,
    /// SHA-256 of the file of initial weights, if not all are drawn.
    pub start: Option<String>,
    /// SHA-256 of the sounds, classes and sides of a data set from folders ([`super::folders::FolderSet`]).
    #[serde(default)]
    pub data: Option<String>,
    /// Optimiser steps.
    pub steps: u64,
    /// Highest learning rate of the cycle.
    pub rate: f32,
    /// AdamW's decay of matrices.
    pub weight_decay: f32,
    /// The most that the norm of all gradients may be.
    pub clip: f32,
    /// Share of the target spread over all classes (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// Weight of the teacher's mean squared error.
    pub teacher_weight: f32,
    /// Weight of the soft labels in a labelled clip's target ([`super::teacher::genres`]).
    #[serde(rename = "told_share")]
    pub soft_label_weight: f32,
    /// Weight of the soft labels of unlabelled music, relative to a label's 1.
    #[serde(rename = "told_weight")]
    pub unlabelled_weight: f32,
    /// Decay of the running mean of the weights that is shipped (Polyak & Juditsky 1992).
    pub averaging: f32,
    /// Weight of the cross-entropy with the teacher's tags; 0: they are no target.
    pub tag_weight: f32,
    /// Sizes of batches, from excerpts of a second to whole clips; which one a step has is drawn by their frequencies.
    pub batches: Vec<BatchShape>,
    /// Probability that an excerpt comes from a rendition, where a clip has both renditions and clean sound.
    #[serde(rename = "take_share")]
    pub rendition_share: f32,
    /// Probability that clean sound is drawn from a filled log-mel ([`super::dataset::Clip::filled`]), whatever the
    /// class.
    #[serde(default)]
    pub filled_share: f32,
    /// SHA-256 of the file of whole log-mels, if there is one.
    #[serde(default)]
    pub whole_mels: Option<String>,
    /// How many coded files there are.
    #[serde(default)]
    pub coded_files: usize,
    /// Share of unlabelled music in a batch, where there is any of the length required.
    pub unlabelled_share: f32,
    /// Probability that a labelled excerpt is limited to the band of an auxiliary clip, where there are any
    /// ([`super::aux_data`]).
    #[serde(default, rename = "also_share")]
    pub aux_share: f32,
    /// How many auxiliary clips there are.
    #[serde(default, rename = "also_clips")]
    pub aux_clips: usize,
    /// The run ends after this many validations in a row without a better −ln p, and the best weights are kept; 0: it
    /// goes on to its last step, and the weights of that are kept.
    pub patience: u64,
    /// Which clips train and which validate.
    pub split: SplitChoice,
    /// Augmented versions of the clips.
    #[serde(rename = "takes")]
    pub renditions: RenditionsPlan,
    /// SHA-256 of the file of windowed targets, if there is one.
    #[serde(rename = "windows")]
    pub windowed_targets: Option<String>,
    /// Weight of the mean squared error with those.
    pub window_weight: f32,
    /// Passages planted among other sound.
    #[serde(default)]
    pub planted: PlantedPlan,
    /// How excerpts are changed.
    pub augmentation: Augmentation,
    /// The front end.
    pub front_end: FrontEndSpec,
    /// The network.
    pub architecture: Architecture,
}

/// Size of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchShape {
    /// Excerpts.
    pub clips: usize,
    /// Frames of each.
    pub frames: usize,
    /// Frames whose logits enter the loss, and their weights.
    #[serde(rename = "asked")]
    pub readout_frames: Vec<(usize, f32)>,
    /// How often it is drawn, against the others.
    pub frequency: f32,
}

impl BatchShape {
    /// Read out at its end; from 64 frames on at each third, beyond 256 at each quarter, later ones with more weight.
    pub fn new(clips: usize, frames: usize, frequency: f32) -> Self {
        let weights: &[f32] = match frames {
            0..64 => &[1.0],
            64..=256 => &[0.2, 0.3, 0.5],
            _ => &[0.2, 0.2, 0.3, 0.3],
        };
        let readout_frames = weights
            .iter()
            .enumerate()
            .map(|(n, &weight)| ((frames * (n + 1) / weights.len()).saturating_sub(1), weight))
            .collect();
        Self {
            clips,
            frames,
            readout_frames,
            frequency,
        }
    }
}

impl FromStr for BatchShape {
    type Err = String;

    /// ```
    /// use attune_train::recipe::BatchShape;
    /// assert_eq!("32x128:5".parse(), Ok(BatchShape::new(32, 128, 5.0)));
    /// assert_eq!("8x512".parse(), Ok(BatchShape::new(8, 512, 1.0)));
    /// assert!("32x1".parse::<BatchShape>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!("{text:?} is not CLIPSxFRAMES:FREQUENCY with 1 to 1024 clips and 2 to 10000 frames, as 32x128:5")
        };
        let (size, frequency) = text.split_once(':').unwrap_or((text, "1"));
        let (clips, frames) = size.split_once('x').ok_or_else(refused)?;
        match (clips.parse(), frames.parse(), frequency.parse::<f32>()) {
            (Ok(clips @ 1..=1024), Ok(frames @ 2..=10_000), Ok(frequency))
                if frequency.is_finite() && frequency > 0.0 =>
            {
                Ok(Self::new(clips, frames, frequency))
            }
            _ => Err(refused()),
        }
    }
}

/// Features of a frame between front and pooling.
const WIDTH: usize = 96;
/// The memory of the pooling of LSTM and TCN: 10 s at the default hop.
const POOLING_FRAMES: f64 = 430.0;
/// Frames that a layer of attention's encoder sees: short, so that what a frame's features say is said of that place.
/// With front, stem and [`evidence`], a unit depends on 62 frames, 1.4 s at the default hop.
pub(super) const ATTENTION_FRAMES: usize = 16;
/// The window of attention's pooling: 10 s at the default hop, the memory of the others.
const EVIDENCE_FRAMES: usize = 432;

/// Attention's pooling: every 93 ms the last 0.37 s, over `context` frames.
pub(super) fn evidence(context: usize) -> PoolingShape {
    PoolingShape::Evidence {
        local: 16,
        every: 4,
        context,
    }
}

impl Recipe {
    /// The recipe of the shipped weights.
    pub fn new(kind: ModelKind, classes: usize, seed: u64, steps: u64) -> Self {
        let front_end = FrontEndSpec::default();
        Self {
            kind,
            seed,
            start: None,
            data: None,
            steps,
            rate: 2e-3,
            weight_decay: 0.05,
            clip: 1.0,
            label_smoothing: 0.05,
            teacher_weight: 1.0,
            soft_label_weight: 0.25,
            unlabelled_weight: 0.0,
            averaging: 0.998,
            tag_weight: 0.0,
            // 3 and 6 s: shorter and longer ones gained less for their time (models/EXPERIMENTS.md).
            batches: vec![BatchShape::new(32, 128, 4.0), BatchShape::new(16, 256, 1.0)],
            rendition_share: 0.3,
            filled_share: 0.5,
            whole_mels: None,
            coded_files: 0,
            unlabelled_share: 0.125,
            aux_share: 0.0,
            aux_clips: 0,
            patience: 0,
            split: SplitChoice::default(),
            renditions: RenditionsPlan::default(),
            windowed_targets: None,
            window_weight: 1.0,
            planted: PlantedPlan::default(),
            augmentation: Augmentation::default(),
            architecture: architecture(kind, &front_end, classes),
            front_end,
        }
    }
}

fn architecture(kind: ModelKind, front_end: &FrontEndSpec, classes: usize) -> Architecture {
    let moments = PoolingShape::Moments {
        time_constant: POOLING_FRAMES,
    };
    let (body, pooling) = match kind {
        ModelKind::Rnn | ModelKind::Lstm => {
            let shape = RecurrentShape {
                inputs: WIDTH,
                hidden: 128,
                layers: 1,
                dropout: 0.2,
            };
            // The same but for the cell.
            let body = match kind {
                ModelKind::Rnn => BodyShape::Rnn(shape),
                _ => BodyShape::Lstm(shape),
            };
            (body, moments)
        }
        ModelKind::Tcn => (BodyShape::Tcn(convolutions(&[1, 2, 4, 8], 0.1)), moments),
        ModelKind::Attention => {
            let shape = EncoderShape {
                width: WIDTH,
                heads: 4,
                feed: 192,
                layers: 2,
                context: ATTENTION_FRAMES,
                dropout: 0.1,
            };
            (BodyShape::Attention(shape), evidence(EVIDENCE_FRAMES))
        }
    };
    // Recurrence and attention follow blocks of convolutions, with the body's dropout.
    let stem = match &body {
        BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => Some(convolutions(&[1, 2, 4], shape.dropout)),
        BodyShape::Attention(shape) => Some(convolutions(&[1, 2], shape.dropout)),
        BodyShape::Tcn(_) => None,
    };
    Architecture {
        front: FrontShape {
            bands: front_end.bands,
            maps: 12,
            kernel_bands: 9,
            kernel_frames: 5,
            stride_bands: 4,
            width: WIDTH,
            smoothing_frames: 1,
        },
        stem,
        body,
        pooling,
        head: HeadShape {
            hidden: 160,
            classes,
            dropout: 0.5,
        },
    }
}

/// Batch-normalised blocks of convolutions.
fn convolutions(dilations: &[usize], dropout: f32) -> TcnShape {
    TcnShape {
        width: WIDTH,
        taps: 3,
        dilations: dilations.to_vec(),
        dropout,
        normalized: true,
    }
}
