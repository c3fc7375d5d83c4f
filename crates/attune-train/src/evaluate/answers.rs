//! One model's logits of a clip, and its answer to the clip as a whole and after its first seconds.

use super::calibration::tempered;
use super::metrics_at::{MARKS, frames_at, is_long_enough};
use attune_audio::features::FrontEndSpec;
use attune_engine::smoothing::{SettledMean, ensemble_mean};
use attune_model::genre::{GenreId, Probabilities};

/// Logits of every audible frame of one clip, and the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipLogits {
    /// The true class.
    pub truth: GenreId,
    /// (frames, classes).
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
    /// Novelty of each frame; empty if the model has none, or it was not kept.
    pub novelty: Vec<f32>,
}

impl ClipLogits {
    /// Audible frames.
    pub fn frames(&self) -> usize {
        self.logits.len() / self.classes.max(1)
    }

    /// The answer to the clip: the [`SettledMean`] of its calibrated probabilities; uniform, if there are no frames.
    pub fn answer(&self, temperature: f32, spec: &FrontEndSpec) -> Probabilities {
        self.answers_after(&[self.frames()], temperature, spec)
            .pop()
            .unwrap_or_else(|| Probabilities::uniform(self.classes))
    }

    /// The answer as it stands after each of these numbers of frames (ascending, at most [`ClipLogits::frames`]): the
    /// mean of the calibrated probabilities from [`SETTLED`] up to there, or the last frame alone before that.
    pub(crate) fn answers_after(&self, counts: &[usize], temperature: f32, spec: &FrontEndSpec) -> Vec<Probabilities> {
        let mut mean = SettledMean::new(self.classes, spec);
        let uniform = Probabilities::uniform(self.classes);
        let mut rows = self.logits.chunks_exact(self.classes.max(1));
        let mut taken = 0;
        let answers = counts.iter().map(|&count| {
            for row in rows.by_ref().take(count - taken) {
                mean.push(&Probabilities::softmax(row, temperature), true);
            }
            taken = count;
            mean.value().unwrap_or(uniform)
        });
        answers.collect()
    }
}

/// The answers to many clips: to the whole, and at each of [`MARKS`] that a clip is long enough for.
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
    /// Of one model at a temperature.
    pub fn of(clips: &[ClipLogits], temperature: f32, spec: &FrontEndSpec) -> Self {
        Self::with_temperatures(clips, &vec![temperature; clips.len()], spec)
    }

    /// Of one model, each clip at its own temperature.
    pub fn with_temperatures(clips: &[ClipLogits], temperatures: &[f32], spec: &FrontEndSpec) -> Self {
        let mut answers = Self {
            truths: clips.iter().map(|clip| clip.truth).collect(),
            whole: Vec::with_capacity(clips.len()),
            at_marks: Vec::with_capacity(clips.len()),
        };
        for (clip, &temperature) in clips.iter().zip(temperatures) {
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

    /// The ensemble of models that were run on the same clips.
    ///
    /// # Panics
    /// If there is no model: a slip of the caller.
    pub fn ensemble(models: &[Self]) -> Self {
        let first = &models[0];
        let mean = |of: &dyn Fn(&Self) -> Probabilities| {
            let answers: Vec<Probabilities> = models.iter().map(of).collect();
            ensemble_mean(&answers).unwrap_or_else(|| of(first))
        };
        let clips = 0..first.truths.len();
        Self {
            truths: first.truths.clone(),
            whole: clips.clone().map(|clip| mean(&|model| model.whole[clip])).collect(),
            at_marks: clips
                .map(|clip| {
                    let marks = models.iter().map(|model| model.at_marks[clip].len()).min();
                    (0..marks.unwrap_or(0))
                        .map(|mark| mean(&|model| model.at_marks[clip][mark]))
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

    /// Share of the clips to which both give the same answer, over whole clips.
    pub fn agreement(&self, other: &Self) -> f64 {
        let pairs = self.whole.iter().zip(&other.whole);
        let same = pairs.filter(|(a, b)| a.top().0 == b.top().0).count();
        same as f64 / self.whole.len().max(1) as f64
    }

    /// The whole clips' answers with their truths.
    pub fn labelled(&self) -> Vec<(GenreId, Probabilities)> {
        self.truths.iter().copied().zip(self.whole.iter().copied()).collect()
    }

    /// The clips that are long enough for a mark, by their places.
    pub(crate) fn clips_at(&self, mark: usize) -> Vec<usize> {
        (0..self.truths.len())
            .filter(|&clip| self.at_marks[clip].len() > mark)
            .collect()
    }

    /// The answers at a mark, of the clips that are long enough, with their truths.
    pub(crate) fn labelled_at(&self, mark: usize) -> Vec<(GenreId, Probabilities)> {
        let said = self.truths.iter().zip(&self.at_marks);
        said.filter_map(|(&truth, marks)| Some((truth, *marks.get(mark)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::smoothing::SETTLED;

    /// 120 frames of two classes: frame n has the probability n/200 for the first class.
    fn clip() -> ClipLogits {
        let row = |n: usize| [(n as f32 / 200.0).max(1e-9).ln(), (1.0 - n as f32 / 200.0).ln()];
        ClipLogits {
            truth: GenreId(0),
            logits: (0..120).flat_map(row).collect(),
            classes: 2,
            novelty: Vec::new(),
        }
    }

    #[test]
    fn an_answer_is_the_mean_from_where_models_have_settled() {
        // Two seconds of the default front end are 86 frames: of 120, frames 86…119 count, whose mean is 102.5.
        let spec = FrontEndSpec::default();
        assert_eq!(spec.frames_in(SETTLED), 86);
        assert!((clip().answer(1.0, &spec).as_slice()[0] - 0.5125).abs() < 1e-6);
        let said: Vec<f32> = clip()
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
        let answers = Answers::of(&[clip()], 1.0, &spec);
        assert_eq!(answers.at_marks[0].len(), 2);
        assert_eq!(answers.labelled_at(1).len(), 1);
        assert!(answers.labelled_at(2).is_empty());
        // (22,050 − 2048) / 512 + 1 = 40 frames end within a second: the last has 19.5 %.
        assert!((answers.at_marks[0][0].as_slice()[0] - 0.195).abs() < 1e-6);
    }

    #[test]
    fn the_ensemble_is_the_mean_of_the_models() {
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
