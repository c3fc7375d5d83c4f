//! What a network for whole pieces writes, and the alignment of given tokens.
//!
//! In: what the encoder made of pieces. Out: tokens, their probabilities, their alignment. Thread: any.

use super::{DecoderState, SectionNet};
use crate::token_decoder::{self, Hypothesis, Ranking, TokenDecoder, log_softmax};
use attune_nn::Pass;
use candle_core::{Result, Tensor};

impl TokenDecoder for SectionNet {
    type State = DecoderState;

    fn start_token(&self) -> u32 {
        self.shape().start()
    }

    fn end_token(&self) -> u32 {
        self.shape().end()
    }

    /// The alignment is the mean over heads.
    fn next(&self, inputs: &[u32], state: &mut DecoderState) -> Result<(Tensor, Tensor)> {
        let (logits, alignment) = self.step(inputs, state)?;
        Ok((logits, alignment.mean(1)?))
    }

    fn rows(&self, state: &DecoderState, rows: &[u32]) -> Result<DecoderState> {
        state.rows(rows)
    }
}

/// At each step the most probable token, at most `most` of them with the end: a hypothesis for each piece of a memory
/// (b, s, width).
///
/// # Errors
/// If the network fails.
pub fn greedy(net: &SectionNet, memory: &Tensor, most: usize) -> Result<Vec<Hypothesis>> {
    token_decoder::greedy(net, net.start(memory)?, memory.dim(0)?, most)
}

/// Beam search with `width` hypotheses of one piece (1, s, width of the network); the best by log-probability per
/// token.
///
/// # Errors
/// If the network fails.
pub fn beam(net: &SectionNet, memory: &Tensor, width: usize, most: usize) -> Result<Hypothesis> {
    token_decoder::beam(net, net.start(memory)?, (width, most), Ranking::PerToken)
}

/// The alignment (tokens, s) of given tokens, as in the evaluation of alignments in translation (Och & Ney 2003); and
/// their log-probability with that of the end.
///
/// # Errors
/// If the network fails.
pub fn forced(net: &SectionNet, memory: &Tensor, tokens: &[u32]) -> Result<(Vec<Vec<f32>>, f64)> {
    let inputs: Vec<u32> = std::iter::once(net.shape().start())
        .chain(tokens.iter().copied())
        .collect();
    let decoded = net.decode(memory, &[inputs], None, &mut Pass::Infer)?;
    let mut alignment: Vec<Vec<f32>> = decoded.alignment.mean(1)?.squeeze(0)?.to_vec2()?;
    alignment.truncate(tokens.len());
    let rows: Vec<Vec<f32>> = decoded.logits.squeeze(0)?.to_vec2()?;
    let targets = tokens.iter().copied().chain([net.shape().end()]);
    let sum = rows
        .iter()
        .zip(targets)
        .map(|(row, token)| f64::from(log_softmax(row, 1.0)[token as usize]))
        .sum();
    Ok((alignment, sum))
}
