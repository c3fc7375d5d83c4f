//! Transformer encoder and decoder (Vaswani et al. 2017), normalised before each half (Xiong et al. 2020).

use super::{Reading, SectionShape};
use attune_nn::Pass;
use attune_nn::attention::{KeyValues, MultiHeadShape, Visible};
use attune_nn::norm::LayerNorm;
use attune_nn::positional::sinusoids;
use attune_nn::transformer::{TransformerDecoderLayer, TransformerEncoderLayer};
use attune_nn::weights::Weights;
use candle_core::{Result, Tensor};

/// Width of the feed-forward layers, as a multiple of the layer's.
const FEED: usize = 2;

/// The networks for whole pieces add sinusoids to source steps and tokens; live ones know how far back a key lies.
#[derive(Debug)]
pub(super) struct Transformer {
    encoder: Vec<TransformerEncoderLayer>,
    norm_memory: LayerNorm,
    decoder: Vec<TransformerDecoderLayer>,
    norm: LayerNorm,
    shape: SectionShape,
}

/// Keys and values of the tokens so far, and of the memory, of each layer.
#[derive(Debug, Clone)]
pub(super) struct State {
    tokens: Vec<Option<KeyValues>>,
    source: Vec<KeyValues>,
}

impl Transformer {
    pub(super) fn new(mut weights: Weights<'_>, shape: SectionShape) -> Result<Self> {
        let attention = MultiHeadShape {
            width: shape.width,
            heads: shape.heads,
            lags: match shape.reading {
                Reading::Whole => 0,
                Reading::Live { context } => context,
            },
        };
        let (feed, dropout) = (FEED * shape.width, shape.dropout);
        let mut layers = weights.pp("encoder");
        let encoder = (0..shape.layers)
            .map(|layer| TransformerEncoderLayer::new(layers.pp(layer.to_string()), attention, feed, dropout));
        let encoder = encoder.collect::<Result<_>>()?;
        let mut layers = weights.pp("decoder");
        let decoder = (0..shape.layers)
            .map(|layer| TransformerDecoderLayer::new(layers.pp(layer.to_string()), attention, feed, dropout));
        let decoder = decoder.collect::<Result<_>>()?;
        Ok(Self {
            encoder,
            norm_memory: LayerNorm::new(weights.pp("norm_memory"), shape.width)?,
            decoder,
            norm: LayerNorm::new(weights.pp("norm"), shape.width)?,
            shape,
        })
    }

    /// What a sequence's own positions see: all of it, what came before, or the last `context` of that.
    fn own(&self, count: usize, is_source: bool) -> Visible {
        match self.shape.reading {
            Reading::Whole if is_source => Visible::all(count, count),
            Reading::Whole => Visible::causal(count),
            Reading::Live { context } => Visible {
                context,
                ..Visible::causal(count)
            },
        }
    }

    /// Sinusoids of `count` positions from `first` on, added where positions count from the start of the piece.
    fn placed(&self, x: &Tensor, first: usize) -> Result<Tensor> {
        if self.shape.is_live() {
            return Ok(x.clone());
        }
        let (_, count, width) = x.dims3()?;
        x.broadcast_add(&sinusoids(first + count, width)?.narrow(0, first, count)?)
    }

    pub(super) fn encode(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let visible = self.own(x.dim(1)?, true);
        let mut x = self.placed(x, 0)?;
        for layer in &self.encoder {
            x = layer.forward(&x, &visible, pass)?;
        }
        self.norm_memory.forward(&x)
    }

    pub(super) fn start(&self, memory: &Tensor) -> Result<State> {
        Ok(State {
            tokens: vec![None; self.decoder.len()],
            source: self.key_values(memory)?,
        })
    }

    fn key_values(&self, memory: &Tensor) -> Result<Vec<KeyValues>> {
        let layers = self.decoder.iter();
        layers.map(|layer| layer.memory(memory)).collect()
    }

    /// Tokens (b, u, width) → what the output reads, and the last layer's attention to the source (b, heads, u, s).
    pub(super) fn decode(
        &self,
        memory: &Tensor,
        tokens: &Tensor,
        visible: &Visible,
        pass: &mut Pass<'_>,
    ) -> Result<(Tensor, Tensor)> {
        let mut state = self.start(memory)?;
        let own = self.own(tokens.dim(1)?, false);
        let (x, weights) = self.layers(&self.placed(tokens, 0)?, (&own, visible), &mut state, pass)?;
        Ok((x, weights))
    }

    pub(super) fn step(&self, token: &Tensor, position: usize, state: &mut State) -> Result<(Tensor, Tensor)> {
        let own = Visible::all(1, position + 1);
        let source = Visible::all(1, state.source.first().map_or(0, KeyValues::count));
        let placed = self.placed(token, position)?;
        let (x, weights) = self.layers(&placed, (&own, &source), state, &mut Pass::Infer)?;
        Ok((x.squeeze(1)?, weights.squeeze(2)?))
    }

    fn layers(
        &self,
        tokens: &Tensor,
        (own, source): (&Visible, &Visible),
        state: &mut State,
        pass: &mut Pass<'_>,
    ) -> Result<(Tensor, Tensor)> {
        let (mut x, mut weights) = (tokens.clone(), None);
        let states = state.tokens.iter_mut().zip(&state.source);
        for (layer, (before, memory)) in self.decoder.iter().zip(states) {
            let (y, of) = layer.forward(&x, (before, own), (memory, source), pass)?;
            (x, weights) = (y, Some(of));
        }
        let weights = weights.ok_or_else(|| candle_core::Error::msg("a decoder without layers"))?;
        Ok((self.norm.forward(&x)?, weights))
    }
}

impl State {
    pub(super) fn rows(&self, rows: &Tensor) -> Result<Self> {
        let tokens = self
            .tokens
            .iter()
            .map(|of| of.as_ref().map(|of| of.rows(rows)).transpose());
        Ok(Self {
            tokens: tokens.collect::<Result<_>>()?,
            source: self.source.iter().map(|of| of.rows(rows)).collect::<Result<_>>()?,
        })
    }
}
