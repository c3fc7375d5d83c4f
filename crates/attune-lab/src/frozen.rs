//! A shipped engine's encoder that is not taught further: frames go in, its last layer's features come out.
//!
//! In: normalised log-mel frames. Out: features (frames, width), each from its frame and those before it. Thread: any.

use super::LabError;
use attune_audio::features::FrontEndSpec;
use attune_model::architecture::BodyShape;
use attune_model::body::{Body, PackedBody};
use attune_model::front::{Front, FrontMemory, PackedFront};
use attune_model::load::tensors;
use attune_model::tcn::{PackedTcn, Tcn, TcnMemory};
use attune_model::{Manifest, ModelSet, bundled_weights};
use attune_nn::streaming::frame_buf::{FrameBuf, even_block};
use attune_nn::weights::WeightStore;

/// Front and convolutional blocks of a TCN engine, packed.
#[derive(Debug)]
pub struct FrozenEncoder {
    manifest: Manifest,
    front: PackedFront,
    body: PackedTcn,
    width: usize,
    blocks: usize,
}

/// What it remembers of one stream, and room for a block.
#[derive(Debug, Clone)]
pub struct FrozenMemory {
    front: FrontMemory,
    body: TcnMemory,
    /// Mel bands, the front's features, those of each block.
    features: Vec<FrameBuf>,
}

impl FrozenEncoder {
    /// That of the first bundled TCN among these models.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(models: &ModelSet) -> Result<Self, LabError> {
        let found = models.models.iter().find_map(|model| {
            let manifest = model.manifest();
            match (&manifest.architecture.body, &manifest.architecture.stem) {
                (BodyShape::Tcn(shape), None) => {
                    Some((manifest, shape.clone(), bundled_weights(&manifest.weights_sha256)?))
                }
                _ => None,
            }
        });
        let Some((manifest, shape, weights)) = found else {
            return Err(LabError::Asked(
                "this lab listens through the bundled TCN: leave --model away".to_owned(),
            ));
        };
        let mut store = WeightStore::from_tensors(tensors(weights)?);
        let mut root = store.root();
        let front = Front::new(root.pp("front"), manifest.architecture.front)?;
        let (width, blocks) = (shape.width, shape.dilations.len());
        let body = Tcn::new(root.pp("body"), shape)?;
        Ok(Self {
            manifest: manifest.clone(),
            front: front.pack(manifest.precision)?,
            body: body.pack(manifest.precision)?,
            width,
            blocks,
        })
    }

    /// Features of a frame.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The front end that it listens through.
    pub fn spec(&self) -> &FrontEndSpec {
        &self.manifest.front_end
    }

    /// SHA-256 of the engine's weights: what was learnt on its features fits no other.
    pub fn digest(&self) -> &str {
        &self.manifest.weights_sha256
    }

    /// Nothing heard yet.
    pub fn initial_memory(&self) -> FrozenMemory {
        let widths = [self.manifest.front_end.bands, self.manifest.architecture.front.width];
        let blocks = std::iter::repeat_n(self.width, self.blocks);
        FrozenMemory {
            front: self.front.initial_memory(),
            body: self.body.initial_memory(),
            features: widths.into_iter().chain(blocks).map(FrameBuf::new).collect(),
        }
    }

    /// Normalised frames (frames, bands) to features (frames, width), put at the end of `into`. How frames are cut into
    /// calls makes no difference.
    pub fn step(&self, frames: &[f32], memory: &mut FrozenMemory, into: &mut Vec<f32>) {
        let bands = self.manifest.front_end.bands;
        for block in frames.chunks(even_block(frames.len() / bands) * bands) {
            let (mel, rest) = memory.features.split_at_mut(1);
            mel[0].load(block);
            self.front.step(&mel[0], &mut memory.front, &mut rest[0]);
            self.body.step(rest, &mut memory.body);
            let last = &memory.features[memory.features.len() - 1];
            for frame in 0..last.frames() {
                into.extend_from_slice(last.row(frame));
            }
        }
    }

    /// A whole clip from its first frame on.
    pub fn whole(&self, frames: &[f32]) -> Vec<f32> {
        let mut features = Vec::with_capacity(frames.len() / self.manifest.front_end.bands * self.width);
        self.step(frames, &mut self.initial_memory(), &mut features);
        features
    }
}
