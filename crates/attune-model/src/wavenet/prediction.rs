//! Linear prediction of the next sample from those before it, fitted to the sound as it comes: backward-adaptive, as in
//! ITU-T G.728. Nothing is sent and nothing is learnt beforehand.
//!
//! In: codes, one after the other. Out: the value expected next, and how far off it has been. Thread: any.

use super::mu_law::{CODES, bounds, decode, encode};
use attune_nn::kernels::hyperbolic::{Peak, SCALES, Steps};
use std::sync::{Arc, LazyLock};

/// Samples that a prediction is a weighted sum of.
const ORDER: usize = 64;
/// Samples after which the weights are fitted anew.
const BLOCK: usize = 64;
/// What a block counts beside the one after it: half as much after 270 samples.
const KEPT: f64 = 0.85;
/// Bandwidth expansion: the weight of lag n is multiplied by this to the n-th power, as in G.728. It costs no bits, and
/// without it what a network draws feeds on itself until it clips.
const EXPANSION: f64 = 0.998;
/// Errors are averaged over about so many samples.
const MEMORIES: [f32; SCALES] = [32.0, 256.0];
/// The least scale, as a share of the width of the step that the value lies in: a code is no more precise than that.
const LEAST_STEP: f32 = 0.3;
/// The mean error before anything was heard.
const FIRST_ERROR: f32 = 0.02;

/// Value and width of each code's step; the outermost are as wide as their neighbours.
pub static STEPS: LazyLock<Arc<Steps>> = LazyLock::new(|| {
    let width = |code: usize| {
        let (lower, upper) = bounds(code.clamp(1, CODES - 2) as u8);
        ((upper - lower) as f32).ln()
    };
    Arc::new(Steps {
        values: (0..=u8::MAX).map(decode).collect(),
        log_widths: (0..CODES).map(width).collect(),
    })
});

/// What is expected of the next sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The value, and how far off such values have been lately.
    pub peak: Peak,
    /// The value as a code.
    pub value: u8,
    /// The error of the last 32 samples as a code.
    pub error: u8,
}

/// Backward-adaptive linear prediction of order 64: least squares over the samples before, of which later ones count
/// more.
#[derive(Debug, Clone)]
pub struct BackwardPrediction {
    /// The last `ORDER` samples and those of the open block, oldest first.
    samples: Vec<f64>,
    /// Weighted products of lag i + 1 with lag j + 1, row-major, below and on the diagonal.
    products: Vec<f64>,
    /// Of the sample with lag i + 1.
    with_next: [f64; ORDER],
    /// Weight of each lag, the newest last: in the order of `samples`.
    weights: [f64; ORDER],
    lower: Vec<f64>,
    value: f32,
    errors: [f32; SCALES],
}

impl Default for BackwardPrediction {
    fn default() -> Self {
        let mut samples = Vec::with_capacity(ORDER + BLOCK);
        samples.resize(ORDER, 0.0);
        Self {
            samples,
            products: vec![0.0; ORDER * ORDER],
            with_next: [0.0; ORDER],
            weights: [0.0; ORDER],
            lower: vec![0.0; ORDER * ORDER],
            value: 0.0,
            errors: [FIRST_ERROR; SCALES],
        }
    }
}

impl BackwardPrediction {
    /// Of each code of a sound from its beginning: what was expected after it.
    pub fn after_each(codes: &[u8]) -> Vec<Prediction> {
        let mut prediction = Self::default();
        codes.iter().map(|code| prediction.push(*code)).collect()
    }

    /// Takes the next code; returns what is expected after it.
    pub fn push(&mut self, code: u8) -> Prediction {
        let sample = decode(code);
        let off = (sample - self.value).abs();
        for (error, memory) in self.errors.iter_mut().zip(MEMORIES) {
            *error += (off - *error) / memory;
        }
        self.samples.push(f64::from(sample));
        if self.samples.len() == ORDER + BLOCK {
            self.fit();
            self.samples.copy_within(BLOCK.., 0);
            self.samples.truncate(ORDER);
        }
        let past = &self.samples[self.samples.len() - ORDER..];
        self.value = (dot(past, &self.weights) as f32).clamp(-1.0, 1.0);
        let value = encode(self.value);
        let least = LEAST_STEP * STEPS.log_widths[usize::from(value)].exp();
        Prediction {
            peak: Peak {
                value: self.value,
                scales: self.errors.map(|error| error.max(least)),
            },
            value,
            error: encode(self.errors[0]),
        }
    }

    /// Fits the weights to the samples before, the open block among them, by Cholesky's decomposition.
    fn fit(&mut self) {
        let x = &self.samples;
        for value in self.products.iter_mut().chain(&mut self.with_next) {
            *value *= KEPT;
        }
        // Over the block, of lags a and b: Σ x(n − a)·x(n − b). That of a + 1 and b + 1 begins and ends a sample earlier.
        let from_block = |lag: usize| &x[ORDER - lag..][..BLOCK];
        let mut first = [0.0; ORDER + 1];
        for (lag, sum) in first.iter_mut().enumerate() {
            *sum = dot(from_block(0), from_block(lag));
        }
        for (sum, product) in self.with_next.iter_mut().zip(&first[1..]) {
            *sum += product;
        }
        for (apart, sum) in first[..ORDER].iter().enumerate() {
            let mut sum = *sum;
            for near in 1..=ORDER - apart {
                let far = near + apart;
                sum += x[ORDER - near] * x[ORDER - far] - x[ORDER + BLOCK - near] * x[ORDER + BLOCK - far];
                self.products[(far - 1) * ORDER + near - 1] += sum;
            }
        }
        // As much noise as leaves silence with a solution.
        let ridge = 1e-7 * (1.0 + self.products[0]);
        let lower = &mut self.lower;
        let mut solved = [0.0; ORDER];
        for i in 0..ORDER {
            let (above, row) = lower.split_at_mut(i * ORDER);
            for j in 0..=i {
                let known = if j < i { &above[j * ORDER..][..j] } else { &[] };
                let left = self.products[i * ORDER + j] - dot(&row[..known.len()], known);
                row[j] = if j < i {
                    left / above[j * ORDER + j]
                } else {
                    (left + ridge - dot(&row[..i], &row[..i])).max(ridge).sqrt()
                };
            }
            solved[i] = (self.with_next[i] - dot(&row[..i], &solved[..i])) / row[i];
        }
        for i in (0..ORDER).rev() {
            let last = solved[i] / lower[i * ORDER + i];
            solved[i] = last;
            for (value, weight) in solved[..i].iter_mut().zip(&lower[i * ORDER..]) {
                *value -= weight * last;
            }
        }
        let mut expansion = 1.0;
        for (weight, solved) in self.weights.iter_mut().rev().zip(solved) {
            expansion *= EXPANSION;
            *weight = expansion * solved;
        }
    }
}

/// Σ a·b in eight sums, so that it is the same on every processor and may be computed eight values at a time.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn codes(samples: impl Iterator<Item = f64>) -> Vec<u8> {
        samples.map(|sample| encode(sample as f32)).collect()
    }

    fn tone(count: u32) -> Vec<u8> {
        codes((0..count).map(|n| 0.5 * (f64::from(n) * 0.3).sin()))
    }

    /// Two poles, and noise of ± 0.01.
    fn resonance(count: usize) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut samples = vec![0.3, -0.2];
        for n in 2..count {
            samples.push(1.5 * samples[n - 1] - 0.8 * samples[n - 2] + rng.random_range(-0.01..0.01));
        }
        codes(samples.into_iter())
    }

    /// The same by the definition: the products of all blocks before summed one by one, and Gauss's elimination.
    fn by_definition(codes: &[u8]) -> f64 {
        let x: Vec<f64> = codes.iter().map(|code| f64::from(decode(*code))).collect();
        let at = |n: usize, lag: usize| n.checked_sub(lag).map_or(0.0, |n| x[n]);
        let blocks = x.len() / BLOCK;
        let mut rows = vec![vec![0.0; ORDER + 1]; ORDER];
        for n in 0..blocks * BLOCK {
            let weight = KEPT.powi((blocks - 1 - n / BLOCK) as i32);
            for (i, row) in rows.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    let other = if j < ORDER { at(n, j + 1) } else { at(n, 0) };
                    *sum += weight * at(n, i + 1) * other;
                }
            }
        }
        let ridge = 1e-7 * (1.0 + rows[0][0]);
        for (i, row) in rows.iter_mut().enumerate() {
            row[i] += ridge;
        }
        for i in 0..ORDER {
            let pivot = rows[i].clone();
            for row in rows.iter_mut().skip(i + 1) {
                let factor = row[i] / pivot[i];
                for (value, pivot) in row.iter_mut().zip(&pivot) {
                    *value -= factor * pivot;
                }
            }
        }
        let mut weights = [0.0; ORDER];
        for i in (0..ORDER).rev() {
            let known: f64 = (i + 1..ORDER).map(|j| rows[i][j] * weights[j]).sum();
            weights[i] = (rows[i][ORDER] - known) / rows[i][i];
        }
        let of = |(lag, weight): (usize, &f64)| weight * EXPANSION.powi(lag as i32 + 1) * at(x.len(), lag + 1);
        weights.iter().enumerate().map(of).sum()
    }

    #[test]
    fn it_is_weighted_least_squares_over_all_blocks_before() {
        let noise: Vec<u8> = resonance(1_000);
        for count in [128, 200, 640, 1_000] {
            let predicted = BackwardPrediction::after_each(&noise[..count]);
            let value = f64::from(predicted[count - 1].peak.value);
            let expected = by_definition(&noise[..count]);
            assert!((value - expected).abs() < 1e-5, "{count}: {value} {expected}");
        }
    }

    #[test]
    fn it_knows_a_tone_and_a_resonance_and_cannot_know_noise() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let noise: Vec<u8> = codes((0..4_000).map(|_| rng.random_range(-0.5..0.5)));
        let error = |codes: &[u8]| BackwardPrediction::after_each(codes).last().unwrap().peak.scales[1];
        // Its mean is 0.32, and a step of µ-law 0.022 wide at 0.5.
        assert!(error(&tone(4_000)) < 0.022, "{}", error(&tone(4_000)));
        // The mean of ± 0.01 is 0.005.
        assert!((0.004..0.008).contains(&error(&resonance(4_000))));
        // That of ± 0.5 is 0.25, which no prediction lowers.
        assert!(error(&noise) > 0.24, "{}", error(&noise));
    }

    #[test]
    fn nothing_is_known_of_what_comes_later() {
        let all = resonance(700);
        let whole = BackwardPrediction::after_each(&all);
        for count in [1, 63, 64, 65, 500] {
            assert!(
                BackwardPrediction::after_each(&all[..count]) == whole[..count],
                "{count}"
            );
        }
    }

    #[test]
    fn silence_clipping_and_sudden_change_leave_it_finite() {
        let silence = vec![encode(0.0); 1_000];
        let square: Vec<u8> = (0..1_000).map(|n| if n / 20 % 2 == 0 { 0 } else { 255 }).collect();
        let all = [silence.as_slice(), &square, &tone(1_000), &silence].concat();
        for prediction in BackwardPrediction::after_each(&all) {
            let Peak { value, scales } = prediction.peak;
            assert!(value.abs() <= 1.0, "{value}");
            assert!(
                scales.iter().all(|scale| scale.is_finite() && *scale > 0.0),
                "{scales:?}"
            );
        }
    }
}
