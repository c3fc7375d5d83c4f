//! The decoder: an LSTM that attends to tiles before every word.
//!
//! In: tiles, the word before, a state. Out: logits of the next word, weights of the tiles. Thread: any.

use super::CaptionShape;
use attune_nn::Pass;
use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use attune_nn::linear::{Linear, sigmoid};
use attune_nn::lstm_cell::{Lstm, LstmState};
use attune_nn::recurrent::Recurrent;
use attune_nn::score::{Score, ScoreKind};
use attune_nn::weights::{Init, Weights};
use candle_core::{Result, Tensor};

/// Equations: the module's page.
#[derive(Debug)]
pub struct Decoder {
    /// E, a row for each word, the end, and the start.
    embedding: Tensor,
    score: Score,
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

/// What one step computes.
#[derive(Debug)]
pub struct Step {
    /// (b, words).
    pub logits: Tensor,
    /// α (b, tiles).
    pub weights: Tensor,
    /// For the next step.
    pub state: LstmState,
}

impl Decoder {
    pub(super) fn new(mut weights: Weights<'_>, shape: &CaptionShape) -> Result<Self> {
        let (width, embedding, words) = (shape.width(), shape.embedding, shape.words);
        let gate = shape.gated.then(|| Linear::new(weights.pp("gate"), width, 1, 1.0));
        Ok(Self {
            gate: gate.transpose()?,
            embedding: weights.param("embedding", &[words + 1, embedding], Init::Uniform(1.0))?,
            score: Score::new(weights.pp("score"), ScoreKind::Additive, width, 1)?,
            lstm: Lstm::new(weights.pp("lstm"), embedding + width, width)?,
            of_state: Linear::new(weights.pp("of_state"), width, embedding, 1.0)?,
            of_context: Linear::new(weights.pp("of_context"), width, embedding, 1.0)?,
            output: Linear::new(weights.pp("output"), embedding, words, 1.0)?,
            dropout: shape.dropout,
            words,
            width,
        })
    }

    /// The number of the end.
    pub fn end(&self) -> u32 {
        self.words as u32 - 1
    }

    /// The number that stands before the first word; it is never written.
    pub fn start(&self) -> u32 {
        self.words as u32
    }

    /// Before the first word of `captions` captions: zeros.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn initial_state(&self, captions: usize) -> Result<LstmState> {
        LstmState::zeros(captions, self.width)
    }

    /// One word: `tiles` (b, L, d), the words before (b), u32.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn step(&self, tiles: &Tensor, word: &Tensor, state: &LstmState, pass: &mut Pass<'_>) -> Result<Step> {
        let (b, count, _) = tiles.dims3()?;
        let scores = self.score.forward(&state.hidden.unsqueeze(1)?, tiles, &[])?;
        // One query after the last tile sees them all.
        let weights = scores
            .contiguous()?
            .apply_op1(WindowedSoftmax::latest(1, count, count))?;
        let mut context = weights.matmul(&tiles.contiguous()?)?.squeeze(1)?;
        if let Some(gate) = &self.gate {
            context = context.broadcast_mul(&sigmoid(&gate.forward(&state.hidden)?)?)?;
        }
        let word = self.embedding.index_select(word, 0)?;
        let state = self.lstm.step(&Tensor::cat(&[&word, &context], 1)?, state)?;
        let sum = ((word + self.of_state.forward(&state.hidden)?)? + self.of_context.forward(&context)?)?;
        Ok(Step {
            logits: self.output.forward(&pass.dropout(&sum, self.dropout)?)?,
            weights: weights.reshape((b, count))?,
            state,
        })
    }
}
