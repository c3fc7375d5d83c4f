//! The form for streams: every layer keeps a queue of what its taps reach, so that a sample costs one step of each
//! layer and not of all that its field holds (Paine et al. 2016).
//!
//! In: codes, in blocks of any length. Out: logits, bits per sample, drawn codes. Thread: any; a state belongs to one.

use super::mu_law::CODES;
use super::net::{TAPS, WIDEST, WavenetShape};
use super::prediction::{BackwardPrediction, STEPS};
use attune_nn::gated_conv::GatedConv;
use attune_nn::kernels::cross_entropy::code_losses;
use attune_nn::kernels::gated_convolution::GatedConvolution;
use attune_nn::kernels::hyperbolic::{Peak, SCALES, Steps, add_hyperbolic};
use attune_nn::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start};
use attune_nn::kernels::reduce::dot;
use attune_nn::kernels::values;
use attune_nn::linear::Linear;
use attune_nn::streaming::frame_buf::{History, MAX_BLOCK};
use attune_nn::streaming::gated::{GatedScratch, PackedGatedConv, Rows};
use candle_core::{Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Bits of a code of which nothing is known: log₂ 256.
const UNKNOWN_BITS: f32 = 8.0;

/// A WaveNet with packed weights, immutable.
#[derive(Debug)]
pub struct PackedWavenet {
    shape: WavenetShape,
    op: GatedConvolution,
    table: Vec<f32>,
    /// (codes, residual): of the predicted value as a code, and of its mean error.
    embeddings: [Vec<f32>; 2],
    layers: Vec<PackedGatedConv>,
    /// Of each layer that knows the class: (classes + 1, 2 · residual).
    conditions: Vec<Vec<f32>>,
    hidden: PackedMatrix,
    output: PackedMatrix,
    /// Of each slope: weights of the hidden layer, and the bias.
    slopes: [(Vec<f32>, f32); SCALES],
    steps: Arc<Steps>,
}

/// What it remembers of one stream of codes, read under one or more conditions side by side.
#[derive(Debug, Clone)]
pub struct WavenetState {
    before: Option<u8>,
    prediction: BackwardPrediction,
    /// Of each frame of a block.
    peaks: Vec<Peak>,
    shared: Part,
    conditioned: Part,
    /// h of each layer that knows the class, under each condition.
    conditions: Vec<Vec<f32>>,
    skips: Rows,
    hidden: Rows,
    logits: Rows,
}

/// Layers one after the other, for some streams.
#[derive(Debug, Clone)]
struct Part {
    rows: Rows,
    scratch: GatedScratch,
    pasts: Vec<Vec<History>>,
}

impl Part {
    fn new(layers: &[PackedGatedConv], op: GatedConvolution, streams: usize) -> Self {
        Self {
            rows: Rows::new(streams, op.residual + op.skip),
            scratch: GatedScratch::new(streams, op),
            pasts: layers.iter().map(|layer| layer.initial_state(streams)).collect(),
        }
    }
}

/// A state, and the code whose successor is asked for next: what scoring and generating go on from.
#[derive(Debug, Clone)]
pub struct WavenetStream {
    state: WavenetState,
    newest: Option<u8>,
    losses: Vec<f32>,
    weights: Vec<f64>,
}

impl PackedWavenet {
    pub(super) fn new(
        shape: WavenetShape,
        (table, embeddings): (&Tensor, &[Tensor; 2]),
        layers: &[GatedConv],
        conditions: &[Tensor],
        [hidden, output]: [&Linear; 2],
        [slopes, slope_bias]: &[Tensor; 2],
    ) -> Result<Self> {
        let [value, error] = embeddings;
        let (slopes, slope_bias) = (values(slopes)?, values(slope_bias)?);
        let slope = |n: usize| {
            let weights = slopes.iter().skip(n).step_by(SCALES).copied().collect();
            (weights, slope_bias[n])
        };
        let pack = |linear: &Linear| -> Result<PackedMatrix> {
            let (weights, bias) = linear.values()?;
            Ok(PackedMatrix::new(&weights, &bias))
        };
        Ok(Self {
            shape,
            op: GatedConvolution {
                residual: shape.residual,
                skip: shape.skip,
                taps: TAPS,
                dilation: 1,
            },
            table: values(table)?,
            embeddings: [values(value)?, values(error)?],
            slopes: std::array::from_fn(slope),
            steps: STEPS.clone(),
            layers: layers
                .iter()
                .map(|layer| layer.pack(Precision::F32))
                .collect::<Result<_>>()?,
            conditions: conditions.iter().map(values).collect::<Result<_>>()?,
            hidden: pack(hidden)?,
            output: pack(output)?,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> WavenetShape {
        self.shape
    }

    /// Before the first code, to be read under each of `classes`; none is "no class".
    ///
    /// # Panics
    /// If there is no such class, or none at all: a bug of the caller.
    pub fn initial_state(&self, classes: &[Option<usize>]) -> WavenetState {
        assert!(!classes.is_empty(), "a state without a condition");
        let (shared, conditioned) = self.layers.split_at(self.shape.shared());
        let width = 2 * self.shape.residual;
        let rows = |table: &Vec<f32>| -> Vec<f32> {
            let row = |class: &Option<usize>| {
                let class = class.unwrap_or(self.shape.classes);
                assert!(class <= self.shape.classes, "no class {class}");
                table[class * width..][..width].to_vec()
            };
            classes.iter().flat_map(row).collect()
        };
        WavenetState {
            before: None,
            prediction: BackwardPrediction::default(),
            peaks: Vec::with_capacity(MAX_BLOCK),
            shared: Part::new(shared, self.op, 1),
            conditioned: Part::new(conditioned, self.op, classes.len()),
            conditions: self.conditions.iter().map(rows).collect(),
            skips: Rows::new(classes.len(), self.shape.skip),
            hidden: Rows::new(classes.len(), self.shape.skip),
            logits: Rows::new(classes.len(), CODES),
        }
    }

    /// A stream before its first code, read under each of `classes`.
    ///
    /// # Panics
    /// As [`PackedWavenet::initial_state`].
    pub fn initial_stream(&self, classes: &[Option<usize>]) -> WavenetStream {
        WavenetStream {
            state: self.initial_state(classes),
            newest: None,
            losses: vec![0.0; MAX_BLOCK * classes.len()],
            weights: vec![0.0; CODES],
        }
    }

    /// The next codes, at most [`MAX_BLOCK`]. Returns the logits of the code after each, under each condition: rows
    /// (conditions, codes).
    ///
    /// # Panics
    /// If there are more codes: a bug of the caller.
    pub fn step<'a>(&self, codes: &[u8], state: &'a mut WavenetState) -> &'a Rows {
        let (frames, r) = (codes.len(), self.shape.residual);
        let conditions = state.conditions();
        let WavenetState {
            before,
            prediction,
            peaks,
            shared,
            conditioned,
            ..
        } = state;
        shared.rows.reset(frames);
        peaks.clear();
        for (frame, code) in codes.iter().enumerate() {
            let row = shared.rows.row_mut(frame);
            row.fill(0.0);
            let table = |tap: usize, code: u8| &self.table[(tap * CODES + usize::from(code)) * r..][..r];
            row[..r].copy_from_slice(table(0, *code));
            let expected = prediction.push(*code);
            peaks.push(expected.peak);
            let embedding = |table: usize, code: u8| &self.embeddings[table][usize::from(code) * r..][..r];
            let rows = [
                before.replace(*code).map(|before| table(1, before)),
                Some(embedding(0, expected.value)),
                Some(embedding(1, expected.error)),
            ];
            for added in rows.into_iter().flatten() {
                for (x, value) in row.iter_mut().zip(added) {
                    *x += value;
                }
            }
        }
        let (first, last) = self.layers.split_at(self.shape.shared());
        let nothing = [0.0; 2 * WIDEST];
        for (layer, past) in first.iter().zip(&mut shared.pasts) {
            layer.step(&mut shared.rows, &nothing[..2 * r], past, &mut shared.scratch);
        }
        conditioned.rows.reset(frames * conditions);
        for rows in conditioned
            .rows
            .values_mut()
            .chunks_exact_mut(shared.rows.values().len().max(1))
        {
            rows.copy_from_slice(shared.rows.values());
        }
        for ((layer, past), h) in last.iter().zip(&mut conditioned.pasts).zip(&state.conditions) {
            layer.step(&mut conditioned.rows, h, past, &mut conditioned.scratch);
        }
        let rows = conditioned.rows.count();
        for buffer in [&mut state.skips, &mut state.hidden, &mut state.logits] {
            buffer.reset(rows);
        }
        for row in 0..rows {
            for (skip, sum) in state.skips.row_mut(row).iter_mut().zip(&conditioned.rows.row(row)[r..]) {
                *skip = if *sum < 0.0 { 0.0 } else { *sum }; // not `max`: what is not a number stays visible
            }
        }
        let (skips, hidden) = (&state.skips, &mut state.hidden);
        self.hidden.multiply(
            1,
            |row, _| skips.row(row),
            (Start::Bias, Finish::Relu),
            hidden.values_mut(),
        );
        let (hidden, logits) = (&state.hidden, &mut state.logits);
        self.output.multiply(
            1,
            |row, _| hidden.row(row),
            (Start::Bias, Finish::Plain),
            logits.values_mut(),
        );
        let of_conditions = logits.values_mut().chunks_exact_mut((frames * CODES).max(1));
        for (condition, logits) in of_conditions.enumerate() {
            for (frame, (logits, peak)) in logits.chunks_exact_mut(CODES).zip(&state.peaks).enumerate() {
                let hidden = hidden.row(condition * frames + frame);
                let slopes = self
                    .slopes
                    .each_ref()
                    .map(|(weights, bias)| dot(weights, &hidden[..weights.len()]) + bias);
                add_hyperbolic(&self.steps, std::slice::from_ref(peak), &slopes, logits);
            }
        }
        &state.logits
    }

    /// −log₂ p of each of the next codes under each condition, given all codes before it: appended to `bits`, (codes,
    /// conditions). The first code of a stream costs 8 bits. How codes are cut into calls changes no bit.
    pub fn score(&self, codes: &[u8], stream: &mut WavenetStream, bits: &mut Vec<f32>) {
        let conditions = stream.conditions();
        let mut rest = codes;
        let mut newest = match (stream.newest, codes.split_first()) {
            (Some(newest), _) => newest,
            (None, Some((first, after))) => {
                bits.extend(std::iter::repeat_n(UNKNOWN_BITS, conditions));
                rest = after;
                *first
            }
            (None, None) => return,
        };
        for block in rest.chunks(MAX_BLOCK) {
            // Each code is asked for after those before it: what is read is one behind.
            let mut read = [0; MAX_BLOCK];
            let read = &mut read[..block.len()];
            for (read, code) in read.iter_mut().zip(block) {
                *read = std::mem::replace(&mut newest, *code);
            }
            let logits = self.step(read, &mut stream.state).values();
            let losses = &mut stream.losses[..block.len() * conditions];
            let of_each = logits.chunks_exact(block.len() * CODES);
            for (logits, losses) in of_each.zip(losses.chunks_exact_mut(block.len())) {
                code_losses(logits, CODES, block, losses);
            }
            for frame in 0..block.len() {
                let of_frame = losses.iter().skip(frame).step_by(block.len());
                bits.extend(of_frame.map(|loss| loss * std::f32::consts::LOG2_E));
            }
        }
        stream.newest = Some(newest);
    }

    /// Reads codes without asking for them: what a continuation goes on from.
    pub fn read(&self, codes: &[u8], stream: &mut WavenetStream) {
        for code in codes {
            if let Some(before) = stream.newest.replace(*code) {
                self.step(&[before], &mut stream.state);
            }
        }
    }

    /// Draws the next code of a stream under its first condition, and reads it. The logits are divided by
    /// `temperature`, above 0: below 1 likely codes become likelier.
    pub fn draw(&self, stream: &mut WavenetStream, temperature: f32, rng: &mut ChaCha8Rng) -> u8 {
        let code = match stream.newest {
            None => super::mu_law::encode(0.0),
            Some(newest) => {
                let logits = self.step(&[newest], &mut stream.state).row(0);
                drawn(logits, temperature, &mut stream.weights, rng)
            }
        };
        stream.newest = Some(code);
        code
    }
}

/// A code by the softmax of logits / temperature.
fn drawn(logits: &[f32], temperature: f32, weights: &mut [f64], rng: &mut ChaCha8Rng) -> u8 {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (weight, logit) in weights.iter_mut().zip(logits) {
        sum += f64::from(((logit - greatest) / temperature).exp());
        *weight = sum;
    }
    let drawn = rng.random::<f64>() * sum;
    weights
        .iter()
        .take_while(|weight| **weight <= drawn)
        .count()
        .min(CODES - 1) as u8
}

impl WavenetState {
    /// Conditions under which it is read.
    fn conditions(&self) -> usize {
        self.logits.room() / MAX_BLOCK
    }
}

impl WavenetStream {
    /// Conditions under which it is read.
    pub fn conditions(&self) -> usize {
        self.state.conditions()
    }
}
