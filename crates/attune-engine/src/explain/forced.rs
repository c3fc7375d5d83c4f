//! What an attention engine answers when it may look at one segment only.

use super::listener::Listener;
use super::segments::Segment;
use attune_model::genre::Probabilities;

/// The answers with the classifier's attention spread evenly over each segment and nowhere else, of a listener that has
/// heard `count` frames; `None` for a segment out of reach, and for all if the engine does not attend.
pub fn force(listener: &Listener, count: usize, segments: &[Segment]) -> Vec<Option<Probabilities>> {
    segments
        .iter()
        .map(|segment| {
            let mut weights = vec![0.0; count];
            weights[segment.start..segment.end.min(count)].fill(1.0);
            listener.override_attention(&weights)
        })
        .collect()
}

/// The answer when all frames in reach weigh the same.
pub fn uniform(listener: &Listener) -> Option<Probabilities> {
    let reach = listener.attention()?.frames;
    listener.override_attention(&vec![1.0; reach])
}
