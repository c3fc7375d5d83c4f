//! The formulas by name.

use serde::{Deserialize, Serialize};

/// A score function; s is the query state, h a past frame, d their width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// s·W·h (Luong, Pham & Manning 2015, "general").
    General,
    /// cos(s, h) as it stands (Graves, Wayne & Danihelka 2014, without their key strength).
    Cosine,
    /// β·cos(s, h) with a learned key strength β = e^b (Graves, Wayne & Danihelka 2014).
    CosineTempered,
    /// vᵀ·tanh(W·[s; h]) (Bahdanau, Cho & Bengio 2015).
    Additive,
    /// W·s: a score for each lag, from s alone (Luong, Pham & Manning 2015, "location").
    Location,
    /// s·h (Luong, Pham & Manning 2015, "dot").
    Dot,
    /// s·h/√d (Vaswani et al. 2017).
    ScaledDot,
    /// 0: uniform weights. No attention, the control for the others.
    Even,
}

impl ScoreKind {
    /// All, the control last.
    pub const ALL: [Self; 8] = [
        Self::General,
        Self::Cosine,
        Self::CosineTempered,
        Self::Additive,
        Self::Location,
        Self::Dot,
        Self::ScaledDot,
        Self::Even,
    ];

    /// In names of weights and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Cosine => "cosine",
            Self::CosineTempered => "cosine_tempered",
            Self::Additive => "additive",
            Self::Location => "location",
            Self::Dot => "dot",
            Self::ScaledDot => "scaled_dot",
            Self::Even => "even",
        }
    }

    /// The formula as text.
    pub fn formula(self) -> &'static str {
        match self {
            Self::General => "s·W·h",
            Self::Cosine => "cos(s, h)",
            Self::CosineTempered => "β·cos(s, h)",
            Self::Additive => "vᵀ·tanh(W[s; h])",
            Self::Location => "W·s",
            Self::Dot => "s·h",
            Self::ScaledDot => "s·h/√d",
            Self::Even => "0",
        }
    }

    /// Whether the score depends on a query.
    pub(super) fn has_query(self) -> bool {
        self != Self::Even
    }

    /// Whether the score depends on the frames that it weights.
    pub(super) fn is_content_based(self) -> bool {
        !matches!(self, Self::Location | Self::Even)
    }
}

/// The most that a softmax of plain cosines can put on one of n frames: e/(e + (n − 1)/e), when it alone fits wholly
/// and all others wholly contradict.
///
/// ```
/// use attune_nn::score::cosine_bound;
/// assert_eq!(cosine_bound(1), 1.0);
/// assert!((cosine_bound(2) - 0.8808).abs() < 1e-4); // 1/(1 + e⁻²)
/// assert!((cosine_bound(256) - 0.0282).abs() < 1e-4);
/// ```
pub fn cosine_bound(frames: usize) -> f64 {
    let e = std::f64::consts::E;
    e / (e + frames.saturating_sub(1) as f64 / e)
}
