//! A layer of long short-term memory (Hochreiter & Schmidhuber 1997).

use super::kernels::lstm_sequence::LstmSequence;
use super::kernels::packed_matrix::Precision;
use super::kernels::values;
use super::linear::Linear;
use super::recurrent::Recurrent;
use super::streaming::lstm::PackedLstm;
use super::weights::{Init, Weights};
use candle_core::{Device, Result, Tensor};

/// Added to the bias of the forget gates, which start open (Jozefowicz et al. 2015).
const FORGET_BIAS: f32 = 1.0;

/// One LSTM layer; equations: [`LstmSequence`].
#[derive(Debug, Clone)]
pub struct Lstm {
    input: Linear,
    recurrent: Tensor,
    forget_bias: Tensor,
}

impl Recurrent for Lstm {
    type Packed = PackedLstm;

    fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        let forget_bias: Vec<f32> = (0..4 * hidden)
            .map(|i| if i / hidden == 1 { FORGET_BIAS } else { 0.0 })
            .collect();
        Ok(Self {
            input: Linear::new(weights.pp("input"), inputs, 4 * hidden, 1.0)?,
            recurrent: weights.param(
                "recurrent",
                &[hidden, 4 * hidden],
                Init::KaimingUniform {
                    fan_in: hidden,
                    gain: 1.0,
                },
            )?,
            forget_bias: Tensor::from_vec(forget_bias, 4 * hidden, &Device::Cpu)?,
        })
    }

    fn values(&self) -> Result<[Vec<f32>; 3]> {
        let (input, bias) = self.input.values()?;
        let bias = bias.iter().zip(values(&self.forget_bias)?).map(|(a, b)| a + b);
        Ok([input, bias.collect(), values(&self.recurrent)?])
    }

    fn pack(&self, precision: Precision) -> Result<PackedLstm> {
        let [input, bias, recurrent] = self.values()?;
        Ok(PackedLstm::new(&input, &bias, &recurrent, precision))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weight, bias] = self.input.parameters();
        let bias = (bias + &self.forget_bias)?.unsqueeze(0)?;
        let input = Tensor::cat(&[weight, &bias], 0)?;
        x.contiguous()?
            .apply_op3(&input, &self.recurrent, LstmSequence::default())
    }
}
