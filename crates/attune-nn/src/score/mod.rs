//! Attention pooling with one of eight score functions: how well a past frame h matches a query state s.
//!
//! In: frames of features (b, t, f). Out: for each query frame, the weighted mean c = Σ_j α_j·x_j of the frames within
//! its context, and α = softmax(e). Thread: any.
//!
//! s and h are learned projections of the query frame and of each frame; e = score(s, h) is one of [`ScoreKind`]. A
//! formula and its weights are one value ([`Score`]) with one name in files: weights trained with another formula are
//! refused.

mod additive;
mod formula;
mod kind;
mod pooling;

pub use additive::AdditiveScore;
pub(crate) use formula::MIN_SQUARED_NORM;
pub use formula::Score;
pub use kind::{ScoreKind, cosine_bound};
pub use pooling::{ScorePooling, ScorePoolingShape};
