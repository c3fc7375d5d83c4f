//! Tokens from a network for whole pieces: the best one at a time, several hypotheses side by side, or given ones.
//!
//! In: what the encoder made of pieces. Out: tokens, their probabilities, their alignment. Thread: any.

use super::{DecoderState, SectionNet};
use attune_nn::Pass;
use candle_core::{Result, Tensor};

/// What was written of a piece.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hypothesis {
    /// Genres, without the end.
    pub tokens: Vec<u32>,
    /// Probability of each, given those before.
    pub probabilities: Vec<f32>,
    /// Of each the alignment over the source steps, the mean over heads: (tokens, s).
    pub alignment: Vec<Vec<f32>>,
    /// Sum of the logarithms of all probabilities, that of the end too.
    pub log_probability: f64,
    /// Whether the end was written before the limit.
    pub has_ended: bool,
}

impl Hypothesis {
    /// Log-probability by token: what hypotheses of different lengths are compared by.
    pub fn score(&self) -> f64 {
        self.log_probability / (self.tokens.len() + 1) as f64
    }

    fn with(&self, token: u32, log_probability: f32, alignment: &[f32], end: u32) -> Self {
        let mut longer = self.clone();
        longer.log_probability += f64::from(log_probability);
        if token == end {
            longer.has_ended = true;
        } else {
            longer.tokens.push(token);
            longer.probabilities.push(log_probability.exp());
            longer.alignment.push(alignment.to_vec());
        }
        longer
    }
}

/// One step of all rows: ln p (b, genres + 1), and the mean alignment (b, s).
type Stepped = (Vec<Vec<f32>>, Vec<Vec<f32>>);

fn step(net: &SectionNet, inputs: &[u32], state: &mut DecoderState) -> Result<Stepped> {
    let (logits, alignment) = net.step(inputs, state)?;
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    let log_probabilities = rows.iter().map(|row| log_softmax(row, 1.0)).collect();
    Ok((log_probabilities, alignment.mean(1)?.to_vec2()?))
}

/// ln softmax(z / temperature).
pub(super) fn log_softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled: Vec<f32> = logits.iter().map(|logit| (logit - top) / temperature).collect();
    let log_sum = scaled.iter().map(|z| z.exp()).sum::<f32>().ln();
    scaled.iter().map(|z| z - log_sum).collect()
}

fn highest(values: &[f32]) -> usize {
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(place, _)| place)
}

/// At each step the most probable token, at most `most` of them with the end: a hypothesis for each piece of a memory (b, s, width).
///
/// # Errors
/// If the network fails.
pub fn greedy(net: &SectionNet, memory: &Tensor, most: usize) -> Result<Vec<Hypothesis>> {
    let (b, end) = (memory.dim(0)?, net.shape().end());
    let mut state = net.start(memory)?;
    let mut written = vec![Hypothesis::default(); b];
    let mut inputs = vec![net.shape().start(); b];
    for _ in 0..most {
        let (log_probabilities, alignment) = step(net, &inputs, &mut state)?;
        for (row, hypothesis) in written.iter_mut().enumerate().filter(|(_, it)| !it.has_ended) {
            let token = highest(&log_probabilities[row]);
            *hypothesis = hypothesis.with(token as u32, log_probabilities[row][token], &alignment[row], end);
            if !hypothesis.has_ended {
                inputs[row] = token as u32;
            }
        }
        if written.iter().all(|hypothesis| hypothesis.has_ended) {
            break;
        }
    }
    Ok(written)
}

/// Beam search with `width` hypotheses of one piece (1, s, width of the network); the best by [`Hypothesis::score`].
///
/// # Errors
/// If the network fails.
pub fn beam(net: &SectionNet, memory: &Tensor, width: usize, most: usize) -> Result<Hypothesis> {
    let end = net.shape().end();
    let mut state = net.start(memory)?;
    let mut open = vec![Hypothesis::default()];
    let mut closed: Vec<Hypothesis> = Vec::new();
    for _ in 0..most {
        let inputs: Vec<u32> = open
            .iter()
            .map(|hypothesis| hypothesis.tokens.last().copied().unwrap_or(net.shape().start()))
            .collect();
        let (log_probabilities, alignment) = step(net, &inputs, &mut state)?;
        let mut longer: Vec<(usize, u32, f64)> = Vec::new();
        for (row, hypothesis) in open.iter().enumerate() {
            for (token, log_probability) in log_probabilities[row].iter().enumerate() {
                let sum = hypothesis.log_probability + f64::from(*log_probability);
                longer.push((row, token as u32, sum));
            }
        }
        longer.sort_by(|a, b| b.2.total_cmp(&a.2));
        longer.truncate(width);
        let (mut kept, mut rows) = (Vec::new(), Vec::new());
        for (row, token, _) in longer {
            let log_probability = log_probabilities[row][token as usize];
            let hypothesis = open[row].with(token, log_probability, &alignment[row], end);
            if hypothesis.has_ended {
                closed.push(hypothesis);
            } else {
                kept.push(hypothesis);
                rows.push(row as u32);
            }
        }
        open = kept;
        if open.is_empty() || closed.len() >= width {
            break;
        }
        state = state.rows(&rows)?;
    }
    let all = if closed.is_empty() { open } else { closed };
    let best = all.into_iter().max_by(|a, b| a.score().total_cmp(&b.score()));
    Ok(best.unwrap_or_default())
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
