//! A WaveNet that listens: how surprising sound is, whatever it is and under each genre.
//!
//! In: a trained network, genres. Out: [`SurpriseModel`], shared by any number of streams. Thread: any.

use super::{PackedWavenet, WavenetModel};
use crate::ModelError;
use crate::genre::GenreSet;
use std::sync::Arc;

/// A packed network whose classes are the genres, in their order.
#[derive(Debug, Clone)]
pub struct SurpriseModel {
    net: Arc<PackedWavenet>,
}

/// The same network, not merely an equal one.
impl PartialEq for SurpriseModel {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.net, &other.net)
    }
}

impl SurpriseModel {
    /// Of a network that was trained for these genres.
    ///
    /// # Errors
    /// If its classes are others, or memory runs out.
    pub fn new(model: &WavenetModel, genres: &GenreSet) -> Result<Self, ModelError> {
        let labels = &model.manifest.labels;
        if labels != genres.labels() {
            return Err(ModelError::Shape(format!(
                "{:?} scores {}; the loaded models have {}",
                model.manifest.name,
                labels.join(", "),
                genres.labels().join(", ")
            )));
        }
        Ok(Self {
            net: Arc::new(model.net.pack()?),
        })
    }

    /// The network.
    pub fn net(&self) -> &Arc<PackedWavenet> {
        &self.net
    }

    /// Each genre, and no genre last.
    pub fn conditions(&self) -> Vec<Option<usize>> {
        (0..self.net.shape().classes).map(Some).chain([None]).collect()
    }
}
