//! Needles in a haystack: four marked frames among many, each with a digit of its own.
//!
//! Every frame has a digit written in; four carry a mark, each another one, at places that are drawn. Asked is the
//! digit at each mark. Equal weights on all four marked frames give four digits without their marks.

use crate::token_encoder::Generated;
use attune_train::augment::normal;
use candle_core::{Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Marks, and so answers.
pub(crate) const MARKS: usize = 4;
/// Digits.
pub(crate) const DIGITS: usize = 4;
/// Features of a frame: a place for each mark and for each digit.
pub(crate) const INPUTS: usize = MARKS + DIGITS;
/// Frames of a sequence.
pub(crate) const FRAMES: usize = 32;
/// Height of a mark and of a digit, and deviation of the noise on every feature.
const MARK: f32 = 3.0;
const DIGIT: f32 = 2.0;
const NOISE: f32 = 0.3;

/// Sequences (count, [`FRAMES`], [`INPUTS`]), and the digits at their marks.
///
/// # Errors
/// If memory runs out.
pub(crate) fn draw(count: usize, rng: &mut ChaCha8Rng) -> Result<Generated> {
    let mut x: Vec<f32> = (0..count * FRAMES * INPUTS).map(|_| NOISE * normal(rng)).collect();
    let mut classes = Vec::with_capacity(count * MARKS);
    for sequence in x.chunks_exact_mut(FRAMES * INPUTS) {
        let digits: Vec<usize> = (0..FRAMES).map(|_| rng.random_range(0..DIGITS)).collect();
        for (frame, digit) in sequence.chunks_exact_mut(INPUTS).zip(&digits) {
            frame[MARKS + digit] += DIGIT;
        }
        let mut places: Vec<usize> = (0..FRAMES).collect();
        for mark in 0..MARKS {
            places.swap(mark, rng.random_range(mark..FRAMES));
            sequence[places[mark] * INPUTS + mark] += MARK;
            classes.push(digits[places[mark]]);
        }
    }
    Ok(Generated {
        x: Tensor::from_vec(x, (count, FRAMES, INPUTS), &Device::Cpu)?,
        classes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn each_mark_stands_once_beside_its_digit() {
        let drawn = draw(50, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let x: Vec<f32> = drawn.x.flatten_all().unwrap().to_vec1().unwrap();
        for (sequence, digits) in x.chunks_exact(FRAMES * INPUTS).zip(drawn.classes.chunks_exact(MARKS)) {
            for (mark, digit) in digits.iter().enumerate() {
                let marked: Vec<&[f32]> = sequence
                    .chunks_exact(INPUTS)
                    .filter(|frame| frame[mark] > 1.5)
                    .collect();
                assert_eq!(marked.len(), 1);
                let written = &marked[0][MARKS..];
                assert!(
                    written
                        .iter()
                        .enumerate()
                        .all(|(at, level)| (*level > 1.0) == (at == *digit))
                );
            }
        }
    }
}
