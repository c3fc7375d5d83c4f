//! A bidirectional LSTM encoder and an LSTM decoder with additive attention (Bahdanau, Cho & Bengio 2015), LSTMs in the
//! place of gated recurrent units.

use super::SectionShape;
use attune_nn::additive_attention::{AdditiveAttention, Keys};
use attune_nn::bidirectional::Bidirectional;
use attune_nn::linear::Linear;
use attune_nn::lstm_cell::{Lstm, LstmState};
use attune_nn::recurrent::Recurrent;
use attune_nn::weights::Weights;
use candle_core::{Result, Tensor};

/// h_j = [h→_j; h←_j]; s_0 = tanh(W·h←_1); α_i, c_i = attention of s_{i−1} over h; s_i = LSTM([y_{i−1}; c_i], s_{i−1});
/// the output reads tanh(W·[s_i; c_i; y_{i−1}]).
#[derive(Debug)]
pub(super) struct Bahdanau {
    encoder: Bidirectional<Lstm>,
    first: Linear,
    attention: AdditiveAttention,
    decoder: Lstm,
    readout: Linear,
    width: usize,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    keys: Keys,
    lstm: LstmState,
}

impl Bahdanau {
    pub(super) fn new(mut weights: Weights<'_>, shape: SectionShape) -> Result<Self> {
        let width = shape.width;
        Ok(Self {
            encoder: Bidirectional::new(weights.pp("encoder"), width, width / 2)?,
            first: Linear::new(weights.pp("first"), width / 2, width, 1.0)?,
            attention: AdditiveAttention::new(weights.pp("attention"), width, width, width)?,
            decoder: Lstm::new(weights.pp("decoder"), 2 * width, width)?,
            readout: Linear::new(weights.pp("readout"), 3 * width, width, 1.0)?,
            width,
        })
    }

    pub(super) fn encode(&self, x: &Tensor) -> Result<Tensor> {
        self.encoder.forward(x)?.contiguous()
    }

    pub(super) fn start(&self, memory: &Tensor) -> Result<State> {
        let back = memory
            .narrow(1, 0, 1)?
            .squeeze(1)?
            .narrow(1, self.width / 2, self.width / 2)?;
        let hidden = self.first.forward(&back)?.tanh()?;
        Ok(State {
            keys: self.attention.keys(memory)?,
            lstm: LstmState {
                cell: hidden.zeros_like()?,
                hidden,
            },
        })
    }

    /// A token (b, width) → what the output reads (b, width), and the alignment (b, 1, s).
    pub(super) fn step(&self, token: &Tensor, state: &mut State) -> Result<(Tensor, Tensor)> {
        let (weights, context) = self.attention.forward(&state.lstm.hidden, &state.keys)?;
        let input = Tensor::cat(&[token, &context], 1)?;
        state.lstm = self.decoder.step(&input, &state.lstm)?;
        let all = Tensor::cat(&[&state.lstm.hidden, &context, token], 1)?;
        Ok((self.readout.forward(&all)?.tanh()?, weights.unsqueeze(1)?))
    }

    pub(super) fn decode(&self, memory: &Tensor, tokens: &Tensor) -> Result<(Tensor, Tensor)> {
        let mut state = self.start(memory)?;
        let (mut features, mut alignment) = (Vec::new(), Vec::new());
        for place in 0..tokens.dim(1)? {
            let (of, weights) = self.step(&tokens.narrow(1, place, 1)?.squeeze(1)?, &mut state)?;
            features.push(of);
            alignment.push(weights);
        }
        Ok((Tensor::stack(&features, 1)?, Tensor::stack(&alignment, 2)?))
    }
}

impl State {
    pub(super) fn rows(&self, rows: &Tensor) -> Result<Self> {
        Ok(Self {
            keys: self.keys.rows(rows)?,
            lstm: self.lstm.rows(rows)?,
        })
    }
}
