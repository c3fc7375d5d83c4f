//! Writing token by token: the most probable one each time, or several hypotheses side by side (Sutskever, Vinyals & Le
//! 2014, §3.2).
//!
//! In: a decoder, and its state before the first token. Out: [`Hypothesis`]. Thread: any.

use candle_core::{Result, Tensor};

/// A network that writes tokens, each given those before it, and attends to something for each.
pub trait TokenDecoder {
    /// What it keeps between tokens, for the rows of a batch.
    type State;

    /// What stands before the first token.
    fn start_token(&self) -> u32;

    /// The token after the last one.
    fn end_token(&self) -> u32;

    /// One token of each row: logits (b, tokens), and the attention weights (b, s), after these tokens.
    ///
    /// # Errors
    /// If shapes do not fit.
    fn next(&self, inputs: &[u32], state: &mut Self::State) -> Result<(Tensor, Tensor)>;

    /// The state of these rows, in this order.
    ///
    /// # Errors
    /// If there is no such row.
    fn rows(&self, state: &Self::State, rows: &[u32]) -> Result<Self::State>;
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hypothesis {
    /// Without the end.
    pub tokens: Vec<u32>,
    /// Probability of each, given those before.
    pub probabilities: Vec<f32>,
    /// Attention weights of each, (tokens, s); each row sums to 1.
    pub alignment: Vec<Vec<f32>>,
    /// Sum of the logarithms of all probabilities, that of the end too.
    pub log_probability: f64,
    /// Whether the end was written before the limit.
    pub has_ended: bool,
}

/// What hypotheses are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// Log-probability.
    Probability,
    /// Log-probability divided by the number of tokens with the end: for hypotheses of different lengths.
    PerToken,
}

impl Ranking {
    /// The higher, the better.
    pub fn score(self, hypothesis: &Hypothesis) -> f64 {
        match self {
            Self::Probability => hypothesis.log_probability,
            Self::PerToken => hypothesis.log_probability / (hypothesis.tokens.len() + 1) as f64,
        }
    }
}

impl Hypothesis {
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

/// ln softmax(z / temperature).
pub(crate) fn log_softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled: Vec<f32> = logits.iter().map(|logit| (logit - top) / temperature).collect();
    let log_sum = scaled.iter().map(|z| z.exp()).sum::<f32>().ln();
    scaled.iter().map(|z| z - log_sum).collect()
}

/// ln p of every token and the attention weights, for each row.
type Rows = (Vec<Vec<f32>>, Vec<Vec<f32>>);

fn next<D: TokenDecoder>(decoder: &D, inputs: &[u32], state: &mut D::State) -> Result<Rows> {
    let (logits, weights) = decoder.next(inputs, state)?;
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    Ok((
        rows.iter().map(|row| log_softmax(row, 1.0)).collect(),
        weights.to_vec2()?,
    ))
}

fn highest(values: &[f32]) -> usize {
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(place, _)| place)
}

/// At each step the most probable token, at most `most` of them with the end, for each of `count` rows.
///
/// # Errors
/// If the network fails.
pub fn greedy<D: TokenDecoder>(decoder: &D, mut state: D::State, count: usize, most: usize) -> Result<Vec<Hypothesis>> {
    let mut written = vec![Hypothesis::default(); count];
    let mut inputs = vec![decoder.start_token(); count];
    for _ in 0..most {
        let (log_probabilities, alignment) = next(decoder, &inputs, &mut state)?;
        for (row, hypothesis) in written.iter_mut().enumerate().filter(|(_, it)| !it.has_ended) {
            let token = highest(&log_probabilities[row]);
            let log_probability = log_probabilities[row][token];
            *hypothesis = hypothesis.with(token as u32, log_probability, &alignment[row], decoder.end_token());
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

/// Beam search over a state of one row: the `width` most probable beginnings are kept at every token, and at most
/// `most` tokens with the end are written. Returns the best.
///
/// # Errors
/// If the network fails.
pub fn beam<D: TokenDecoder>(
    decoder: &D,
    mut state: D::State,
    (width, most): (usize, usize),
    ranking: Ranking,
) -> Result<Hypothesis> {
    let mut open = vec![Hypothesis::default()];
    let mut closed: Vec<Hypothesis> = Vec::new();
    for _ in 0..most {
        let last = |hypothesis: &Hypothesis| hypothesis.tokens.last().copied();
        let inputs: Vec<u32> = open
            .iter()
            .map(|hypothesis| last(hypothesis).unwrap_or(decoder.start_token()))
            .collect();
        let (log_probabilities, alignment) = next(decoder, &inputs, &mut state)?;
        let mut longer: Vec<(usize, u32, f64)> = Vec::new();
        for (row, hypothesis) in open.iter().enumerate() {
            for (token, log_probability) in log_probabilities[row].iter().enumerate() {
                let sum = hypothesis.log_probability + f64::from(*log_probability);
                longer.push((row, token as u32, sum));
            }
        }
        longer.sort_by(|a, b| b.2.total_cmp(&a.2));
        longer.truncate(width.max(1));
        let mut kept: Vec<(u32, Hypothesis)> = Vec::new();
        for (row, token, _) in longer {
            let log_probability = log_probabilities[row][token as usize];
            let hypothesis = open[row].with(token, log_probability, &alignment[row], decoder.end_token());
            if hypothesis.has_ended {
                closed.push(hypothesis);
            } else {
                kept.push((row as u32, hypothesis));
            }
        }
        match ranking {
            // Tokens only make a hypothesis less probable.
            Ranking::Probability => {
                let best = closed
                    .iter()
                    .map(|it| it.log_probability)
                    .fold(f64::NEG_INFINITY, f64::max);
                kept.retain(|(_, hypothesis)| hypothesis.log_probability > best);
            }
            Ranking::PerToken if closed.len() >= width => kept.clear(),
            Ranking::PerToken => {}
        }
        let rows: Vec<u32> = kept.iter().map(|(row, _)| *row).collect();
        let are_all_closed = kept.is_empty();
        if !are_all_closed {
            state = decoder.rows(&state, &rows)?;
        }
        open = kept.into_iter().map(|(_, hypothesis)| hypothesis).collect();
        if are_all_closed {
            break;
        }
    }
    // What reached the limit counts only against others that did, or if it may still be the most probable.
    if closed.is_empty() || ranking == Ranking::Probability {
        closed.append(&mut open);
    }
    let best = closed
        .into_iter()
        .max_by(|a, b| ranking.score(a).total_cmp(&ranking.score(b)));
    Ok(best.unwrap_or_default())
}
