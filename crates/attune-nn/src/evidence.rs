//! Multiple-instance attention over short stretches of a sequence: an answer that is a sum over time.
//!
//! A *unit* is described by mean and deviation of every feature over the last `local` frames; there is one every
//! `every` frames. A classifier gives each unit i evidence for each class, `e_i`, and a score, whose softmax over the
//! units of the last `context` frames is its weight `a_i` (Ilse, Tomczak & Welling 2018, arXiv:1802.04712). The logits
//! are `Σ_i a_i·e_i`: classes are decided before pooling, as in Kong et al. (2019, arXiv:1903.00765), so that
//! `a_i·e_i` is exactly what unit i contributes.

use super::kernels::convolution::{Activation, CausalConvolution};
use super::kernels::values;
use super::kernels::window_moments::{WindowMoments, Windows};
use super::kernels::windowed_softmax::WindowedSoftmax;
use super::statistics::means_and_deviations;
use super::streaming::evidence::PackedEvidence;
use super::weights::{Init, Weights};
use candle_core::{DType, Device, Result, Tensor};

/// Describes units, and weights them by a learnt score.
#[derive(Debug, Clone)]
pub struct EvidencePooling {
    windows: Windows,
    /// Units in the softmax.
    context: usize,
    score: Tensor,
    no_bias: Tensor,
}

impl EvidencePooling {
    /// Scores come from `inputs` values of each unit; `context` is in units.
    pub fn new(mut weights: Weights<'_>, inputs: usize, windows: Windows, context: usize) -> Result<Self> {
        Ok(Self {
            windows,
            context,
            score: weights.param(
                "score",
                &[inputs, 1],
                Init::KaimingUniform {
                    fan_in: inputs,
                    gain: 1.0,
                },
            )?,
            no_bias: Tensor::zeros(1, DType::F32, &Device::Cpu)?,
        })
    }

    /// The streaming form.
    pub fn pack(&self) -> Result<PackedEvidence> {
        Ok(PackedEvidence::new(self.windows, self.context, values(&self.score)?))
    }

    /// Where the units lie.
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// Groups of features (b, t, ·), f in all → mean and deviation of each unit (b, units, 2f).
    pub fn describe(&self, groups: &[&Tensor]) -> Result<Tensor> {
        let moments = groups
            .iter()
            .map(|group| group.contiguous()?.apply_op1(WindowMoments(self.windows)))
            .collect::<Result<Vec<_>>>()?;
        means_and_deviations(&moments)
    }

    /// What the score is taken of, (b, units, inputs), to the weights of the units at each of the `read` frames,
    /// (b, p, units).
    pub fn weights(&self, hidden: &Tensor, read: &[usize]) -> Result<Tensor> {
        let (b, units, _) = hidden.dims3()?;
        let score = CausalConvolution {
            taps: 1,
            dilation: 1,
            activation: Activation::Identity,
        };
        let softmax = WindowedSoftmax {
            places: read.iter().map(|frame| frame / self.windows.every).collect(),
            context: self.context,
        };
        hidden
            .contiguous()?
            .apply_op3(&self.score, &self.no_bias, score)? // (b, units, 1)
            .squeeze(2)?
            .unsqueeze(1)?
            .broadcast_as((b, read.len(), units))?
            .contiguous()?
            .apply_op1(softmax)
    }
}
