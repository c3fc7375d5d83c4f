//! A layer of long short-term memory (Hochreiter & Schmidhuber 1997).

use super::kernels::lstm_sequence::{LstmSequence, ROW_PARTS};
use super::linear::Linear;
use super::weights::{Init, Weights};
use candle_core::{DType, Device, Result, Tensor};

/// Forget gates begin open (Jozefowicz et al. 2015): this much is added to their bias.
const FORGET_BIAS: f32 = 1.0;

/// One LSTM layer; the equations stand at [`LstmSequence`].
#[derive(Debug, Clone)]
pub struct Lstm {
    input: Linear,
    recurrent: Tensor,
    forget_bias: Tensor,
    hidden: usize,
}

/// Hidden state and cell of each stream, side by side: (b, 2h).
#[derive(Debug, Clone)]
pub struct LstmState(Tensor);

impl LstmState {
    /// From hidden state and cell, each (b, h).
    pub fn new(hidden: &Tensor, cell: &Tensor) -> Result<Self> {
        Ok(Self(Tensor::cat(&[hidden, cell], 1)?))
    }
}

/// What one block brought.
#[derive(Debug, Clone)]
pub struct LstmOutput {
    /// Hidden states (b, t, h).
    pub hidden: Tensor,
    /// h, c, i, f, g, o of every frame side by side (b, t, 6h): what a gate trace draws.
    pub trace: Tensor,
}

impl Lstm {
    /// `inputs` features in, `hidden` out.
    pub fn new(mut weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self> {
        let forget_bias: Vec<f32> = (0..4 * hidden)
            .map(|i| if i / hidden == 1 { FORGET_BIAS } else { 0.0 })
            .collect();
        Ok(Self {
            input: Linear::new(weights.at("input"), inputs, 4 * hidden, 1.0)?,
            recurrent: weights.learnt(
                "recurrent",
                &[hidden, 4 * hidden],
                Init::Scaled {
                    fan_in: hidden,
                    gain: 1.0,
                },
            )?,
            forget_bias: Tensor::from_vec(forget_bias, 4 * hidden, &Device::Cpu)?,
            hidden,
        })
    }

    /// What a stream knows before its first frame: zeros.
    pub fn initial_state(&self, streams: usize) -> Result<LstmState> {
        Ok(LstmState(Tensor::zeros(
            (streams, 2 * self.hidden),
            DType::F32,
            &Device::Cpu,
        )?))
    }

    /// (b, t, inputs) → (b, t, hidden).
    pub fn forward(&self, x: &Tensor, state: &mut LstmState) -> Result<LstmOutput> {
        let gates = self.input.forward(x)?.broadcast_add(&self.forget_bias)?;
        let trace = gates.apply_op3(&self.recurrent, &state.0, LstmSequence)?;
        let (_, t, width) = trace.dims3()?; // (b, t, 6h)
        let h = width / ROW_PARTS;
        state.0 = trace
            .narrow(1, t - 1, 1)?
            .narrow(2, 0, 2 * h)?
            .squeeze(1)?
            .contiguous()?
            .detach();
        Ok(LstmOutput {
            hidden: trace.narrow(2, 0, h)?.contiguous()?,
            trace,
        })
    }
}
