//! The maps of a model over the windows of a piece.

use super::super::attention_override::attend_only;
use super::super::occlusion::occlude;
use super::super::probe::Probe;
use super::super::replace;
use super::piece::Piece;
use attune_audio::units::Seconds;
use attune_model::{EvidenceMap, LoadedModel, ModelError};
use serde::{Deserialize, Serialize};

/// What says how much each window of a piece matters to a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Map {
    /// How much of the class's probability is lost without the window.
    Occlusion,
    /// The weights of the classifier's attention; the same for every class.
    Attention,
    /// The window's share in what speaks for the class; of answers that are a sum over time.
    ClassAttention,
    /// What the window adds to the logit of the class beyond the mean of all logits; likewise.
    Contribution,
    /// The class's probability when the classifier attends to the window only.
    Override,
}

impl Map {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Occlusion,
        Self::Attention,
        Self::ClassAttention,
        Self::Contribution,
        Self::Override,
    ];

    /// Its key in documents.
    pub fn key(self) -> &'static str {
        match self {
            Self::Occlusion => "occlusion",
            Self::Attention => "attention",
            Self::ClassAttention => "class_attention",
            Self::Contribution => "contribution",
            Self::Override => "override",
        }
    }

    /// Its name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Occlusion => "occlusion",
            Self::Attention => "attention weights",
            Self::ClassAttention => "attention for the class",
            Self::Contribution => "contribution to the class",
            Self::Override => "attention override",
        }
    }
}

/// The maps that a model has, about the class of the passage: a value for each window, 0 out of reach. Occlusion is
/// the first, and that of every model.
///
/// # Errors
/// If the model fails.
pub fn maps(model: &LoadedModel, piece: &Piece, hop: Seconds) -> Result<Vec<(Map, Vec<f32>)>, ModelError> {
    let Piece {
        input, genre, windows, ..
    } = piece;
    let count = input.count();
    let mut maps = Vec::new();
    if let Some(occlusion) = occlude(model, input, windows, replace::reach(hop))? {
        maps.push((Map::Occlusion, occlusion.contributions(usize::from(genre.0))));
    }
    let mut probe = Probe::new(model)?;
    probe.push(&input.frames, input.bands)?;
    let per_window = |frames: &[f32]| windows.iter().map(|window| window.mean_of(frames, count)).collect();
    if let Some(weights) = probe.attention() {
        maps.push((Map::Attention, per_window(&weights.pooling)));
    }
    let mut evidence = EvidenceMap::default();
    if probe.evidence(&mut evidence) {
        let (class, mut frames) = (usize::from(genre.0), Vec::new());
        evidence.attention_of_frames(class, &mut frames);
        maps.push((Map::ClassAttention, per_window(&frames)));
        evidence.contribution_of_frames(class, &mut frames);
        maps.push((Map::Contribution, per_window(&frames)));
    }
    let overridden = attend_only(&probe, count, windows);
    if overridden.iter().any(Option::is_some) {
        let of_class = overridden.iter().map(|p| p.map_or(0.0, |p| p.of(*genre)));
        maps.push((Map::Override, of_class.collect()));
    }
    Ok(maps)
}
