//! A network that says in words what sounds (Show, Attend and Tell, Xu et al. 2015): convolutions over time and
//! frequency make a grid of *tiles*; an LSTM writes word after word, and attends to the tiles for each.
//!
//! ```text
//!  frames (b, t, bands) ─► Conv2d, BatchNorm, ReLU … ─► tiles a_1 … a_L, (b, L, d)
//!                                                          │ e_ti = vᵀ·tanh(W_a·a_i + W_h·h_{t−1} + b), α_t = softmax(e_t)
//!  word y_{t−1} ─► E·y_{t−1} ─► LSTM ◄── ẑ_t = β_t·Σ α_ti·a_i, β_t = σ(f·h_{t−1})
//!                                │ h_t
//!                                ▼
//!  p(y_t) = softmax(L_o·(E·y_{t−1} + L_h·h_t + L_z·ẑ_t))                            (their eqs 4–7 and § 4.2.1)
//! ```
//!
//! The LSTM starts from zeros, not from the mean of all tiles as in the paper: all that it knows of the sound, it has
//! through α. The weights α_t say where the decoder looked when it wrote word t.
//!
//! In: normalised frames. Out: words with probabilities and weights over tiles. Thread: any.

mod decoder;
mod file;
mod grid;
mod reader;
#[cfg(test)]
mod write_tests;

pub use decoder::{Decoder, State};
pub use file::CaptionModel;
pub use grid::{Grid, Tile};
pub use reader::{CaptionReader, SaidPiece, SaidWord};

#[cfg(doc)]
use crate::token_decoder::TokenDecoder;
use crate::token_decoder::{Hypothesis, Ranking, beam};
use attune_nn::Pass;
use attune_nn::conv2d::{Conv2d, Conv2dShape};
use attune_nn::norm::BatchNorm;
use attune_nn::weights::{Init, Weights};
use candle_core::{Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

/// Shape of a [`CaptionNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptionShape {
    /// Bands of a frame.
    pub bands: usize,
    /// Frames that it learns to read at once.
    pub frames: usize,
    /// The convolutions, each on the outputs of the one before.
    pub layers: Vec<Conv2dShape>,
    /// Width of a word's vector, and of the layer before the output.
    pub embedding: usize,
    /// What it can write: its words, and the end.
    pub words: usize,
    /// Share of the features of tiles, and of what the output layer reads, silenced in training.
    pub dropout: f32,
    /// Whether the decoder weights the whole context by β; without it β is 1.
    pub gated: bool,
}

impl CaptionShape {
    /// Features of a tile, and hidden units of the decoder.
    pub fn width(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// The grid of tiles over `frames` frames.
    pub fn grid(&self, frames: usize) -> Grid {
        let mut grid = Grid {
            times: frames,
            heights: self.bands,
            tile_frames: 1,
            tile_bands: 1,
        };
        for layer in &self.layers {
            let [along, up] = layer.stride;
            grid = Grid {
                times: grid.times.div_ceil(along),
                heights: grid.heights / up,
                tile_frames: grid.tile_frames * along,
                tile_bands: grid.tile_bands * up,
            };
        }
        grid
    }
}

/// The network.
#[derive(Debug)]
pub struct CaptionNet {
    layers: Vec<(Conv2d, BatchNorm)>,
    /// Added to the tiles of each height: a convolution does not know how high it is. (heights, d).
    heights: Tensor,
    decoder: Decoder,
    shape: CaptionShape,
}

/// What was computed for given words.
#[derive(Debug)]
pub struct Decoded {
    /// (b, words, what it can write).
    pub logits: Tensor,
    /// α, (b, words, tiles).
    pub weights: Tensor,
}

impl CaptionNet {
    /// Weights are taken from below `weights`.
    ///
    /// # Errors
    /// If the layers do not follow from one another, or a weight is missing.
    pub fn new(mut weights: Weights<'_>, shape: &CaptionShape) -> Result<Self> {
        let mut layers = Vec::with_capacity(shape.layers.len());
        let mut inputs = 1;
        for (number, &layer) in shape.layers.iter().enumerate() {
            if layer.inputs != inputs {
                bail!("convolution {number} has {} inputs, not {inputs}", layer.inputs);
            }
            let mut weights = weights.pp(format!("layer{number}"));
            let conv = Conv2d::new(weights.pp("conv"), layer)?;
            layers.push((conv, BatchNorm::new(weights.pp("norm"), layer.outputs)?));
            inputs = layer.outputs;
        }
        Ok(Self {
            layers,
            heights: weights.param("heights", &[shape.grid(1).heights, inputs], Init::Uniform(0.5))?,
            decoder: Decoder::new(weights.pp("decoder"), shape)?,
            shape: shape.clone(),
        })
    }

    /// Its shape.
    pub fn shape(&self) -> &CaptionShape {
        &self.shape
    }

    /// The part that writes.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The tiles of normalised frames (b, t, bands): (b, L, d), all heights of the first time first.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn tiles(&self, frames: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let mut x = frames.unsqueeze(3)?; // (b, t, f, c)
        for (conv, norm) in &self.layers {
            x = norm.forward_relu(&conv.forward(&x)?, pass)?;
        }
        let (b, times, heights, width) = x.dims4()?;
        let x = x.broadcast_add(&self.heights)?.reshape((b, times * heights, width))?;
        pass.dropout(&x, self.shape.dropout)
    }

    /// Teacher forcing: what it writes at each place after the true words before it. `words` (b, n), row-major, are the
    /// words before: the first of each row is [`TokenDecoder::start_token`].
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn decode(&self, frames: &Tensor, words: &[u32], pass: &mut Pass<'_>) -> Result<Decoded> {
        let tiles = self.tiles(frames, pass)?;
        let b = tiles.dim(0)?;
        let count = words.len() / b;
        let words = Tensor::from_slice(words, (b, count), &Device::Cpu)?;
        let mut state = self.decoder.start(&tiles)?;
        let (mut logits, mut weights) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for place in 0..count {
            let word = words.narrow(1, place, 1)?.squeeze(1)?.contiguous()?;
            let (of_word, alpha) = self.decoder.step(&word, &mut state, pass)?;
            logits.push(of_word);
            weights.push(alpha);
        }
        Ok(Decoded {
            logits: Tensor::stack(&logits, 1)?,
            weights: Tensor::stack(&weights, 1)?,
        })
    }

    /// The most probable caption for frames (t, bands), the `width` most probable beginnings kept at every word; 1:
    /// greedy. It is at most as long as the list of words. Its alignment is α over the tiles.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn write(&self, frames: &[f32], width: usize) -> Result<Hypothesis> {
        let bands = self.shape.bands;
        let x = Tensor::from_slice(frames, (1, frames.len() / bands, bands), &Device::Cpu)?;
        let state = self.decoder.start(&self.tiles(&x, &mut Pass::Infer)?)?;
        beam(&self.decoder, state, (width, self.shape.words), Ranking::Probability)
    }
}
