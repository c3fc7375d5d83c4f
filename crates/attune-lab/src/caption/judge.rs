//! What a trained network writes of unseen pieces, and where it looks.
//!
//! In: a network, pieces. Out: an [`Outcome`]. Thread: the caller's.

use super::pieces::{Example, Gains, Sounding, entry};
use super::words;
use crate::medley::score::{Figure, ratio};
use crate::{LabError, Run};
use attune_audio::features::FrontEndSpec;
use attune_model::caption::{CaptionNet, Grid};
use attune_model::token_decoder::{Hypothesis, TokenDecoder};
use attune_nn::Pass;
use attune_nn::kernels::values;
use attune_train::dataset::Side;
use candle_core::{D, Device, Tensor, Var};
use serde::{Deserialize, Serialize};

/// Beginnings that a beam keeps.
pub(crate) const BEAM: usize = 3;
/// The least mean divergence of two words' maps, in bits: below it they have become one map.
pub(crate) const LEAST_DIVERGENCE: f64 = 0.2;

/// What is found on unseen pieces; intervals are over pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Numbers that were learnt.
    pub(crate) weights: usize,
    /// Mean loss at the end of training.
    pub(crate) loss: f64,
    /// Pieces.
    pub(crate) pieces: usize,
    /// F1 of the sets of words, all together: 2·right / (written + true), of greedy captions.
    pub(crate) f1: Figure,
    /// The same of captions by a beam.
    pub(crate) f1_of_beam: Figure,
    /// The same of each kind of word: instruments, tempo, mode.
    pub(crate) f1_of_kinds: [Figure; 3],
    /// Precision, recall and how often it is true, of each word.
    pub(crate) words: Vec<WordFound>,
    /// Captions that are right in every word.
    pub(crate) exact: Figure,
    /// How often a map's highest tile, or one that touches it, is the instrument's: words that are rightly written.
    pub(crate) pointing: Pointing,
    /// The same for the highest tile alone.
    pub(crate) pointing_exactly: Pointing,
    /// Share of α on the instrument's tiles; share of these tiles among all.
    pub(crate) mass: [Figure; 2],
    /// Jensen–Shannon divergence of the maps of two words of a caption, in bits.
    pub(crate) divergence: Figure,
    /// Words of instruments that were written and are gone once the instrument is muted.
    pub(crate) muted: Figure,
    /// Words of other instruments that were written, and still are when one is muted.
    pub(crate) kept: Figure,
    /// Mean of the loudest α of a word.
    pub(crate) peak: f64,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WordFound {
    /// As it is written.
    pub(crate) word: String,
    /// Pieces in which it is true.
    pub(crate) is_true: usize,
    /// Right of those that were written.
    pub(crate) precision: f64,
    /// Written of those that are true.
    pub(crate) recall: f64,
}

/// Attention beside what needs none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pointing {
    /// α.
    pub(crate) attention: Figure,
    /// Any tile, drawn evenly.
    pub(crate) uniform: Figure,
    /// The tile with the most power.
    pub(crate) loudest: Figure,
    /// |∂ ln p(word)/∂ input|, summed within each tile.
    pub(crate) gradient: Figure,
    /// How much more often attention hits than each of the three, in the same words.
    pub(crate) ahead: [Figure; 3],
}

/// Hits of the four maps of one piece, and of how many words.
#[derive(Debug, Clone, Copy, Default)]
struct Hits {
    of: [f64; 4],
    words: f64,
}

/// What is counted in one piece.
#[derive(Debug, Default)]
struct Counted {
    /// Right, written plus true: greedy, beam, then of the kinds of words.
    f1: [(f64, f64); 5],
    exact: f64,
    near: Hits,
    at: Hits,
    mass: [f64; 2],
    divergence: (f64, f64),
    muted: (f64, f64),
    kept: (f64, f64),
    peak: (f64, f64),
    written: Vec<u32>,
    is_true: Vec<u32>,
}

/// Tests a network on the unseen pieces.
///
/// # Errors
/// If the network fails, or the run is to stop.
pub(crate) fn judge(
    net: &CaptionNet,
    (seed, tested): (u64, u64),
    spec: &FrontEndSpec,
    (weights, loss): (usize, f64),
    run: &mut Run<'_>,
) -> Result<Outcome, LabError> {
    let grid = net.shape().grid(super::pieces::FRAMES);
    let mut counted = Vec::new();
    for number in 0..tested {
        if number % 20 == 0 {
            run.say(&format!("testing: piece {number} of {tested}"))?;
        }
        let piece = Sounding::new((seed, Side::Valid, number), spec, grid)?;
        counted.push(of_piece(net, &piece, entry(seed, Side::Valid, number), grid)?);
    }
    Ok(outcome(&counted, (weights, loss)))
}

fn of_piece(net: &CaptionNet, piece: &Sounding, at: usize, grid: Grid) -> Result<Counted, LabError> {
    let all: Gains = vec![1.0; piece.stems()];
    let example = piece.example(at, &all)?;
    let frames = example.wide();
    let written = net.write(&frames, 1)?;
    let mut counted = Counted {
        written: written.tokens.clone(),
        is_true: example.words.clone(),
        ..Counted::default()
    };
    let of_beam = net.write(&frames, BEAM)?.tokens;
    counted.f1[0] = agreement(&counted.written, &example.words, |_| true);
    counted.f1[1] = agreement(&of_beam, &example.words, |_| true);
    let tempo = words::of_tempo(100.0) - 1..words::of_tempo(100.0) + 2;
    counted.f1[2] = agreement(&counted.written, &example.words, words::is_instrument);
    counted.f1[3] = agreement(&counted.written, &example.words, |word| tempo.contains(&word));
    counted.f1[4] = agreement(&counted.written, &example.words, |word| word >= tempo.end);
    counted.exact = f64::from(u8::from(counted.written == example.words));
    point(net, &example, &written, grid, &mut counted)?;
    for (one, a) in written.alignment.iter().enumerate() {
        for b in &written.alignment[one + 1..] {
            counted.divergence.0 += divergence(a, b);
            counted.divergence.1 += 1.0;
        }
    }
    if piece.stems() > 1 {
        for stem in 0..piece.stems() {
            let word = piece.word(stem);
            if !(counted.written.contains(&word) && example.words.contains(&word)) {
                continue;
            }
            let mut gains = all.clone();
            gains[stem] = 0.0;
            let without = net.write(&piece.example(at, &gains)?.wide(), 1)?.tokens;
            counted.muted.0 += f64::from(u8::from(!without.contains(&word)));
            counted.muted.1 += 1.0;
            let others = counted
                .written
                .iter()
                .filter(|&&other| other != word && words::is_instrument(other) && example.words.contains(&other));
            for other in others {
                counted.kept.0 += f64::from(u8::from(without.contains(other)));
                counted.kept.1 += 1.0;
            }
        }
    }
    Ok(counted)
}

/// Twice the words in both, and the words in either, of the words that count; each once.
fn agreement(written: &[u32], is_true: &[u32], counts: impl Fn(u32) -> bool) -> (f64, f64) {
    let set = |words: &[u32]| {
        let mut words: Vec<u32> = words.iter().copied().filter(|&word| counts(word)).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let (written, is_true) = (set(written), set(is_true));
    let right = written.iter().filter(|word| is_true.contains(word)).count();
    (2.0 * right as f64, (written.len() + is_true.len()) as f64)
}

/// Where the maps of rightly written instruments are highest.
fn point(
    net: &CaptionNet,
    example: &Example,
    written: &Hypothesis,
    grid: Grid,
    counted: &mut Counted,
) -> Result<(), LabError> {
    let mut gradients = None;
    let loudest = highest(&example.levels_db);
    for (place, (&word, weights)) in written.tokens.iter().zip(&written.alignment).enumerate() {
        counted.peak.0 += f64::from(weights.iter().copied().fold(0.0, f32::max));
        counted.peak.1 += 1.0;
        let mask = example.mask(word);
        if !words::is_instrument(word) || !mask.contains(&true) || !example.words.contains(&word) {
            continue;
        }
        let gradients = match &mut gradients {
            Some(gradients) => gradients,
            None => gradients.insert(Gradients::new(net, example, written)?),
        };
        let gradient = grid.sums(&gradients.of(place)?);
        let tops = [highest(weights), loudest, highest(&gradient)];
        let near = |tile: usize| grid.around(tile).any(|tile| mask[tile]);
        let share = |is_in: &dyn Fn(usize) -> bool| {
            (0..grid.count()).filter(|&tile| is_in(tile)).count() as f64 / grid.count() as f64
        };
        let exactly = |tile: usize| mask[tile];
        let ways: [(&mut Hits, &dyn Fn(usize) -> bool); 2] = [(&mut counted.near, &near), (&mut counted.at, &exactly)];
        for (hits, is_in) in ways {
            let [attention, loudest, gradient] = tops.map(|tile| f64::from(u8::from(is_in(tile))));
            for (sum, hit) in hits.of.iter_mut().zip([attention, share(is_in), loudest, gradient]) {
                *sum += hit;
            }
            hits.words += 1.0;
        }
        let on = weights.iter().zip(&mask).filter(|(_, is_in)| **is_in);
        counted.mass[0] += f64::from(on.map(|(weight, _)| weight).sum::<f32>());
        counted.mass[1] += share(&exactly);
    }
    Ok(())
}

/// ln softmax over the last axis, with a gradient.
fn log_probabilities(logits: &Tensor) -> candle_core::Result<Tensor> {
    let less = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    less.broadcast_sub(&less.exp()?.sum_keepdim(D::Minus1)?.log()?)
}

/// The graph from a caption back to its frames.
struct Gradients {
    x: Var,
    /// ln p of each word that was written, after those before it.
    log_probabilities: Tensor,
}

impl Gradients {
    fn new(net: &CaptionNet, example: &Example, written: &Hypothesis) -> Result<Self, LabError> {
        let bands = net.shape().bands;
        let frames = example.wide();
        let x = Var::from_vec(frames, (1, example.frames.len() / bands, bands), &Device::Cpu)?;
        let mut before = vec![net.decoder().start_token()];
        before.extend(&written.tokens);
        let decoded = net.decode(&x, &before, &mut Pass::Infer)?;
        let of_all = log_probabilities(&decoded.logits)?.squeeze(0)?; // (n, words)
        let said = Tensor::from_vec(written.tokens.clone(), (written.tokens.len(), 1), &Device::Cpu)?;
        let of_words = of_all.narrow(0, 0, written.tokens.len())?.contiguous()?;
        Ok(Self {
            x,
            log_probabilities: of_words.gather(&said, 1)?.squeeze(1)?,
        })
    }

    /// |∂ ln p(word at `place`)/∂x|, (frames, bands).
    fn of(&self, place: usize) -> Result<Vec<f32>, LabError> {
        let grads = self.log_probabilities.get(place)?.backward()?;
        match grads.get(&self.x) {
            Some(grad) => Ok(values(&grad.abs()?)?),
            None => Err(LabError::Refused("no gradient reaches the frames".to_owned())),
        }
    }
}

/// The place of the highest value.
fn highest(values: &[f32]) -> usize {
    let places = 0..values.len();
    places.max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}

/// Jensen–Shannon divergence of two distributions, in bits: 0 for the same, 1 for two that share nothing (Lin 1991).
fn divergence(a: &[f32], b: &[f32]) -> f64 {
    let parts = a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let term = |p: f64, middle: f64| if p > 0.0 { 0.5 * p * (p / middle).log2() } else { 0.0 };
    parts
        .map(|(a, b)| {
            let middle = f64::midpoint(a, b);
            term(a, middle) + term(b, middle)
        })
        .sum()
}

fn outcome(counted: &[Counted], (weights, loss): (usize, f64)) -> Outcome {
    let of = |parts: &dyn Fn(&Counted) -> (f64, f64)| ratio(&counted.iter().map(parts).collect::<Vec<_>>());
    let f1 = |number: usize| of(&|piece| piece.f1[number]);
    let pointing = |hits: &dyn Fn(&Counted) -> Hits| {
        let rate = |map: usize| of(&|piece| (hits(piece).of[map], hits(piece).words));
        let ahead = |map: usize| of(&|piece| (hits(piece).of[0] - hits(piece).of[map], hits(piece).words));
        Pointing {
            attention: rate(0),
            uniform: rate(1),
            loudest: rate(2),
            gradient: rate(3),
            ahead: [ahead(1), ahead(2), ahead(3)],
        }
    };
    let (sum, count) = counted
        .iter()
        .fold((0.0, 0.0), |sum, piece| (sum.0 + piece.peak.0, sum.1 + piece.peak.1));
    let found = words::all()
        .into_iter()
        .zip(0_u32..)
        .filter(|(_, number)| *number != words::LAST);
    let found = found.map(|(word, number)| {
        let count = |is: &dyn Fn(&Counted) -> bool| counted.iter().filter(|piece| is(piece)).count();
        let is_true = count(&|piece| piece.is_true.contains(&number));
        let written = count(&|piece| piece.written.contains(&number));
        let both = count(&|piece| piece.is_true.contains(&number) && piece.written.contains(&number));
        WordFound {
            word: word.to_owned(),
            is_true,
            precision: both as f64 / written.max(1) as f64,
            recall: both as f64 / is_true.max(1) as f64,
        }
    });
    Outcome {
        weights,
        loss,
        pieces: counted.len(),
        f1: f1(0),
        f1_of_beam: f1(1),
        f1_of_kinds: [f1(2), f1(3), f1(4)],
        words: found.collect(),
        exact: of(&|piece| (piece.exact, 1.0)),
        pointing: pointing(&|piece| piece.near),
        pointing_exactly: pointing(&|piece| piece.at),
        mass: [
            of(&|piece| (piece.mass[0], piece.near.words)),
            of(&|piece| (piece.mass[1], piece.near.words)),
        ],
        divergence: of(&|piece| piece.divergence),
        muted: of(&|piece| piece.muted),
        kept: of(&|piece| piece.kept),
        peak: sum / count.max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_none_of_the_same_and_a_bit_of_what_shares_nothing() {
        assert!(divergence(&[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]).abs() < 1e-9);
        assert!((divergence(&[1.0, 0.0], &[0.0, 1.0]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn agreement_counts_each_word_once() {
        let [a, b, c] = [0, 1, 2];
        assert_eq!(agreement(&[a, a, b], &[b, c], |_| true), (2.0, 4.0));
        assert_eq!(agreement(&[a, b], &[b, c], |word| word != b), (0.0, 2.0));
    }
}
