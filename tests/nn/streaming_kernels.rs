//! The kernels of the streaming form against plain sums in f64, over shapes that fit no register.

use attune_nn::kernels::attend::{Attend, KeyValueRing, MAX_QUERIES};
use attune_nn::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, bf16, padded};
use attune_nn::kernels::simd::dispatch_simd;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
}

/// A sum of `terms` products of values below 1, each step of which rounds to 6e-8 of what has come together.
fn allowed(terms: usize) -> f64 {
    6e-8 * (terms as f64).powi(2).max(4.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn products_are_sums(
        pieces in prop::collection::vec(1usize..24, 1..4),
        outputs in 1usize..150,
        frames in 1usize..10,
        finish in 0usize..4,
        from_output: bool,
        halves: bool,
        seed: u64,
    ) {
        let inputs: usize = pieces.iter().sum();
        let (mut weights, bias) = (random(inputs * outputs, seed), random(outputs, seed ^ 1));
        let precision = if halves { Precision::Bf16 } else { Precision::F32 };
        let matrix = PackedMatrix::with_precision(&weights, &bias, precision);
        if halves {
            for weight in &mut weights {
                *weight = bf16(*weight);
            }
        }
        let (x, other, before) = (
            random(frames * inputs, seed ^ 2),
            random(frames * padded(outputs), seed ^ 3),
            random(frames * padded(outputs), seed ^ 4),
        );
        let start = if from_output { Start::Output } else { Start::Bias };
        let ending = [Finish::Plain, Finish::Relu, Finish::Add(&other), Finish::ReluAddRelu(&other)][finish];
        let mut out = before.clone();
        let firsts: Vec<usize> = pieces.iter().scan(0, |at, piece| { let first = *at; *at += piece; Some(first) }).collect();
        matrix.multiply(
            pieces.len(),
            |frame, piece| &x[frame * inputs + firsts[piece]..][..pieces[piece]],
            (start, ending),
            &mut out,
        );
        for frame in 0..frames {
            for output in 0..outputs {
                let place = frame * padded(outputs) + output;
                let mut sum = f64::from(if from_output { before[place] } else { bias[output] });
                for input in 0..inputs {
                    sum += f64::from(x[frame * inputs + input]) * f64::from(weights[input * outputs + output]);
                }
                let other = f64::from(other[place]);
                let truth: f64 = [sum, sum.max(0.0), sum + other, (other + sum.max(0.0)).max(0.0)][finish];
                prop_assert!((f64::from(out[place]) - truth).abs() < allowed(inputs + 2), "{frame} {output}");
            }
        }
    }

    #[test]
    fn queries_see_their_window_and_nothing_else(
        context in 1usize..150,
        heads in 1usize..4,
        half in 1usize..20,
        seed: u64,
    ) {
        let width = 2 * half;
        let (all, frames) = (heads * width, 200);
        let rows = random(frames * 3 * all, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut ring = KeyValueRing::new(context, heads, width);
        let mut alone = ring.clone();
        let (mut mixed, mut mixed_alone) = (vec![0.0; frames * all], vec![0.0; frames * all]);
        let mut frame = 0;
        while frame < frames {
            let count = rng.random_range(1..=MAX_QUERIES).min(frames - frame);
            for (ring, mixed, step) in [(&mut ring, &mut mixed, count), (&mut alone, &mut mixed_alone, 1)] {
                for first in (frame..frame + count).step_by(step) {
                    dispatch_simd(Attend {
                        rows: &rows[first * 3 * all..][..step * 3 * all],
                        stride: 3 * all,
                        ring: &mut *ring,
                        mixed: &mut mixed[first * all..][..step * all],
                        mixed_stride: all,
                    });
                }
            }
            frame += count;
        }
        // Asking together changes no bit.
        prop_assert_eq!(&mixed, &mixed_alone);
        let value = |frame: usize, part: usize, head: usize, i: usize| {
            f64::from(rows[(frame * 3 + part) * all + head * width + i])
        };
        let mut drawn = Vec::new();
        ring.newest_weights(frames, &mut drawn);
        for head in 0..heads {
            for asking in [0, context - 1, context.min(frames - 1), frames - 1] {
                let seen: Vec<usize> = ((asking + 1).saturating_sub(context)..=asking).collect();
                let scores: Vec<f64> = seen.iter().map(|&key| {
                    let dot: f64 = (0..width).map(|i| value(asking, 0, head, i) * value(key, 1, head, i)).sum();
                    (dot / (width as f64).sqrt()).exp()
                }).collect();
                let sum: f64 = scores.iter().sum();
                for i in 0..width {
                    let truth: f64 = seen.iter().zip(&scores).map(|(&key, score)| score / sum * value(key, 2, head, i)).sum();
                    // Weights sum to 1; a score is off by what a sum of `width` products is, and so is its exponential.
                    let error = (f64::from(mixed[asking * all + head * width + i]) - truth).abs();
                    prop_assert!(error < 2e-6 + allowed(width), "frame {asking}: {error}");
                }
                if asking == frames - 1 {
                    for (n, weight) in drawn[head * frames..][..frames].iter().enumerate() {
                        let truth = seen.iter().position(|&key| key == n).map_or(0.0, |at| scores[at] / sum);
                        prop_assert!((f64::from(*weight) - truth).abs() < 2e-6 + allowed(width), "drawn {n}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_nan_is_not_hidden() {
    let matrix = PackedMatrix::new(&[1.0; 6], &[0.0; 3]);
    for finish in [Finish::Plain, Finish::Relu, Finish::ReluAddRelu(&[1.0; 16])] {
        let mut out = vec![0.0; 16];
        matrix.multiply(1, |_, _| &[f32::NAN, 1.0], (Start::Bias, finish), &mut out);
        assert!(out[..3].iter().all(|value| value.is_nan()), "{finish:?}");
    }
}
