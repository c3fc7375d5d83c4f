//! How good a model is, on clips it never learnt from.

use super::TrainError;
use super::dataset::{Clip, Levels};
use crate::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use crate::genre::{GenreId, Probabilities};
use crate::model::GenreStream;
use crate::units::Seconds;

/// Frames before this are not counted in the answer for a clip: too little was heard.
const WARM_UP: Seconds = Seconds(1.0);
/// Bins of the calibration error.
const BINS: usize = 15;

/// Logits of every frame of one clip, and the truth.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The true class.
    pub truth: GenreId,
    /// (frames, classes).
    pub logits: Vec<f32>,
    /// Classes in a row.
    pub classes: usize,
}

/// Which part of a clip is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Whole audio.
    Whole,
    /// The excerpt that came as features.
    Excerpt,
}

impl Part {
    fn of(self, clip: &Clip) -> Option<&Levels> {
        match self {
            Self::Whole => clip.whole.as_ref(),
            Self::Excerpt => clip.excerpt.as_ref(),
        }
    }
}

/// Streams every clip that has this part through the model, each from a fresh state.
pub fn listen(
    stream: &mut dyn GenreStream,
    clips: &[Clip],
    part: Part,
    spec: &FrontEndSpec,
) -> Result<Vec<Heard>, TrainError> {
    let mut heard = Vec::new();
    let mut normalized = Vec::new();
    for clip in clips {
        let Some(levels) = part.of(clip) else { continue };
        normalized.clear();
        LoudnessNormalizer::new(spec).push(levels, &mut normalized);
        stream.reset()?;
        let output = stream.answers(FrameBlock::new(&normalized, spec.bands))?;
        heard.push(Heard {
            truth: clip.genre,
            logits: output.logits,
            classes: output.classes,
        });
    }
    Ok(heard)
}

impl Heard {
    /// The answer for the clip: the mean of the calibrated probabilities over all frames after the warm-up (over the
    /// last frame alone, if the clip is shorter).
    pub fn answer(&self, temperature: f32, spec: &FrontEndSpec) -> Probabilities {
        let frames = self.logits.len() / self.classes;
        let skipped = spec.frames_in(WARM_UP).min(frames.saturating_sub(1));
        let mut mean = Probabilities::from_slice(&vec![0.0; self.classes]);
        for row in self.logits.chunks_exact(self.classes).skip(skipped) {
            let probabilities = Probabilities::softmax(row, temperature);
            for (mean, p) in mean.as_mut_slice().iter_mut().zip(probabilities.as_slice()) {
                *mean += p / (frames - skipped) as f32;
            }
        }
        mean
    }
}

/// Figures over a set of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// How many clips.
    pub clips: usize,
    /// Share answered right.
    pub accuracy: f64,
    /// 95 % interval of the accuracy (Wilson 1927).
    pub interval95: [f64; 2],
    /// Expected calibration error, 15 bins (Guo et al. 2017).
    pub ece: f64,
    /// Mean of −ln p of the truth.
    pub nll: f64,
    /// Rows: truth; columns: answer.
    pub confusion: Vec<Vec<usize>>,
}

impl Figures {
    /// Of these answers to these truths.
    pub fn of(answers: &[(GenreId, Probabilities)], classes: usize) -> Self {
        let n = answers.len().max(1) as f64;
        let mut confusion = vec![vec![0; classes]; classes];
        let mut bins = [(0.0, 0.0, 0.0); BINS]; // (clips, right, confidence)
        let (mut right, mut nll) = (0.0, 0.0);
        for (truth, probabilities) in answers {
            let (answer, confidence) = probabilities.top();
            confusion[usize::from(truth.0)][usize::from(answer.0)] += 1;
            let hit = f64::from(u8::from(answer == *truth));
            right += hit;
            nll -= f64::from(probabilities.of(*truth).max(1e-9)).ln();
            let bin = &mut bins[((confidence * BINS as f32) as usize).min(BINS - 1)];
            *bin = (bin.0 + 1.0, bin.1 + hit, bin.2 + f64::from(confidence));
        }
        let accuracy = right / n;
        Self {
            clips: answers.len(),
            accuracy,
            interval95: wilson(accuracy, n),
            ece: bins
                .iter()
                .map(|(_, right, confidence)| (right - confidence).abs() / n)
                .sum(),
            nll: nll / n,
            confusion,
        }
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

/// 95 % score interval of a share `p` of `n` (Wilson 1927).
///
/// ```
/// let [low, high] = attune::train::evaluate::wilson(0.5, 100.0);
/// assert!((low - 0.4038).abs() < 1e-4 && (high - 0.5962).abs() < 1e-4);
/// ```
pub fn wilson(p: f64, n: f64) -> [f64; 2] {
    let z = 1.959_964;
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let total = 1.0 + z * z / n;
    [(centre - half) / total, (centre + half) / total]
}

/// The answers of one model to what it heard.
pub fn answers(heard: &[Heard], temperature: f32, spec: &FrontEndSpec) -> Vec<(GenreId, Probabilities)> {
    heard
        .iter()
        .map(|clip| (clip.truth, clip.answer(temperature, spec)))
        .collect()
}

/// The temperature that makes the answers' −ln p least (Guo et al. 2017), by golden-section search on its logarithm.
pub fn fit_temperature(heard: &[Heard], spec: &FrontEndSpec) -> f32 {
    let classes = heard.first().map_or(0, |clip| clip.classes);
    let loss = |log_t: f64| Figures::of(&answers(heard, log_t.exp() as f32, spec), classes).nll;
    let (mut low, mut high) = (0.25_f64.ln(), 4.0_f64.ln());
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..24 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(left) < loss(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp() as f32
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
        let figures = Figures::of(&answers, 2);
        assert!((figures.accuracy - 0.75).abs() < 1e-12);
        assert_eq!(figures.confusion, [[1, 0], [1, 2]]);
        assert_eq!(figures.per_class(), [Some(1.0), Some(2.0 / 3.0)]);
        // Bins: (0.9: ½ right, 0.9 sure) and (0.8: all right): ½·0.4 + ½·0.2.
        assert!((figures.ece - 0.3).abs() < 1e-6, "{}", figures.ece);
        let nll = -(0.9f64.ln() + 0.1f64.ln() + 2.0 * 0.8f64.ln()) / 4.0;
        assert!((figures.nll - nll).abs() < 1e-6);
    }

    #[test]
    fn the_temperature_of_overconfident_answers_is_found() {
        // Logits ±2·ln 3 claim 90 %; right in 3 of 4: the best temperature makes ln 3 of them, T = 2.
        let sure = 2.0 * 3.0f32.ln();
        let heard: Vec<Heard> = (0..4)
            .map(|clip| Heard {
                truth: GenreId(u8::from(clip == 0)),
                logits: vec![sure, 0.0],
                classes: 2,
            })
            .collect();
        let temperature = fit_temperature(&heard, &FrontEndSpec::default());
        assert!((temperature - 2.0).abs() < 0.01, "{temperature}");
    }
}
