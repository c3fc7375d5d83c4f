//! Multi-head attention of queries over a memory (Vaswani et al. 2017, §3.2): encoder–decoder attention, and with the
//! queries' own sequence as memory self-attention, masked or not.
//!
//! In: queries (b, u, width) and a memory (b, s, width). Out: values mixed by attention, and the weights. Thread: any.

use super::kernels::windowed_softmax::WindowedSoftmax;
use super::linear::Linear;
use super::weights::{Init, Weights};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// Which keys each query sees: those at places from `place − context + 1` to `place`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The last key that each query sees.
    pub places: Vec<usize>,
    /// How many it sees, that one included.
    pub context: usize,
}

impl Visible {
    /// Every query sees all keys.
    pub fn all(queries: usize, keys: usize) -> Self {
        Self {
            places: vec![keys.saturating_sub(1); queries],
            context: keys,
        }
    }

    /// Query i sees key i and those before it: the mask of a decoder's self-attention.
    pub fn causal(queries: usize) -> Self {
        Self {
            places: (0..queries).collect(),
            context: queries,
        }
    }

    /// The keys that one query sees.
    pub fn keys(&self, query: usize) -> Range<usize> {
        let place = self.places[query];
        (place + 1).saturating_sub(self.context)..place + 1
    }
}

/// Shape of an [`Attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiHeadShape {
    /// Features of queries and memory; divides by `heads`.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// A learned bias for each head and each distance from the last visible key, up to this many (relative position;
    /// Raffel et al. 2020, §2.1). 0: none.
    pub lags: usize,
}

/// softmax(q·kᵀ/√d + bias)·v for each head.
#[derive(Debug, Clone)]
pub struct Attention {
    query: Linear,
    key_value: Linear,
    output: Linear,
    /// (heads, lags).
    by_lag: Option<Tensor>,
    shape: MultiHeadShape,
}

/// Keys and values of a memory: computed once, used by every query.
#[derive(Debug, Clone)]
pub struct KeyValues {
    /// (b, heads, d, s).
    keys: Tensor,
    /// (b, heads, s, d).
    values: Tensor,
}

impl KeyValues {
    /// These after the ones of the memory so far.
    ///
    /// # Errors
    /// If they are of another batch or width.
    pub fn and(before: Option<&Self>, new: Self) -> Result<Self> {
        match before {
            None => Ok(new),
            Some(before) => Ok(Self {
                keys: Tensor::cat(&[&before.keys, &new.keys], 3)?,
                values: Tensor::cat(&[&before.values, &new.values], 2)?,
            }),
        }
    }

    /// Keys.
    pub fn count(&self) -> usize {
        self.values.dims()[2]
    }

    /// These rows of the batch, in this order: for the hypotheses that a beam search keeps.
    ///
    /// # Errors
    /// If there is no such row.
    pub fn rows(&self, rows: &Tensor) -> Result<Self> {
        Ok(Self {
            keys: self.keys.index_select(rows, 0)?,
            values: self.values.index_select(rows, 0)?,
        })
    }
}

impl Attention {
    /// Weights from the branch `weights`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(mut weights: Weights<'_>, shape: MultiHeadShape) -> Result<Self> {
        let width = shape.width;
        let by_lag = match shape.lags {
            0 => None,
            lags => Some(weights.param("by_lag", &[shape.heads, lags], Init::Constant(0.0))?),
        };
        Ok(Self {
            query: Linear::new(weights.pp("query"), width, width, 1.0)?,
            key_value: Linear::new(weights.pp("key_value"), width, 2 * width, 1.0)?,
            output: Linear::new(weights.pp("output"), width, width, 1.0)?,
            by_lag,
            shape,
        })
    }

    /// Keys and values of a memory (b, s, width).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn key_values(&self, memory: &Tensor) -> Result<KeyValues> {
        let (b, s, width) = memory.dims3()?;
        let heads = self.shape.heads;
        let both = self
            .key_value
            .forward(memory)?
            .reshape((b, s, 2, heads, width / heads))?;
        let [keys, values] = [0, 1].map(|half| both.narrow(2, half, 1)?.squeeze(2));
        Ok(KeyValues {
            keys: keys?.permute((0, 2, 3, 1))?.contiguous()?,
            values: values?.transpose(1, 2)?.contiguous()?,
        })
    }

    /// Queries (b, u, width) → values mixed by attention (b, u, width), and the weights (b, heads, u, s), whose rows
    /// sum to 1 over the visible keys and are 0 elsewhere.
    ///
    /// # Errors
    /// If shapes do not fit, or a query sees a key that is not there.
    pub fn forward(&self, x: &Tensor, memory: &KeyValues, visible: &Visible) -> Result<(Tensor, Tensor)> {
        let (b, u, width) = x.dims3()?;
        let MultiHeadShape { heads, .. } = self.shape;
        let queries = (self.query.forward(x)? / ((width / heads) as f64).sqrt())?;
        let queries = queries.reshape((b, u, heads, width / heads))?.transpose(1, 2)?;
        let mut scores = queries.contiguous()?.matmul(&memory.keys)?;
        if let Some(by_lag) = &self.by_lag {
            scores = scores.broadcast_add(&self.lag_bias(by_lag, visible, memory.count())?)?;
        }
        let weights = scores.contiguous()?.apply_op1(WindowedSoftmax {
            places: visible.places.clone(),
            context: visible.context,
        })?;
        let mixed = weights.matmul(&memory.values)?.transpose(1, 2)?.contiguous()?;
        Ok((self.output.forward(&mixed.reshape((b, u, width))?)?, weights))
    }

    /// (heads, u, s); what is not visible has a bias of no meaning.
    fn lag_bias(&self, by_lag: &Tensor, visible: &Visible, keys: usize) -> Result<Tensor> {
        let MultiHeadShape { heads, lags, .. } = self.shape;
        let places = visible.places.iter();
        let lags: Vec<u32> = places
            .flat_map(|&place| (0..keys).map(move |key| place.saturating_sub(key).min(lags - 1) as u32))
            .collect();
        let lags = Tensor::from_vec(lags, visible.places.len() * keys, by_lag.device())?;
        by_lag
            .index_select(&lags, 1)?
            .reshape((heads, visible.places.len(), keys))
    }
}
