//! Accuracy, its interval, confusion, and −ln p of a set of answers.

use super::calibration::{Bin, bins, expected_error};
use attune_engine::smoothing::{SmoothingConfig, genre_of_whole};
use attune_model::genre::{GenreId, Probabilities};

/// From this probability on an answer is confident.
pub const CONFIDENT: f32 = 0.5;

/// Figures over a set of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// How many clips.
    pub clips: usize,
    /// Share answered right.
    pub accuracy: f64,
    /// 95 % interval of the accuracy (Wilson 1927).
    pub interval95: [f64; 2],
    /// Mean over the classes that have clips of the share answered right: every class counts alike.
    pub macro_accuracy: f64,
    /// Share answered with a wrong class at a probability of [`CONFIDENT`] or more.
    pub confident_wrong: f64,
    /// Share for which the program displays a class, by its own rule ([`genre_of_whole`]); it is unsure of the others.
    pub displayed: f64,
    /// Share for which it displays a wrong one.
    pub displayed_wrong: f64,
    /// Expected calibration error, 15 bins (Guo et al. 2017).
    pub ece: f64,
    /// Mean of −ln p of the truth.
    pub nll: f64,
    /// Rows: truth; columns: answer.
    pub confusion: Vec<Vec<usize>>,
    /// The reliability diagram.
    pub bins: Vec<Bin>,
}

impl Metrics {
    /// Of these answers to these truths.
    pub fn of(answers: &[(GenreId, Probabilities)], classes: usize) -> Self {
        let n = answers.len().max(1) as f64;
        let mut confusion = vec![vec![0; classes]; classes];
        let (mut right, mut nll) = (0.0, 0.0);
        let (mut confident_wrong, mut displayed, mut displayed_wrong) = (0, 0, 0);
        let rule = SmoothingConfig::default();
        for (truth, probabilities) in answers {
            let answer = probabilities.top().0;
            let is_displayed = genre_of_whole(probabilities, &rule).is_some();
            confident_wrong += usize::from(is_confidently_wrong(*truth, probabilities));
            displayed += usize::from(is_displayed);
            displayed_wrong += usize::from(is_displayed && answer != *truth);
            confusion[usize::from(truth.0)][usize::from(answer.0)] += 1;
            right += f64::from(u8::from(answer == *truth));
            nll -= f64::from(probabilities.of(*truth).max(1e-9)).ln();
        }
        let accuracy = right / n;
        let bins = bins(answers);
        let mut metrics = Self {
            clips: answers.len(),
            accuracy,
            interval95: wilson(accuracy, n),
            macro_accuracy: 0.0,
            confident_wrong: confident_wrong as f64 / n,
            displayed: displayed as f64 / n,
            displayed_wrong: displayed_wrong as f64 / n,
            ece: expected_error(&bins),
            nll: nll / n,
            confusion,
            bins,
        };
        let shares: Vec<f64> = metrics.per_class().into_iter().flatten().collect();
        metrics.macro_accuracy = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        metrics
    }

    /// Share of the clips of all other classes that are taken for this one; `None` if there are no such clips.
    pub fn taken_for(&self, class: GenreId) -> Option<f64> {
        let others = self
            .confusion
            .iter()
            .enumerate()
            .filter(|(truth, _)| *truth != usize::from(class.0));
        let (clips, taken) = others.fold((0, 0), |(clips, taken), (_, row)| {
            (clips + row.iter().sum::<usize>(), taken + row[usize::from(class.0)])
        });
        (clips > 0).then(|| taken as f64 / clips as f64)
    }

    /// Share of each true class answered right; `None` for a class without clips.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        self.confusion
            .iter()
            .enumerate()
            .map(|(class, row)| {
                let clips: usize = row.iter().sum();
                (clips > 0).then(|| row[class] as f64 / clips as f64)
            })
            .collect()
    }
}

/// Whether a wrong class is answered at a probability of [`CONFIDENT`] or more.
pub(super) fn is_confidently_wrong(truth: GenreId, probabilities: &Probabilities) -> bool {
    let (answer, confidence) = probabilities.top();
    answer != truth && confidence >= CONFIDENT
}

/// What a standard normal value stays below with a probability of 97.5 %.
pub(super) const Z: f64 = 1.959_964;

/// 95 % score interval of a share `p` of `n` (Wilson 1927).
///
/// ```
/// let [low, high] = attune_train::evaluate::wilson(0.5, 100.0);
/// assert!((low - 0.4038).abs() < 1e-4 && (high - 0.5962).abs() < 1e-4);
/// ```
pub fn wilson(p: f64, n: f64) -> [f64; 2] {
    let z = Z;
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let total = 1.0 + z * z / n;
    [(centre - half) / total, (centre + half) / total].map(|p| p.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_confusion_and_calibration_by_hand() {
        let p = |values: &[f32]| Probabilities::from_slice(values);
        let answers = [
            (GenreId(0), p(&[0.9, 0.1])),
            (GenreId(1), p(&[0.9, 0.1])),
            (GenreId(1), p(&[0.2, 0.8])),
            (GenreId(1), p(&[0.2, 0.8])),
        ];
        let metrics = Metrics::of(&answers, 2);
        assert!((metrics.accuracy - 0.75).abs() < 1e-12);
        assert_eq!(metrics.confusion, [[1, 0], [1, 2]]);
        assert_eq!(metrics.per_class(), [Some(1.0), Some(2.0 / 3.0)]);
        assert_eq!(metrics.taken_for(GenreId(0)), Some(1.0 / 3.0));
        assert_eq!(metrics.taken_for(GenreId(1)), Some(0.0));
        assert!((metrics.macro_accuracy - 5.0 / 6.0).abs() < 1e-12);
        // Bins: (0.9: ½ right, 0.9 sure) and (0.8: all right): ½·0.4 + ½·0.2.
        assert!((metrics.ece - 0.3).abs() < 1e-6, "{}", metrics.ece);
        let nll = -(0.9f64.ln() + 0.1f64.ln() + 2.0 * 0.8f64.ln()) / 4.0;
        assert!((metrics.nll - nll).abs() < 1e-6);
    }

    #[test]
    fn confident_wrong_answers_and_displayed_ones_by_hand() {
        let p = |first: f32| Probabilities::from_slice(&[first, 0.7 - first, 0.3]);
        // Sure and wrong; displayed (from 40 %) and wrong, but not sure; sure and right; unsure.
        let answers = [(1, 0.5), (1, 0.45), (0, 0.6), (1, 0.36)].map(|(truth, first)| (GenreId(truth), p(first)));
        let metrics = Metrics::of(&answers, 3);
        assert_eq!(
            (metrics.confident_wrong, metrics.displayed, metrics.displayed_wrong),
            (0.25, 0.75, 0.5)
        );
    }

    #[test]
    fn a_class_without_clips_does_not_count() {
        let sure = Probabilities::from_slice(&[0.0, 1.0, 0.0]);
        let metrics = Metrics::of(&[(GenreId(1), sure)], 3);
        assert_eq!(metrics.per_class(), [None, Some(1.0), None]);
        assert!((metrics.macro_accuracy - 1.0).abs() < 1e-12);
    }
}
