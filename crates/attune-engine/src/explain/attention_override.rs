//! The answer of an attention model whose classifier may attend to chosen frames only.

use super::probe::Probe;
use super::segments::Segment;
use attune_model::genre::Probabilities;

/// The answers of a probe that has seen `count` frames, with the classifier's attention spread evenly over each segment
/// and nowhere else; `None` for a segment out of reach, and for all if the model does not attend.
pub fn attend_only(probe: &Probe, count: usize, segments: &[Segment]) -> Vec<Option<Probabilities>> {
    segments
        .iter()
        .map(|segment| {
            let mut weights = vec![0.0; count];
            weights[segment.start..segment.end.min(count)].fill(1.0);
            probe.override_attention(&weights)
        })
        .collect()
}

/// The answer when all frames within reach have the same weight.
pub fn attend_evenly(probe: &Probe) -> Option<Probabilities> {
    let reach = probe.attention()?.frames;
    probe.override_attention(&vec![1.0; reach])
}
