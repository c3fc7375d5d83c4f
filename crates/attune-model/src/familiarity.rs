//! How far a sound lies from what a model learnt: a Mahalanobis distance in the classifier's hidden layer.
//!
//! In: hidden activations of frames. Out: their novelty, one value a frame. Thread: any.
//!
//! With h the hidden layer, u = hW + b whitens it: the covariance within classes becomes the identity. Then
//! d(h) = min_c ‖u − μ_c‖² is the squared Mahalanobis distance from the nearest class (Lee et al. 2018, arXiv:1807.03888).
//!
//! Split conformal prediction (Vovk et al. 2005) gives it a scale: on sounds of the classes that were not trained on, d has
//! a median and a 95 % quantile, and the *novelty* is the linear function of d that is −ln 0.5 at the one and −ln 0.05 at
//! the other. So exp(−novelty) is about the share of known sounds that lie at least as far; beyond the two it is an
//! exponential tail.

use super::ModelError;
use attune_nn::kernels::packed_matrix::{Finish, Precision};
use attune_nn::streaming::affine::PackedAffine;
use attune_nn::streaming::frame_buf::FrameBuf;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Names of these tensors in a weights file begin with this; they are statistics and no weights.
pub const PREFIX: &str = "familiarity.";
/// The share of known sounds that lie beyond [`FamiliarityScale::threshold`].
pub const SHARE: f32 = 0.05;
/// The most directions of the hidden layer that are compared.
const MAX_DIRECTIONS: usize = 4096;

/// The distances of held-out sounds of the classes: what gives a distance its meaning. Part of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamiliarityScale {
    /// Half of them lie beyond.
    pub median: f32,
    /// [`SHARE`] of them lie beyond.
    pub threshold: f32,
    /// How many they are.
    pub sounds: usize,
}

/// Statistics of the hidden layer over the training clips.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenStatistics {
    /// W, (hidden, directions), row-major.
    pub projection: Vec<f32>,
    /// b, (directions).
    pub bias: Vec<f32>,
    /// μ, (classes, directions), row-major.
    pub means: Vec<f32>,
}

impl FamiliarityScale {
    /// From the distances of held-out sounds; `None` if they are fewer than 1 / [`SHARE`] − 1, or all alike. The quantile
    /// is that of split conformal prediction: the ⌈(n + 1)·0.95⌉-th smallest.
    pub fn of(mut distances: Vec<f32>) -> Option<Self> {
        distances.sort_by(f32::total_cmp);
        let n = distances.len();
        let rank = ((n + 1) as f64 * f64::from(1.0 - SHARE)).ceil() as usize;
        let threshold = *distances.get(rank.checked_sub(1)?)?;
        let median = distances[n / 2];
        (threshold > median).then_some(Self {
            median,
            threshold,
            sounds: n,
        })
    }

    /// Whether both are finite numbers, the threshold the greater one, with a finite slope between them.
    pub(crate) fn is_valid(&self) -> bool {
        self.threshold > self.median && self.line().0.is_finite() && self.line().1.is_finite()
    }

    /// Slope and shift from a distance to a novelty.
    fn line(&self) -> (f32, f32) {
        let (half, rare) = (std::f32::consts::LN_2, -SHARE.ln());
        let slope = (rare - half) / (self.threshold - self.median);
        (slope, half - slope * self.median)
    }
}

impl HiddenStatistics {
    const NAMES: [&str; 3] = ["projection", "bias", "means"];

    /// The statistics among a file's tensors, which are taken out of it; `None` if there are none.
    ///
    /// # Errors
    /// If one is missing, or of another shape than a network of this many hidden units and classes has.
    pub(crate) fn take(
        tensors: &mut HashMap<String, Tensor>,
        hidden: usize,
        classes: usize,
    ) -> Result<Option<Self>, ModelError> {
        if !tensors.keys().any(|name| name.starts_with(PREFIX)) {
            return Ok(None);
        }
        let mut found = Vec::new();
        let mut directions = 0;
        for name in Self::NAMES {
            let name = format!("{PREFIX}{name}");
            let tensor = tensors
                .remove(&name)
                .ok_or_else(|| ModelError::Shape(format!("the tensor {name} is missing")))?;
            if found.is_empty() {
                directions = tensor.dims().get(1).copied().unwrap_or_default();
            }
            let wanted: &[usize] = match found.len() {
                0 => &[hidden, directions],
                2 => &[classes, directions],
                _ => &[directions],
            };
            if tensor.dims() != wanted || !(1..=MAX_DIRECTIONS).contains(&directions) {
                return Err(ModelError::Shape(format!(
                    "the tensor {name} is {:?} where {wanted:?} is needed, with 1 to {MAX_DIRECTIONS} directions",
                    tensor.dims()
                )));
            }
            found.push(tensor.flatten_all()?.to_vec1()?);
        }
        let [projection, bias, means] = found.try_into().unwrap_or_default();
        Ok(Some(Self {
            projection,
            bias,
            means,
        }))
    }

    /// As tensors of a weights file, by name.
    ///
    /// # Errors
    /// If the sizes do not agree.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>, ModelError> {
        let k = self.bias.len();
        let rows = |values: &[f32]| values.len() / k.max(1);
        let tensors = [
            Tensor::from_slice(&self.projection, (rows(&self.projection), k), &Device::Cpu)?,
            Tensor::from_slice(&self.bias, k, &Device::Cpu)?,
            Tensor::from_slice(&self.means, (rows(&self.means), k), &Device::Cpu)?,
        ];
        let names = Self::NAMES.map(|name| format!("{PREFIX}{name}"));
        Ok(names.into_iter().zip(tensors).collect())
    }

    /// d of one whitened frame u.
    fn distance(&self, u: &[f32]) -> f32 {
        let squared = |mean: &[f32]| u.iter().zip(mean).map(|(u, m)| (u - m) * (u - m)).sum::<f32>();
        let means = self.means.chunks_exact(u.len());
        means.map(squared).fold(f32::INFINITY, f32::min)
    }
}

/// [`HiddenStatistics`] in the form that streams.
#[derive(Debug, Clone)]
pub struct Familiarity {
    statistics: HiddenStatistics,
    projection: PackedAffine,
    /// Slope and shift from a distance to a novelty.
    line: (f32, f32),
}

impl Familiarity {
    /// Novelty on this scale; without one, it is the distance itself.
    pub fn new(statistics: HiddenStatistics, scale: Option<&FamiliarityScale>, precision: Precision) -> Self {
        Self {
            projection: PackedAffine::new(&statistics.projection, &statistics.bias, precision),
            line: scale.map_or((1.0, 0.0), FamiliarityScale::line),
            statistics,
        }
    }

    /// Room for the whitened frames of a block.
    pub(crate) fn room(&self) -> FrameBuf {
        FrameBuf::new(self.projection.outputs())
    }

    /// Appends the novelty of each frame of `hidden`.
    pub(crate) fn push(&self, hidden: &FrameBuf, whitened: &mut FrameBuf, novelty: &mut Vec<f32>) {
        self.projection
            .step(std::slice::from_ref(hidden), Finish::Plain, whitened);
        let (slope, shift) = self.line;
        novelty
            .extend((0..whitened.frames()).map(|frame| slope * self.statistics.distance(whitened.row(frame)) + shift));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> HiddenStatistics {
        HiddenStatistics {
            // Three units to two directions: the first two, the second of them doubled, shifted by (1, 0).
            projection: vec![1.0, 0.0, 0.0, 2.0, 0.0, 0.0],
            bias: vec![1.0, 0.0],
            means: vec![2.0, 0.0, 1.0, 6.0],
        }
    }

    #[test]
    fn novelty_by_hand() {
        let scale = FamiliarityScale {
            median: 1.0,
            threshold: 3.0,
            sounds: 40,
        };
        let familiarity = Familiarity::new(statistics(), Some(&scale), Precision::F32);
        let mut hidden = FrameBuf::new(3);
        // u = (3, 0), (3, 1) and (1, 6): distances 1, 2 and 0.
        hidden.load(&[2.0, 0.0, 9.0, 2.0, 0.5, 9.0, 0.0, 3.0, 9.0]);
        let mut novelty = Vec::new();
        familiarity.push(&hidden, &mut familiarity.room(), &mut novelty);
        let p: Vec<f32> = novelty.iter().map(|x| (-x).exp()).collect();
        assert!((p[0] - 0.5).abs() < 1e-6, "at the median");
        assert!(
            (p[1] - (0.5f32 * 0.05).sqrt()).abs() < 1e-6,
            "between median and threshold"
        );
        assert!(p[2] > 1.0, "nearer than the median by half of the way to the threshold");
    }

    #[test]
    fn the_quantile_is_that_of_split_conformal_prediction() {
        let of = |n: u16| FamiliarityScale::of((0..n).rev().map(f32::from).collect());
        assert_eq!(of(18), None, "18 sounds cannot bound 5 %");
        let scale = of(19).unwrap();
        assert_eq!((scale.threshold, scale.median, scale.sounds), (18.0, 9.0, 19));
        // ⌈101·0.95⌉ = 96: four of the hundred lie beyond the 96th.
        assert_eq!(of(100).unwrap().threshold, 95.0);
        assert_eq!(FamiliarityScale::of(vec![1.0; 50]), None);
    }

    #[test]
    fn tensors_come_back_and_wrong_ones_are_refused() {
        let statistics = statistics();
        let mut tensors = statistics.tensors().unwrap();
        tensors.insert(
            "front.weight".to_owned(),
            Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap(),
        );
        let back = HiddenStatistics::take(&mut tensors, 3, 2).unwrap();
        assert_eq!((back.as_ref(), tensors.len()), (Some(&statistics), 1));
        assert_eq!(HiddenStatistics::take(&mut tensors, 3, 2).unwrap(), None);
        for (hidden, classes) in [(4, 2), (3, 3)] {
            let mut tensors = statistics.tensors().unwrap();
            let error = HiddenStatistics::take(&mut tensors, hidden, classes).unwrap_err();
            assert!(error.to_string().contains("familiarity."), "{error}");
        }
        let mut short = statistics.tensors().unwrap();
        short.remove("familiarity.means");
        let error = HiddenStatistics::take(&mut short, 3, 2).unwrap_err().to_string();
        assert!(error.contains("familiarity.means is missing"), "{error}");
    }
}
