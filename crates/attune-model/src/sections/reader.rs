//! What a network for whole pieces writes of a file, and where it looked for each token.
//!
//! In: normalised frames of a whole file. Out: [`SectionReading`]. Thread: any.

use super::{SectionModel, SourceSteps, beam};
use crate::genre::GenreId;
use crate::token_decoder::Hypothesis;
use crate::{LoadedModel, ModelError, ModelSet, bundled_section_reader};
use attune_audio::features::{FrontEndSpec, LoudnessNormalizer};
use attune_audio::units::Seconds;
use attune_nn::Pass;
use candle_core::{Device, Tensor};

/// Hypotheses of the beam search, and the most tokens of a file.
const BEAM: usize = 4;
const MOST_TOKENS: usize = 64;
/// The most source steps of a file that is read: 20 minutes. Attention over more would need gigabytes.
const MOST_STEPS: usize = 3_300;

/// What was written of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionReading {
    /// In order of time.
    pub sections: Vec<ReadSection>,
    /// How long a source step is.
    pub step: Seconds,
    /// Source steps; a longer file is read as far as that.
    pub steps: usize,
    /// For each section its alignment over the source steps, which sums to 1: (sections, steps).
    pub alignment: Vec<Vec<f32>>,
}

impl SectionReading {
    /// Where a section begins and ends: where the next one begins, or what was read does.
    pub fn span(&self, section: usize) -> (Seconds, Seconds) {
        let next = self.sections.get(section + 1).map(|next| next.start);
        let end = next.unwrap_or(Seconds(self.step.0 * self.steps as f64));
        (self.sections[section].start, end)
    }
}

/// A section of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadSection {
    /// Its genre.
    pub genre: GenreId,
    /// Since when, by the path through the alignment with the greatest sum of logarithms.
    pub start: Seconds,
    /// Probability of the token, given those before.
    pub confidence: f32,
}

/// A network for whole pieces and the model whose features it reads.
#[derive(Debug)]
pub struct SectionReader {
    encoder: LoadedModel,
    model: SectionModel,
}

impl SectionReader {
    /// This network, over the features of one of these models.
    ///
    /// # Errors
    /// If it is a live one, or was trained over another model's features.
    pub fn new(model: SectionModel, models: &ModelSet) -> Result<Self, ModelError> {
        let encoder = models.encoder_of(&model.manifest)?.clone();
        let shape = model.net.shape();
        if shape.is_live()
            || !shape.attends
            || model.manifest.labels != models.genres.labels()
            || shape.inputs != SourceSteps::width(&encoder)
        {
            return Err(ModelError::Shape(format!(
                "{:?} is no network that attends to whole pieces of {} features and writes {}",
                model.manifest.name,
                SourceSteps::width(&encoder),
                models.genres.labels().join(", ")
            )));
        }
        Ok(Self { encoder, model })
    }

    /// The bundled network, over the features of one of these models.
    ///
    /// # Errors
    /// As [`SectionReader::new`]: it was trained over the bundled TCN's features.
    pub fn bundled(models: &ModelSet) -> Result<Self, ModelError> {
        Self::new(bundled_section_reader()?, models)
    }

    /// The front end whose frames it reads.
    pub fn front_end(&self) -> &FrontEndSpec {
        &self.encoder.manifest().front_end
    }

    /// As [`SectionReader::frames`], of log-mel levels in dB, (frames, bands).
    ///
    /// # Errors
    /// If a network cannot be computed.
    pub fn levels(&self, levels_db: &[f32]) -> Result<Option<SectionReading>, ModelError> {
        let mut frames = Vec::with_capacity(levels_db.len());
        LoudnessNormalizer::new(self.front_end()).push(levels_db, &mut frames);
        self.frames(&frames)
    }

    /// The sections of these normalised frames (frames, bands); `None` if they are shorter than a source step.
    ///
    /// # Errors
    /// If a network cannot be computed.
    pub fn frames(&self, frames: &[f32]) -> Result<Option<SectionReading>, ModelError> {
        let (net, shape) = (&self.model.net, self.model.net.shape());
        let mut steps = SourceSteps::of_clip(&self.encoder, shape.step_frames, frames)?;
        steps.truncate(MOST_STEPS * shape.inputs);
        let count = steps.len() / shape.inputs;
        if count == 0 {
            return Ok(None);
        }
        let x = Tensor::from_vec(steps, (1, count, shape.inputs), &Device::Cpu)?;
        let memory = net.encode(&x, &mut Pass::Infer)?;
        let Hypothesis {
            tokens,
            probabilities,
            alignment,
            ..
        } = beam(net, &memory, BEAM, MOST_TOKENS.min(count))?;
        let step = Seconds(self.front_end().hop().0 * shape.step_frames as f64);
        let starts = boundaries(&alignment);
        let read = tokens.iter().zip(&probabilities).zip(starts);
        let sections = read.map(|((token, confidence), start)| ReadSection {
            genre: GenreId(*token as u8),
            start: Seconds(start as f64 * step.0),
            confidence: *confidence,
        });
        Ok(Some(SectionReading {
            sections: sections.collect(),
            step,
            steps: count,
            alignment,
        }))
    }
}

/// The places where sections begin, given how much each token attends to each source step, (tokens, steps): those for
/// which the sum of the logarithms is greatest, tokens in their order and each with at least one step.
///
/// ```
/// use attune_model::sections::boundaries;
/// assert_eq!(boundaries(&[vec![0.6, 0.3, 0.1, 0.0], vec![0.0, 0.1, 0.2, 0.7]]), [0, 2]);
/// ```
pub fn boundaries(alignment: &[Vec<f32>]) -> Vec<usize> {
    let (tokens, steps) = (alignment.len(), alignment.first().map_or(0, Vec::len));
    if tokens == 0 || steps < tokens {
        return (0..tokens).collect();
    }
    let weight = |token: usize, step: usize| f64::from(alignment[token][step].max(1e-6)).ln();
    // best[token]: the greatest sum up to this step if it belongs to this token; began[step][token]: whether it is its
    // first.
    let mut best = vec![f64::NEG_INFINITY; tokens];
    let mut began = vec![vec![false; tokens]; steps];
    best[0] = weight(0, 0);
    for (step, began) in began.iter_mut().enumerate().skip(1) {
        for token in (0..tokens).rev() {
            let before = if token > 0 { best[token - 1] } else { f64::NEG_INFINITY };
            began[token] = before > best[token];
            best[token] = before.max(best[token]) + weight(token, step);
        }
    }
    let (mut token, mut starts) = (tokens - 1, vec![0; tokens]);
    for step in (1..steps).rev() {
        if began[step][token] {
            starts[token] = step;
            token -= 1;
        }
    }
    starts
}
