//! Metrics against seconds of audio.

use super::answers::Answers;
use super::calibration::ece_if_calibrated;
use super::groups::ByGroup;
use super::metrics::Metrics;
use super::recall::{Recalls, Rise};
use attune_audio::features::FrontEndSpec;
use attune_model::genre::{GenreId, Probabilities};

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
    /// The accuracy's interval over whole groups of clips, if there are groups.
    pub by_group: Option<ByGroup>,
    /// Recall of each class.
    pub recalls: Recalls,
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

/// The metrics at each of [`MARKS`] that any clip is long enough for. `given` and `before` are of the same clips, and
/// `groups` numbers each clip's group.
pub fn metrics_at_marks(given: &Answers, before: &Answers, groups: Option<&[usize]>, classes: usize) -> Vec<MetricsAt> {
    let each = MARKS.iter().enumerate().filter_map(|(mark, &seconds)| {
        let labelled = given.labelled_at(mark);
        if labelled.is_empty() {
            return None;
        }
        let clips = given.clips_at(mark);
        let groups: Option<Vec<usize>> = groups.map(|groups| clips.iter().map(|&clip| groups[clip]).collect());
        let (truths, right) = outcomes(&labelled);
        Some(MetricsAt {
            seconds,
            metrics: Metrics::of(&labelled, classes),
            by_group: groups.as_ref().and_then(|groups| ByGroup::of(&right, groups)),
            recalls: Recalls::of(&truths, &right, groups.as_deref(), classes),
            before: Metrics::of(&before.labelled_at(mark), classes),
            chance_ece: ece_if_calibrated(&labelled),
        })
    });
    each.collect()
}

/// Truths and whether they were answered.
pub(super) fn outcomes(labelled: &[(GenreId, Probabilities)]) -> (Vec<GenreId>, Vec<bool>) {
    labelled.iter().map(|(truth, p)| (*truth, p.top().0 == *truth)).unzip()
}

/// How recall changes from 3 s to the last of [`MARKS`] that any clip is long enough for, on those clips; `None` if
/// that is 3 s.
pub(super) fn rise(answers: &Answers, classes: usize) -> Option<Rise> {
    let from = MARKS.iter().position(|&seconds| seconds >= 3.0)?;
    let to = (from + 1..MARKS.len()).rfind(|&mark| !answers.clips_at(mark).is_empty())?;
    let clips = answers.clips_at(to);
    let right = |mark: usize| -> Vec<bool> {
        let is_right = |&clip: &usize| answers.at_marks[clip][mark].top().0 == answers.truths[clip];
        clips.iter().map(is_right).collect()
    };
    let truths: Vec<GenreId> = clips.iter().map(|&clip| answers.truths[clip]).collect();
    Some(Rise::of(
        (MARKS[from], MARKS[to]),
        &truths,
        &right(from),
        &right(to),
        classes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_evaluates_the_clips_that_reach_it() {
        let p = |first: f32| Probabilities::from_slice(&[first, 1.0 - first]);
        let answers = Answers {
            truths: vec![GenreId(0), GenreId(1)],
            whole: vec![p(0.9), p(0.2)],
            at_marks: vec![vec![p(0.4), p(0.9)], vec![p(0.2)]],
        };
        let moments = metrics_at_marks(&answers, &answers, None, 2);
        let read: Vec<(f64, usize, f64)> = moments
            .iter()
            .map(|moment| (moment.seconds, moment.metrics.clips, moment.metrics.accuracy))
            .collect();
        assert_eq!(read, [(1.0, 2, 0.5), (2.0, 1, 1.0)]);
        // At 1 s: 60 % sure and wrong, 80 % sure and right.
        assert!((moments[0].metrics.ece - 0.4).abs() < 1e-6, "(0.6 + 0.2) / 2");
    }

    #[test]
    fn recall_over_time_is_compared_on_the_same_clips() {
        let p = |first: f32| Probabilities::from_slice(&[first, 1.0 - first]);
        // The third clip is short: right at 3 s, it does not count at 5 s.
        let marks = |firsts: &[f32]| firsts.iter().map(|&first| p(first)).collect::<Vec<_>>();
        let answers = Answers {
            truths: vec![GenreId(0), GenreId(1), GenreId(0)],
            whole: marks(&[0.9, 0.2, 0.9]),
            at_marks: vec![
                marks(&[0.1, 0.1, 0.1, 0.9]),
                marks(&[0.9, 0.9, 0.1, 0.1]),
                marks(&[0.9, 0.9, 0.9]),
            ],
        };
        let rise = rise(&answers, 2).unwrap();
        assert_eq!((rise.from, rise.to, rise.all.difference), (3.0, 5.0, 0.5));
        assert!((rise.per_class[0].unwrap().difference - 1.0).abs() < 1e-9);
        let at = metrics_at_marks(&answers, &answers, Some(&[0, 1, 2]), 2);
        assert_eq!(at[2].recalls.per_class[0].unwrap().clips, 2);
        assert_eq!((at[2].by_group.unwrap().groups, at[3].by_group), (3, None));
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
