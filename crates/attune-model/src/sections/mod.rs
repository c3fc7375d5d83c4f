//! Networks that write what sections a piece has: one token for each, in order.
//!
//! | kind | encoder | decoder | source |
//! |---|---|---|---|
//! | Bahdanau | LSTM both ways | LSTM, additive attention | Bahdanau, Cho & Bengio 2015 |
//! | Transformer | self-attention | masked self-attention, encoder–decoder attention | Vaswani et al. 2017 |
//! | pervasive | none | masked convolutions over target × source, gated maximum | Elbayad, Besacier & Verbeek 2018 |
//!
//! A *source step* is the mean of a model's features and probabilities over a few frames ([`SourceSteps`]). A network
//! for whole pieces ([`Reading::Whole`]) writes a genre for each section and then [`SectionShape::end`]. A *live* one
//! ([`Reading::Live`]) writes one token for each source step, once it has read so many more (wait-k; Ma et al. 2019): a
//! genre where a section begins, otherwise [`SectionShape::end`], which then means that nothing has changed.
//!
//! In: source steps (b, s, inputs) and the tokens written before (b, u). Out: logits (b, u, genres + 1) and the
//! alignment (b, heads, u, s). Thread: any.

mod bahdanau;
mod decode;
mod file;
mod pervasive;
mod reader;
mod steps;
mod stream;
#[cfg(test)]
mod tests;
mod ticker;
mod transformer;

pub use decode::{beam, forced, greedy};
pub use file::SectionModel;
pub use reader::{ReadSection, SectionReader, SectionReading, boundaries};
pub use steps::SourceSteps;
pub use stream::{SectionLister, SectionStart, SectionStream};
pub use ticker::{SectionTicker, Ticked};

use attune_nn::Pass;
use attune_nn::attention::Visible;
use attune_nn::linear::Linear;
use attune_nn::norm::LayerNorm;
use attune_nn::weights::{Init, Weights};
use bahdanau::Bahdanau;
use candle_core::{Device, Result, Tensor, bail};
use pervasive::Pervasive;
use serde::{Deserialize, Serialize};
use transformer::Transformer;

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectionKind {
    /// Bidirectional LSTM, additive attention, LSTM.
    Bahdanau,
    /// Transformer encoder and decoder.
    Transformer,
    /// Masked convolutions over the grid of target and source.
    Pervasive,
}

impl SectionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bahdanau, Self::Transformer, Self::Pervasive];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bahdanau => "Bahdanau",
            Self::Transformer => "Transformer",
            Self::Pervasive => "pervasive",
        }
    }
}

/// What of a piece a network reads before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// All of it.
    Whole,
    /// What has been heard so far. Every layer sees at most so many source steps and tokens back, so that a stream of
    /// any length costs the same.
    Live {
        /// Source steps, and tokens.
        context: usize,
    },
}

/// Shape of a [`SectionNet`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionShape {
    /// Which network.
    pub kind: SectionKind,
    /// Whole pieces or live.
    pub reading: Reading,
    /// Features of a source step.
    pub inputs: usize,
    /// Frames in a source step.
    pub step_frames: usize,
    /// Features of a layer.
    pub width: usize,
    /// Heads, where there are several.
    pub heads: usize,
    /// Layers of encoder and decoder, or of the grid.
    pub layers: usize,
    /// Genres.
    pub genres: usize,
    /// Whether it attends; otherwise it is given the mean of what the encoder made of all source steps.
    pub attends: bool,
    /// Share of features silenced in training.
    pub dropout: f32,
}

impl SectionShape {
    /// The output after the genres: the end of the list; live: no new section.
    pub fn end(&self) -> u32 {
        self.genres as u32
    }

    /// What a decoder is given before its first token.
    pub fn start(&self) -> u32 {
        2 * self.genres as u32
    }

    /// What a live decoder is given: the genre of the section that lasts, and whether the last token began it. A
    /// decoder of whole pieces is given the last token, which always began one.
    pub fn input(&self, genre: Option<u32>, is_new: bool) -> u32 {
        match genre {
            None => self.start(),
            Some(genre) if is_new => genre,
            Some(genre) => genre + self.end(),
        }
    }

    /// What a live decoder is given before each of these tokens.
    pub fn live_inputs(&self, tokens: &[u32]) -> Vec<u32> {
        let (mut genre, mut is_new) = (None, false);
        let inputs = tokens.iter().map(|&token| {
            let input = self.input(genre, is_new);
            is_new = token != self.end();
            if is_new {
                genre = Some(token);
            }
            input
        });
        inputs.collect()
    }

    /// Whether it reads a live stream.
    pub fn is_live(&self) -> bool {
        matches!(self.reading, Reading::Live { .. })
    }

    /// How many source steps, and tokens, back the logits of a live token can depend on.
    pub fn reach(&self) -> Option<usize> {
        let Reading::Live { context } = self.reading else {
            return None;
        };
        Some(match self.kind {
            // The decoder's layers reach back in tokens, each of which attends to source steps of its own.
            SectionKind::Transformer => 2 * self.layers * (context - 1) + context,
            _ => self.layers * (pervasive::COLUMNS_LIVE - 1) + context,
        })
    }
}

/// Logits and alignment of all tokens.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// (b, u, genres + 1).
    pub logits: Tensor,
    /// (b, heads, u, s), or s = 1 without attention; each row sums to 1.
    pub alignment: Tensor,
    /// What training can guide, (b, u, s): the mean over heads; of pervasive attention the softmax of each cell's mean.
    pub guided: Tensor,
}

/// The network.
#[derive(Debug)]
pub struct SectionNet {
    shape: SectionShape,
    norm: LayerNorm,
    source: Linear,
    /// (2·genres + 1, width).
    embedding: Tensor,
    body: Body,
    output: Linear,
}

#[derive(Debug)]
enum Body {
    Bahdanau(Bahdanau),
    Transformer(Transformer),
    Pervasive(Pervasive),
}

/// What a decoder keeps between tokens.
#[derive(Debug, Clone)]
pub struct DecoderState {
    body: BodyState,
    /// Tokens so far.
    position: usize,
}

#[derive(Debug, Clone)]
enum BodyState {
    Bahdanau(bahdanau::State),
    Transformer(transformer::State),
    Pervasive(pervasive::State),
}

impl SectionNet {
    /// Weights are taken from below `weights`.
    ///
    /// # Errors
    /// If the store's tensors do not fit, or there is no such network.
    pub fn new(mut weights: Weights<'_>, shape: SectionShape) -> Result<Self> {
        let init = Init::Uniform((3.0 / shape.width as f32).sqrt());
        Ok(Self {
            norm: LayerNorm::new(weights.pp("norm"), shape.inputs)?,
            source: Linear::new(weights.pp("source"), shape.inputs, shape.width, 1.0)?,
            embedding: weights.param("embedding", &[2 * shape.genres + 1, shape.width], init)?,
            body: match shape.kind {
                SectionKind::Bahdanau if shape.is_live() => bail!("an encoder that reads both ways cannot run live"),
                SectionKind::Bahdanau => Body::Bahdanau(Bahdanau::new(weights.pp("body"), shape)?),
                SectionKind::Transformer => Body::Transformer(Transformer::new(weights.pp("body"), shape)?),
                SectionKind::Pervasive => Body::Pervasive(Pervasive::new(weights.pp("body"), shape)?),
            },
            output: Linear::new(weights.pp("output"), shape.width, shape.genres + 1, 1.0)?,
            shape,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> SectionShape {
        self.shape
    }

    /// Source steps (b, s, inputs) → what the decoder attends to (b, s, width); without attention the mean of it,
    /// (b, 1, width).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn encode(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let x = pass.dropout(&self.norm.forward(x)?, self.shape.dropout)?;
        let x = self.source.forward(&x)?;
        let memory = match &self.body {
            Body::Bahdanau(body) => body.encode(&x)?,
            Body::Transformer(body) => body.encode(&x, pass)?,
            Body::Pervasive(body) => body.encode(&x)?,
        };
        if self.shape.attends {
            Ok(memory)
        } else {
            memory.mean_keepdim(1)
        }
    }

    /// All tokens at once: `inputs` (b rows of u) are what the decoder is given before each, `places` the last source
    /// step that each may see.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn decode(
        &self,
        memory: &Tensor,
        inputs: &[Vec<u32>],
        places: Option<&[usize]>,
        pass: &mut Pass<'_>,
    ) -> Result<Decoded> {
        let (s, u) = (memory.dim(1)?, inputs.first().map_or(0, Vec::len));
        let visible = match (places, self.shape.reading) {
            (Some(places), Reading::Live { context }) => Visible {
                places: places.to_vec(),
                context,
            },
            (None, Reading::Whole) => Visible::all(u, s),
            _ => bail!("a live network needs the places of its tokens, and only a live one"),
        };
        let tokens = self.embedded(inputs)?;
        let (features, alignment, guided) = match &self.body {
            Body::Bahdanau(body) => with_mean(body.decode(memory, &tokens)?)?,
            Body::Transformer(body) => with_mean(body.decode(memory, &tokens, &visible, pass)?)?,
            Body::Pervasive(body) => body.decode(memory, &tokens, &visible, pass)?,
        };
        Ok(Decoded {
            logits: self.output.forward(&pass.dropout(&features, self.shape.dropout)?)?,
            alignment,
            guided,
        })
    }

    /// Before the first token of whole pieces.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn start(&self, memory: &Tensor) -> Result<DecoderState> {
        Ok(DecoderState {
            body: match &self.body {
                Body::Bahdanau(body) => BodyState::Bahdanau(body.start(memory)?),
                Body::Transformer(body) => BodyState::Transformer(body.start(memory)?),
                Body::Pervasive(body) => BodyState::Pervasive(body.start(memory)?),
            },
            position: 0,
        })
    }

    /// One token of each of b pieces: logits (b, genres + 1) and alignment (b, heads, s). What earlier tokens computed
    /// is kept in `state` and not computed again.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn step(&self, inputs: &[u32], state: &mut DecoderState) -> Result<(Tensor, Tensor)> {
        let inputs: Vec<Vec<u32>> = inputs.iter().map(|&input| vec![input]).collect();
        let token = self.embedded(&inputs)?;
        let (features, alignment) = match (&self.body, &mut state.body) {
            (Body::Bahdanau(body), BodyState::Bahdanau(state)) => body.step(&token.squeeze(1)?, state)?,
            (Body::Transformer(body), BodyState::Transformer(it)) => body.step(&token, state.position, it)?,
            (Body::Pervasive(body), BodyState::Pervasive(it)) => body.step(&token, state.position, it)?,
            _ => bail!("the state is of another network"),
        };
        state.position += 1;
        Ok((self.output.forward(&features)?, alignment))
    }

    /// (b, u) → (b, u, width).
    fn embedded(&self, inputs: &[Vec<u32>]) -> Result<Tensor> {
        let (b, u) = (inputs.len(), inputs.first().map_or(0, Vec::len));
        if inputs.iter().any(|row| row.len() != u) {
            bail!("tokens of different lengths in one batch");
        }
        let flat = Tensor::from_vec(inputs.concat(), b * u, &Device::Cpu)?;
        self.embedding.index_select(&flat, 0)?.reshape((b, u, self.shape.width))
    }
}

/// Features, alignment, and the mean of that over heads.
fn with_mean((features, alignment): (Tensor, Tensor)) -> Result<(Tensor, Tensor, Tensor)> {
    let mean = alignment.mean(1)?;
    Ok((features, alignment, mean))
}

impl DecoderState {
    /// These rows of the batch, in this order.
    ///
    /// # Errors
    /// If there is no such row.
    pub fn rows(&self, rows: &[u32]) -> Result<Self> {
        let rows = Tensor::from_slice(rows, rows.len(), &Device::Cpu)?;
        Ok(Self {
            body: match &self.body {
                BodyState::Bahdanau(state) => BodyState::Bahdanau(state.rows(&rows)?),
                BodyState::Transformer(state) => BodyState::Transformer(state.rows(&rows)?),
                BodyState::Pervasive(state) => BodyState::Pervasive(state.rows(&rows)?),
            },
            position: self.position,
        })
    }
}
