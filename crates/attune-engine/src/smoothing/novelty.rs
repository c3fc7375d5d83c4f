//! How unfamiliar music is: the models' novelty, averaged over models and frames.
//!
//! In: novelty per model and frame. Out: its means, and a familiarity. Thread: any.
//!
//! Novelty is −ln p, where p is about the share of known music that lies at least as far from what was learnt
//! ([`attune_model::familiarity`]). Its mean over models is the statistic of Fisher's method of combining tests (1932).

use super::SETTLED;
use super::average::Decay;
use attune_audio::units::Seconds;

/// exp(−novelty), 0…1: about the share of known music that is no more familiar.
///
/// ```
/// use attune_engine::smoothing::familiarity;
/// assert_eq!((familiarity(0.0), familiarity(-1.0)), (1.0, 1.0));
/// assert!((familiarity(20.0_f32.ln()) - 0.05).abs() < 1e-6);
/// ```
pub fn familiarity(novelty: f32) -> f32 {
    (-novelty).exp().min(1.0)
}

/// The mean over the models that have a novelty; `None` if none has.
pub fn mean_novelty(models: impl IntoIterator<Item = Option<f32>>) -> Option<f32> {
    let (sum, count) = models
        .into_iter()
        .flatten()
        .fold((0.0, 0.0), |(sum, count), novelty| (sum + novelty, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The novelty of a whole sound: the mean over the frames after [`SETTLED`] that count. Before that pooled features say
/// more about how little was seen than about what.
#[derive(Debug, Clone)]
pub struct SettledNovelty {
    unsettled: u64,
    sum: f64,
    count: u64,
}

impl SettledNovelty {
    /// Before the first frame, with one frame every `hop`.
    pub fn new(hop: Seconds) -> Self {
        Self {
            unsettled: unsettled_frames(hop),
            sum: 0.0,
            count: 0,
        }
    }

    /// Takes the novelty of the next frame that counts.
    pub fn push(&mut self, novelty: Option<f32>) {
        if self.unsettled > 0 {
            self.unsettled -= 1;
        } else if let Some(novelty) = novelty {
            self.sum += f64::from(novelty);
            self.count += 1;
        }
    }

    /// The mean so far; `None` before a frame has counted.
    pub fn value(&self) -> Option<f32> {
        (self.count > 0).then(|| (self.sum / self.count as f64) as f32)
    }
}

/// The novelty of the last moments of a stream: an average as that of probabilities, of the frames after [`SETTLED`].
#[derive(Debug, Clone)]
pub(super) struct NoveltyAverage {
    unsettled: u64,
    decay: Decay,
    value: Option<f32>,
}

impl NoveltyAverage {
    /// Before the first frame, with one frame every `hop`.
    pub(super) fn new(hop: Seconds) -> Self {
        Self {
            unsettled: unsettled_frames(hop),
            decay: Decay::default(),
            value: None,
        }
    }

    /// Before the first frame that counts, for models that have processed `frames`.
    pub(super) fn after(frames: u64, hop: Seconds) -> Self {
        Self {
            unsettled: unsettled_frames(hop).saturating_sub(frames),
            ..Self::new(hop)
        }
    }

    /// Takes the novelty of the next frame that counts.
    pub(super) fn push(&mut self, novelty: Option<f32>, steady: f64) {
        if self.unsettled > 0 {
            self.unsettled -= 1;
        } else if let Some(novelty) = novelty {
            let weight = self.decay.next(steady);
            let mean = self.value.get_or_insert(novelty);
            *mean += weight * (novelty - *mean);
        }
    }

    /// The average so far; `None` before a frame has counted.
    pub(super) fn value(&self) -> Option<f32> {
        self.value
    }
}

fn unsettled_frames(hop: Seconds) -> u64 {
    (SETTLED.0 / hop.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_from_where_models_have_settled() {
        let mut mean = SettledNovelty::new(Seconds(0.5));
        for novelty in [9.0, 9.0, 9.0, 9.0] {
            mean.push(Some(novelty));
            assert_eq!(mean.value(), None);
        }
        for novelty in [Some(1.0), None, Some(2.0)] {
            mean.push(novelty);
        }
        assert_eq!(mean.value(), Some(1.5));
    }

    #[test]
    fn models_without_statistics_are_left_out() {
        assert_eq!(mean_novelty([None, Some(3.0), Some(1.0)]), Some(2.0));
        assert_eq!(mean_novelty([None, None]), None);
    }
}
