//! Earlier moments that sound like one: the moment is the query, a second around it.
//!
//! The score is the cosine of two patches of log-mel levels, content-based attention's score (Graves et al. 2014)
//! without training: each band is taken relative to its own mean over all that is searched, or everything would
//! resemble everything, and each patch relative to its own mean, so that loudness does not matter.
//!
//! In: levels. Out: frames and scores. Thread: any; `cargo bench -- similar` measures it on all that the window keeps.

use attune_audio::units::Seconds;
use attune_nn::kernels::reduce::dot;
use attune_nn::kernels::simd::{dispatch_loop, simd_loop};

/// Length of what is compared.
pub const PATCH: Seconds = Seconds(1.0);

/// A moment that sounds like the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    /// The frame that lies in it where the query lies in its own second: in the middle, but for the ends of what is
    /// known.
    pub frame: usize,
    /// Cosine of the two patches: 1 for the same up to a factor, 0 for unrelated ones.
    pub score: f32,
}

/// The `most` moments that resemble the one around frame `query` most, best first, none of them overlapping the query
/// or each other.
/// `levels`: (frames, bands) in dB, NaN where nothing is known; `patch`: frames that are compared.
pub fn similar(levels: &[f32], bands: usize, query: usize, patch: usize, most: usize) -> Vec<Similar> {
    let frames = levels.len() / bands.max(1);
    let half = patch / 2;
    if patch == 0 || frames < patch || query >= frames {
        return Vec::new();
    }
    // At an end of what is known, the patch lies as near to the query as it can.
    let start_of = |middle: usize| middle.saturating_sub(half).min(frames - patch);
    let centred = centred(levels, bands);
    let rows: Vec<(f64, f64)> = centred.chunks_exact(bands).map(sums).collect();
    let count = (patch * bands) as f64;
    // Mean of a patch and the norm of what differs from it; `None` if something is unknown or nothing differs.
    let moments = |start: usize| {
        let rows = rows[start..start + patch].iter();
        let (sum, squares) = rows.fold((0.0, 0.0), |all, row| (all.0 + row.0, all.1 + row.1));
        let mean = sum / count;
        let norm = (squares - count * mean * mean).max(0.0).sqrt();
        (norm.is_finite() && norm > 1e-3).then_some((mean, norm))
    };
    let query_start = start_of(query);
    let Some((query_mean, query_norm)) = moments(query_start) else {
        return Vec::new();
    };
    let mut products = vec![0.0; frames - patch + 1];
    let query_patch = &centred[query_start * bands..(query_start + patch) * bands];
    dispatch_loop(Products, (&centred, query_patch, bands, &mut products));
    let mut found: Vec<Similar> = (0..=frames - patch)
        .filter(|start| start.abs_diff(query_start) >= patch)
        .filter_map(|start| {
            let (mean, norm) = moments(start)?;
            let score = (f64::from(products[start]) - count * mean * query_mean) / (norm * query_norm);
            Some(Similar {
                frame: start + (query - query_start),
                score: score as f32,
            })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Similar> = Vec::new();
    for candidate in found {
        if kept.len() == most {
            break;
        }
        if kept.iter().all(|other| other.frame.abs_diff(candidate.frame) >= patch) {
            kept.push(candidate);
        }
    }
    kept
}

/// Each band relative to its mean over the frames that are known.
fn centred(levels: &[f32], bands: usize) -> Vec<f32> {
    let mut sums = vec![(0.0_f64, 0_u32); bands];
    for row in levels.chunks_exact(bands) {
        for ((sum, count), &level) in sums.iter_mut().zip(row).filter(|(_, level)| level.is_finite()) {
            *sum += f64::from(level);
            *count += 1;
        }
    }
    let means: Vec<f32> = sums
        .iter()
        .map(|(sum, count)| (sum / f64::from((*count).max(1))) as f32)
        .collect();
    let rows = levels.chunks_exact(bands);
    rows.flat_map(|row| row.iter().zip(&means).map(|(level, mean)| level - mean))
        .collect()
}

/// Σ x and Σ x² of a frame.
fn sums(row: &[f32]) -> (f64, f64) {
    let wide = row.iter().map(|x| f64::from(*x));
    wide.fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x))
}

/// All frames, the patch of the query, values of a frame, and where the products with it go: one for each
/// frame at which a patch can begin.
type Search<'a> = (&'a [f32], &'a [f32], usize, &'a mut [f32]);

#[inline(always)]
fn products((all, query, bands, out): Search<'_>) {
    for (start, out) in out.iter_mut().enumerate() {
        *out = dot(&all[start * bands..][..query.len()], query);
    }
}
simd_loop!(Products, products(Search<'_>));

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    const BANDS: usize = 20;
    const PATCH: usize = 12;

    /// 300 frames of random levels.
    fn noise() -> Vec<f32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        (0..300 * BANDS).map(|_| 40.0 * random.random::<f32>() - 60.0).collect()
    }

    #[test]
    fn a_planted_repeat_is_found_first_however_loud_it_is() {
        let mut levels = noise();
        let patch: Vec<f32> = levels[200 * BANDS..(200 + PATCH) * BANDS].to_vec();
        for (to, from) in levels[50 * BANDS..(50 + PATCH) * BANDS].iter_mut().zip(&patch) {
            *to = from - 9.0;
        }
        let found = similar(&levels, BANDS, 200 + PATCH / 2, PATCH, 3);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].frame, 50 + PATCH / 2);
        // The same but for the bands' means, which the louder copy moves a little.
        assert!(found[0].score > 0.99, "{found:?}");
        // 240 independent levels: the cosine of chance has a deviation of 1/√240 = 0.065.
        assert!(found[1].score < 0.065 * 5.0, "{found:?}");
        assert!(found[1].frame.abs_diff(found[2].frame) >= PATCH);
    }

    #[test]
    fn what_is_unknown_or_too_short_is_no_match() {
        let mut levels = noise();
        levels[50 * BANDS..60 * BANDS].fill(f32::NAN);
        let found = similar(&levels, BANDS, 55, PATCH, 3);
        assert!(found.is_empty(), "a query of unknown levels: {found:?}");
        let found = similar(&levels, BANDS, 200, PATCH, 50);
        assert!(found.iter().all(|it| !(44..66).contains(&it.frame)), "{found:?}");
        assert!(similar(&levels[..5 * BANDS], BANDS, 2, PATCH, 3).is_empty());
        assert!(
            similar(&vec![-60.0; 100 * BANDS], BANDS, 50, PATCH, 3).is_empty(),
            "nothing differs"
        );
    }
}
