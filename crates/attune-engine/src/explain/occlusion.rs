//! What each class loses when a segment is occluded.

use super::probe::{Input, Probe};
use super::replace::by_local_mean;
use super::segments::Segment;
use crate::smoothing::ensemble_mean;
use attune_model::genre::Probabilities;
use attune_model::{LoadedModel, ModelError};

/// One model's answer with all of the past, and without each segment of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    /// With all of it.
    pub whole: Probabilities,
    /// Without each segment.
    pub without: Vec<Probabilities>,
}

impl Occlusion {
    /// What each segment adds to a class: its probability with all, less that without the segment. Positive: it is
    /// evidence for the class.
    pub fn contributions(&self, class: usize) -> Vec<f32> {
        let whole = self.whole.as_slice()[class];
        self.without
            .iter()
            .map(|without| whole - without.as_slice()[class])
            .collect()
    }

    /// The mean over models with the same input and segments; `None` without any.
    pub fn mean(of: &[Self]) -> Option<Self> {
        Some(Self {
            whole: ensemble_mean(of.iter().map(|one| &one.whole))?,
            without: (0..of.first()?.without.len())
                .map(|at| ensemble_mean(of.iter().map(|one| &one.without[at])))
                .collect::<Option<_>>()?,
        })
    }
}

/// The answer of one model at the newest frame with all of the past, and without each of the `segments` (ascending,
/// disjoint) in turn: a segment is replaced by the mean of the frames within `reach` of it. `None` for no frames.
///
/// What precedes a segment is processed once: the probe is forked there.
pub fn occlude(
    model: &LoadedModel,
    input: &Input,
    segments: &[Segment],
    reach: usize,
) -> Result<Option<Occlusion>, ModelError> {
    let (count, bands) = (input.count(), input.bands);
    let mut probe = Probe::new(model)?;
    let mut done = 0;
    let mut without = Vec::with_capacity(segments.len());
    for segment in segments {
        probe.push(input.rows(done, segment.start), bands)?;
        done = segment.start;
        let mut other = probe.fork();
        let mut frames = input.frames.clone();
        let is_occluded: Vec<bool> = (0..count)
            .map(|frame| (segment.start..segment.end).contains(&frame))
            .collect();
        by_local_mean(&mut frames, bands, &is_occluded, reach);
        other.push(&frames[segment.start * bands..], bands)?;
        without.extend(other.answer());
    }
    probe.push(input.rows(done, count), bands)?;
    Ok(probe.answer().map(|whole| Occlusion { whole, without }))
}
