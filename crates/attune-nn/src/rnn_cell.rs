//! A plain recurrent layer (Elman 1990), the baseline of the LSTM.

use super::kernels::packed_matrix::Precision;
use super::kernels::rnn_sequence::RnnSequence;
use super::kernels::values;
use super::linear::Linear;
use super::recurrent::Recurrent;
use super::streaming::rnn::PackedRnn;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// One RNN layer; equation: [`RnnSequence`].
#[derive(Debug, Clone)]
pub struct Rnn {
    input: Linear,
    recurrent: Tensor,
}

impl Recurrent for Rnn {
    type Packed = PackedRnn;

    /// The recurrent matrix is initialised with a spectral radius near 1: states neither vanish nor explode at first.
    fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        let init = Init::KaimingUniform {
            fan_in: hidden,
            gain: 1.0,
        };
        Ok(Self {
            input: Linear::new(weights.pp("input"), inputs, hidden, 1.0)?,
            recurrent: weights.param("recurrent", &[hidden, hidden], init)?,
        })
    }

    fn values(&self) -> Result<[Vec<f32>; 3]> {
        let (input, bias) = self.input.values()?;
        Ok([input, bias, values(&self.recurrent)?])
    }

    fn pack(&self, precision: Precision) -> Result<PackedRnn> {
        let [input, bias, recurrent] = self.values()?;
        Ok(PackedRnn::new(&input, &bias, &recurrent, precision))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weight, bias] = self.input.parameters();
        let input = Tensor::cat(&[weight, &bias.unsqueeze(0)?], 0)?;
        x.contiguous()?.apply_op3(&input, &self.recurrent, RnnSequence)
    }
}
