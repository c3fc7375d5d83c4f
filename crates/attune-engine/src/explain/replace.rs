//! Replacement of frames by the mean of their surroundings.

use attune_audio::units::Seconds;
use std::ops::Range;

/// A segment is replaced by the mean of the frames within this much of it.
const REACH: Seconds = Seconds(1.0);

/// The same in frames.
pub(super) fn reach(hop: Seconds) -> usize {
    (REACH.0 / hop.0.max(1e-9)) as usize
}

/// Replaces the frames for which `is_occluded` holds by the mean of the kept frames within `reach` frames; where none
/// is that near, by the mean of all kept ones, and by zeros (the running mean of the loudness) where none is kept.
pub(super) fn by_local_mean(frames: &mut [f32], bands: usize, is_occluded: &[bool], reach: usize) {
    let count = frames.len() / bands;
    let kept: Vec<usize> = (0..count).filter(|&frame| !is_occluded[frame]).collect();
    let all = mean(frames, bands, kept.iter().copied());
    let original = frames.to_vec();
    let mut run = 0;
    while run < count {
        if !is_occluded[run] {
            run += 1;
            continue;
        }
        // One mean for a whole run: within it nothing is known that distinguishes its frames.
        let end = (run..count).find(|&frame| !is_occluded[frame]).unwrap_or(count);
        let around: Range<usize> = run.saturating_sub(reach)..(end + reach).min(count);
        let near: Vec<usize> = around.filter(|&frame| !is_occluded[frame]).collect();
        let value = if near.is_empty() {
            all.clone()
        } else {
            mean(&original, bands, near.into_iter())
        };
        for frame in frames[run * bands..end * bands].chunks_exact_mut(bands) {
            frame.copy_from_slice(&value);
        }
        run = end;
    }
}

fn mean(frames: &[f32], bands: usize, which: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
    let mut sum = vec![0.0; bands];
    let count = which.len().max(1) as f32;
    for frame in which {
        for (slot, x) in sum.iter_mut().zip(&frames[frame * bands..][..bands]) {
            *slot += x / count;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occluded_frames_become_the_mean_of_near_frames_that_are_kept() {
        // Two bands, six frames; frames 2 and 3 are occluded, and 5.
        let mut frames: Vec<f32> = (0..6).flat_map(|n| [n as f32, -(n as f32)]).collect();
        let is_occluded = [false, false, true, true, false, true];
        by_local_mean(&mut frames, 2, &is_occluded, 1);
        assert_eq!(
            frames,
            [0.0, 0.0, 1.0, -1.0, 2.5, -2.5, 2.5, -2.5, 4.0, -4.0, 4.0, -4.0]
        );
    }

    #[test]
    fn far_from_all_that_is_kept_the_mean_of_it_stands_and_zeros_without_any() {
        let mut frames = vec![3.0, 5.0, 0.0, 0.0, 0.0];
        by_local_mean(&mut frames, 1, &[false, false, true, true, true], 0);
        assert_eq!(frames, [3.0, 5.0, 4.0, 4.0, 4.0]);
        by_local_mean(&mut frames, 1, &[true; 5], 2);
        assert_eq!(frames, [0.0; 5]);
    }
}
