//! The order task: the same notes forward, reversed, or shuffled.
//!
//! In: a random generator. Out: sequences and classes. Thread: any.
//!
//! A sequence draws its notes from a scale; forward they rise, reversed they fall, shuffled they come in an order that
//! is drawn. The bag of frames has the same distribution in all three: only the order determines the class.

use super::Generated;
use attune_train::augment::normal;
use candle_core::{Device, Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Bands of a frame, one for each note of the scale.
pub const BANDS: usize = 16;
/// Forward, reversed, shuffled.
pub const CLASSES: usize = 3;
/// Notes of a sequence, and frames of each: the second is softer.
const NOTES: usize = 12;
const LEVELS: [f32; 2] = [2.0, 1.2];
/// Frames of a sequence.
pub const FRAMES: usize = NOTES * LEVELS.len();
/// Deviation of the noise in every band, independent for each frame.
const NOISE: f32 = 0.3;

/// FeatureSet (count, [`FRAMES`], [`BANDS`]) and their classes.
///
/// # Errors
/// If memory runs out.
pub fn draw(count: usize, rng: &mut ChaCha8Rng) -> Result<Generated> {
    let mut x: Vec<f32> = (0..count * FRAMES * BANDS).map(|_| NOISE * normal(rng)).collect();
    let mut classes = Vec::with_capacity(count);
    for sequence in x.chunks_exact_mut(FRAMES * BANDS) {
        let class = rng.random_range(0..CLASSES);
        let mut notes: Vec<usize> = (0..NOTES).map(|_| rng.random_range(0..BANDS)).collect();
        notes.sort_unstable();
        match class {
            0 => {}
            1 => notes.reverse(),
            _ => shuffle(&mut notes, rng),
        }
        for (place, frame) in sequence.chunks_exact_mut(BANDS).enumerate() {
            frame[notes[place / LEVELS.len()]] += LEVELS[place % LEVELS.len()];
        }
        classes.push(class);
    }
    Ok(Generated {
        x: Tensor::from_vec(x, (count, FRAMES, BANDS), &Device::Cpu)?,
        classes,
    })
}

/// Every order alike (Fisher & Yates; Durstenfeld 1964).
fn shuffle(notes: &mut [usize], rng: &mut ChaCha8Rng) {
    for last in (1..notes.len()).rev() {
        notes.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn only_the_order_determines_the_class() {
        let drawn = draw(900, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let x: Vec<f32> = drawn.x.flatten_all().unwrap().to_vec1().unwrap();
        let mut bags = [[0.0f64; BANDS]; CLASSES];
        for (sequence, class) in x.chunks_exact(FRAMES * BANDS).zip(&drawn.classes) {
            let level = |note: &[f32], band: usize| note[band] + note[BANDS + band];
            let loudest = |note: &[f32]| {
                let louder = |a: &usize, b: &usize| level(note, *a).total_cmp(&level(note, *b));
                (0..BANDS).max_by(louder).unwrap()
            };
            let notes: Vec<usize> = sequence.chunks_exact(2 * BANDS).map(loudest).collect();
            let (rises, falls) = (notes.is_sorted(), notes.is_sorted_by(|a, b| a >= b));
            assert_eq!((rises, falls), (*class == 0, *class == 1), "{class}: {notes:?}");
            for frame in sequence.chunks_exact(BANDS) {
                for (sum, value) in bags[*class].iter_mut().zip(frame) {
                    *sum += f64::from(*value) / 300.0;
                }
            }
        }
        // 300 sequences of 12 notes of 3.2: a band's mean is 2.4, its deviation 0.18 and some noise.
        for bag in bags {
            assert!(bag.iter().all(|mean| (mean - 2.4).abs() < 0.8), "{bags:?}");
        }
    }
}
