//! What a network has to beat: how often codes occur, how often they follow each other, and linear prediction.
//!
//! In: codes. Out: bits per sample. Thread: any.

use attune_model::wavenet::mu_law::{CODES, bounds, decode};
use attune_model::wavenet::{BackwardPrediction, Prediction, STEPS};
use attune_nn::kernels::cross_entropy::code_losses;
use attune_nn::kernels::hyperbolic::{SCALES, add_hyperbolic};
use std::sync::LazyLock;

/// Order of linear prediction.
const ORDER: usize = 16;
/// Codes of which one prediction is fitted, as long as the network's field.
const BLOCK: usize = 2_048;
/// Bits that a block of linear prediction costs beside its codes: ten for each coefficient, six for the scale, one for
/// the law.
const BLOCK_BITS: f64 = 10.0 * ORDER as f64 + 7.0;
/// How much a code after another counts as if it had been seen by its own frequency.
const PRIOR: f64 = 16.0;
/// The share that is spread over all codes, so that none is impossible.
const FLOOR: f64 = 1e-3;

/// Frequencies of codes, alone and after each other.
#[derive(Debug)]
pub(crate) struct Counts {
    /// log₂ of the share of each.
    alone: Vec<f64>,
    /// Of each after each: (before, code).
    after: Vec<f64>,
}

impl Counts {
    /// Of these sequences.
    pub(crate) fn of<'a>(sequences: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut alone, mut after) = (vec![1.0; CODES], vec![0.0; CODES * CODES]);
        for codes in sequences {
            for code in codes {
                alone[usize::from(*code)] += 1.0;
            }
            for pair in codes.windows(2) {
                after[usize::from(pair[0]) * CODES + usize::from(pair[1])] += 1.0;
            }
        }
        let sum: f64 = alone.iter().sum();
        let alone: Vec<f64> = alone.into_iter().map(|count| count / sum).collect();
        for row in after.chunks_exact_mut(CODES) {
            let sum = row.iter().sum::<f64>() + PRIOR;
            for (count, alone) in row.iter_mut().zip(&alone) {
                *count = ((*count + PRIOR * alone) / sum).log2();
            }
        }
        Self {
            alone: alone.into_iter().map(f64::log2).collect(),
            after,
        }
    }

    /// Bits of all codes from number `first` on, by how often each occurs.
    pub(crate) fn unigram(&self, codes: &[u8], first: usize) -> f64 {
        codes[first..].iter().map(|code| -self.alone[usize::from(*code)]).sum()
    }

    /// Bits of all codes from number `first` on, by what follows the one before.
    ///
    /// # Panics
    /// If `first` is 0: a bug of the caller.
    pub(crate) fn bigram(&self, codes: &[u8], first: usize) -> f64 {
        let pairs = codes[first - 1..].windows(2);
        pairs
            .map(|pair| -self.after[usize::from(pair[0]) * CODES + usize::from(pair[1])])
            .sum()
    }
}

/// Bits of all codes from number `first` on, by linear prediction of order 16 from the samples before.
///
/// The coefficients are fitted to each block itself, by least squares, as lossless coders do (Shorten, Robinson 1994;
/// FLAC), and what they would cost is added: 167 bits a block. The residual is Laplace's or Gauss's, whichever is
/// shorter, of the scale that is shortest, and a code's probability is what lies between the bounds of its step.
pub(crate) fn linear_prediction(codes: &[u8], first: usize) -> f64 {
    let samples: Vec<f64> = codes.iter().map(|code| f64::from(decode(*code))).collect();
    let mut bits = 0.0;
    let mut at = first.max(ORDER);
    while at < codes.len() {
        let end = (at + BLOCK).min(codes.len());
        let weights = fitted(&samples, at..end);
        let predicted: Vec<f64> = (at..end).map(|n| prediction(&samples, n, &weights)).collect();
        bits +=
            shortest(&predicted, &samples[at..end], &codes[at..end]) + BLOCK_BITS * (end - at) as f64 / BLOCK as f64;
        at = end;
    }
    // Too near the start to be predicted.
    bits + 8.0 * first.max(ORDER).saturating_sub(first) as f64
}

fn prediction(samples: &[f64], n: usize, weights: &[f64; ORDER]) -> f64 {
    let past = samples[n - ORDER..n].iter().rev();
    past.zip(weights).map(|(sample, weight)| sample * weight).sum()
}

/// Least squares over a range (the covariance method), by Cholesky's decomposition.
fn fitted(samples: &[f64], range: std::ops::Range<usize>) -> [f64; ORDER] {
    let mut products = [[0.0; ORDER + 1]; ORDER]; // of each lag with each, and with the sample itself
    for n in range.clone() {
        for (i, row) in products.iter_mut().enumerate() {
            let x = samples[n - 1 - i];
            for (j, sum) in row[..=i].iter_mut().enumerate() {
                *sum += x * samples[n - 1 - j];
            }
            row[ORDER] += x * samples[n];
        }
    }
    // As much noise as a code's step: without it silence has no solution.
    let ridge = 1e-9 * range.len() as f64;
    let mut lower = [[0.0; ORDER]; ORDER];
    let mut weights = [0.0; ORDER];
    for i in 0..ORDER {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let left = products[i][j] - known;
            lower[i][j] = if i == j {
                (left + ridge).max(ridge).sqrt()
            } else {
                left / lower[j][j]
            };
        }
        let known: f64 = (0..i).map(|k| lower[i][k] * weights[k]).sum();
        weights[i] = (products[i][ORDER] - known) / lower[i][i];
    }
    for i in (0..ORDER).rev() {
        let known: f64 = (i + 1..ORDER).map(|k| lower[k][i] * weights[k]).sum();
        weights[i] = (weights[i] - known) / lower[i][i];
    }
    weights
}

/// Bits of all codes from number `first` on by the linear prediction that the network is told, with slopes that are the
/// same throughout: those of five that are shortest.
///
/// # Panics
/// If `first` is 0: a bug of the caller.
pub(crate) fn backward_prediction(codes: &[u8], first: usize) -> f64 {
    let before = BackwardPrediction::after_each(&codes[..codes.len() - 1]);
    let bits = |slope: f32| -> f64 {
        let (mut logits, mut loss) = (vec![0.0; CODES], [0.0]);
        let of_code = |(prediction, code): (&Prediction, &u8)| {
            logits.fill(0.0);
            add_hyperbolic(&STEPS, &[prediction.peak], &[slope; SCALES], &mut logits);
            code_losses(&logits, CODES, &[*code], &mut loss);
            f64::from(loss[0] * std::f32::consts::LOG2_E)
        };
        before[first - 1..].iter().zip(&codes[first..]).map(of_code).sum()
    };
    let bits = [0.5, 0.7, 0.9, 1.2, 1.6].map(bits);
    bits.into_iter().fold(f64::INFINITY, f64::min)
}

/// Share of a distribution below x, for x in scales from its centre.
type Law = fn(f64) -> f64;

fn laplace(x: f64) -> f64 {
    if x < 0.0 { 0.5 * x.exp() } else { 1.0 - 0.5 * (-x).exp() }
}

/// Gauss's, by its logistic approximation of Bowling et al. 2009, off by at most 1.4·10⁻⁴.
fn gauss(x: f64) -> f64 {
    1.0 / (1.0 + (-(0.07056 * x * x * x + 1.5976 * x)).exp())
}

static BOUNDS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| (0..=u8::MAX).map(bounds).collect());

fn shortest(predicted: &[f64], samples: &[f64], codes: &[u8]) -> f64 {
    let residual = |power: i32| -> f64 {
        let sum: f64 = predicted
            .iter()
            .zip(samples)
            .map(|(p, x)| (p - x).abs().powi(power))
            .sum();
        sum / samples.len() as f64
    };
    let laws: [(Law, f64); 2] = [(laplace, residual(1)), (gauss, residual(2).sqrt())];
    let scales = laws
        .iter()
        .flat_map(|(law, size)| [0.4, 0.6, 0.8, 1.0, 1.3].map(|factor| (law, size * factor)));
    let bits = scales.map(|(law, scale)| {
        let scale = scale.max(1e-6);
        let each = predicted.iter().zip(codes).map(|(predicted, code)| {
            let (lower, upper) = BOUNDS[usize::from(*code)];
            let mass = law((upper - predicted) / scale) - law((lower - predicted) / scale);
            -(mass.max(0.0) * (1.0 - FLOOR) + FLOOR / CODES as f64).log2()
        });
        each.sum::<f64>()
    });
    bits.fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::wavenet::mu_law::encode;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn noise(count: usize) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..count).map(|_| rng.random_range(0..16)).collect()
    }

    #[test]
    fn counts_know_how_often_and_what_follows() {
        let codes = noise(50_000);
        let counts = Counts::of([codes.as_slice()].into_iter());
        let each = 1.0 / (codes.len() - 1) as f64;
        assert!(
            (counts.unigram(&codes, 1) * each - 4.0).abs() < 0.01,
            "sixteen codes alike are four bits"
        );
        // Each code twice: half of them follow from the one before.
        let twice: Vec<u8> = codes.iter().flat_map(|code| [*code, code + 32]).collect();
        let counts = Counts::of([twice.as_slice()].into_iter());
        let each = 1.0 / (twice.len() - 1) as f64;
        assert!((counts.unigram(&twice, 1) * each - 5.0).abs() < 0.01);
        assert!((counts.bigram(&twice, 1) * each - 2.0).abs() < 0.05);
    }

    #[test]
    fn linear_prediction_knows_a_tone_and_cannot_know_noise() {
        let tone: Vec<u8> = (0..20_000)
            .map(|n| encode(0.5 * (f64::from(n) * 0.3).sin() as f32))
            .collect();
        let of = |codes: &[u8]| linear_prediction(codes, 16) / (codes.len() - 16) as f64;
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let hiss: Vec<u8> = (0..20_000).map(|_| encode(rng.random_range(-0.5..0.5))).collect();
        let counts = Counts::of([hiss.as_slice()].into_iter());
        let alone = counts.unigram(&hiss, 16) / (hiss.len() - 16) as f64;
        assert!(of(&tone) < 2.5, "{}", of(&tone));
        assert!(of(&hiss) > alone - 0.2, "{} of noise that costs {alone}", of(&hiss));
        assert!(of(&vec![128; 5_000]) < 0.1, "silence: {}", of(&vec![128; 5_000]));
    }

    #[test]
    fn least_squares_finds_the_recurrence_that_made_the_samples() {
        let mut samples = vec![0.3, -0.2];
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in 2..40_000 {
            let next = 1.5 * samples[n - 1] - 0.8 * samples[n - 2] + rng.random_range(-0.01..0.01);
            samples.push(next);
        }
        let weights = fitted(&samples, ORDER..40_000);
        assert!(
            (weights[0] - 1.5).abs() < 0.05 && (weights[1] + 0.8).abs() < 0.08,
            "{weights:?}"
        );
        assert!(weights[2..].iter().all(|weight| weight.abs() < 0.1), "{weights:?}");
    }

    #[test]
    fn laws_are_shares() {
        for law in [laplace as Law, gauss] {
            assert!((law(0.0) - 0.5).abs() < 1e-12 && law(-40.0) < 1e-9 && law(40.0) > 1.0 - 1e-9);
        }
        assert!((gauss(1.0) - 0.841_34).abs() < 2e-4 && (laplace(-1.0) - 0.183_94).abs() < 1e-5);
    }
}
