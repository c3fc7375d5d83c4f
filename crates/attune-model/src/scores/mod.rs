//! Score functions over one model's features: which past frames each of them attends to.
//!
//! Each score function weights the past in its own way (dot product, cosine, additive, …) and was trained by itself
//! over the same features of the same model; `attune lab scores` trains them.
//!
//! In: normalised frames. Out: attention weights of each score function. Thread: any.

mod file;
mod net;

pub use file::{Contents, ScoreSet};
pub use net::{PackedScoreNet, ScoreNet, ScoreState};

use super::bundled::bundled_scores;
use super::{LoadedModel, ModelError, ModelSet};
use attune_nn::score::ScoreKind;

/// Attention weights by each score function, oldest frame first.
pub type ScoreWeights = Vec<(ScoreKind, Vec<f32>)>;

/// Score functions behind the model over whose features they were trained.
#[derive(Debug)]
pub struct Scores {
    encoder: LoadedModel,
    set: ScoreSet,
}

impl Scores {
    /// These score functions over the features of one of these models.
    ///
    /// # Errors
    /// [`ModelError::EncoderMissing`] if they were trained over another model's features.
    pub fn new(models: &ModelSet, set: ScoreSet) -> Result<Self, ModelError> {
        let encoder = models
            .encoder(&set.contents.encoder_sha256, "the score functions")?
            .clone();
        let inputs = set.contents.poolings.iter().map(|shape| shape.inputs);
        if let Some(inputs) = inputs.into_iter().find(|inputs| *inputs != encoder.feature_width()) {
            return Err(ModelError::Shape(format!(
                "the score functions read {inputs} features and {:?} computes {}",
                encoder.manifest().name,
                encoder.feature_width()
            )));
        }
        Ok(Self { encoder, set })
    }

    /// The bundled score functions over the features of one of these models.
    ///
    /// # Errors
    /// As [`Scores::new`]: they were trained over the bundled TCN's features.
    pub fn bundled(models: &ModelSet) -> Result<Self, ModelError> {
        Self::new(models, bundled_scores()?)
    }

    /// Attention weights of the newest of these normalised frames (frames, bands): oldest frame first, 0 out of the
    /// context; they sum to 1.
    ///
    /// # Errors
    /// [`ModelError::NoFrames`], or if the model cannot be computed.
    pub fn weights(&self, frames: &[f32]) -> Result<ScoreWeights, ModelError> {
        let features = self.encoder.encode(frames)?;
        let nets = self.set.nets.iter();
        nets.map(|(kind, net)| Ok((*kind, net.weights_at_end(&features)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{bundled, bundled_optional};
    use super::*;
    use attune_nn::score::cosine_bound;

    #[test]
    fn every_score_function_has_weights_of_its_own_and_plain_cosine_keeps_to_its_bound() {
        let models = bundled().unwrap();
        let scores = Scores::bundled(&models).unwrap();
        let bands = models.front_end.bands;
        // Quiet and loud by turns, so that frames differ.
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
        let bound = cosine_bound(256);
        assert!(
            greatest(ScoreKind::Cosine) <= bound + 1e-6,
            "{} of {bound}",
            greatest(ScoreKind::Cosine)
        );
        assert!(matches!(scores.weights(&[]), Err(ModelError::NoFrames)));
    }

    #[test]
    fn without_the_model_that_they_were_trained_over_the_error_names_it() {
        let mut models = bundled().unwrap();
        models.models = bundled_optional().unwrap();
        let error = Scores::bundled(&models).unwrap_err();
        assert!(matches!(error, ModelError::EncoderMissing { .. }));
        let text = error.to_string();
        assert!(
            text.contains("the bundled tcn") && text.contains("loaded: rnn"),
            "{text}"
        );
    }
}
