//! A layer of plain recurrence (Elman 1990): what the LSTM was made to better.

use super::kernels::packed_matrix::Precision;
use super::kernels::rnn_sequence::RnnSequence;
use super::kernels::values;
use super::linear::Linear;
use super::recurrent::Recurrent;
use super::streaming::rnn::PackedRnn;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// One RNN layer; the equation stands at [`RnnSequence`].
#[derive(Debug, Clone)]
pub struct Rnn {
    input: Linear,
    recurrent: Tensor,
}

impl Recurrent for Rnn {
    type Packed = PackedRnn;

    /// The recurrent matrix begins with a spectral radius near 1: states neither die nor
    /// grow at first, as far as a plain recurrence can be helped.
    fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        let begin = Init::KaimingUniform {
            fan_in: hidden,
            gain: 1.0,
        };
        Ok(Self {
            input: Linear::new(weights.pp("input"), inputs, hidden, 1.0)?,
            recurrent: weights.param("recurrent", &[hidden, hidden], begin)?,
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
