//! Medleys as source steps, with what is true of them.
//!
//! In: a data set, a model whose features are read. Out: [`Pieces`]. Thread: any.

use crate::medley::{ClipMedleys, Medley, MedleyPlan, RATE, composed};
use crate::{LabError, Run};
use attune_audio::features::{FeatureExtractor, FrontEndSpec};
use attune_audio::units::Seconds;
use attune_engine::files::{read_if_any, write_atomically};
use attune_model::genre::GenreSet;
use attune_model::load::tensors;
use attune_model::sections::SourceSteps;
use attune_model::{LoadedModel, ModelError};
use attune_train::checkpoint::serialize;
use attune_train::dataset::{Clip, Dataset, Side};
use attune_train::sound::varispeed;
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Frames of a source step of the networks for whole pieces: 0.37 s.
pub const STEP: usize = 16;
/// Those of live networks: 0.74 s.
pub const LIVE_STEP: usize = 32;

/// What medleys are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    /// Of clips.
    Real,
    /// Composed.
    Composed,
}

impl Made {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Composed => "composed",
        }
    }
}

/// What medleys can be made of, with clips or without.
pub(super) fn kinds(has_clips: bool) -> &'static [Made] {
    if has_clips {
        &[Made::Real, Made::Composed]
    } else {
        &[Made::Composed]
    }
}

/// A section of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrueSection {
    /// When it begins and ends, in seconds.
    pub start_s: f64,
    /// See above.
    pub end_s: f64,
    /// Its genre.
    pub token: u32,
}

/// A medley.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// What it is made of, and its number.
    pub made: Made,
    /// Its number, by which it can be made again.
    pub number: u64,
    /// In order of time.
    pub sections: Vec<TrueSection>,
    /// Source steps of [`STEP`] frames, (s, inputs).
    pub steps: Vec<f32>,
}

/// How many medleys there are, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PoolPlan {
    /// Of each kind.
    pub count: u64,
    /// Of all of them.
    pub seed: u64,
    /// To learn from or to judge by.
    pub is_valid: bool,
}

impl PoolPlan {
    /// As the medley maker has it.
    pub(super) fn medleys(self) -> MedleyPlan {
        MedleyPlan {
            seed: self.seed,
            split: if self.is_valid { Side::Valid } else { Side::Train },
            ..MedleyPlan::default()
        }
    }
}

/// Medleys, shortest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pieces {
    /// Features of a source step.
    pub inputs: usize,
    /// The pieces.
    pub all: Vec<Piece>,
}

/// Logarithm of the speeds at which clips to learn from are played: 0.8 to 1.25.
const SPEEDS: std::ops::Range<f64> = -0.223..0.223;

/// Makes medleys of clips or composes them; decoded clips are kept.
pub(super) struct Maker<'a> {
    clips: Option<ClipMedleys<'a>>,
    decoded: HashMap<String, Vec<f32>>,
    plan: MedleyPlan,
    /// Whether each clip is played at a speed of its own: to learn from.
    varies_speed: bool,
}

impl<'a> Maker<'a> {
    /// `data`: the clips; without it there are composed medleys only.
    pub(super) fn new(data: Option<&'a Dataset>, plan: PoolPlan) -> Result<Self, LabError> {
        let plan = plan.medleys();
        Ok(Self {
            clips: data.map(|data| ClipMedleys::new(data, plan.split)).transpose()?,
            decoded: HashMap::new(),
            varies_speed: plan.split == Side::Train,
            plan,
        })
    }

    /// What it can make.
    pub(super) fn kinds(&self) -> &'static [Made] {
        kinds(self.clips.is_some())
    }

    pub(super) fn make(&mut self, made: Made, number: u64) -> Result<Medley, LabError> {
        let Self {
            clips,
            decoded,
            plan,
            varies_speed,
        } = self;
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        rng.set_stream(number);
        match clips.as_ref().filter(|_| made == Made::Real) {
            None => Ok(composed(plan, number)),
            Some(clips) => clips.make(plan, number, |clip: &Clip| {
                if !decoded.contains_key(&clip.name) {
                    decoded.insert(clip.name.clone(), ClipMedleys::decoded(clip)?);
                }
                let samples = decoded.get(&clip.name).map_or(&[][..], Vec::as_slice);
                // As a record played too slow or too fast: the encoder was trained on the same clips at their own
                // speed.
                let speed = if *varies_speed {
                    rng.random_range(SPEEDS).exp()
                } else {
                    1.0
                };
                Ok(varispeed(samples, speed))
            }),
        }
    }
}

/// Normalised frames of a medley.
pub(super) fn frames(medley: &Medley, spec: &FrontEndSpec) -> Result<Vec<f32>, LabError> {
    let mut extractor = FeatureExtractor::new(spec, RATE).map_err(ModelError::from)?;
    let block = extractor.push(&medley.samples).map_err(ModelError::from)?;
    Ok(block.normalized)
}

/// The sections of a medley by the numbers of their genres.
pub(super) fn truth(medley: &Medley, genres: &GenreSet) -> Result<Vec<TrueSection>, LabError> {
    let sections = medley.sections.iter().map(|section| {
        let place = genres.labels().iter().position(|label| *label == section.token);
        let token = place.ok_or_else(|| {
            LabError::Refused(format!(
                "a medley has the genre {:?}, which the model does not have",
                section.token
            ))
        })?;
        Ok(TrueSection {
            start_s: section.start().0,
            end_s: section.end().0,
            token: token as u32,
        })
    });
    sections.collect()
}

impl Pieces {
    /// Those of a plan; `kept`: a file in which they are found again.
    ///
    /// # Errors
    /// If a clip cannot be decoded, the model fails, a file cannot be written, or the run is to stop.
    pub fn new(
        data: Option<&Dataset>,
        encoder: &LoadedModel,
        plan: PoolPlan,
        kept: Option<&Path>,
        run: &mut Run<'_>,
    ) -> Result<Self, LabError> {
        let inputs = SourceSteps::width(encoder);
        if let Some(bytes) = kept.map(read_if_any).transpose()?.flatten() {
            return Self::of_bytes(&bytes, inputs);
        }
        let spec = &encoder.manifest().front_end;
        let mut maker = Maker::new(data, plan)?;
        let mut all = Vec::new();
        for number in 0..plan.count {
            if number % 20 == 0 {
                let what = if plan.is_valid { "validation" } else { "training" };
                run.say(&format!("making medleys for {what}: {number} of {}", plan.count))?;
            }
            for &made in maker.kinds() {
                let medley = maker.make(made, number)?;
                all.push(Piece {
                    made,
                    number,
                    sections: truth(&medley, &encoder.manifest().genres)?,
                    steps: SourceSteps::of_clip(encoder, STEP, &frames(&medley, spec)?)?,
                });
            }
        }
        all.sort_by_key(|piece| piece.steps.len());
        let pieces = Self { inputs, all };
        if let Some(path) = kept {
            write_atomically(path, &pieces.bytes()?)?;
        }
        Ok(pieces)
    }

    /// Number of source steps of a piece.
    pub fn count(&self, piece: &Piece) -> usize {
        piece.steps.len() / self.inputs
    }

    /// Seconds of a source step of [`STEP`] frames.
    pub fn step_s(spec: &FrontEndSpec) -> Seconds {
        Seconds(spec.hop().0 * STEP as f64)
    }

    /// The source steps of a piece for a live network: the mean of each two.
    pub fn live_steps(&self, piece: &Piece) -> Vec<f32> {
        let pairs = piece.steps.chunks_exact(LIVE_STEP / STEP * self.inputs);
        let mean = |pair: &[f32]| -> Vec<f32> {
            let (first, second) = pair.split_at(self.inputs);
            first.iter().zip(second).map(|(a, b)| 0.5 * (a + b)).collect()
        };
        pairs.flat_map(mean).collect()
    }

    fn bytes(&self) -> Result<Vec<u8>, LabError> {
        let mut stored = HashMap::new();
        for (place, piece) in self.all.iter().enumerate() {
            let steps = Tensor::from_slice(&piece.steps, (self.count(piece), self.inputs), &Device::Cpu)?;
            stored.insert(format!("{place:05}"), steps);
        }
        let about: Vec<_> = self
            .all
            .iter()
            .map(|piece| (piece.made, piece.number, &piece.sections))
            .collect();
        let about = serde_json::to_string(&about).map_err(|error| LabError::Refused(error.to_string()))?;
        Ok(serialize(&stored, Some(HashMap::from([("about".to_owned(), about)])))?)
    }

    fn of_bytes(bytes: &[u8], inputs: usize) -> Result<Self, LabError> {
        let damaged = || LabError::Refused("the file of medleys in --out is damaged: delete it".to_owned());
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes).map_err(|_| damaged())?;
        let about = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("about"))
            .ok_or_else(damaged)?;
        let about: Vec<(Made, u64, Vec<TrueSection>)> = serde_json::from_str(about).map_err(|_| damaged())?;
        let mut stored = tensors(bytes)?;
        let pieces = about.into_iter().enumerate().map(|(place, (made, number, sections))| {
            let steps = stored.remove(&format!("{place:05}")).ok_or_else(damaged)?;
            Ok(Piece {
                made,
                number,
                sections,
                steps: steps.flatten_all()?.to_vec1()?,
            })
        });
        Ok(Self {
            inputs,
            all: pieces.collect::<Result<_, LabError>>()?,
        })
    }
}
