//! The pointing game (Zhang et al. 2018): how often does a map point at the one passage that carries a class?
//!
//! A passage of one genre is put into a clip of another. Only the passage is evidence for its class, so a good map has
//! its highest segment inside. Chance is the passage's share of the segments.
//!
//! In: log-mel levels of labelled clips, and models. Out: hit rates. Thread: any.

use super::attention_override::attend_only;
use super::occlusion::occlude;
use super::probe::{Input, Probe};
use super::segments::{Segment, segments};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::genre::GenreId;
use attune_model::{LoadedModel, ModelError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Length of an example.
pub const EXAMPLE: Seconds = Seconds(12.0);
/// Length of the passage.
pub const PASSAGE: Seconds = Seconds(2.0);
/// The passage lies within this much of the end: within reach of attention.
pub(crate) const WITHIN: Seconds = Seconds(5.5);
/// Length of a segment.
pub const SEGMENT: Seconds = Seconds(0.5);
/// A segment is replaced by the mean of the frames within this much of it.
pub(crate) const REPLACEMENT_REACH: Seconds = Seconds(1.0);

/// Log-mel levels of a clip in dB, (frames, bands), with its class.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// (frames, bands).
    pub levels_db: &'a [f32],
    /// Its class.
    pub genre: GenreId,
}

/// A clip with a passage of another genre in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PointingExample {
    /// Its frames.
    pub input: Input,
    /// Where the passage lies.
    pub passage: Segment,
    /// Its class.
    pub genre: GenreId,
}

/// The segments of an example over which a map has values.
#[derive(Debug, Clone, PartialEq)]
pub struct MapSegments {
    /// In frames of the example, ascending.
    pub segments: Vec<Segment>,
    /// Whether each lies in the passage.
    inside: Vec<bool>,
}

impl PointingExample {
    /// Its last [`WITHIN`], by [`SEGMENT`].
    pub fn segments(&self, hop: Seconds) -> MapSegments {
        let segments = segments(self.input.count(), hop, WITHIN, SEGMENT);
        let passage = self.passage.start..self.passage.end;
        let inside = segments
            .iter()
            .map(|segment| passage.contains(&segment.middle()))
            .collect();
        MapSegments { segments, inside }
    }
}

/// Draws examples without end: each time two of these clips, of different genres, the first around the second. `None`
/// if no two of different genres are long enough.
pub fn examples<'a>(
    clips: &'a [Source<'a>],
    spec: &'a FrontEndSpec,
    rng: &'a mut ChaCha8Rng,
) -> Option<impl Iterator<Item = PointingExample> + 'a> {
    let long = spec.frames_in(EXAMPLE) * spec.bands;
    let clips: Vec<Source<'_>> = clips
        .iter()
        .copied()
        .filter(|clip| clip.levels_db.len() >= long)
        .collect();
    let first = clips.first()?.genre;
    clips.iter().find(|clip| clip.genre != first)?;
    let draw = move || {
        let mut one = || clips[rng.random_range(0..clips.len())];
        let (around, passage) = (one(), one());
        Some(
            (around.genre != passage.genre)
                .then(|| insert(around, passage, spec, rng))
                .flatten(),
        )
    };
    Some(std::iter::from_fn(draw).flatten())
}

/// Puts the beginning of `passage` into `around`, at the same mean level, at a random position; `None` if one of them
/// is too short.
pub fn insert(
    around: Source<'_>,
    passage: Source<'_>,
    spec: &FrontEndSpec,
    rng: &mut ChaCha8Rng,
) -> Option<PointingExample> {
    let bands = spec.bands;
    let frames = |time| spec.frames_in(time);
    let (total, length, within) = (frames(EXAMPLE), frames(PASSAGE), frames(WITHIN));
    let mut levels = around.levels_db.get(..total * bands)?.to_vec();
    let start = total - rng.random_range(length..=within);
    let into = &mut levels[start * bands..(start + length) * bands];
    let from = passage.levels_db.get(..length * bands)?;
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let shift = mean(into) - mean(from);
    for (slot, level) in into.iter_mut().zip(from) {
        *slot = level + shift;
    }
    Some(PointingExample {
        input: Input::of_levels(&levels, spec),
        passage: Segment {
            start,
            end: start + length,
        },
        genre: passage.genre,
    })
}

/// How often a map's highest segment was in the passage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pointing {
    /// Examples.
    #[serde(rename = "pieces")]
    pub examples: usize,
    /// Those whose highest segment was inside.
    pub hits: usize,
    /// The sum over the examples of the share of segments that are inside.
    pub by_chance: f64,
}

impl Pointing {
    /// Adds an example: the value of a map at each of its segments. Nothing is added for a map without segments.
    pub fn add(&mut self, segments: &MapSegments, values: &[f32]) {
        let Some(highest) = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])) else {
            return;
        };
        self.examples += 1;
        self.hits += usize::from(segments.inside[highest]);
        let inside = segments.inside.iter().filter(|inside| **inside).count();
        self.by_chance += inside as f64 / segments.inside.len() as f64;
    }

    /// Share of hits.
    pub fn rate(&self) -> f64 {
        self.hits as f64 / self.examples.max(1) as f64
    }

    /// Expected share of hits of a random map.
    pub fn chance(&self) -> f64 {
        self.by_chance / self.examples.max(1) as f64
    }
}

/// How well each map of one model points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PointingScores {
    /// The segment whose occlusion costs the passage's class most.
    pub occluded: Pointing,
    /// The most attended segment; no examples if the model does not attend.
    pub attended: Pointing,
    /// The segment that makes the passage's class most probable when the model attends to it only; as above.
    #[serde(rename = "forced")]
    pub overridden: Pointing,
}

impl PointingScores {
    /// Adds the maps of a model for one example.
    ///
    /// # Errors
    /// If the model fails.
    pub fn add(&mut self, model: &LoadedModel, example: &PointingExample, hop: Seconds) -> Result<(), ModelError> {
        let PointingExample { input, genre, .. } = example;
        let count = input.count();
        let map = example.segments(hop);
        let class = usize::from(genre.0);
        let reach = (REPLACEMENT_REACH.0 / hop.0) as usize;
        if let Some(occlusion) = occlude(model, input, &map.segments, reach)? {
            self.occluded.add(&map, &occlusion.contributions(class));
        }
        let mut probe = Probe::new(model)?;
        probe.push(&input.frames, input.bands)?;
        let Some(picture) = probe.attention() else {
            return Ok(());
        };
        let first = count - picture.pooling.len().min(count);
        // Segments may differ in length by a frame: compared is the weight per frame.
        let attended: Vec<f32> = map
            .segments
            .iter()
            .map(|segment| {
                let weights =
                    (segment.start..segment.end).filter_map(|frame| picture.pooling.get(frame.checked_sub(first)?));
                weights.fold(0.0, |sum, weight| sum + weight) / segment.len() as f32
            })
            .collect();
        self.attended.add(&map, &attended);
        let overridden = attend_only(&probe, count, &map.segments);
        let overridden: Vec<f32> = overridden.iter().map(|p| p.map_or(0.0, |p| p.of(*genre))).collect();
        self.overridden.add(&map, &overridden);
        Ok(())
    }
}
