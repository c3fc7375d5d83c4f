//! A model that passed every check, and everything that can be computed with it.
//!
//! In: normalised frames. Out: streams, features, gradients. Thread: any; the weights are shared and never change.

use super::architecture::Net;
use super::load::tensors;
use super::receptive_field::jacobian_norms;
use super::streaming::{FeatureStream, GenreStream, StreamingNet};
use super::{Manifest, ModelError};
use attune_audio::features::FrameBlock;
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The bytes of a weights file: part of the program, or read from a file.
pub(super) type WeightBytes = Box<dyn AsRef<[u8]> + Send + Sync>;

/// A manifest, its weights, and the network in two forms: packed for streams, and trainable for gradients. Cheap to
/// clone.
#[derive(Clone)]
pub struct LoadedModel(Arc<Parts>);

struct Parts {
    manifest: Manifest,
    weights: WeightBytes,
    streaming: Arc<dyn StreamingNet>,
    /// Built from the same weights when it is first needed: most runs never need it.
    trainable: OnceLock<Arc<dyn Net>>,
}

/// The same model loaded once, not merely an equal one.
impl PartialEq for LoadedModel {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl LoadedModel {
    /// A model of checked parts: `weights` are the bytes of the safetensors file from which `streaming` was packed.
    /// [`load`](super::load) makes one of files, and checks them.
    pub fn new(
        manifest: Manifest,
        weights: impl AsRef<[u8]> + Send + Sync + 'static,
        streaming: Arc<dyn StreamingNet>,
    ) -> Self {
        Self(Arc::new(Parts {
            manifest,
            weights: Box::new(weights),
            streaming,
            trainable: OnceLock::new(),
        }))
    }

    /// What stands beside the weights.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The bytes of its safetensors file.
    pub fn weights(&self) -> &[u8] {
        (*self.0.weights).as_ref()
    }

    /// Its weights by name, at full precision.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>, ModelError> {
        tensors(self.weights())
    }

    /// A fresh stream; the weights are shared, the state is its own.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn stream(&self) -> Result<Box<dyn GenreStream>, ModelError> {
        Arc::clone(&self.0.streaming).open()
    }

    /// The last features of the body, (frames, [`feature_width`](Self::feature_width)), of a whole clip of normalised
    /// frames (frames, bands) from its first frame on; computed as streams are, at the manifest's precision.
    ///
    /// # Errors
    /// If the frames have other bands than the network, or a feature is not finite.
    pub fn encode(&self, frames: &[f32]) -> Result<Vec<f32>, ModelError> {
        let bands = self.manifest().front_end.bands;
        if !frames.len().is_multiple_of(bands) {
            return Err(ModelError::Shape(format!(
                "{} values are not whole frames of {bands} bands",
                frames.len()
            )));
        }
        self.0.streaming.encode(FrameBlock::new(frames, bands))
    }

    /// A fresh stream of [`encode`](Self::encode).
    ///
    /// # Errors
    /// If memory runs out.
    pub fn features(&self) -> Result<Box<dyn FeatureStream>, ModelError> {
        Arc::clone(&self.0.streaming).open_features()
    }

    /// The mean of [`encode`](Self::encode) over each `every` frames, (frames / every, features); a rest is left out.
    ///
    /// # Errors
    /// As of [`encode`](Self::encode).
    pub fn encode_means(&self, frames: &[f32], every: usize) -> Result<Vec<f32>, ModelError> {
        let width = self.feature_width();
        let features = self.encode(frames)?;
        let mut means = Vec::with_capacity(features.len() / every);
        for part in features.chunks_exact(every * width) {
            means.extend(mean_row(part, width));
        }
        Ok(means)
    }

    /// Features of a frame in [`encode`](Self::encode).
    pub fn feature_width(&self) -> usize {
        self.0.streaming.feature_width()
    }

    /// The trainable form, at full precision: through it gradients flow. Built from the weights at the first call.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn trainable(&self) -> Result<&dyn Net, ModelError> {
        if self.0.trainable.get().is_none() {
            let mut store = WeightStore::from_tensors(self.tensors()?);
            // Two threads may both build it; one of the two is kept.
            let _ = self.0.trainable.set(self.manifest().architecture.build(&mut store)?);
        }
        match self.0.trainable.get() {
            Some(net) => Ok(net.as_ref()),
            None => unreachable!("it was set above and is never taken"),
        }
    }

    /// Nominal receptive field of the body's last features, in frames; `None`: no bound (recurrence).
    pub fn receptive_field(&self) -> Option<usize> {
        let front = &self.manifest().architecture.front;
        let before = front.kernel_frames - 1 + front.smoothing_frames - 1;
        self.manifest().context_frames.map(|body| body + before)
    }

    /// ‖∂y_t/∂x_{t−k}‖_F for k = 0, 1, …: how much the body's last features y at the last of these frames
    /// (frames, bands) depend on each input frame x. See [`jacobian_norms`].
    ///
    /// # Errors
    /// [`ModelError::NoFrames`], or if the network cannot be computed.
    pub fn effective_receptive_field(&self, frames: &[f32]) -> Result<Vec<f64>, ModelError> {
        let net = self.trainable()?;
        jacobian_norms(frames, self.manifest().front_end.bands, |x| net.features(x))
    }
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel")
            .field("manifest", self.manifest())
            .finish_non_exhaustive()
    }
}

/// The mean of the rows of `width` values.
pub(crate) fn mean_row(rows: &[f32], width: usize) -> impl Iterator<Item = f32> {
    let count = (rows.len() / width) as f32;
    (0..width).map(move |at| rows.iter().skip(at).step_by(width).sum::<f32>() / count)
}
