//! Pervasive attention: masked convolutions over the grid of target by source, and a gated maximum along the source
//! (Elbayad, Besacier & Verbeek 2018).

use super::{Reading, SectionShape};
use attune_nn::Pass;
use attune_nn::attention::Visible;
use attune_nn::grid_conv::{GatedMax, GridConv, GridConvShape};
use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use attune_nn::linear::Linear;
use attune_nn::positional::sinusoids;
use attune_nn::weights::Weights;
use candle_core::{Result, Tensor};

/// Rows and columns of a kernel.
const ROWS: usize = 3;
const COLUMNS: usize = 9;
/// Columns of the kernels of live networks, which all lie in the past.
pub(super) const COLUMNS_LIVE: usize = 5;

/// A cell is relu(W·source + U·token); the grid's features are half as wide as the network.
#[derive(Debug)]
pub(super) struct Pervasive {
    source: Linear,
    token: Linear,
    layers: Vec<GridConv>,
    maximum: GatedMax,
    output: Linear,
    shape: SectionShape,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    /// (b, 1, s, cell).
    source: Tensor,
    /// For each layer the rows that its kernel still sees.
    rows: Vec<Vec<Tensor>>,
}

impl Pervasive {
    pub(super) fn new(mut weights: Weights<'_>, shape: SectionShape) -> Result<Self> {
        let cell = shape.width / 2;
        let conv = GridConvShape {
            width: cell,
            rows: ROWS,
            columns: if shape.is_live() { COLUMNS_LIVE } else { COLUMNS },
            looks_ahead: !shape.is_live(),
        };
        let mut below = weights.pp("layers");
        let layers = (0..shape.layers).map(|layer| GridConv::new(below.pp(layer.to_string()), conv));
        let layers = layers.collect::<Result<_>>()?;
        Ok(Self {
            source: Linear::new(weights.pp("source"), shape.width, cell, 1.0)?,
            token: Linear::new(weights.pp("token"), shape.width, cell, 1.0)?,
            layers,
            maximum: GatedMax::new(weights.pp("maximum"), cell)?,
            output: Linear::new(weights.pp("output"), cell, shape.width, 1.0)?,
            shape,
        })
    }

    /// It has no encoder: the grid's layers see the source.
    pub(super) fn encode(&self, x: &Tensor) -> Result<Tensor> {
        match self.shape.reading {
            Reading::Whole => {
                let (_, s, width) = x.dims3()?;
                x.broadcast_add(&sinusoids(s, width)?)
            }
            Reading::Live { .. } => Ok(x.clone()),
        }
    }

    /// Tokens (b, u, width), the first of which stands at `first` → (b, u, 1, cell).
    fn tokens(&self, tokens: &Tensor, first: usize) -> Result<Tensor> {
        let (_, u, width) = tokens.dims3()?;
        let placed = match self.shape.reading {
            Reading::Whole => tokens.broadcast_add(&sinusoids(first + u, width)?.narrow(0, first, u)?)?,
            Reading::Live { .. } => tokens.clone(),
        };
        self.token.forward(&placed)?.unsqueeze(2)
    }

    pub(super) fn decode(
        &self,
        memory: &Tensor,
        tokens: &Tensor,
        visible: &Visible,
        pass: &mut Pass<'_>,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let source = self.source.forward(memory)?.unsqueeze(1)?;
        let mut x = self.tokens(tokens, 0)?.broadcast_add(&source)?.relu()?;
        for layer in &self.layers {
            x = layer.forward(&x, self.shape.dropout, pass)?;
        }
        self.read(&x, visible)
    }

    pub(super) fn start(&self, memory: &Tensor) -> Result<State> {
        Ok(State {
            source: self.source.forward(memory)?.unsqueeze(1)?,
            rows: vec![Vec::new(); self.layers.len()],
        })
    }

    pub(super) fn step(&self, token: &Tensor, position: usize, state: &mut State) -> Result<(Tensor, Tensor)> {
        let mut x = self.tokens(token, position)?.broadcast_add(&state.source)?.relu()?;
        for (layer, rows) in self.layers.iter().zip(&mut state.rows) {
            x = layer.row(&x, rows)?;
        }
        let (features, alignment, _) = self.read(&x, &Visible::all(1, x.dim(2)?))?;
        Ok((features.squeeze(1)?, alignment.squeeze(2)?))
    }

    /// What the output reads (b, u, width), the alignment (b, 1, u, s), and a form of it that has a gradient (b, u, s).
    fn read(&self, x: &Tensor, visible: &Visible) -> Result<(Tensor, Tensor, Tensor)> {
        let (features, alignment, means) = self.maximum.forward(x, visible)?;
        let every = WindowedSoftmax {
            places: visible.places.clone(),
            context: visible.context,
        };
        let soft = means.contiguous()?.apply_op1(every)?;
        Ok((self.output.forward(&features.relu()?)?, alignment.unsqueeze(1)?, soft))
    }
}

impl State {
    pub(super) fn rows(&self, rows: &Tensor) -> Result<Self> {
        let layers = self.rows.iter();
        let layers = layers.map(|of| of.iter().map(|row| row.index_select(rows, 0)).collect());
        Ok(Self {
            source: self.source.index_select(rows, 0)?,
            rows: layers.collect::<Result<_>>()?,
        })
    }
}
