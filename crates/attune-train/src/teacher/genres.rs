//! Soft labels: class probabilities from a logistic regression on a teacher's features.
//!
//! A label names one class; the regression says that this blues is close to rock. Training on both is better than on
//! the label alone (Hinton, Vinyals & Dean 2015). A clip's soft label is out-of-fold, from a regression that has seen
//! no clip by its artist: one that has would only repeat the label.
//!
//! In: rows of features with classes and groups. Out: probabilities. Thread: any.

use attune_model::genre::GenreId;

/// Number of folds.
const FOLDS: usize = 5;
/// Weight of ½‖W‖² beside the mean cross-entropy, times the number of rows: fewer rows, stronger regularisation.
const SHRINKAGE: f64 = 3.3;
/// Steps of accelerated descent; the loss changes by less than 1e-4 after that.
const STEPS: usize = 400;

/// A clip as the regression sees it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The teacher's features.
    pub features: &'a [f32],
    /// The class.
    pub genre: GenreId,
    /// Clips of one group are in the same fold.
    pub group: usize,
}

/// Class probabilities for each row, from a regression on the folds that its group is not in.
pub(crate) fn out_of_fold(rows: &[Row<'_>], classes: usize) -> Vec<Vec<f32>> {
    let mut soft_labels = vec![Vec::new(); rows.len()];
    for fold in 0..FOLDS {
        let others: Vec<Row<'_>> = rows.iter().filter(|row| row.group % FOLDS != fold).copied().collect();
        let regression = Regression::fit(&others, classes);
        for (row, soft_label) in rows.iter().zip(&mut soft_labels) {
            if row.group % FOLDS == fold {
                *soft_label = regression.predict(row.features);
            }
        }
    }
    soft_labels
}

/// Multinomial logistic regression on standardised features.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    mean: Vec<f64>,
    /// One over the deviation.
    scale: Vec<f64>,
    /// (classes, features + 1), the last column the bias.
    weights: Vec<f64>,
}

impl Regression {
    /// Fits by Nesterov's accelerated descent with the step that the features' scale allows. Without rows every class
    /// is as likely.
    pub(crate) fn fit(rows: &[Row<'_>], classes: usize) -> Self {
        let width = rows.first().map_or(0, |row| row.features.len());
        let n = rows.len().max(1) as f64;
        let column = |i: usize| rows.iter().map(move |row| f64::from(row.features[i]));
        let mean: Vec<f64> = (0..width).map(|i| column(i).sum::<f64>() / n).collect();
        let scale = (0..width)
            .map(|i| {
                let variance = column(i).map(|x| (x - mean[i]).powi(2)).sum::<f64>() / n;
                1.0 / variance.sqrt().max(1e-9)
            })
            .collect();
        let mut regression = Self {
            mean,
            scale,
            weights: vec![0.0; classes * (width + 1)],
        };
        let inputs: Vec<Vec<f64>> = rows.iter().map(|row| regression.standard(row.features)).collect();
        let decay = SHRINKAGE / n;
        // ½ is the largest curvature of the cross-entropy in the logits, width + 1 the trace of the inputs' moments.
        let step = 1.0 / (0.5 * (width + 1) as f64 + decay);
        let (mut ahead, mut last) = (regression.weights.clone(), regression.weights.clone());
        for number in 0..STEPS {
            let mut gradient: Vec<f64> = ahead.iter().map(|w| decay * w).collect();
            for row in gradient.chunks_exact_mut(width + 1) {
                row[width] = 0.0; // the bias is not regularised
            }
            for (x, row) in inputs.iter().zip(rows) {
                let mut error = probabilities(&ahead, x);
                error[usize::from(row.genre.0)] -= 1.0;
                for (row, error) in gradient.chunks_exact_mut(width + 1).zip(error) {
                    for (slot, x) in row.iter_mut().zip(x) {
                        *slot += error * x / n;
                    }
                }
            }
            let momentum = number as f64 / (number as f64 + 3.0);
            for (((w, ahead), last), gradient) in regression
                .weights
                .iter_mut()
                .zip(&mut ahead)
                .zip(&mut last)
                .zip(gradient)
            {
                *w = *ahead - step * gradient;
                *ahead = *w + momentum * (*w - *last);
                *last = *w;
            }
        }
        regression
    }

    /// Probabilities of the classes.
    pub(crate) fn predict(&self, features: &[f32]) -> Vec<f32> {
        let probabilities = probabilities(&self.weights, &self.standard(features));
        probabilities.into_iter().map(|p| p as f32).collect()
    }

    /// Standardised, with a 1 for the bias.
    fn standard(&self, features: &[f32]) -> Vec<f64> {
        let moments = self.mean.iter().zip(&self.scale);
        let scaled = features
            .iter()
            .zip(moments)
            .map(|(x, (mean, scale))| (f64::from(*x) - mean) * scale);
        scaled.chain(std::iter::once(1.0)).collect()
    }
}

/// Softmax of the products of the weights' rows with x.
fn probabilities(weights: &[f64], x: &[f64]) -> Vec<f64> {
    let logits = weights
        .chunks_exact(x.len())
        .map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
    let logits: Vec<f64> = logits.collect();
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|z| (z - greatest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Features of three classes around three corners.
    fn rows(count: usize) -> Vec<(Vec<f32>, GenreId, usize)> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..count)
            .map(|n| {
                let class = n % 3;
                let features = (0..6)
                    .map(|i| rng.random::<f32>() + if i == class { 0.7 } else { 0.0 })
                    .collect();
                (features, GenreId(class as u8), n / 3)
            })
            .collect()
    }

    fn borrowed(rows: &[(Vec<f32>, GenreId, usize)]) -> Vec<Row<'_>> {
        rows.iter()
            .map(|(features, genre, group)| Row {
                features,
                genre: *genre,
                group: *group,
            })
            .collect()
    }

    #[test]
    fn the_fit_is_where_no_gradient_is_left() {
        let rows = rows(150);
        let rows = borrowed(&rows);
        let regression = Regression::fit(&rows, 3);
        // Moving any weight either way makes the loss larger.
        let loss = |weights: &[f64]| -> f64 {
            let entropy: f64 = rows
                .iter()
                .map(|row| -probabilities(weights, &regression.standard(row.features))[usize::from(row.genre.0)].ln())
                .sum();
            let held: f64 = weights.chunks_exact(7).flat_map(|row| &row[..6]).map(|w| w * w).sum();
            (entropy + 0.5 * SHRINKAGE * held) / 150.0
        };
        let best = loss(&regression.weights);
        for i in 0..21 {
            for change in [-0.05, 0.05] {
                let mut weights = regression.weights.clone();
                weights[i] += change;
                assert!(loss(&weights) > best, "weight {i} by {change}");
            }
        }
        let right = rows.iter().filter(|row| {
            let p = regression.predict(row.features);
            let best = (0..3).max_by(|&a, &b| p[a].total_cmp(&p[b]));
            best == Some(usize::from(row.genre.0))
        });
        assert!(right.count() > 120);
    }

    #[test]
    fn soft_labels_come_from_regressions_without_the_clips_group() {
        // Noise in place of features, one clip to a group: a regression that had seen the clip would know its class.
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let noise: Vec<(Vec<f32>, GenreId, usize)> = (0..100)
            .map(|n| {
                (
                    (0..60).map(|_| rng.random::<f32>()).collect(),
                    GenreId(rng.random_range(0..2)),
                    n,
                )
            })
            .collect();
        let rows = borrowed(&noise);
        let mean = |labels: &[Vec<f32>]| -> f32 {
            let truth = labels.iter().zip(&rows).map(|(p, row)| p[usize::from(row.genre.0)]);
            truth.sum::<f32>() / 100.0
        };
        let in_sample = Regression::fit(&rows, 2);
        let in_sample: Vec<Vec<f32>> = rows.iter().map(|row| in_sample.predict(row.features)).collect();
        let held_out = out_of_fold(&rows, 2);
        assert!(mean(&in_sample) > 0.68, "{}", mean(&in_sample));
        assert!((mean(&held_out) - 0.5).abs() < 0.12, "{}", mean(&held_out));
    }

    #[test]
    fn without_rows_all_classes_are_alike() {
        assert_eq!(Regression::fit(&[], 4).predict(&[]), [0.25; 4]);
    }
}
