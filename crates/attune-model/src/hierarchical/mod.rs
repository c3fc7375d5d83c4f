//! A hierarchical attention network (Yang et al. 2016): words make segments, segments make a track.
//!
//! Each level is a bidirectional recurrent layer with attention over its outputs. A *word* here is a few frames of a
//! model's features, a *segment* the paper's sentence, a *track* its document. It reads the end before it answers, so it
//! is no [`CausalModel`](super::CausalModel) and never runs live.
//!
//! In: features of words (words, inputs) by segment. Out: logits, and a weight for each segment and word. Thread: any.

mod file;
mod reader;

pub use file::HierarchicalModel;
pub use reader::{DecidedReport, DecidingSegment, SegmentReader};

use crate::evidence::contribution;
use attune_nn::Pass;
use attune_nn::bidirectional::Bidirectional;
use attune_nn::context_attention::ContextAttention;
use attune_nn::linear::Linear;
use attune_nn::lstm_cell::Lstm;
use attune_nn::weights::Weights;
use candle_core::{Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

/// Shape of a [`Hierarchical`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HierarchicalShape {
    /// Features of a word.
    pub inputs: usize,
    /// Frames in a word.
    pub word_frames: usize,
    /// Words in a whole segment.
    pub segment_words: usize,
    /// Hidden units of each direction, at both levels.
    pub hidden: usize,
    /// Width of the vectors that are compared with the context vector.
    pub width: usize,
    /// Classes.
    pub classes: usize,
    /// Share of the features of segments and of the track silenced in training.
    pub dropout: f32,
    /// Whether it attends; otherwise all words, and all segments, count alike (the paper's HN-AVE).
    pub attends: bool,
}

/// A level: h_t = [h→_t; h←_t], then Σ α_t·h_t.
#[derive(Debug)]
struct Level {
    encoder: Bidirectional<Lstm>,
    attention: Option<ContextAttention>,
}

impl Level {
    fn new(mut weights: Weights<'_>, inputs: usize, shape: HierarchicalShape) -> Result<Self> {
        let encoder = Bidirectional::new(weights.pp("encoder"), inputs, shape.hidden)?;
        let attend = || ContextAttention::new(weights.pp("attention"), 2 * shape.hidden, shape.width);
        Ok(Self {
            encoder,
            attention: shape.attends.then(attend).transpose()?,
        })
    }

    /// (b, t, inputs) → (b, 2·hidden), the weights (b, t), and h (b, t, 2·hidden).
    fn forward(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let h = self.encoder.forward(x)?.contiguous()?;
        let (b, t, _) = h.dims3()?;
        let weights = match &self.attention {
            Some(attention) => attention.weights(&h)?,
            None => Tensor::full(1.0 / t as f32, (b, 1, t), h.device())?,
        };
        Ok((weights.matmul(&h)?.squeeze(1)?, weights.squeeze(1)?, h))
    }
}

/// The network.
#[derive(Debug)]
pub struct Hierarchical {
    words: Level,
    segments: Level,
    output: Linear,
    shape: HierarchicalShape,
}

/// The outputs for a batch of tracks of one length.
#[derive(Debug)]
pub struct Read {
    /// (b, classes).
    pub logits: Tensor,
    /// α of the segments, (b, n).
    pub segments: Tensor,
    /// α of the words within their segments, (b, n, w).
    pub words: Tensor,
    /// What the output layer answers to each segment's h, (b, n, classes). Without dropout logits = α · evidence.
    pub evidence: Tensor,
}

/// One segment as the upper level reads it, (1, 1, 2·hidden).
#[derive(Debug, Clone)]
pub struct SegmentVector(Tensor);

/// The outputs for one track.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackReading {
    /// One for each class.
    pub logits: Vec<f32>,
    /// α of the segments; they sum to 1.
    pub segments: Vec<f32>,
    /// What the output layer answers to each segment, read in the light of the others: (segments, classes). The logits
    /// are its sum by α.
    pub evidence: Vec<f32>,
}

impl TrackReading {
    /// What each segment adds to the logit of a class beyond what it adds to the mean of all logits.
    pub fn contributions(&self, class: usize) -> Vec<f32> {
        let evidence = self.evidence.chunks_exact(self.logits.len().max(1));
        let segments = self.segments.iter().zip(evidence);
        segments
            .map(|(weight, evidence)| contribution(*weight, evidence, class))
            .collect()
    }
}

impl Hierarchical {
    /// Weights are taken from below `weights`.
    pub fn new(mut weights: Weights<'_>, shape: HierarchicalShape) -> Result<Self> {
        Ok(Self {
            words: Level::new(weights.pp("words"), shape.inputs, shape)?,
            segments: Level::new(weights.pp("segments"), 2 * shape.hidden, shape)?,
            output: Linear::new(weights.pp("output"), 2 * shape.hidden, shape.classes, 1.0)?,
            shape,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> HierarchicalShape {
        self.shape
    }

    /// A batch of tracks (b, n, w, inputs), all of n segments of w words.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Read> {
        let (b, n, w, inputs) = x.dims4()?;
        let (segments, words, _) = self.words.forward(&x.reshape((b * n, w, inputs))?)?;
        let segments = pass.dropout(&segments, self.shape.dropout)?;
        let (track, weights, h) = self
            .segments
            .forward(&segments.reshape((b, n, 2 * self.shape.hidden))?)?;
        let track = pass.dropout(&track, self.shape.dropout)?;
        Ok(Read {
            logits: self.output.forward(&track)?,
            segments: weights,
            words: words.reshape((b, n, w))?,
            evidence: self.output.forward(&h)?,
        })
    }

    /// One segment of any number of words, (words, inputs).
    ///
    /// # Errors
    /// If it has no whole word.
    pub fn segment(&self, words: &[f32]) -> Result<SegmentVector> {
        let inputs = self.shape.inputs;
        if words.is_empty() || !words.len().is_multiple_of(inputs) {
            bail!("{} values are not whole words of {inputs}", words.len());
        }
        let x = Tensor::from_slice(words, (1, words.len() / inputs, inputs), &Device::Cpu)?;
        Ok(SegmentVector(self.words.forward(&x)?.0.unsqueeze(0)?))
    }

    /// A track of these segments.
    ///
    /// # Errors
    /// If there is none.
    pub fn track(&self, segments: &[SegmentVector]) -> Result<TrackReading> {
        let segments: Vec<&Tensor> = segments.iter().map(|segment| &segment.0).collect();
        if segments.is_empty() {
            bail!("a track needs at least one segment");
        }
        let (track, weights, h) = self.segments.forward(&Tensor::cat(&segments, 1)?)?;
        Ok(TrackReading {
            logits: self.output.forward(&track)?.squeeze(0)?.to_vec1()?,
            segments: weights.squeeze(0)?.to_vec1()?,
            evidence: self.output.forward(&h)?.flatten_all()?.to_vec1()?,
        })
    }
}
