//! What an engine heard in a clip, and what it says of it after so many seconds.

use super::calibration::tempered;
use super::metrics_at::{MARKS, frames_at, is_long_enough};
use attune_audio::features::FrontEndSpec;
use attune_engine::smoothing::SETTLED;
use attune_model::genre::{GenreId, Probabilities};

/// Logits of every frame of one clip that was loud enough to be heard, and the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipLogits {
    /// The true class.
    pub truth: GenreId,
    /// (frames, classes).
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
}

impl ClipLogits {
    /// Frames that were heard.
    pub fn frames(&self) -> usize {
        self.logits.len() / self.classes.max(1)
    }

    /// The answer for the clip: the mean of the calibrated probabilities over all frames after [`SETTLED`] (the
    /// last frame alone, if the clip is shorter; uniform, if nothing was heard).
    pub fn answer(&self, temperature: f32, spec: &FrontEndSpec) -> Probabilities {
        self.answers_after(&[self.frames()], temperature, spec)
            .pop()
            .unwrap_or_else(|| Probabilities::uniform(self.classes))
    }

    /// The answer as it stands after each of these numbers of frames (ascending, at most [`Heard::frames`]): the mean
    /// of the calibrated probabilities from [`SETTLED`] up to there, or the last frame alone before that.
    pub fn answers_after(&self, counts: &[usize], temperature: f32, spec: &FrontEndSpec) -> Vec<Probabilities> {
        let unsettled = spec.frames_in(SETTLED);
        let mut sums = vec![0.0f64; self.classes];
        let mut counts = counts.iter().copied().peekable();
        let mut answers = Vec::new();
        while counts.next_if_eq(&0).is_some() {
            answers.push(Probabilities::uniform(self.classes));
        }
        for (frame, row) in self.logits.chunks_exact(self.classes.max(1)).enumerate() {
            let Some(&next) = counts.peek() else { break };
            let is_settled = frame >= unsettled;
            if !is_settled && frame + 1 != next {
                continue;
            }
            let probabilities = Probabilities::softmax(row, temperature);
            if is_settled {
                for (sum, &p) in sums.iter_mut().zip(probabilities.as_slice()) {
                    *sum += f64::from(p);
                }
            }
            while counts.next_if_eq(&(frame + 1)).is_some() {
                answers.push(if is_settled {
                    let frames = (frame + 1 - unsettled) as f64;
                    let mean: Vec<f32> = sums.iter().map(|sum| (sum / frames) as f32).collect();
                    Probabilities::from_slice(&mean)
                } else {
                    probabilities
                });
            }
        }
        answers
    }
}

/// What is said of many clips: in the end, and at each of [`MARKS`] that a clip is long enough for.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The true classes, clip by clip.
    pub truths: Vec<GenreId>,
    /// Over the whole clips.
    pub whole: Vec<Probabilities>,
    /// At the marks, as many as the clip is long enough for.
    pub at_marks: Vec<Vec<Probabilities>>,
}

impl Answers {
    /// Of one engine at a temperature.
    pub fn of(heard: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> Self {
        let mut answers = Self {
            truths: heard.iter().map(|clip| clip.truth).collect(),
            whole: Vec::with_capacity(heard.len()),
            at_marks: Vec::with_capacity(heard.len()),
        };
        for clip in heard {
            let frames = clip.frames();
            let mut counts: Vec<usize> = MARKS
                .iter()
                .take_while(|&&mark| is_long_enough(frames, mark, spec))
                .map(|&mark| frames_at(mark, spec).min(frames))
                .collect();
            counts.push(frames);
            let mut said = clip.answers_after(&counts, temperature, spec);
            let whole = said.pop();
            answers
                .whole
                .push(whole.unwrap_or_else(|| Probabilities::uniform(clip.classes)));
            answers.at_marks.push(said);
        }
        answers
    }

    /// The mean over engines that heard the same clips.
    ///
    /// # Panics
    /// If there is no engine: a slip of the caller.
    pub fn ensemble(engines: &[Self]) -> Self {
        let mean = |of: &dyn Fn(&Self) -> Probabilities| {
            let mut mean = of(&engines[0]);
            for (place, p) in mean.as_mut_slice().iter_mut().enumerate() {
                *p = engines.iter().map(|engine| of(engine).as_slice()[place]).sum::<f32>() / engines.len() as f32;
            }
            mean
        };
        let first = &engines[0];
        let clips = 0..first.truths.len();
        Self {
            truths: first.truths.clone(),
            whole: clips.clone().map(|clip| mean(&|engine| engine.whole[clip])).collect(),
            at_marks: clips
                .map(|clip| {
                    let marks = engines.iter().map(|engine| engine.at_marks[clip].len()).min();
                    (0..marks.unwrap_or(0))
                        .map(|mark| mean(&|engine| engine.at_marks[clip][mark]))
                        .collect()
                })
                .collect(),
        }
    }

    /// The same answers, made surer or less sure after they were averaged ([`tempered`]).
    #[must_use]
    pub fn tempered(&self, temperature: f32) -> Self {
        let each = |all: &[Probabilities]| all.iter().map(|p| tempered(p, temperature)).collect();
        Self {
            truths: self.truths.clone(),
            whole: each(&self.whole),
            at_marks: self.at_marks.iter().map(|marks| each(marks)).collect(),
        }
    }

    /// Share of the clips of which both answer the same, over the whole clips.
    pub fn agreement(&self, other: &Self) -> f64 {
        let pairs = self.whole.iter().zip(&other.whole);
        let same = pairs.filter(|(a, b)| a.top().0 == b.top().0).count();
        same as f64 / self.whole.len().max(1) as f64
    }

    /// The whole clips' answers with their truths.
    pub fn labelled(&self) -> Vec<(GenreId, Probabilities)> {
        self.truths.iter().copied().zip(self.whole.iter().copied()).collect()
    }

    /// The answers at a mark, of the clips that are long enough, with their truths.
    pub fn labelled_at(&self, mark: usize) -> Vec<(GenreId, Probabilities)> {
        let said = self.truths.iter().zip(&self.at_marks);
        said.filter_map(|(&truth, marks)| Some((truth, *marks.get(mark)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 120 frames of two classes: frame n has the probability n/200 for the first class.
    fn heard() -> ClipLogits {
        let row = |n: usize| [(n as f32 / 200.0).max(1e-9).ln(), (1.0 - n as f32 / 200.0).ln()];
        ClipLogits {
            truth: GenreId(0),
            logits: (0..120).flat_map(row).collect(),
            classes: 2,
        }
    }

    #[test]
    fn an_answer_is_the_mean_from_where_engines_have_settled() {
        // Two seconds of the default front end are 86 frames: of 120, frames 86…119 count, whose mean is 102.5.
        let spec = FrontEndSpec::default();
        assert_eq!(spec.frames_in(SETTLED), 86);
        assert!((heard().answer(1.0, &spec).as_slice()[0] - 0.5125).abs() < 1e-6);
        let said: Vec<f32> = heard()
            .answers_after(&[0, 20, 86, 87, 88], 1.0, &spec)
            .iter()
            .map(|p| p.as_slice()[0])
            .collect();
        // Nothing; the last frame alone, twice; one frame; the mean of 86 and 87.
        for (said, expected) in said.iter().zip([0.5, 0.095, 0.425, 0.43, 0.4325]) {
            assert!((said - expected).abs() < 1e-6, "{said} {expected}");
        }
        assert_eq!(said.len(), 5);
    }

    #[test]
    fn a_clip_counts_at_the_marks_it_is_long_enough_for() {
        let spec = FrontEndSpec::default();
        // 120 frames last (119 · 512 + 2048) / 22,050 = 2.86 s.
        let answers = Answers::of(&[heard()], 1.0, &spec);
        assert_eq!(answers.at_marks[0].len(), 2);
        assert_eq!(answers.labelled_at(1).len(), 1);
        assert!(answers.labelled_at(2).is_empty());
        // (22,050 − 2048) / 512 + 1 = 40 frames end within a second: the last has 19.5 %.
        assert!((answers.at_marks[0][0].as_slice()[0] - 0.195).abs() < 1e-6);
    }

    #[test]
    fn engines_agree_on_the_mean_of_their_answers() {
        let of = |p: f32| Answers {
            truths: vec![GenreId(1)],
            whole: vec![Probabilities::from_slice(&[p, 1.0 - p])],
            at_marks: vec![vec![Probabilities::from_slice(&[1.0 - p, p])]],
        };
        let ensemble = Answers::ensemble(&[of(0.9), of(0.5)]);
        assert!((ensemble.whole[0].as_slice()[0] - 0.7).abs() < 1e-6);
        assert!((ensemble.at_marks[0][0].as_slice()[0] - 0.3).abs() < 1e-6);
        assert_eq!(ensemble.labelled()[0].0, GenreId(1));
    }
}
