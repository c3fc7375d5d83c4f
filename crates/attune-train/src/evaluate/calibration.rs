//! Whether 70 % sure means right in 7 of 10, and the temperature that makes it so (Guo et al. 2017).

use super::answers::ClipLogits;
use super::metrics::Metrics;
use attune_audio::features::FrontEndSpec;
use attune_model::genre::{GenreId, Probabilities};
use serde::Serialize;

/// Bins of the calibration error and of the reliability diagram.
pub const BINS: usize = 15;

/// Answers about as sure as each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub count: usize,
    /// Mean probability of what was answered; 0 for an empty bin.
    pub confidence: f64,
    /// Share that was right; 0 for an empty bin.
    pub accuracy: f64,
}

/// The reliability diagram: answers by the probability of what they answer, in [`BINS`] bins of one width.
pub fn bins(answers: &[(GenreId, Probabilities)]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for (truth, probabilities) in answers {
        let (answer, confidence) = probabilities.top();
        let bin = &mut bins[bin_of(confidence)];
        bin.count += 1;
        bin.confidence += f64::from(confidence);
        bin.accuracy += f64::from(u8::from(answer == *truth));
    }
    for bin in &mut bins {
        bin.confidence /= bin.count.max(1) as f64;
        bin.accuracy /= bin.count.max(1) as f64;
    }
    bins
}

fn bin_of(confidence: f32) -> usize {
    ((confidence * BINS as f32) as usize).min(BINS - 1)
}

/// Expected calibration error: the mean over answers of the distance between confidence and accuracy of their bin.
pub fn expected_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let sum: f64 = bins
        .iter()
        .map(|bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs())
        .sum();
    sum / all.max(1) as f64
}

/// The calibration error to expect if every answer were right exactly as often as its confidence says. With few clips
/// it is far from 0, and no temperature brings the measured error reliably below it.
///
/// The number of right answers in a bin follows a Poisson binomial distribution. Its mean absolute deviation is
/// computed exactly, by convolution; for bins with more than 500 answers, as the normal distribution's √(2/π)·σ.
pub fn ece_if_calibrated(answers: &[(GenreId, Probabilities)]) -> f64 {
    let mut bins: Vec<Vec<f64>> = vec![Vec::new(); BINS];
    for (_, probabilities) in answers {
        let confidence = probabilities.top().1;
        bins[bin_of(confidence)].push(f64::from(confidence).clamp(0.0, 1.0));
    }
    let distance: f64 = bins.iter().map(|sure| mean_distance(sure)).sum();
    distance / answers.len().max(1) as f64
}

/// E|S − E S| of a sum S of independent events with these probabilities.
fn mean_distance(sure: &[f64]) -> f64 {
    if sure.len() > 500 {
        let variance: f64 = sure.iter().map(|p| p * (1.0 - p)).sum();
        return (variance * std::f64::consts::FRAC_2_PI).sqrt();
    }
    let mut chances = vec![1.0];
    for p in sure {
        chances.push(0.0);
        for count in (0..chances.len()).rev() {
            let before = if count > 0 { chances[count - 1] } else { 0.0 };
            chances[count] = chances[count] * (1.0 - p) + before * p;
        }
    }
    let mean: f64 = sure.iter().sum();
    let each = chances.iter().enumerate();
    each.map(|(count, chance)| chance * (count as f64 - mean).abs()).sum()
}

/// Probabilities to the power of 1/temperature, normalised again: what a temperature does to answers that are no
/// softmax themselves (means over frames or models).
///
/// ```
/// use attune_train::evaluate::tempered;
/// use attune_model::genre::Probabilities;
/// let sure = Probabilities::from_slice(&[0.9, 0.1]);
/// assert!((tempered(&sure, 2.0).as_slice()[0] - 0.75).abs() < 1e-6); // 3 : 1
/// ```
pub fn tempered(probabilities: &Probabilities, temperature: f32) -> Probabilities {
    let logits: Vec<f32> = probabilities.as_slice().iter().map(|p| p.max(1e-30).ln()).collect();
    Probabilities::softmax(&logits, temperature)
}

/// The temperature of one model that minimises −ln p of its answers over whole clips.
///
/// It divides the frames' logits, so the mean over frames is one of calibrated probabilities, as in the model.
pub fn fit_temperature(clips: &[ClipLogits], spec: &FrontEndSpec) -> f32 {
    let classes = clips.first().map_or(0, |clip| clip.classes);
    least(|temperature| {
        let said: Vec<_> = clips
            .iter()
            .map(|clip| (clip.truth, clip.answer(temperature, spec)))
            .collect();
        Metrics::of(&said, classes).nll
    })
}

/// The temperature that minimises −ln p of finished answers: whether the ensemble needs one of its own.
pub fn fit_answers(answers: &[(GenreId, Probabilities)], classes: usize) -> f32 {
    least(|temperature| {
        let said: Vec<_> = answers
            .iter()
            .map(|(truth, p)| (*truth, tempered(p, temperature)))
            .collect();
        Metrics::of(&said, classes).nll
    })
}

/// The best of nine temperatures between ¼ and 4, including 1, then golden-section search on the logarithm around it:
/// with few clips the loss may have more than one minimum.
fn least(loss: impl Fn(f32) -> f64) -> f32 {
    let loss = |log_t: f64| loss(log_t.exp() as f32);
    let step = std::f64::consts::LN_2 / 2.0;
    let (mut best, mut at_best) = (0.0, loss(0.0));
    for place in (-4_i32..=4).filter(|place| *place != 0) {
        let log_t = f64::from(place) * step;
        let at = loss(log_t);
        if at < at_best {
            (best, at_best) = (log_t, at);
        }
    }
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (best - step, best + step);
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (loss(left), loss(right));
    for _ in 0..12 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = loss(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = loss(right);
        }
    }
    let found = f64::midpoint(low, high);
    let log_t = if loss(found) < at_best { found } else { best };
    log_t.exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_of_overconfident_answers_is_found() {
        // Logits ±2·ln 3 claim 90 %; right in 3 of 4: the best temperature makes ln 3 of them, T = 2.
        let sure = 2.0 * 3.0f32.ln();
        let clips: Vec<ClipLogits> = (0..4)
            .map(|clip| ClipLogits {
                truth: GenreId(u8::from(clip == 0)),
                logits: vec![sure, 0.0],
                classes: 2,
                novelty: Vec::new(),
            })
            .collect();
        let spec = FrontEndSpec::default();
        let temperature = fit_temperature(&clips, &spec);
        assert!((temperature - 2.0).abs() < 0.01, "{temperature}");
        // Of finished answers the same.
        let said: Vec<_> = clips.iter().map(|clip| (clip.truth, clip.answer(1.0, &spec))).collect();
        let of_answers = fit_answers(&said, 2);
        assert!((of_answers - 2.0).abs() < 0.01, "{of_answers}");
        let after: Vec<_> = said.iter().map(|(t, p)| (*t, tempered(p, 2.0))).collect();
        assert!(expected_error(&bins(&after)) < 1e-6);
    }

    #[test]
    fn chance_alone_makes_an_error_that_shrinks_with_the_number_of_clips() {
        let answers = |count| vec![(GenreId(0), Probabilities::from_slice(&[0.5, 0.5])); count];
        // One coin is ½ away from ½; of two, |S − 1| is 1 half of the time: ½ / 2.
        assert!((ece_if_calibrated(&answers(1)) - 0.5).abs() < 1e-12);
        assert!((ece_if_calibrated(&answers(2)) - 0.25).abs() < 1e-12);
        // √(2/π · n/4) / n; the exact sum comes close to it, the switch to it at 500 makes no step.
        let normal = |n: f64| (std::f64::consts::FRAC_2_PI * n / 4.0).sqrt() / n;
        assert!((ece_if_calibrated(&answers(500)) / normal(500.0) - 1.0).abs() < 1e-3);
        assert!((ece_if_calibrated(&answers(501)) / normal(501.0) - 1.0).abs() < 1e-12);
        // Sure answers leave nothing to chance.
        assert!(ece_if_calibrated(&[(GenreId(1), Probabilities::from_slice(&[1.0, 0.0]))]).abs() < 1e-12);
    }

    #[test]
    fn bins_by_hand() {
        let p = |first: f32| Probabilities::from_slice(&[first, 1.0 - first]);
        // 1.0 falls into the last bin, 0.65 and 0.62 into the tenth (0.6…0.667).
        let bins = bins(&[(GenreId(0), p(1.0)), (GenreId(0), p(0.65)), (GenreId(1), p(0.62))]);
        assert_eq!((bins.len(), bins[14].count, bins[9].count), (15, 1, 2));
        assert!((bins[9].confidence - 0.635).abs() < 1e-6 && (bins[9].accuracy - 0.5).abs() < 1e-12);
        // ⅓ · |1 − 1| + ⅔ · |0.5 − 0.635|
        assert!((expected_error(&bins) - 0.09).abs() < 1e-6);
        assert!(expected_error(&[]).abs() < 1e-12);
    }
}
