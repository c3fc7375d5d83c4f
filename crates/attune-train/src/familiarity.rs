//! Statistics of a trained network's hidden layer, by which it says how familiar a sound is.
//!
//! In: a network, training and validation clips. Out: [`HiddenStatistics`] of the former, the [`FamiliarityScale`] of the
//! latter. Thread: the caller's.

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
use std::borrow::Cow;

/// From one frame whose hidden layer is read to the next.
const EVERY: Seconds = Seconds(1.0);
/// Added to every variance within classes, as a share of their mean: directions in which a few hundred training clips hardly
/// varied are no measure of distance (Ledoit & Wolf 2004). On left-out genres 1 separated better than 0.03 or 0.3.
const SHRINKAGE: f64 = 1.0;

/// What a network has learnt of its classes, and how far held-out clips of them lie from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Over the training clips.
    pub statistics: HiddenStatistics,
    /// Over the validation clips, whole and excerpts.
    pub scale: FamiliarityScale,
}

/// Fits the statistics on the training clips and their scale on the validation clips. `None`: there are too few validation
/// clips for a threshold ([`FamiliarityScale::of`]), or a class has no training clip.
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
    let streaming = net.pack_with(precision, Some(Familiarity::new(statistics.clone(), None, precision)))?;
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

/// The normalised frames of each clip, whole and excerpt, with its class. A whole clip whose audio is missing is there as
/// filled log-mels.
fn sounds(clips: &[Clip], spec: &FrontEndSpec) -> impl Iterator<Item = (usize, Vec<f32>)> {
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

/// W, b and μ from the hidden layer; `None` if a class has no row.
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
    let total: f64 = shares.iter().sum();
    if shares.contains(&0.0) {
        return None;
    }
    let mut centre = vec![0.0; width];
    for (mean, share) in means.iter_mut().zip(&mut shares) {
        for (centre, mean) in centre.iter_mut().zip(mean) {
            *centre += *mean / total;
            *mean /= *share;
        }
        *share /= total;
    }
    let root = cholesky(within_classes(rows, &means), width)?;
    let whitened = |x: &[f64]| -> Vec<f64> {
        let mut x = x.to_vec();
        forward_substitute(&root, &mut x);
        x
    };
    // Row i of the projection is L⁻¹e_i: (h − m)W is L⁻¹(h − m), whose covariance within classes is 1.
    let mut projection = Vec::with_capacity(width * width);
    for unit in 0..width {
        let mut axis = vec![0.0; width];
        axis[unit] = 1.0;
        projection.extend(whitened(&axis).into_iter().map(|w| w as f32));
    }
    let deviation = |mean: &[f64]| -> Vec<f64> { mean.iter().zip(&centre).map(|(x, centre)| x - centre).collect() };
    let means = means.iter().flat_map(|mean| whitened(&deviation(mean)));
    Some(HiddenStatistics {
        bias: whitened(&centre).into_iter().map(|x| -x as f32).collect(),
        means: means.map(|x| x as f32).collect(),
        projection,
    })
}

/// The covariance within classes, (width, width), with its variances raised by [`SHRINKAGE`].
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
        for (i, slots) in covariance.chunks_exact_mut(width).enumerate() {
            let scaled = row.weight / total * deviation[i];
            for (slot, other) in slots[..=i].iter_mut().zip(&deviation) {
                *slot += scaled * other;
            }
        }
    }
    let trace: f64 = (0..width).map(|i| covariance[i * width + i]).sum();
    for i in 0..width {
        covariance[i * width + i] += SHRINKAGE * trace / width as f64;
    }
    covariance
}

/// L of S = LLᵀ, from the lower triangle of S (width, width); `None` if S is not positive definite.
fn cholesky(mut s: Vec<f64>, width: usize) -> Option<Vec<f64>> {
    for i in 0..width {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| s[i * width + k] * s[j * width + k]).sum();
            let rest = s[i * width + j] - dot;
            s[i * width + j] = if i == j {
                (rest > 0.0).then(|| rest.sqrt())?
            } else {
                rest / s[j * width + j]
            };
        }
    }
    Some(s)
}

/// x to L⁻¹x.
fn forward_substitute(root: &[f64], x: &mut [f64]) {
    let width = x.len();
    for i in 0..width {
        let dot: f64 = (0..i).map(|k| root[i * width + k] * x[k]).sum();
        x[i] = (x[i] - dot) / root[i * width + i];
    }
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
        let whitened = |h: [f32; 3]| -> Vec<f32> {
            (0..3)
                .map(|k| {
                    let sum: f32 = h
                        .iter()
                        .enumerate()
                        .map(|(i, h)| h * statistics.projection[i * 3 + k])
                        .sum();
                    sum + statistics.bias[k]
                })
                .collect()
        };
        let squared = |h: [f32; 3], class: usize| -> f32 {
            let mean = &statistics.means[class * 3..(class + 1) * 3];
            whitened(h).iter().zip(mean).map(|(u, m)| (u - m).powi(2)).sum()
        };
        // Variances within classes are 1, 4 and 0, their mean 5/3: raised to 8/3, 17/3 and 5/3.
        for (h, class, expected) in [
            ([0.0, 0.0, 5.0], 0, 0.0),
            ([2.0, 0.0, 5.0], 0, 4.0 / (8.0 / 3.0)),
            ([4.0, 3.0, 5.0], 1, 9.0 / (17.0 / 3.0)),
            ([4.0, 0.0, 4.0], 1, 1.0 / (5.0 / 3.0)),
        ] {
            let found = squared(h, class);
            assert!((found - expected).abs() < 1e-5, "{h:?}: {found} {expected}");
        }
    }

    #[test]
    fn a_class_without_clips_gives_no_statistics() {
        assert_eq!(statistics(&rows(), 3), None);
        assert_eq!(statistics(&[], 2), None);
    }

    #[test]
    fn the_root_of_a_covariance_solves_it() {
        let s = vec![4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -2.0, 3.0, 6.0];
        let root = cholesky(s, 3).unwrap();
        let dot = |i: usize, j: usize| -> f64 { (0..3).map(|k| at(&root, i, k) * at(&root, j, k)).sum() };
        fn at(root: &[f64], i: usize, k: usize) -> f64 {
            if k <= i { root[i * 3 + k] } else { 0.0 }
        }
        for (i, j, expected) in [
            (0, 0, 4.0),
            (1, 0, 2.0),
            (1, 1, 5.0),
            (2, 0, -2.0),
            (2, 1, 3.0),
            (2, 2, 6.0),
        ] {
            assert!((dot(i, j) - expected).abs() < 1e-12, "{i} {j}");
        }
        let mut x = vec![2.0, 3.0, 1.0];
        forward_substitute(&root, &mut x);
        let back: Vec<f64> = (0..3).map(|i| (0..3).map(|k| at(&root, i, k) * x[k]).sum()).collect();
        assert!(
            back.iter().zip([2.0, 3.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12),
            "{back:?}"
        );
        assert_eq!(cholesky(vec![1.0, 0.0, 2.0, 1.0], 2), None);
    }
}
