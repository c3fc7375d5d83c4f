//! A layer of long short-term memory (Hochreiter & Schmidhuber 1997).

use super::kernels::lstm_sequence::LstmSequence;
use super::kernels::packed_matrix::Precision;
use super::kernels::values;
use super::linear::{Linear, sigmoid};
use super::recurrent::Recurrent;
use super::streaming::lstm::PackedLstm;
use super::weights::{Init, Weights};
use candle_core::{DType, Device, Result, Tensor};

/// Added to the bias of the forget gates, which start open (Jozefowicz et al. 2015).
const FORGET_BIAS: f32 = 1.0;

/// One LSTM layer; equations: [`LstmSequence`].
#[derive(Debug, Clone)]
pub struct Lstm {
    input: Linear,
    recurrent: Tensor,
    forget_bias: Tensor,
}

/// What a layer remembers between steps that are composed one by one: h and c, (b, hidden) each.
#[derive(Debug, Clone)]
pub struct LstmState {
    /// Hidden state, the layer's output.
    pub hidden: Tensor,
    /// Cell.
    pub cell: Tensor,
}

impl LstmState {
    /// Zeros.
    pub fn zeros(streams: usize, hidden: usize) -> Result<Self> {
        let zeros = Tensor::zeros((streams, hidden), DType::F32, &Device::Cpu)?;
        Ok(Self {
            hidden: zeros.clone(),
            cell: zeros,
        })
    }

    /// These streams, in this order.
    ///
    /// # Errors
    /// If there is no such stream.
    pub fn rows(&self, rows: &Tensor) -> Result<Self> {
        Ok(Self {
            hidden: self.hidden.index_select(rows, 0)?,
            cell: self.cell.index_select(rows, 0)?,
        })
    }
}

impl Lstm {
    /// One step of input (b, inputs), with gradients: for decoders, whose inputs depend on the step before. What has
    /// its whole input at once is faster through `forward`, whose cost does not grow with the square of the length.
    pub fn step(&self, x: &Tensor, state: &LstmState) -> Result<LstmState> {
        let hidden = self.recurrent.dim(0)?;
        let sums = (self.input.forward(x)? + state.hidden.contiguous()?.matmul(&self.recurrent)?)?;
        let sums = sums.broadcast_add(&self.forget_bias)?;
        let gate = |number: usize| sums.narrow(1, number * hidden, hidden);
        let [input, forget, output] = [sigmoid(&gate(0)?)?, sigmoid(&gate(1)?)?, sigmoid(&gate(3)?)?];
        let cell = ((forget * &state.cell)? + (input * gate(2)?.tanh()?)?)?;
        Ok(LstmState {
            hidden: (output * cell.tanh()?)?,
            cell,
        })
    }
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
