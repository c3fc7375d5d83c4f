//! The form that learns.
//!
//! In: codes of whole excerpts, their classes. Out: logits of the codes that follow. Thread: any.

use super::mu_law::CODES;
use super::packed::PackedWavenet;
use super::prediction::{Prediction, STEPS};
use attune_nn::gated_conv::GatedConv;
use attune_nn::kernels::code_rows::CodeRows;
use attune_nn::kernels::convolution::Activation;
use attune_nn::kernels::gated_convolution::GatedConvolution;
use attune_nn::kernels::hyperbolic::{AddHyperbolic, SCALES};
use attune_nn::linear::Linear;
use attune_nn::weights::{Init, Weights};
use candle_core::{D, Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Taps of every convolution, that of the codes too (van den Oord et al. 2016, figure 3).
pub(super) const TAPS: usize = 2;

/// The most features that a layer may have.
pub(super) const WIDEST: usize = 512;

/// Slopes before anything was learnt: their sum is near that of a Laplace distribution of the mean error.
const FIRST_SLOPE: f32 = 0.6;

/// Shape of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WavenetShape {
    /// Stacks of layers one after the other.
    pub stacks: usize,
    /// Layers of a stack; their dilations are 1, 2, 4, …
    pub layers: usize,
    /// The last so many of all layers know the class; those before are the same for all classes.
    pub conditioned: usize,
    /// Features from layer to layer, a multiple of 16.
    pub residual: usize,
    /// Features of the sum of skips, and of the layer after it, a multiple of 16.
    pub skip: usize,
    /// Classes; beside them the network knows "no class".
    pub classes: usize,
}

impl WavenetShape {
    /// Samples that the network reads for an answer: the newest, and those before it. The linear prediction that it is
    /// told was fitted to all samples before, of which the last few hundred count.
    pub fn field(&self) -> usize {
        self.stacks * ((1_usize << self.layers) - 1) * (TAPS - 1) + TAPS
    }

    /// Layers of all stacks: their operations.
    pub(super) fn ops(&self) -> Vec<GatedConvolution> {
        let layer = |n| GatedConvolution {
            residual: self.residual,
            skip: self.skip,
            taps: TAPS,
            dilation: 1_usize << (n % self.layers),
        };
        (0..self.stacks * self.layers).map(layer).collect()
    }

    /// Layers before the first one that knows the class.
    pub(super) fn shared(&self) -> usize {
        self.stacks * self.layers - self.conditioned
    }

    /// Whether there is such a network: a file may ask for any.
    pub fn is_possible(&self) -> bool {
        let widths = [self.residual, self.skip];
        (1..=8).contains(&self.stacks)
            && (1..=12).contains(&self.layers)
            && self.conditioned <= self.stacks * self.layers
            && widths
                .iter()
                .all(|width| (16..=WIDEST).contains(width) && width % 16 == 0)
            && (1..=255).contains(&self.classes)
    }
}

/// WaveNet over µ-law codes (van den Oord et al. 2016): gated dilated convolutions, the sum of their skips, and two
/// dense layers that answer with a logit for every next code. To these the log densities of two hyperbolic
/// distributions around the linear prediction are added, whose slopes the network chooses ([`AddHyperbolic`]).
#[derive(Debug)]
pub struct Wavenet {
    shape: WavenetShape,
    /// (taps, codes, residual).
    table: Tensor,
    /// (1, codes, residual): of the predicted value as a code, and of its mean error.
    embeddings: [Tensor; 2],
    layers: Vec<GatedConv>,
    /// (classes + 1, 2 · residual) of each layer that knows the class: V_f·h and V_g·h for h a class as one-hot vector.
    conditions: Vec<Tensor>,
    hidden: Linear,
    output: Linear,
    /// (skip, 2) and (2): of the hidden layer, the slopes of the distributions around the prediction.
    slopes: [Tensor; 2],
    /// What layers without a condition add.
    nothing: Tensor,
}

impl Wavenet {
    /// Weights are taken from below `root`.
    ///
    /// # Errors
    /// If those there are of another shape.
    pub fn new(mut root: Weights<'_>, shape: WavenetShape) -> Result<Self> {
        let table = root.param("table", &[TAPS, CODES, shape.residual], Init::Cosines(0.7))?;
        let mut embedding = |name| root.param(name, &[1, CODES, shape.residual], Init::Cosines(0.7));
        let embeddings = [embedding("prediction")?, embedding("error")?];
        let slopes = [
            root.param("slopes.weight", &[shape.skip, SCALES], Init::Uniform(0.05))?,
            root.param("slopes.bias", &[SCALES], Init::Constant(FIRST_SLOPE))?,
        ];
        let (mut layers, mut conditions) = (Vec::new(), Vec::new());
        for (n, op) in shape.ops().into_iter().enumerate() {
            let mut named = root.pp(format!("layers.{n}"));
            if n >= shape.shared() {
                let wide = [shape.classes + 1, 2 * shape.residual];
                conditions.push(named.param("condition", &wide, Init::Uniform(0.1))?);
            }
            layers.push(GatedConv::new(named, op)?);
        }
        Ok(Self {
            shape,
            table,
            embeddings,
            layers,
            conditions,
            hidden: Linear::new(root.pp("hidden"), shape.skip, shape.skip, std::f32::consts::SQRT_2)?,
            // At first it answers with little more than the linear prediction.
            output: Linear::new(root.pp("output"), shape.skip, CODES, 0.1)?,
            slopes,
            nothing: Tensor::zeros((1, 2 * shape.residual), candle_core::DType::F32, &Device::Cpu)?,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> WavenetShape {
        self.shape
    }

    /// Codes (b, t) of excerpts, what linear prediction expects after each, and the class of each excerpt, or none →
    /// logits (b, t, 256): those at n are of the code at n + 1, and know the codes up to n.
    ///
    /// # Errors
    /// If there is no such class, or codes or predictions are not of so many excerpts.
    pub fn forward(&self, codes: Arc<[u8]>, predictions: &[Prediction], classes: &[Option<usize>]) -> Result<Tensor> {
        let streams = classes.len();
        if streams == 0 || codes.is_empty() || !codes.len().is_multiple_of(streams) || predictions.len() != codes.len()
        {
            bail!(
                "wavenet: {} codes and {} predictions of {streams} excerpts",
                codes.len(),
                predictions.len()
            );
        }
        let mut one_hot = vec![0.0; streams * (self.shape.classes + 1)];
        for (row, class) in one_hot.chunks_exact_mut(self.shape.classes + 1).zip(classes) {
            match row.get_mut(class.unwrap_or(self.shape.classes)) {
                Some(value) => *value = 1.0_f32,
                None => bail!("wavenet: no class {class:?} of {}", self.shape.classes),
            }
        }
        let one_hot = Tensor::from_vec(one_hot, (streams, self.shape.classes + 1), &Device::Cpu)?;
        let rows = |codes: Arc<[u8]>| CodeRows {
            codes,
            streams,
            zeros: self.shape.skip,
        };
        let mut u = self.table.apply_op1(rows(codes))?;
        let [value, error] = &self.embeddings;
        let values = predictions.iter().map(|prediction| prediction.value).collect();
        u = (u + value.apply_op1(rows(values))?)?;
        let errors = predictions.iter().map(|prediction| prediction.error).collect();
        u = (u + error.apply_op1(rows(errors))?)?;
        let nothing = self
            .nothing
            .broadcast_as((streams, 2 * self.shape.residual))?
            .contiguous()?;
        for (n, layer) in self.layers.iter().enumerate() {
            let condition = match n.checked_sub(self.shape.shared()) {
                Some(n) => one_hot.matmul(&self.conditions[n])?,
                None => nothing.clone(),
            };
            u = layer.forward(&u, &condition)?;
        }
        let skips = u.narrow(D::Minus1, self.shape.residual, self.shape.skip)?.relu()?;
        let hidden = self.hidden.forward_activated(&skips, Activation::Relu)?;
        let [weight, bias] = &self.slopes;
        let slopes = hidden
            .reshape((predictions.len(), self.shape.skip))?
            .matmul(weight)?
            .broadcast_add(bias)?;
        let around = AddHyperbolic {
            steps: STEPS.clone(),
            peaks: predictions.iter().map(|prediction| prediction.peak).collect(),
        };
        self.output.forward(&hidden)?.apply_op2(&slopes, around)
    }

    /// The form for streams.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn pack(&self) -> Result<PackedWavenet> {
        PackedWavenet::new(
            self.shape,
            (&self.table, &self.embeddings),
            &self.layers,
            &self.conditions,
            [&self.hidden, &self.output],
            &self.slopes,
        )
    }
}
