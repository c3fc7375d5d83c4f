//! Attention pooling by the six score functions that are taught: how well a frame h of the past fits a state s that asks.
//!
//! In: frames of features (b, t, f). Out: for each frame asked, the weighted mean c = Σ_j α_j·x_j of the frames within its
//! context, and α = softmax(e). Thread: any.
//!
//! s and h are learnt projections of the asking frame and of each frame; e = score(s, h) is one of [`ScoreKind`]. A formula
//! and the weights that were learnt with it are one value ([`Score`]), and one name in files: weights that were learnt with
//! another formula are refused.

mod formula;
mod kind;
mod pooling;

pub(crate) use formula::MIN_SQUARED_NORM;
pub use formula::Score;
pub use kind::{ScoreKind, cosine_bound};
pub use pooling::{ScorePooling, ScorePoolingShape};
