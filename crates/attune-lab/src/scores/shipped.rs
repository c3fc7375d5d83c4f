//! The poolings that are part of the program, and where each of them looks.
//!
//! In: normalised frames. Out: weights of each formula. Thread: any.

use super::file::{Contents, ScoreSet};
use crate::LabError;
use crate::frozen::FrozenEncoder;
use attune_model::{ModelSet, bundled};
use attune_nn::score::ScoreKind;
use std::sync::LazyLock;

/// Taught by `attune lab scores --export`; the card is `models/scores.md`.
const FILE: &[u8] = include_bytes!("../../../../models/scores.safetensors");

/// What each formula weights, oldest frame first.
pub type Weighted = Vec<(ScoreKind, Vec<f32>)>;

/// The bundled encoder with one pooling of each formula behind it.
#[derive(Debug)]
pub struct ShippedScores {
    encoder: FrozenEncoder,
    set: ScoreSet,
}

impl ShippedScores {
    /// Those that are part of the program, put together when they are first asked for.
    ///
    /// # Errors
    /// If they were taught on another encoder's features than the bundled one's: a slip of whoever bundled them.
    pub fn get() -> Result<&'static Self, &'static LabError> {
        static SHIPPED: LazyLock<Result<ShippedScores, LabError>> = LazyLock::new(|| ShippedScores::of(&bundled()?));
        SHIPPED.as_ref()
    }

    /// Whether the engine on whose features they were taught is among these models.
    pub fn fit(models: &ModelSet) -> bool {
        Contents::of(FILE).is_ok_and(|contents| {
            let mut digests = models.models.iter().map(|model| &model.manifest().weights_sha256);
            digests.any(|digest| *digest == contents.encoder_sha256)
        })
    }

    fn of(models: &ModelSet) -> Result<Self, LabError> {
        let (encoder, set) = (FrozenEncoder::of(models)?, ScoreSet::from_bytes(FILE)?);
        if set.contents.encoder_sha256 != encoder.digest() {
            return Err(LabError::Asked(format!(
                "the poolings were taught on the features of {}, not on those of {}: teach them anew (`attune lab scores --data FOLDER \
                 --export FILE`)",
                set.contents.encoder_sha256,
                encoder.digest()
            )));
        }
        Ok(Self { encoder, set })
    }

    /// What the newest of these normalised frames (frames, bands) weights by each formula: oldest frame first, 0 where it does
    /// not reach, 1 in all.
    ///
    /// # Errors
    /// If there is no frame.
    pub fn weights(&self, frames: &[f32]) -> Result<Weighted, LabError> {
        let features = self.encoder.whole(frames);
        let nets = self.set.nets.iter();
        nets.map(|(kind, net)| Ok((*kind, net.weights_at_end(&features)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_formula_looks_in_its_own_way_and_literal_cosine_within_its_bound() {
        let scores = ShippedScores::get().unwrap();
        assert!(ShippedScores::fit(&bundled().unwrap()));
        let bands = scores.encoder.spec().bands;
        // Quiet and loud by turns: there is something to look at.
        let frames: Vec<f32> = (0..300 * bands)
            .map(|n| ((n / bands / 20 % 3 + n % 7) as f32).sin())
            .collect();
        let all = scores.weights(&frames).unwrap();
        assert_eq!(all.len(), 7, "six formulas, and cosine with a temperature");
        for (kind, weights) in &all {
            assert_eq!(weights.len(), 300);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{kind:?}");
            let others = all.iter().filter(|(other, _)| other != kind);
            assert!(others.into_iter().all(|(_, other)| other != weights), "{kind:?}");
        }
        let greatest = |kind| {
            let weights = all.iter().find(|(other, _)| *other == kind).unwrap().1.iter();
            f64::from(weights.copied().fold(0.0, f32::max))
        };
        let bound = super::super::cosine_bound(256);
        assert!(
            greatest(ScoreKind::Cosine) <= bound + 1e-6,
            "{} of {bound}",
            greatest(ScoreKind::Cosine)
        );
    }
}
