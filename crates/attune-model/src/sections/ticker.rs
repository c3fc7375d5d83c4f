//! A live list of sections: append-only, each token written once, so many source steps after the music (wait-k; Ma et
//! al. 2019).
//!
//! In: source steps as they come. Out: tokens, with since when they hold and how much had been heard. Thread: one.

use super::{SectionNet, SectionShape};
use crate::ModelError;
use crate::token_decoder::log_softmax;
use attune_nn::Pass;
use candle_core::{Device, Tensor};
use std::collections::VecDeque;
use std::sync::Arc;

/// A section that has begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticked {
    /// Its genre.
    pub genre: u32,
    /// The source step since which it holds, from 0.
    pub since: u64,
    /// Source steps that had been read when it was written.
    pub read: u64,
    /// Probability of the token.
    pub confidence: f32,
}

/// The state of one stream.
///
/// A token depends on at most [`SectionShape::reach`] steps and tokens, which are kept and computed anew for each: the
/// result is that of the whole stream so far, and a stream of any length costs the same.
#[derive(Debug)]
pub struct SectionTicker {
    net: Arc<SectionNet>,
    temperature: f32,
    /// Source steps that are read before the first token.
    k: usize,
    reach: usize,
    /// The last source steps, and how many there were in all.
    steps: VecDeque<f32>,
    read: u64,
    /// What the decoder was given before each of the last tokens, and how many tokens were written.
    inputs: VecDeque<u32>,
    written: u64,
    /// The section that lasts, and whether the last token began one.
    genre: Option<u32>,
    is_new: bool,
}

impl SectionTicker {
    /// A fresh stream. `k`: 1 writes each token as soon as its own source step is read.
    ///
    /// # Errors
    /// If the network reads whole pieces, or `k` is 0 or beyond its context.
    pub fn new(net: Arc<SectionNet>, temperature: f32, k: usize) -> Result<Self, ModelError> {
        let shape = net.shape();
        let reach = shape.reach().filter(|reach| (1..*reach).contains(&k)).ok_or_else(|| {
            ModelError::Shape(format!(
                "a live list of sections with k = {k} of a network with {:?}",
                shape.reading
            ))
        })?;
        Ok(Self {
            net,
            temperature,
            k,
            reach,
            steps: VecDeque::new(),
            read: 0,
            inputs: VecDeque::new(),
            written: 0,
            genre: None,
            is_new: false,
        })
    }

    /// The shape of its network.
    pub fn shape(&self) -> SectionShape {
        self.net.shape()
    }

    /// One source step more; the section that this says has begun, if any.
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub fn push(&mut self, step: &[f32]) -> Result<Option<Ticked>, ModelError> {
        self.steps.extend(step);
        self.read += 1;
        while self.steps.len() > (self.reach + self.k) * self.shape().inputs {
            self.steps.drain(..self.shape().inputs);
        }
        if self.read < self.k as u64 {
            Ok(None)
        } else {
            self.write()
        }
    }

    /// After the last source step: what the last tokens say.
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub fn finish(&mut self) -> Result<Vec<Ticked>, ModelError> {
        let mut last = Vec::new();
        while self.written < self.read {
            last.extend(self.write()?);
        }
        Ok(last)
    }

    /// The next token.
    fn write(&mut self) -> Result<Option<Ticked>, ModelError> {
        let shape = self.shape();
        self.inputs.push_back(shape.input(self.genre, self.is_new));
        if self.inputs.len() > self.reach {
            self.inputs.pop_front();
        }
        // Steps that are kept, and tokens: token n stands with step n, both counted from the start of the stream.
        let kept = self.steps.len() / shape.inputs;
        let first_step = self.read - kept as u64;
        let first_token = self.written + 1 - self.inputs.len() as u64;
        let places: Vec<usize> = (first_token..=self.written)
            .map(|token| ((token + self.k as u64).min(self.read) - 1).saturating_sub(first_step) as usize)
            .collect();
        let x: Vec<f32> = self.steps.iter().copied().collect();
        let x = Tensor::from_vec(x, (1, kept, shape.inputs), &Device::Cpu)?;
        let memory = self.net.encode(&x, &mut Pass::Infer)?;
        let inputs: Vec<u32> = self.inputs.iter().copied().collect();
        let decoded = self.net.decode(&memory, &[inputs], Some(&places), &mut Pass::Infer)?;
        let last: Vec<f32> = decoded
            .logits
            .narrow(1, places.len() - 1, 1)?
            .flatten_all()?
            .to_vec1()?;
        let log_probabilities = log_softmax(&last, self.temperature);
        let probabilities: Vec<f32> = log_probabilities.iter().map(|it| it.exp()).collect();
        if probabilities.iter().any(|p| !p.is_finite()) {
            return Err(ModelError::NotFinite);
        }
        let best = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (token, confidence) = best.map_or((shape.end(), 0.0), |(token, p)| (token as u32, *p));
        self.written += 1;
        self.is_new = token != shape.end();
        if !self.is_new {
            return Ok(None);
        }
        // A genre that lasts is not written again.
        let is_other = self.genre != Some(token);
        self.genre = Some(token);
        Ok(is_other.then_some(Ticked {
            genre: token,
            since: self.written - 1,
            read: self.read,
            confidence,
        }))
    }
}
