//! How far a sound lies from what a model learnt: a Mahalanobis distance in the classifier's hidden layer.
//!
//! In: hidden activations of frames. Out: their novelty, one value a frame. Thread: any.
//!
//! With h the hidden layer, μ_c its mean over the training clips of class c and P the inverse of its covariance within
//! classes, min_c (h − μ_c)ᵀP(h − μ_c) is the squared distance from the nearest class (Lee et al. 2018,
//! arXiv:1807.03888). P is the identity less a few principal directions, P = I − VVᵀ, up to a factor (probabilistic
//! PCA, Tipping & Bishop 1999), so that one dense layer y = hW + b gives all that is needed of it:
//!
//! `d(h) = ‖h‖² − Σ_k y_k² + min_c y_c`
//!
//! with y_k = hᵀv_k for each direction and y_c = −2hᵀPμ_c + μ_cᵀPμ_c for each class.
//!
//! Split conformal prediction (Vovk et al. 2005) gives d a scale: on sounds of the classes that were not trained on,
//! it has a median and a 95 % quantile, and the *novelty* is the linear function of d that is −ln 0.5 at the one and
//! −ln 0.05 at the other. So exp(−novelty) is about the share of known sounds that lie at least as far; beyond the two
//! it is an exponential tail, up to −ln 0.001.

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

/// The greatest novelty of a frame, −ln 0.001. Distances have no bound, and a second of silence must not outweigh a
/// minute of music.
const MOST: f32 = 6.907_755_3;

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

/// Statistics of the hidden layer over the training clips, as a dense layer.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenStatistics {
    /// W, (hidden, directions + classes), row-major.
    pub projection: Vec<f32>,
    /// b, (directions + classes).
    pub bias: Vec<f32>,
}

impl FamiliarityScale {
    /// From the distances of held-out sounds; `None` if they are fewer than 1 / [`SHARE`] − 1, or all alike. The
    /// quantile is that of split conformal prediction: the ⌈(n + 1)·0.95⌉-th smallest.
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
    const NAMES: [&str; 2] = ["projection", "bias"];

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
        let [projection, bias] = Self::NAMES.map(|name| {
            let name = format!("{PREFIX}{name}");
            let tensor = tensors.remove(&name);
            tensor.ok_or_else(|| ModelError::Shape(format!("the tensor {name} is missing")))
        });
        let (projection, bias) = (projection?, bias?);
        let outputs = bias.elem_count();
        if bias.dims().len() != 1
            || projection.dims() != [hidden, outputs]
            || !(classes..=classes + hidden).contains(&outputs)
        {
            return Err(ModelError::Shape(format!(
                "the tensors {PREFIX}projection and {PREFIX}bias are {:?} and {:?}; for {hidden} hidden units and {classes} \
                 classes they are [{hidden}, n] and [n] with {classes} ≤ n ≤ {}",
                projection.dims(),
                bias.dims(),
                classes + hidden
            )));
        }
        Ok(Some(Self {
            projection: projection.flatten_all()?.to_vec1()?,
            bias: bias.to_vec1()?,
        }))
    }

    /// As tensors of a weights file, by name.
    ///
    /// # Errors
    /// If the sizes do not agree.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>, ModelError> {
        let outputs = self.bias.len();
        let tensors = [
            Tensor::from_slice(
                &self.projection,
                (self.projection.len() / outputs.max(1), outputs),
                &Device::Cpu,
            )?,
            Tensor::from_slice(&self.bias, outputs, &Device::Cpu)?,
        ];
        let names = Self::NAMES.map(|name| format!("{PREFIX}{name}"));
        Ok(names.into_iter().zip(tensors).collect())
    }
}

/// [`HiddenStatistics`] in the form that streams.
#[derive(Debug, Clone)]
pub struct Familiarity {
    layer: PackedAffine,
    directions: usize,
    /// Slope and shift from a distance to a novelty.
    line: (f32, f32),
    most: f32,
}

impl Familiarity {
    /// For a network of this many classes, on this scale; without one, the novelty is the distance itself.
    pub fn new(statistics: &HiddenStatistics, classes: usize, scale: Option<&FamiliarityScale>) -> Self {
        Self {
            // Differences of large sums: not for half precision.
            layer: PackedAffine::new(&statistics.projection, &statistics.bias, Precision::F32),
            directions: statistics.bias.len().saturating_sub(classes),
            line: scale.map_or((1.0, 0.0), FamiliarityScale::line),
            most: scale.map_or(f32::INFINITY, |_| MOST),
        }
    }

    /// Room for a block.
    pub(crate) fn room(&self) -> FrameBuf {
        FrameBuf::new(self.layer.outputs())
    }

    /// Appends the novelty of each frame of `hidden`.
    pub(crate) fn push(&self, hidden: &FrameBuf, room: &mut FrameBuf, novelty: &mut Vec<f32>) {
        self.layer.step(std::slice::from_ref(hidden), Finish::Plain, room);
        let (slope, shift) = self.line;
        novelty.extend((0..room.frames()).map(|frame| {
            let (directions, classes) = room.row(frame).split_at(self.directions);
            let nearest = classes.iter().copied().fold(f32::INFINITY, f32::min);
            let distance = squared_norm(hidden.row(frame)) - squared_norm(directions) + nearest;
            (slope * distance + shift).min(self.most)
        }));
    }
}

/// ‖x‖², in eight sums that do not wait for each other.
fn squared_norm(x: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (chunks, rest) = x.as_chunks::<8>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x * x;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three units, one direction v = (0, √0.5, 0), classes around (2, 0, 0) and (0, 3, 0): P = diag(1, 0.5, 1).
    fn statistics() -> HiddenStatistics {
        let v = 0.5f32.sqrt();
        HiddenStatistics {
            // Columns: v, −2Pμ of each class.
            projection: vec![0.0, -4.0, 0.0, v, 0.0, -3.0, 0.0, 0.0, 0.0],
            // 0, μᵀPμ of each class.
            bias: vec![0.0, 4.0, 4.5],
        }
    }

    #[test]
    fn novelty_by_hand() {
        let scale = FamiliarityScale {
            median: 1.0,
            threshold: 3.0,
            sounds: 40,
        };
        let familiarity = Familiarity::new(&statistics(), 2, Some(&scale));
        let mut hidden = FrameBuf::new(3);
        // Squared distances 1 from the first class, 0.5·4 = 2 from the second, and 0.
        hidden.load(&[2.0, 0.0, 1.0, 0.0, 5.0, 0.0, 0.0, 3.0, 0.0, 900.0, 0.0, 0.0]);
        let mut novelty = Vec::new();
        familiarity.push(&hidden, &mut familiarity.room(), &mut novelty);
        let p: Vec<f32> = novelty.iter().map(|x| (-x).exp()).collect();
        assert!((p[0] - 0.5).abs() < 1e-5, "at the median");
        assert!(
            (p[1] - (0.5f32 * 0.05).sqrt()).abs() < 1e-5,
            "between median and threshold"
        );
        assert!(p[2] > 1.0, "nearer than the median by half of the way to the threshold");
        assert!((p[3] - 0.001).abs() < 1e-6, "however far it lies");
    }

    #[test]
    fn the_quantile_is_that_of_split_conformal_prediction() {
        let of = |n: u16| FamiliarityScale::of((0..n).rev().map(f32::from).collect());
        assert_eq!(of(18), None, "18 sounds cannot bound 5 %");
        let scale = of(19).unwrap();
        assert_eq!((scale.threshold, scale.median, scale.sounds), (18.0, 9.0, 19));
        // ⌈101·0.95⌉ = 96: four of the hundred lie beyond the 96th.
        assert_eq!((of(100).unwrap().threshold, of(100).unwrap().sounds), (95.0, 100));
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
        for (hidden, classes) in [(4, 2), (3, 4)] {
            let mut tensors = statistics.tensors().unwrap();
            let error = HiddenStatistics::take(&mut tensors, hidden, classes).unwrap_err();
            assert!(error.to_string().contains("familiarity."), "{error}");
        }
        let mut short = statistics.tensors().unwrap();
        short.remove("familiarity.bias");
        let error = HiddenStatistics::take(&mut short, 3, 2).unwrap_err().to_string();
        assert!(error.contains("familiarity.bias is missing"), "{error}");
    }
}
