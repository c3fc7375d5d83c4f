//! Each formula with its weights, in training form.

use super::{AdditiveScore, ScoreKind};
use crate::kernels::convolution::Activation;
use crate::linear::Linear;
use crate::weights::{Init, Weights};
use candle_core::{D, Result, Tensor};

/// Added to squared norms before the root: a frame of zeros fits nothing, and has a gradient.
pub(crate) const MIN_SQUARED_NORM: f64 = 1e-6;

/// A score function together with its own weights: it cannot be combined with those of another.
#[derive(Debug, Clone)]
pub enum Score {
    /// s·W·h.
    General {
        /// W (d, d).
        mixing: Tensor,
    },
    /// cos(s, h).
    Cosine,
    /// e^b·cos(s, h).
    CosineTempered {
        /// b (1).
        strength: Tensor,
    },
    /// vᵀ·tanh(W·[s; h] + b), W in its two halves.
    Additive(AdditiveScore),
    /// W·s + b, a row of scores by lag.
    Location {
        /// (d, context): lag 0, the query frame itself, first.
        by_lag: Linear,
    },
    /// s·h.
    Dot,
    /// s·h/√d.
    ScaledDot,
    /// 0.
    Even,
}

impl Score {
    /// Over vectors of `width` values and `context` frames.
    pub fn new(mut weights: Weights<'_>, kind: ScoreKind, width: usize, context: usize) -> Result<Self> {
        let scaled = Init::KaimingUniform {
            fan_in: width,
            gain: 1.0,
        };
        Ok(match kind {
            ScoreKind::General => Self::General {
                mixing: weights.param("mixing", &[width, width], scaled)?,
            },
            ScoreKind::Cosine => Self::Cosine,
            ScoreKind::CosineTempered => Self::CosineTempered {
                strength: weights.param("strength", &[1], Init::Constant(1.0))?,
            },
            ScoreKind::Additive => Self::Additive(AdditiveScore::new(weights, width, width, width)?),
            ScoreKind::Location => Self::Location {
                by_lag: Linear::new(weights.pp("by_lag"), width, context, 1.0)?,
            },
            ScoreKind::Dot => Self::Dot,
            ScoreKind::ScaledDot => Self::ScaledDot,
            ScoreKind::Even => Self::Even,
        })
    }

    /// e of queries `s` (b, p, d) that stand at `places` among the frames `h` (b, t, d): (b, p, t). What lies ahead or
    /// beyond the context has a score of no meaning.
    pub fn forward(&self, s: &Tensor, h: &Tensor, places: &[usize]) -> Result<Tensor> {
        let (b, t, _) = h.dims3()?;
        let (_, p, d) = s.dims3()?;
        match self {
            Self::General { mixing } => {
                let mixed = s
                    .contiguous()?
                    .reshape((b * p, d))?
                    .matmul(mixing)?
                    .reshape((b, p, d))?;
                products(&mixed, h)
            }
            Self::Cosine => products(&unit(s)?, &unit(h)?),
            Self::CosineTempered { strength } => products(&unit(s)?, &unit(h)?)?.broadcast_mul(&strength.exp()?),
            Self::Additive(additive) => additive.forward(s, &additive.keys(h)?),
            Self::Location { by_lag } => {
                let scores = by_lag.forward_activated(s, Activation::Identity)?; // (b, p, context)
                let context = scores.dim(2)?;
                let lags = places
                    .iter()
                    .flat_map(|&place| (0..t).map(move |frame| place.saturating_sub(frame).min(context - 1) as u32));
                let lags = Tensor::from_vec(lags.collect(), (1, p, t), s.device())?;
                scores.gather(&lags.broadcast_as((b, p, t))?.contiguous()?, D::Minus1)
            }
            Self::Dot => products(s, h),
            Self::ScaledDot => products(s, h)? / (d as f64).sqrt(),
            Self::Even => Tensor::zeros((b, p, t), s.dtype(), s.device()),
        }
    }
}

/// s·h of every pair, (b, p, t).
fn products(s: &Tensor, h: &Tensor) -> Result<Tensor> {
    // A copy, or candle's product is wrong for some layouts (see the crate's front page).
    s.contiguous()?.matmul(&h.transpose(1, 2)?.contiguous()?)
}

/// x/‖x‖.
fn unit(x: &Tensor) -> Result<Tensor> {
    let norm = (x.sqr()?.sum_keepdim(D::Minus1)? + MIN_SQUARED_NORM)?.sqrt()?;
    x.broadcast_div(&norm)
}
