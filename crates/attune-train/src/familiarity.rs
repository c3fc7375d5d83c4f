//! Statistics of a trained network's hidden layer, by which it says how familiar a sound is.
//!
//! In: a network, training and validation clips. Out: [`HiddenStatistics`] of the former, the [`FamiliarityScale`] of
//! the latter. Thread: the caller's.

use super::TrainError;
use super::dataset::{Clip, Dataset};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_audio::units::Seconds;
use attune_engine::smoothing::{SETTLED, SettledNovelty};
use attune_model::architecture::Net;
use attune_model::familiarity::{Familiarity, FamiliarityScale, HiddenStatistics};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use candle_core::{Device, Tensor};
use half::slice::HalfFloatSliceExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;

/// From one frame whose hidden layer is read to the next.
const EVERY: Seconds = Seconds(1.0);
/// Principal directions within classes whose variances enter the distance one by one; the others share their mean.
const DIRECTIONS: usize = 32;
/// Added to every variance within classes, as a share of their mean: directions in which a few hundred training clips
/// hardly varied are no measure of distance (Ledoit & Wolf 2004). Chosen on left-out genres, where 0.3 to 10 are
/// hardly different.
const SHRINKAGE: f64 = 1.0;
/// Steps of the iteration for the directions.
const STEPS: usize = 100;

/// What a network has learnt of its classes, and how far held-out clips of them lie from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Over the training clips.
    pub statistics: HiddenStatistics,
    /// Over the validation clips, whole and excerpts.
    pub scale: FamiliarityScale,
}

/// Fits the statistics on the training clips and their scale on the validation clips. `None`: there are too few
/// validation clips for a threshold ([`FamiliarityScale::of`]), or a class has no training clip.
///
/// # Errors
/// If the network cannot be computed.
pub fn fit(
    net: &dyn Net,
    data: &Dataset,
    spec: &FrontEndSpec,
    precision: Precision,
) -> Result<Option<Fitted>, TrainError> {
    let classes = data.genres.len();
    let rows = hidden_rows(net, &data.train, spec)?;
    let Some(statistics) = statistics(&rows, classes) else {
        return Ok(None);
    };
    let streaming = net.pack_with(precision, Some(Familiarity::new(&statistics, classes, None)))?;
    let mut stream = streaming.open()?;
    let mut distances = Vec::new();
    for (_, normalized) in sounds(&data.valid, spec) {
        stream.reset()?;
        let mut mean = SettledNovelty::new(spec.hop());
        for distance in stream.answers(FrameBlock::new(&normalized, spec.bands))?.novelty {
            mean.push(Some(distance));
        }
        distances.extend(mean.value());
    }
    Ok(FamiliarityScale::of(distances).map(|scale| Fitted { statistics, scale }))
}

/// The normalised frames of each clip, whole and excerpt, with its class. A whole clip whose audio is missing is there
/// as filled log-mels.
pub(super) fn sounds(clips: &[Clip], spec: &FrontEndSpec) -> impl Iterator<Item = (usize, Vec<f32>)> {
    let levels = clips.iter().flat_map(|clip| {
        let filled = clip.filled.as_ref().filter(|_| clip.whole.is_none());
        let filled = filled.map(|levels| Cow::Owned(levels.to_f32_vec()));
        let real = [&clip.whole, &clip.excerpt].into_iter().flatten();
        let real = real.map(|levels| Cow::Borrowed(levels.as_slice()));
        let class = usize::from(clip.genre.0);
        filled.into_iter().chain(real).map(move |levels| (class, levels))
    });
    levels.map(|(class, levels)| {
        let mut normalized = Vec::with_capacity(levels.len());
        LoudnessNormalizer::new(spec).push(&levels, &mut normalized);
        (class, normalized)
    })
}

/// The hidden layer of one frame.
struct Row {
    class: usize,
    /// All frames of a clip count as much together as those of another.
    weight: f64,
    hidden: Vec<f32>,
}

/// The hidden layer of every clip, whole and excerpt, each second from where the features have settled.
fn hidden_rows(net: &dyn Net, clips: &[Clip], spec: &FrontEndSpec) -> Result<Vec<Row>, TrainError> {
    let (settled, every) = (spec.frames_in(SETTLED), spec.frames_in(EVERY).max(1));
    let mut rows = Vec::new();
    for (class, normalized) in sounds(clips, spec) {
        let frames = normalized.len() / spec.bands;
        let last = frames.saturating_sub(1);
        let mut read: Vec<usize> = (settled..last).step_by(every).collect();
        read.push(last);
        let x = Tensor::from_vec(normalized, (1, frames, spec.bands), &Device::Cpu)?;
        let hidden = net.classify(&x, &read, &mut Pass::Infer)?.hidden.squeeze(0)?;
        let weight = 1.0 / read.len() as f64;
        rows.extend(
            hidden
                .to_vec2()?
                .into_iter()
                .map(|hidden| Row { class, weight, hidden }),
        );
    }
    Ok(rows)
}

/// W and b from the hidden layer; `None` if a class has no row, or nothing varies within classes.
fn statistics(rows: &[Row], classes: usize) -> Option<HiddenStatistics> {
    let width = rows.first()?.hidden.len();
    let mut shares = vec![0.0; classes];
    let mut means = vec![vec![0.0; width]; classes];
    for row in rows {
        shares[row.class] += row.weight;
        for (mean, x) in means[row.class].iter_mut().zip(&row.hidden) {
            *mean += row.weight * f64::from(*x);
        }
    }
    if shares.contains(&0.0) {
        return None;
    }
    for (mean, share) in means.iter_mut().zip(&shares) {
        for mean in mean.iter_mut() {
            *mean /= share;
        }
    }
    let covariance = within_classes(rows, &means);
    let total: f64 = (0..width).map(|i| covariance[i * width + i]).sum();
    let directions = principal_directions(&covariance, width, DIRECTIONS.min(width));
    let variances: Vec<f64> = directions.iter().map(|v| dot(v, &product(&covariance, v))).collect();
    let rest = (total - variances.iter().sum::<f64>()).max(0.0) / (width - directions.len()).max(1) as f64;
    let added = SHRINKAGE * total / width as f64;
    if added <= 0.0 {
        return None;
    }
    // P = I − Σ δvvᵀ: the inverse of the raised covariance, times its smallest eigenvalue, so that the rest is the
    // identity.
    let weights = variances
        .iter()
        .map(|variance| 1.0 - (rest + added) / (variance.max(rest) + added));
    let directions: Vec<Vec<f64>> = directions
        .iter()
        .zip(weights)
        .map(|(v, weight)| v.iter().map(|v| v * weight.sqrt()).collect())
        .collect();
    // What is linear in h for each class: −2hᵀPμ + μᵀPμ.
    let classes = means.iter().map(|mean| {
        let mut weighted = mean.clone();
        for v in &directions {
            let along = dot(v, mean);
            weighted.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
        }
        let bias = dot(mean, &weighted);
        (weighted.into_iter().map(|x| -2.0 * x).collect(), bias)
    });
    let columns: Vec<(Vec<f64>, f64)> = directions.iter().map(|v| (v.clone(), 0.0)).chain(classes).collect();
    Some(HiddenStatistics {
        projection: (0..width)
            .flat_map(|unit| columns.iter().map(move |(column, _)| column[unit] as f32))
            .collect(),
        bias: columns.iter().map(|(_, bias)| *bias as f32).collect(),
    })
}

/// The covariance within classes, (width, width).
fn within_classes(rows: &[Row], means: &[Vec<f64>]) -> Vec<f64> {
    let width = means.first().map_or(0, Vec::len);
    let total: f64 = rows.iter().map(|row| row.weight).sum();
    let mut covariance = vec![0.0; width * width];
    for row in rows {
        let deviation: Vec<f64> = row
            .hidden
            .iter()
            .zip(&means[row.class])
            .map(|(x, mean)| f64::from(*x) - mean)
            .collect();
        for (slots, own) in covariance.chunks_exact_mut(width.max(1)).zip(&deviation) {
            let scaled = row.weight / total * own;
            for (slot, other) in slots.iter_mut().zip(&deviation) {
                *slot += scaled * other;
            }
        }
    }
    covariance
}

/// The eigenvectors of the `count` largest eigenvalues of a covariance (width, width), by orthogonal iteration (Golub
/// & Van Loan 2013, section 8.2.4). Where eigenvalues are almost alike, any directions of their space.
fn principal_directions(covariance: &[f64], width: usize, count: usize) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut directions: Vec<Vec<f64>> = (0..count)
        .map(|_| (0..width).map(|_| rng.random::<f64>() - 0.5).collect())
        .collect();
    for _ in 0..STEPS {
        directions = directions.iter().map(|v| product(covariance, v)).collect();
        // Gram–Schmidt, the largest first; what is left of no length has no variance.
        for k in 0..count {
            let (before, rest) = directions.split_at_mut(k);
            let v = &mut rest[0];
            for u in before.iter() {
                let along = dot(u, v);
                v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
            }
            let length = dot(v, v).sqrt();
            let factor = if length > 1e-30 { 1.0 / length } else { 0.0 };
            for v in v.iter_mut() {
                *v *= factor;
            }
        }
    }
    directions
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A square matrix times a vector.
fn product(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len().max(1)).map(|row| dot(row, x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes around (0, 0, 5) and (4, 0, 5); the third unit never varies.
    fn rows() -> Vec<Row> {
        let around = |class: usize, x: f32| {
            [(1.0, 2.0), (-1.0, 2.0), (1.0, -2.0), (-1.0, -2.0)].map(|(dx, dy)| Row {
                class,
                weight: 0.5,
                hidden: vec![x + dx, dy, 5.0],
            })
        };
        around(0, 0.0).into_iter().chain(around(1, 4.0)).collect()
    }

    #[test]
    fn distances_are_mahalanobis_with_raised_variances() {
        let statistics = statistics(&rows(), 2).unwrap();
        let distance = |h: [f32; 3]| -> f32 {
            let outputs = statistics.bias.len();
            let y: Vec<f32> = (0..outputs)
                .map(|k| {
                    let sum: f32 = h
                        .iter()
                        .enumerate()
                        .map(|(i, h)| h * statistics.projection[i * outputs + k])
                        .sum();
                    sum + statistics.bias[k]
                })
                .collect();
            let squares = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>();
            let (directions, classes) = y.split_at(outputs - 2);
            squares(&h) - squares(directions) + classes[0].min(classes[1])
        };
        // Variances within classes are 1, 4 and 0, their mean 5/3: raised to 8/3, 17/3 and 5/3, by which all is
        // multiplied.
        for (h, expected) in [
            ([0.0, 0.0, 5.0], 0.0),
            ([1.5, 0.0, 5.0], 2.25 / (8.0 / 3.0)),
            ([4.0, 3.0, 5.0], 9.0 / (17.0 / 3.0)),
            ([4.0, 0.0, 4.0], 1.0 / (5.0 / 3.0)),
            (
                [3.0, 4.0, 7.0],
                1.0 / (8.0 / 3.0) + 16.0 / (17.0 / 3.0) + 4.0 / (5.0 / 3.0),
            ),
        ] {
            let expected = expected * 5.0 / 3.0;
            assert!(
                (distance(h) - expected).abs() < 1e-4,
                "{h:?}: {} {expected}",
                distance(h)
            );
        }
    }

    #[test]
    fn a_class_without_clips_gives_no_statistics() {
        assert_eq!(statistics(&rows(), 3), None);
        assert_eq!(statistics(&[], 2), None);
    }

    #[test]
    fn principal_directions_are_eigenvectors_of_the_largest_eigenvalues() {
        // Eigenvalues 3 and 1 in the first two, 0.5 in the third.
        let covariance = [2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.5];
        let found = principal_directions(&covariance, 3, 2);
        let half = 0.5f64.sqrt();
        for (v, expected) in found.iter().zip([[half, half, 0.0], [half, -half, 0.0]]) {
            assert!((dot(v, &expected).abs() - 1.0).abs() < 1e-9, "{v:?}");
        }
    }
}
