//! Means of probabilities: over models at one moment, and over the frames of a whole sound.
//!
//! In: calibrated probabilities. Out: their mean. Thread: any.

use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::genre::{MAX_CLASSES, Probabilities};

/// Answers of the first seconds of audible sound do not count for the answer to the whole, if it is longer: the models'
/// pooled features are still on their way. (Where they are reset in the middle, they do count.)
pub const SETTLED: Seconds = Seconds(2.0);

/// The answer of the ensemble: the mean of its models' probabilities with equal weights; `None` without a model.
///
/// ```
/// use attune_engine::smoothing::ensemble_mean;
/// use attune_model::genre::Probabilities;
/// let [a, b] = [[1.0, 0.0], [0.5, 0.5]].map(|row| Probabilities::from_slice(&row));
/// assert_eq!(ensemble_mean([&a, &b]).unwrap().as_slice(), [0.75, 0.25]);
/// ```
pub fn ensemble_mean<'a>(models: impl IntoIterator<Item = &'a Probabilities>) -> Option<Probabilities> {
    let mut total = [0.0f32; MAX_CLASSES];
    let (mut count, mut classes) = (0.0, 0);
    for model in models {
        for (sum, &p) in total.iter_mut().zip(model.as_slice()) {
            *sum += p;
        }
        count += 1.0;
        classes = model.as_slice().len();
    }
    if count == 0.0 {
        return None;
    }
    for sum in &mut total[..classes] {
        *sum /= count;
    }
    Some(Probabilities::from_slice(&total[..classes]))
}

/// A mean over frames.
#[derive(Debug, Clone)]
pub(crate) struct FrameMean {
    sums: Vec<f64>,
    count: u64,
}

impl FrameMean {
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            sums: vec![0.0; classes],
            count: 0,
        }
    }

    pub(crate) fn push(&mut self, row: &Probabilities) {
        for (sum, &p) in self.sums.iter_mut().zip(row.as_slice()) {
            *sum += f64::from(p);
        }
        self.count += 1;
    }

    /// `None` of no frames.
    pub(crate) fn value(&self) -> Option<Probabilities> {
        if self.count == 0 {
            return None;
        }
        let row: Vec<f32> = self.sums.iter().map(|sum| (sum / self.count as f64) as f32).collect();
        Some(Probabilities::from_slice(&row))
    }
}

/// One model's answer to a whole sound, from its audible frames: the mean over those after [`SETTLED`] that
/// count; the newest frame before that; the mean over all, if the gate rejected every settled one.
#[derive(Debug, Clone)]
pub struct SettledMean {
    unsettled: u64,
    frames: u64,
    settled: FrameMean,
    /// Only as long as `settled` is empty.
    all: FrameMean,
    newest: Option<Probabilities>,
}

impl SettledMean {
    /// Before the first frame.
    pub fn new(classes: usize, spec: &FrontEndSpec) -> Self {
        Self {
            unsettled: spec.frames_in(SETTLED) as u64,
            frames: 0,
            settled: FrameMean::new(classes),
            all: FrameMean::new(classes),
            newest: None,
        }
    }

    /// Takes the model's probabilities at the next audible frame; `counted`: the gate did not reject it.
    pub fn push(&mut self, row: &Probabilities, counted: bool) {
        self.frames += 1;
        let is_settled = self.frames > self.unsettled;
        if is_settled && counted {
            self.settled.push(row);
        } else if self.settled.count == 0 {
            self.all.push(row);
        }
        self.newest = (!is_settled).then_some(*row);
    }

    /// The answer so far; `None` before the first frame.
    pub fn value(&self) -> Option<Probabilities> {
        self.newest
            .or_else(|| self.settled.value())
            .or_else(|| self.all.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first class, after these frames: its probability, and whether the gate let the frame in. The first two frames
    /// are before the model has settled.
    fn first(frames: &[(f32, bool)]) -> Option<f32> {
        let mut mean = SettledMean::new(2, &FrontEndSpec::default());
        mean.unsettled = 2;
        for &(p, counted) in frames {
            mean.push(&Probabilities::from_slice(&[p, 1.0 - p]), counted);
        }
        mean.value().map(|value| value.as_slice()[0])
    }

    #[test]
    fn the_answer_to_the_whole_is_the_mean_of_settled_frames_that_count() {
        assert_eq!(first(&[]), None);
        // Too short: the newest alone, let in or not.
        assert_eq!(first(&[(0.25, true), (0.5, true)]), Some(0.5));
        assert_eq!(first(&[(0.25, true), (0.5, false)]), Some(0.5));
        // Then the mean of what the gate lets in.
        let settled = [(0.25, true), (0.25, true), (0.5, true), (1.0, true), (0.0, false)];
        assert_eq!(first(&settled), Some(0.75));
        // If it lets nothing in, of all frames.
        assert_eq!(first(&[(0.25, true), (0.25, true), (1.0, false)]), Some(0.5));
    }
}
