//! The decoder: an LSTM that attends to tiles before every word.
//!
//! In: tiles, the word before, a state. Out: logits of the next word, weights of the tiles. Thread: any.

use super::CaptionShape;
use crate::token_decoder::TokenDecoder;
use attune_nn::Pass;
use attune_nn::additive_attention::{AdditiveAttention, Keys};
use attune_nn::linear::{Linear, sigmoid};
use attune_nn::lstm_cell::{Lstm, LstmState};
use attune_nn::recurrent::Recurrent;
use attune_nn::weights::{Init, Weights};
use candle_core::{Device, Result, Tensor};

/// Equations: the module's page.
#[derive(Debug)]
pub struct Decoder {
    /// E, a row for each word, the end, and the start.
    embedding: Tensor,
    attention: AdditiveAttention,
    /// f.
    gate: Option<Linear>,
    lstm: Lstm,
    /// L_h.
    of_state: Linear,
    /// L_z.
    of_context: Linear,
    /// L_o.
    output: Linear,
    dropout: f32,
    words: usize,
    width: usize,
}

/// What it keeps between words.
#[derive(Debug, Clone)]
pub struct State {
    tiles: Keys,
    lstm: LstmState,
}

impl Decoder {
    pub(super) fn new(mut weights: Weights<'_>, shape: &CaptionShape) -> Result<Self> {
        let (width, embedding, words) = (shape.width(), shape.embedding, shape.words);
        let gate = shape.gated.then(|| Linear::new(weights.pp("gate"), width, 1, 1.0));
        Ok(Self {
            gate: gate.transpose()?,
            embedding: weights.param("embedding", &[words + 1, embedding], Init::Uniform(1.0))?,
            attention: AdditiveAttention::new(weights.pp("score"), width, width, width)?,
            lstm: Lstm::new(weights.pp("lstm"), embedding + width, width)?,
            of_state: Linear::new(weights.pp("of_state"), width, embedding, 1.0)?,
            of_context: Linear::new(weights.pp("of_context"), width, embedding, 1.0)?,
            output: Linear::new(weights.pp("output"), embedding, words, 1.0)?,
            dropout: shape.dropout,
            words,
            width,
        })
    }

    /// Before the first word of captions of tiles (b, L, d): zeros.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn start(&self, tiles: &Tensor) -> Result<State> {
        Ok(State {
            tiles: self.attention.keys(tiles)?,
            lstm: LstmState::zeros(tiles.dim(0)?, self.width)?,
        })
    }

    /// One word of each caption, after these words (b), u32: logits (b, words), and α (b, tiles).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn step(&self, word: &Tensor, state: &mut State, pass: &mut Pass<'_>) -> Result<(Tensor, Tensor)> {
        let (weights, mut context) = self.attention.forward(&state.lstm.hidden, &state.tiles)?;
        if let Some(gate) = &self.gate {
            context = context.broadcast_mul(&sigmoid(&gate.forward(&state.lstm.hidden)?)?)?;
        }
        let word = self.embedding.index_select(word, 0)?;
        state.lstm = self.lstm.step(&Tensor::cat(&[&word, &context], 1)?, &state.lstm)?;
        let sum = ((word + self.of_state.forward(&state.lstm.hidden)?)? + self.of_context.forward(&context)?)?;
        Ok((self.output.forward(&pass.dropout(&sum, self.dropout)?)?, weights))
    }
}

impl TokenDecoder for Decoder {
    type State = State;

    /// It stands before the first word and is never written.
    fn start_token(&self) -> u32 {
        self.words as u32
    }

    fn end_token(&self) -> u32 {
        self.words as u32 - 1
    }

    fn next(&self, inputs: &[u32], state: &mut State) -> Result<(Tensor, Tensor)> {
        let words = Tensor::from_slice(inputs, inputs.len(), &Device::Cpu)?;
        self.step(&words, state, &mut Pass::Infer)
    }

    fn rows(&self, state: &State, rows: &[u32]) -> Result<State> {
        let rows = Tensor::from_slice(rows, rows.len(), &Device::Cpu)?;
        Ok(State {
            tiles: state.tiles.rows(&rows)?,
            lstm: state.lstm.rows(&rows)?,
        })
    }
}
