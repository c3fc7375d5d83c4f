//! Metrics against seconds of audio.

use super::answers::Answers;
use super::calibration::ece_if_calibrated;
use super::metrics::Metrics;
use attune_audio::features::FrontEndSpec;

/// Seconds after which answers are evaluated.
pub const MARKS: [f64; 7] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0];

/// A clip counts at a mark if it lasts this much of it: many a clip of 30 s has a few hundredths less.
const ENOUGH: f64 = 0.98;

/// Metrics after a number of seconds of audio: for each clip that is long enough, the mean of the calibrated
/// probabilities after the first two seconds, up to that one; at 1 and 2 s the newest frame alone.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsAt {
    /// Seconds of audio.
    pub seconds: f64,
    /// As the answers are given.
    pub metrics: Metrics,
    /// At temperature 1.
    pub before: Metrics,
    /// The calibration error to expect if the answers were perfectly calibrated ([`ece_if_calibrated`]).
    pub chance_ece: f64,
}

/// Frames whose window ends within the first `seconds`.
pub(super) fn frames_at(seconds: f64, spec: &FrontEndSpec) -> usize {
    let samples = (seconds * spec.rate.hz()) as usize;
    match samples.checked_sub(spec.window_samples) {
        Some(rest) => rest / spec.hop_samples + 1,
        None => 0,
    }
}

/// Whether a clip of this many frames counts at this second.
pub(super) fn is_long_enough(frames: usize, seconds: f64, spec: &FrontEndSpec) -> bool {
    frames > 0 && frames >= frames_at(seconds * ENOUGH, spec)
}

/// The metrics at each of [`MARKS`] that any clip is long enough for. `given` and `before` are of the same clips.
pub fn metrics_at_marks(given: &Answers, before: &Answers, classes: usize) -> Vec<MetricsAt> {
    let each = MARKS.iter().enumerate().filter_map(|(mark, &seconds)| {
        let labelled = given.labelled_at(mark);
        (!labelled.is_empty()).then(|| MetricsAt {
            seconds,
            metrics: Metrics::of(&labelled, classes),
            before: Metrics::of(&before.labelled_at(mark), classes),
            chance_ece: ece_if_calibrated(&labelled),
        })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::genre::{GenreId, Probabilities};

    #[test]
    fn each_mark_evaluates_the_clips_that_reach_it() {
        let p = |first: f32| Probabilities::from_slice(&[first, 1.0 - first]);
        let answers = Answers {
            truths: vec![GenreId(0), GenreId(1)],
            whole: vec![p(0.9), p(0.2)],
            at_marks: vec![vec![p(0.4), p(0.9)], vec![p(0.2)]],
        };
        let moments = metrics_at_marks(&answers, &answers, 2);
        let read: Vec<(f64, usize, f64)> = moments
            .iter()
            .map(|moment| (moment.seconds, moment.metrics.clips, moment.metrics.accuracy))
            .collect();
        assert_eq!(read, [(1.0, 2, 0.5), (2.0, 1, 1.0)]);
        // At 1 s: 60 % sure and wrong, 80 % sure and right.
        assert!((moments[0].metrics.ece - 0.4).abs() < 1e-6, "(0.6 + 0.2) / 2");
    }

    #[test]
    fn clips_of_almost_thirty_seconds_count() {
        let spec = FrontEndSpec::default();
        // 29.93 s of sound.
        let frames = (660_000 - 2048) / 512 + 1;
        assert!(is_long_enough(frames, 30.0, &spec));
        assert!(!is_long_enough(frames_at(29.0, &spec), 30.0, &spec));
        // An excerpt of 130 frames counts at 3 s.
        assert!(is_long_enough(130, 3.0, &spec) && !is_long_enough(130, 5.0, &spec));
    }
}
